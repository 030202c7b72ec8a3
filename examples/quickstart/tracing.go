package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/otelhealth/otelhealth-go/otelhealth"
)

// newTracerProvider sends spans to where OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT says, as from the
// instance that identity describes. Without an endpoint, or with OTEL_SDK_DISABLED=true, they go nowhere.
func newTracerProvider(ctx context.Context, identity ...otelhealth.Option) (*sdktrace.TracerProvider, error) {
	resource, err := otelhealth.NewResource(ctx, identity...)
	if err != nil {
		return nil, err
	}
	options := []sdktrace.TracerProviderOption{sdktrace.WithResource(resource)}
	if tracesAreExported(os.Getenv) { //nolint:forbidigo // an application may read its environment
		exporter, err := otlptracegrpc.New(ctx)
		if err != nil {
			return nil, err
		}
		options = append(options, sdktrace.WithBatcher(exporter))
	}
	return sdktrace.NewTracerProvider(options...), nil
}

func tracesAreExported(env func(string) string) bool {
	if strings.EqualFold(env("OTEL_SDK_DISABLED"), "true") {
		return false
	}
	return env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != "" || env("OTEL_EXPORTER_OTLP_ENDPOINT") != ""
}

// flush sends what is left, for 5 s at most. What a Collector that is away does not get by then is lost, which is no
// failure of the service.
func flush(spans *sdktrace.TracerProvider) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := spans.Shutdown(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart: send the last spans:", err)
	}
}

// instrument makes each request a span and measures how long it takes, with the span as an exemplar. Probes and
// WebSockets are better left out: the first would drown the rest, the second last for hours.
func instrument(handler http.HandlerFunc, spans *sdktrace.TracerProvider, metrics metric.MeterProvider) http.Handler {
	return otelhttp.NewHandler(handler, "",
		otelhttp.WithTracerProvider(spans),
		otelhttp.WithMeterProvider(metrics),
		otelhttp.WithPropagators(propagation.TraceContext{}))
}
