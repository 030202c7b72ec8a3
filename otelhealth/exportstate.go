package otelhealth

import (
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelhealth/otelhealth-go/health"
	"github.com/otelhealth/otelhealth-go/otelhealth/internal/spool"
)

// state is how the export is doing; nil: there is none.
func (e *exporter) state() *health.OTLPState {
	if e == nil {
		return nil
	}
	e.mu.Lock()
	s := &health.OTLPState{
		Condition: outcomeConditions[e.last], Since: e.since, LastSuccess: e.lastSuccess, Waiting: len(e.queue), Spool: health.SpoolOff,
	}
	if e.err != nil {
		s.Error = e.err.Error()
	}
	e.mu.Unlock()
	s.Dropped.Rejected = e.rejected.Load()
	s.Dropped.Full = e.full.Load()
	if e.forwarder != nil {
		addSpool(s, e.forwarder.State())
	}
	return s
}

func addSpool(s *health.OTLPState, kept spool.ForwarderState) {
	s.Queued, s.QueuedBytes, s.Oldest, s.Replayed = kept.Queued, kept.Bytes, kept.Oldest.UTC(), kept.Replayed
	s.LastSuccess = latest(s.LastSuccess, kept.LastSuccess)
	s.Dropped.Rejected += kept.Dropped.Rejected
	s.Dropped.Full += kept.Dropped.Full
	s.Dropped.Expired = kept.Dropped.Expired
	s.Dropped.Damaged = kept.Dropped.Damaged
	switch {
	case kept.Err == nil:
		s.Spool = health.SpoolOK
		return
	case errors.Is(kept.Err, spool.ErrInUse):
		s.Spool = health.SpoolInUse
	default:
		s.Spool = health.SpoolFailing
	}
	s.SpoolError = kept.Err.Error()
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// droppedLabels are the attributes of the requests that were kept and then given up.
type droppedLabels struct{ rejected, full, expired, damaged labels }

func newDroppedLabels() droppedLabels {
	reason := func(value string) labels { return newLabels(attribute.String(health.AttrReason, value)) }
	return droppedLabels{
		rejected: reason(health.ReasonRejected), full: reason(health.ReasonFull),
		expired: reason(health.ReasonExpired), damaged: reason(health.ReasonDamaged),
	}
}

// addExport adds how the export is doing.
func (m *Monitor) addExport(s *sample) {
	if m.exporter == nil {
		return
	}
	number := m.catalog.number
	s.add(number(health.MetricOTLPQueue), float64(m.exporter.waiting()), nil)
	s.add(number(health.MetricOTLPDropped), float64(m.exporter.dropped()), nil)
	success := m.exporter.success()
	if m.exporter.forwarder != nil {
		kept := m.exporter.forwarder.State()
		m.addSpool(s, kept)
		success = latest(success, kept.LastSuccess)
	}
	if !success.IsZero() {
		s.add(number(health.MetricOTLPSuccess), float64(success.UnixMilli())/1000, nil)
	}
}

func (m *Monitor) addSpool(s *sample, kept spool.ForwarderState) {
	number := m.catalog.number
	s.add(number(health.MetricSpoolLength), float64(kept.Queued), nil)
	s.add(number(health.MetricSpoolSize), float64(kept.Bytes), nil)
	s.add(number(health.MetricSpoolReplayed), float64(kept.Replayed), nil)
	dropped, l := number(health.MetricSpoolDropped), &m.ticker.dropped
	s.add(dropped, float64(kept.Dropped.Rejected), l.rejected)
	s.add(dropped, float64(kept.Dropped.Full), l.full)
	s.add(dropped, float64(kept.Dropped.Expired), l.expired)
	s.add(dropped, float64(kept.Dropped.Damaged), l.damaged)
}
