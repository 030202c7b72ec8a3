package otelhealth

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelhealth/otelhealth-go/alerting"
	"github.com/otelhealth/otelhealth-go/health"
)

// ticker is what the tick remembers from one time to the next. Only the tick's goroutine touches it.
type ticker struct {
	vitals   vitals
	labels   *vitalLabels
	notified []notifiedLabels // by destination, in the order of their configuration
	dropped  droppedLabels
	judged   map[string]judgedLabels // by judgedKey
	sleepers sleepers

	sequence  uint64
	every     uint64 // an export follows every so many ticks
	took      time.Duration
	cpu       time.Duration // used until the tick before
	cpuAt     time.Time     // when that was read; zero before the first tick
	uptime    time.Duration // of the process when the monitor began
	failing   map[alerting.Source]bool
	overflow  bool
	untracked []string // rules of which that was logged
	panicked  bool
}

// judgedLabels are the attributes of what is known only after judging.
type judgedLabels struct {
	set    attribute.Set
	labels labels
}

// newJudgedLabels has those of each component's status and thresholds, and of the alerts.
func newJudgedLabels(c *config) map[string]judgedLabels {
	judged := make(map[string]judgedLabels)
	add := func(attributes ...attribute.KeyValue) {
		set := attribute.NewSet(attributes...)
		judged[judgedKey(set)] = judgedLabels{set, newLabels(attributes...)}
	}
	components := append(componentNames(), health.Overall)
	for i := range c.rules {
		components = append(components, c.rules[i].Name)
	}
	for _, name := range components {
		component := attribute.String(health.AttrComponent, name)
		add(component)
		add(component, attribute.String(health.AttrAlertSeverity, health.Warn.String()))
		add(component, attribute.String(health.AttrAlertSeverity, health.Fail.String()))
	}
	add(attribute.String(health.AttrAlertSeverity, health.Warn.String()))
	add(attribute.String(health.AttrAlertSeverity, health.Fail.String()))
	return judged
}

func newTicker(m *Monitor) *ticker {
	t := &ticker{
		labels:  newVitalLabels(m.catalog),
		dropped: newDroppedLabels(),
		every:   1,
		failing: make(map[alerting.Source]bool),
	}
	if interval := m.config.otlp.interval; interval > 0 {
		t.every = max(1, uint64((interval+m.config.interval/2)/m.config.interval))
	}
	t.judged = newJudgedLabels(m.config)
	for _, n := range m.config.notifiers {
		t.notified = append(t.notified, newNotifiedLabels(n.Name()))
	}
	if started, ok := m.process.StartTime(); ok {
		t.uptime = m.began.Sub(started)
	}
	return t
}

// run ticks at once and then, offset by a random part of an interval so that many instances do not move in step, every
// interval.
func (m *Monitor) run(ctx context.Context) {
	defer close(m.ticking)
	interval := m.config.interval
	first := time.Now().Add(rand.N(interval))
	m.tickGuarded(ctx)
	timer := time.NewTimer(untilNext(first, time.Now(), interval))
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			m.tickGuarded(ctx)
			timer.Reset(untilNext(first, time.Now(), interval))
		case <-m.changed:
			m.republish()
		case <-ctx.Done():
			return
		}
	}
}

// untilNext returns how long to wait at now for the next of the instants first, first+interval, and so on. An instant
// that is nearer than half an interval is passed over: after a late tick the next would follow at its heels.
func untilNext(first, now time.Time, interval time.Duration) time.Duration {
	wait := first.Sub(now) % interval
	if wait <= 0 {
		wait += interval
	}
	if wait < interval/2 {
		wait += interval
	}
	return wait
}

// tickGuarded keeps a fault of the monitor from ending the service: the probes then say "stalled".
func (m *Monitor) tickGuarded(ctx context.Context) {
	defer func() {
		if p := recover(); p != nil && !m.ticker.panicked {
			m.ticker.panicked = true
			m.logger.Error("a fault of the monitor itself: no snapshot", "panic", fmt.Sprint(p))
		}
	}()
	if ctx.Err() == nil {
		m.tick(ctx, time.Now())
		m.ticker.panicked = false
	}
}

