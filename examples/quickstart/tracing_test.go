package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

func TestRequestIsASpanAndAnExemplar(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	spans := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	reader := sdkmetric.NewManualReader()
	metrics := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	mux := http.NewServeMux()
	mux.Handle("GET /orders", instrument(func(http.ResponseWriter, *http.Request) {}, spans, metrics))
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/orders", http.NoBody)
	r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	mux.ServeHTTP(httptest.NewRecorder(), r)

	ended := recorder.Ended()
	if len(ended) != 1 || ended[0].Name() != "GET /orders" || ended[0].SpanContext().TraceID().String() != "0af7651916cd43dd8448eb211c80319c" {
		t.Fatalf("got %v, want one span named GET /orders in the caller's trace", ended)
	}
	point := durations(t, reader)
	if bounds := point.Bounds; len(bounds) == 0 || bounds[0] >= 0.1 || bounds[len(bounds)-1] < 1 {
		t.Errorf("buckets: got %v, want some in seconds", bounds)
	}
	if e := point.Exemplars; len(e) != 1 || string(e[0].SpanID) != string(spanID(ended[0])) {
		t.Errorf("exemplars: got %+v, want the span", e)
	}
}

func spanID(span sdktrace.ReadOnlySpan) []byte {
	id := span.SpanContext().SpanID()
	return id[:]
}

// durations returns the one point of http.server.request.duration.
func durations(t *testing.T, reader *sdkmetric.ManualReader) metricdata.HistogramDataPoint[float64] {
	t.Helper()
	var data metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			histogram, ok := m.Data.(metricdata.Histogram[float64])
			if m.Name == "http.server.request.duration" && ok && len(histogram.DataPoints) == 1 {
				return histogram.DataPoints[0]
			}
		}
	}
	t.Fatalf("got %+v", data)
	return metricdata.HistogramDataPoint[float64]{}
}

func TestTracesAreExportedOnlyWhenAsked(t *testing.T) {
	const endpoint, traces, disabled = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_SDK_DISABLED"
	for name, test := range map[string]struct {
		variables map[string]string
		want      bool
	}{
		"nothing":                      {nil, false},
		"an endpoint":                  {map[string]string{endpoint: "http://127.0.0.1:1"}, true},
		"an endpoint for traces":       {map[string]string{traces: "http://127.0.0.1:1"}, true},
		"an endpoint, and disabled":    {map[string]string{endpoint: "http://127.0.0.1:1", disabled: "True"}, false},
		"an endpoint, not disabled":    {map[string]string{endpoint: "http://127.0.0.1:1", disabled: "false"}, true},
		"one for traces, and disabled": {map[string]string{traces: "http://127.0.0.1:1", disabled: "true"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			env := func(key string) string { return test.variables[key] }
			if got := tracesAreExported(env); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
		})
	}
}
