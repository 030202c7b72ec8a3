package health

import (
	"cmp"
	"strings"
	"time"
)

// alertPlace says under which names and in which unit the API and messages show the alerts of a component.
type alertPlace struct {
	prefix string // of the type
	metric string
	scale  Number // from the metric's unit; 0: as it is
	unit   string // in words, after the number
}

// alertPlaces keeps the names and units that the original had, and adds those of the components that it lacked.
var alertPlaces = map[string]alertPlace{
	RuleFD:         {"fd", "fd_count", 0, ""},
	RuleMemory:     {"memory", "memory_rss_mb", 1.0 / mib, " MiB"},
	RuleDatabase:   {"db", "db_connections_total", 0, ""},
	RuleWebSocket:  {"ws", "ws_connections_total", 0, ""},
	RuleThreads:    {"thread", "thread_count", 0, ""},
	RuleGoroutines: {"goroutine", "goroutine_count", 0, ""},
	RuleStuck:      {"stuck", "stuck_count", 0, ""},
	RulePool:       {"pool", "pool_utilization", 0, ""},
}

func (a *Alert) place() alertPlace {
	if p, ok := alertPlaces[a.Rule]; ok {
		return p
	}
	unit, rate := strings.CutSuffix(a.Unit, "/min")
	switch {
	case unit == "1" || strings.HasPrefix(unit, "{"):
		unit = ""
	case unit != "":
		unit = " " + unit
	}
	if rate {
		unit += "/min"
	}
	return alertPlace{prefix: a.Rule, metric: a.Metric, unit: unit}
}

func (p alertPlace) number(n Number) Number {
	if p.scale != 0 {
		n *= p.scale
	}
	return n.round(3)
}

func (p alertPlace) text(n Number) string {
	text, _ := p.number(n).AppendText(nil) // it never fails
	return string(text) + p.unit
}

// Type returns the original's alert_type: the component's prefix and the severity, such as "fd_warn". For a rule that is
// no component the prefix is the rule's name.
func (a *Alert) Type() string { return a.place().prefix + "_" + a.Severity.String() }

// MetricName returns the original's metric_name, such as "memory_rss_mb", and the metric's own name for a rule that is
// no component.
func (a *Alert) MetricName() string { return a.place().metric }

// MetricValue returns Value in the unit that MetricName implies: MiB for memory, else the metric's own; with three
// decimals.
func (a *Alert) MetricValue() Number { return a.place().number(a.Value) }

// ThresholdValue returns Threshold in the unit of MetricValue.
func (a *Alert) ThresholdValue() Number { return a.place().number(a.Threshold) }

// Message says in one sentence what is the matter, or what was: with the peak, the lowest value and how long it lasted.
func (a *Alert) Message() string {
	var b strings.Builder
	p := a.place()
	b.WriteString(p.metric)
	if a.Instance != "" {
		b.WriteString(" of " + a.Instance)
	}
	if a.Open() {
		a.describe(&b, p)
	} else {
		a.conclude(&b)
	}
	if a.Breaches > 0 {
		b.WriteString("; peak " + p.text(a.Peak) + ", lowest " + p.text(a.Lowest))
		b.WriteString(" in " + count(a.Breaches, "breaching sample"))
	}
	return b.String()
}

func (a *Alert) describe(b *strings.Builder, p alertPlace) {
	threshold, beyond := p.text(a.Threshold), a.Value >= a.Threshold
	if a.Below {
		beyond = a.Value <= a.Threshold
	}
	b.WriteString(" is " + p.text(a.Value))
	switch {
	case beyond && a.Below:
		b.WriteString(", at or below " + threshold)
	case beyond:
		b.WriteString(", at or above " + threshold)
	default:
		b.WriteString(", back from " + threshold)
	}
	if a.Lasted > 0 {
		b.WriteString(" for " + lasted(a.Lasted))
	}
	if a.NoData {
		b.WriteString("; no data now")
	}
}

func (a *Alert) conclude(b *strings.Builder) {
	after := " after " + lasted(a.Lasted)
	switch a.Cause {
	case CausePerson:
		b.WriteString(" was resolved by " + cmp.Or(a.ResolvedBy, "a person") + after)
	case CauseRuleGone:
		b.WriteString(" is resolved" + after + ": its rule is gone")
	case CauseSourceGone:
		b.WriteString(" is resolved" + after + ": its source is gone")
	case CauseDuplicate:
		b.WriteString(" is resolved" + after + ": another alert says the same")
	default:
		b.WriteString(" recovered" + after)
	}
}

func lasted(d time.Duration) string {
	if d >= time.Second {
		d = d.Round(time.Second)
	}
	return d.String()
}

func count(n int, what string) string {
	text, _ := Number(n).AppendText(nil)
	if n != 1 {
		what += "s"
	}
	return string(text) + " " + what
}