// tick is the whole way of the data, from the sources to what is published and exported. It never waits for a disk or a
// network, and for users' code once at most (see caller).
func (m *Monitor) tick(ctx context.Context, at time.Time) {
	t := m.ticker
	t.sequence++
	wall := at.UTC().Truncate(time.Millisecond)
	due := m.exporter != nil && (t.sequence-1)%t.every == 0
	m.announceExport(wall, due)

	t.vitals.read(m.process) // before users' code runs, which may open descriptors for a moment
	brought := m.gather(ctx)
	if ctx.Err() != nil {
		return // Shutdown: that no source answers any more is no news
	}
	ctx = context.WithoutCancel(ctx) // what is published is whole, and exported; no user's code is waited for from here on
	stuck := append(m.beats.overdue(at), t.sleepers.see(t.vitals.asleep, wall)...)
	sampled := m.sample(at, brought, stuck)
	m.sampled.Store(sampled)

	snapshot := &health.Snapshot{
		Sequence: t.sequence,
		Time:     wall,
		Offset:   at.Sub(m.began),
		Interval: m.config.interval,
		Stuck:    stuck,
		Failures: append(t.vitals.failures(), brought.failures...),
	}
	m.runtime.forget()
	m.collect(ctx, snapshot, brought.metrics)
	m.judge(snapshot, at, brought.sources)
	m.logChanges(snapshot, brought.sources)
	m.recording.record(snapshot)

	for _, metric := range []string{health.MetricStatus, health.MetricThreshold, health.MetricAlertFiring} {
		sampled = sampled.with(m.catalog.number(metric), t.judgedPoints(snapshot, metric))
	}
	m.sampled.Store(sampled)
	m.published.Store(sampled)
	if see := m.config.onSnapshot; see != nil {
		see(snapshot)
	}
	if due {
		m.export(ctx, snapshot)
	}
	m.kickChecks()
	t.took = time.Since(at)
}

// judge judges the snapshot, publishes it, and passes on what happened to alerts.
func (m *Monitor) judge(s *health.Snapshot, at time.Time, sources []alerting.Source) {
	m.judging.Lock()
	defer m.judging.Unlock()
	judged := m.alerter.Step(s, alerting.Inventory{Sources: sources, Histograms: m.application.histograms.names()})
	s.Rules, s.Untracked = judged.Rules, judged.Untracked
	m.publish(s, at, fails{judged.FailsReadiness, judged.FailsLiveness})
	m.happened(judged.Transitions)
	m.recording.forget(judged.Unsilenced)
}

// announceExport tells the collection of the application's metrics, which runs beside the tick, whether they are
// exported this time and under which time.
func (m *Monitor) announceExport(at time.Time, due bool) {
	if due {
		m.exportTime.Store(&at)
	} else {
		m.exportTime.Store(nil)
	}
}

// How long a tick waits for a user's function, which it does once: from then on it goes on without until the function
// has been back in time. A quarter of the interval within these bounds.
const (
	shortestWait = 100 * time.Millisecond
	longestWait  = time.Second
)

// gather calls the sources, and looks which threads sleep while they run: that takes about as long.
func (m *Monitor) gather(ctx context.Context) gathered {
	budget := max(min(m.config.interval/4, longestWait), shortestWait)
	return m.sources.gather(ctx, budget, func() { m.ticker.vitals.look(m.process) })
}

// collect turns the local reader's collection into the snapshot's readings.
func (m *Monitor) collect(ctx context.Context, s *health.Snapshot, others []health.Metric) {
	own, err := m.pipeline.readings(ctx)
	if err != nil {
		s.Failures = append(s.Failures, health.Failure{Source: "metrics", Kind: health.SourceProcess, Error: err.Error()})
	}
	s.Metrics = slices.Concat(own, others)
}

// export queues what the OTLP reader collects of the same sample.
func (m *Monitor) export(ctx context.Context, s *health.Snapshot) {
	request := m.exporter.empty()
	if err := m.pipeline.request(ctx, request, s.Time); err != nil {
		return // no callback of the private provider fails
	}
	if m.config.noSemconv {
		dropSemconv(request)
	}
	if len(request.ScopeMetrics) > 0 {
		m.exporter.enqueue(request)
	}
}

func (m *Monitor) kickChecks() {
	m.mu.Lock()
	checks := m.checks
	m.mu.Unlock()
	for _, r := range checks {
		r.kick()
	}
}

// logChanges tells, once for each change, which sources fail and which answer again.
func (m *Monitor) logChanges(s *health.Snapshot, registered []alerting.Source) {
	t := m.ticker
	failing := make(map[alerting.Source]bool, len(s.Failures))
	for _, f := range s.Failures {
		source := alerting.Source{Kind: f.Kind, Name: f.Source}
		failing[source] = true
		if !t.failing[source] {
			m.logger.Warn("a source gives no reading", "kind", f.Kind, "source", f.Source, "error", f.Error)
		}
	}
	for source := range t.failing {
		if !failing[source] && (source.Kind == health.SourceProcess || slices.Contains(registered, source)) {
			m.logger.Info("a source gives readings again", "kind", source.Kind, "source", source.Name)
		}
	}
	t.failing = failing
	for _, u := range s.Untracked {
		if !slices.Contains(t.untracked, u.Rule) {
			t.untracked = append(t.untracked, u.Rule)
			m.logger.Warn("a rule has more series than it may judge apart; the others have no alerts", "rule", u.Rule, "series", u.Count)
		}
	}
	if name, overflow := overflowed(s.Metrics); overflow && !t.overflow {
		t.overflow = true
		m.logger.Warn("a metric has more series than are kept apart; the rest is folded into one", "metric", name)
	}
}
