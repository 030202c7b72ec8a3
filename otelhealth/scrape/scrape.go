// Package scrape lets Prometheus fetch the metrics of a monitor at /metrics, for those who do not push them by OTLP.
// Only a program that imports it links Prometheus' client library.
package scrape

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/otelhealth/otelhealth-go/otelhealth"
)

// With answers GET /metrics below the base path, behind the credentials of the API: in a scrape configuration of
// Prometheus, authorization with HEALTH_API_TOKEN. The values are those of the last sample, whenever they are fetched: a
// scrape samples nothing and runs no code of the application. Names are translated as OpenTelemetry's specification for
// Prometheus has it: process.unix.file_descriptor.count becomes process_unix_file_descriptor_count. Metrics of
// [otelhealth.Monitor.MeterProvider] are not among them.
func With() otelhealth.Option {
	return otelhealth.WithScrape(func(ownNamesOnly bool) (sdkmetric.Reader, http.Handler, error) {
		registry := prometheus.NewRegistry()
		reader, err := exporter.New(exporter.WithRegisterer(registry))
		if err != nil {
			return nil, nil, fmt.Errorf("prometheus: %w", err)
		}
		gatherer := prometheus.Gatherer(registry)
		if ownNamesOnly {
			gatherer = ownNames{registry}
		}
		return reader, promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{MaxRequestsInFlight: mostScrapes}), nil
	})
}

// mostScrapes is how many scrapes are answered at once.
const mostScrapes = 4

// ownNames leaves out the metrics whose names are not this module's own: see otelhealth.WithoutSemconvNames.
type ownNames struct{ prometheus.Gatherer }

func (g ownNames) Gather() ([]*dto.MetricFamily, error) {
	families, err := g.Gatherer.Gather()
	kept := families[:0]
	for _, f := range families {
		name := f.GetName()
		if !strings.HasPrefix(name, "process_") && !strings.HasPrefix(name, "db_client_") && !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "system_") {
			kept = append(kept, f)
		}
	}
	return kept, err
}
