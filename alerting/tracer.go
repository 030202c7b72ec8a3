package alerting

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelhealth/otelhealth-go/health"
)

// tracer marks alerts in traces. Its goroutine alone uses it.
type tracer struct {
	tracer trace.Tracer
	fired  map[int64]trace.SpanContext // of the alerts that fire, by id
}

func newTracer(p trace.TracerProvider) *tracer {
	return &tracer{tracer: p.Tracer(health.Scope), fired: make(map[int64]trace.SpanContext)}
}

// trace makes the spans. The one over an alert's life has no link when the alert fired in an earlier process.
func (t *tracer) trace(transition health.Transition) {
	alert := &transition.Alert
	switch transition.Kind {
	case health.TransitionFiring:
		t.fired[alert.ID] = t.span("alert firing", alert, alert.FiredAt, alert.FiredAt)
	case health.TransitionResolved:
		if !alert.Fired() {
			return
		}
		var options []trace.SpanStartOption
		if context, ok := t.fired[alert.ID]; ok {
			options = append(options, trace.WithLinks(trace.Link{SpanContext: context}))
			delete(t.fired, alert.ID)
		}
		end := alert.Began.Add(alert.Lasted) // not ResolvedAt: the wall clock may have jumped
		if end.Before(alert.FiredAt) {
			end = alert.FiredAt
		}
		t.span("alert resolved", alert, alert.FiredAt, end, options...)
	default:
	}
}

func (t *tracer) span(name string, a *health.Alert, start, end time.Time, options ...trace.SpanStartOption) trace.SpanContext {
	attributes := []attribute.KeyValue{
		attribute.Int64("otelhealth.alert.id", a.ID),
		attribute.String(health.AttrComponent, a.Rule),
		attribute.String(health.AttrAlertSeverity, a.Severity.String()),
		attribute.String("otelhealth.alert.metric", a.Metric),
		attribute.Float64("otelhealth.alert.value", float64(a.Value)),
		attribute.Float64("otelhealth.alert.threshold", float64(a.Threshold)),
		attribute.String("otelhealth.alert.message", a.Message()),
	}
	for _, series := range a.Attributes {
		attributes = append(attributes, attribute.String(series.Key, series.Value))
	}
	options = append(options, trace.WithNewRoot(), trace.WithTimestamp(start), trace.WithAttributes(attributes...))
	_, span := t.tracer.Start(context.Background(), name, options...)
	span.End(trace.WithTimestamp(end))
	return span.SpanContext()
}
