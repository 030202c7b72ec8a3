// Package alerting judges snapshots by rules, keeps one alert for each breach, and delivers what happens to alerts.
//
// A [Rule] names a metric and its thresholds. An [Alerter] is a state machine without a clock: it is given a snapshot at
// each tick and what persons do in between, and says what each rule makes of it and which alerts changed:
//
//	              breach                        For has passed, and enough samples breached
//	(nothing) ──────────────► pending ──────────────────────────────────────────► firing (warn ⇄ fail)
//	     ▲                       │                                                   │
//	     └───── recovered ───────┴── recovered, by a person, rule or source gone ────┘
//
// Without For both steps happen at one sample. A missing reading neither fires nor resolves.
//
// What happened, a [health.Transition], is for a store to keep, together with the deliveries that [NewPlan] says it
// causes, in one transaction: the outbox. A [Worker] takes them from there to each [Notifier], at least once and in
// order. An [Announcer] tells the log, the application's OnTransition and its traces.
//
// The package knows no SQL and no HTTP. Stores implement [Outbox]. An application brings the notifiers that it needs;
// [SlogNotifier], which writes to the log, is the only one here.
package alerting
