package otelhealth

import (
	"context"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// lasts returns a probe that takes a second, notes the span that it runs in, and returns err or panics.
func lasts(seen *trace.SpanContext, err error) func(context.Context) error {
	return func(ctx context.Context) error {
		*seen = trace.SpanContextFromContext(ctx)
		time.Sleep(time.Second) //nolint:forbidigo // the bubble's clock
		if err == nil {
			panic("nil map")
		}
		return err
	}
}

func TestCheckRunsAreSpansWhereAskedFor(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	var inside trace.SpanContext
	bubble(t, func(t *testing.T, _ *Monitor, _ *logBuffer) {
		pass(30 * time.Second)
		spans := make(map[string]sdktrace.ReadOnlySpan)
		for _, span := range recorder.Ended() {
			spans[span.Name()] = span
		}
		if span := spans["check orders"]; span == nil || span.Status().Code != codes.Unset {
			t.Errorf("the one that passes: got %+v", span)
		}
		if span := spans["check broken"]; span == nil || span.Status().Code != codes.Error || span.Status().Description != "panicked: nil map" {
			t.Errorf("the one that panics: got %+v", span)
		}
		span := spans["check cache"]
		if span == nil {
			t.Fatalf("got %v", spans)
		}
		if got := span.Status(); got.Code != codes.Error || got.Description != "connection refused" {
			t.Errorf("status: got %+v", got)
		}
		if got := span.EndTime().Sub(span.StartTime()); got != time.Second {
			t.Errorf("it lasts %v, want 1s", got)
		}
		if !span.SpanContext().Equal(inside) || span.Parent().IsValid() {
			t.Errorf("the probe runs in %v, want the root %v", inside, span.SpanContext())
		}
		want := attribute.NewSet(attribute.String("otelhealth.check.name", "cache"),
			attribute.String("otelhealth.check.kind", "store"), attribute.Bool("otelhealth.check.required", true))
		if got := attribute.NewSet(span.Attributes()...); !got.Equals(&want) {
			t.Errorf("attributes: got %v, want %v", got.ToSlice(), want.ToSlice())
		}
	}, WithTracerProvider(provider), WithCheckSpans(), WithDB("orders", idleDB{}, WithProbe(new(dependency).probe)),
		WithCheck(Check{Name: "broken", Interval: time.Hour, Probe: lasts(new(trace.SpanContext), nil)}),
		WithCheck(Check{Name: "cache", Kind: "store", Required: true, Interval: time.Hour, Probe: lasts(&inside, errRefused)}))
}

func TestCheckRunsAreNoSpansOtherwise(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	var inside trace.SpanContext
	bubble(t, func(t *testing.T, _ *Monitor, _ *logBuffer) {
		pass(30 * time.Second)
		if spans := recorder.Started(); len(spans) != 0 || inside.IsValid() {
			t.Errorf("got %v, and %v in the probe", spans, inside)
		}
	}, WithTracerProvider(provider), WithCheck(Check{Name: "cache", Probe: lasts(&inside, errRefused)}))
}

func TestCheckSpansNeedATracerProvider(t *testing.T) {
	_, err := newConfig(env(nil), []Option{WithCheckSpans()})
	if err == nil || !strings.Contains(err.Error(), "WithTracerProvider: got \"nil\", want a provider for the spans of WithCheckSpans") {
		t.Errorf("got %v", err)
	}
}
