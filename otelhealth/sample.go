package otelhealth

import (
	"runtime"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelhealth/otelhealth-go/health"
)

// A sample is what one tick read: for each metric, by its number in the catalog, the points to observe. It is built
// once and then only read, by as many collections as there are readers.
type sample struct {
	points [][]point
}

// labels are the attributes of a point, built once for its source: building them for each observation would cost more
// than all the rest of a collection.
type labels []metric.ObserveOption

type point struct {
	value  float64
	labels labels
}

// newSample returns an empty sample with room for as many points of each metric as the one before had.
func newSample(metrics int, before *sample) *sample {
	s := &sample{points: make([][]point, metrics)}
	if before == nil {
		return s
	}
	total := 0
	for _, points := range before.points {
		total += len(points)
	}
	room := make([]point, total)
	for number, points := range before.points {
		n := len(points)
		s.points[number], room = room[:0:n], room[n:]
	}
	return s
}

func (s *sample) add(number int, value float64, l labels) {
	if number < len(s.points) {
		s.points[number] = append(s.points[number], point{value, l})
	}
}

// of returns the points of the metric of that number. Of no sample there are none.
func (s *sample) of(number int) []point {
	if s == nil || number >= len(s.points) {
		return nil
	}
	return s.points[number]
}

// with returns a copy of s that holds points for one metric more. s itself is not changed: a collection may read it.
func (s *sample) with(number int, points []point) *sample {
	c := &sample{points: slices.Clone(s.points)}
	c.points[number] = points
	return c
}

// sample puts everything that was read at this tick under its metric.
func (m *Monitor) sample(at time.Time, brought gathered, stuck []health.Stuck) *sample {
	t := m.ticker
	s := newSample(m.catalog.size(), m.sampled.Load())
	number := m.catalog.number
	t.vitals.addTo(s, t.labels)
	m.addDerived(s, at)
	t.addStuck(s, stuck)
	for _, p := range brought.points {
		s.add(p.number, p.value, p.labels)
	}
	for _, f := range brought.failed {
		s.add(number(health.MetricSourceFailures), float64(f.count), f.labels)
	}
	if t.took > 0 {
		s.add(number(health.MetricTickDuration), t.took.Seconds(), nil)
	}
	m.addExport(s)
	m.addRecording(s)
	return s
}

// addRecording adds how the history and the notifications are doing.
func (m *Monitor) addRecording(s *sample) {
	number := m.catalog.number
	if m.recording.store != nil {
		state := m.recording.store.State()
		s.add(number(health.MetricHistoryQueue), float64(state.Queued), nil)
		s.add(number(health.MetricHistoryDropped), float64(state.Dropped), nil)
		s.add(number(health.MetricHistorySize), float64(state.SizeBytes), nil)
	}
	notifications := number(health.MetricNotifications)
	for i, d := range m.recording.destinations() {
		l := &m.ticker.notified[i]
		s.add(notifications, float64(d.Sent), l.sent)
		s.add(notifications, float64(d.Failed), l.failed)
		s.add(notifications, float64(d.GivenUp), l.givenUp)
	}
}

// notifiedLabels are the attributes of one destination's notifications, by what became of them.
type notifiedLabels struct{ sent, failed, givenUp labels }

func newNotifiedLabels(destination string) notifiedLabels {
	outcome := func(value string) labels {
		return newLabels(attribute.String(health.AttrDestination, destination), attribute.String(health.AttrOutcome, value))
	}
	return notifiedLabels{outcome(health.OutcomeSent), outcome(health.OutcomeFailed), outcome(health.OutcomeGivenUp)}
}

// addDerived adds what follows from several readings.
func (m *Monitor) addDerived(s *sample, at time.Time) {
	t := m.ticker
	core, limit := t.vitals.core, t.vitals.memoryLimit()
	share := func(metric string, part, whole uint64) {
		if whole > 0 {
			s.add(m.catalog.number(metric), float64(part)/float64(whole), nil)
		}
	}
	if core.FDs.Known && core.FDLimit.Known {
		share(health.MetricFDUtilization, core.FDs.Value, core.FDLimit.Value)
	}
	if core.RSSBytes.Known && limit.Known {
		share(health.MetricMemoryUtil, core.RSSBytes.Value, limit.Value)
	}
	if t.uptime > 0 {
		s.add(m.catalog.number(health.MetricUptime), (t.uptime + at.Sub(m.began)).Seconds(), nil)
	}
	if !core.CPUUser.Known || !core.CPUSystem.Known {
		return
	}
	used, now := core.CPUUser.Value+core.CPUSystem.Value, t.vitals.at
	if elapsed := now.Sub(t.cpuAt); !t.cpuAt.IsZero() && elapsed > 0 {
		utilization := (used - t.cpu).Seconds() / elapsed.Seconds() / float64(runtime.GOMAXPROCS(0))
		s.add(m.catalog.number(health.MetricCPUUtil), max(utilization, 0), nil)
	}
	t.cpu, t.cpuAt = used, now
}

func (t *ticker) addStuck(s *sample, stuck []health.Stuck) {
	var heartbeats, threads int
	for i := range stuck {
		if stuck[i].Kind == health.StuckHeartbeat {
			heartbeats++
		} else {
			threads++
		}
	}
	s.add(t.labels.stuck, float64(heartbeats), t.labels.heartbeats)
	if t.vitals.canLook && t.vitals.errs[2] == nil {
		s.add(t.labels.stuck, float64(threads), t.labels.threads)
	}
}
