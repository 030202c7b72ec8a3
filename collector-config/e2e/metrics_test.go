package e2e

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"

	"github.com/otelhealth/otelhealth-go/health"
)

// elsewhere are the metrics that only a service with a notifier and a failing source has: see
// TestMetricsOfNotifiersAndFailures.
var elsewhere = []string{health.MetricNotifications, health.MetricSourceFailures}

// Every metric of the README's table is in Prometheus with the name, the labels, the times and the values that the
// service itself shows.
func TestEveryMetricArrives(t *testing.T) {
	t.Parallel()
	s := startMetrics(t)
	service := startService(t, append(exportTo(s.agent.otlp), "HEALTH_SAMPLE_INTERVAL=2", "GOMEMLIMIT=1GiB")...)
	shown, from, to := service.watch(t, 5)
	s.prometheus.awaitSample(t, "process_uptime_seconds", to)
	shown.addHistory(t, service, from, to)

	for _, info := range health.Vocabulary() {
		if slices.Contains(elsewhere, info.Name) {
			continue
		}
		name := prometheusName(t, info)
		stored, err := s.prometheus.raw(name + `{job="quickstart"}`)
		if err != nil {
			t.Fatal(err)
		}
		if len(stored) == 0 {
			t.Errorf("%s: Prometheus has no %s", info.Name, name)
			continue
		}
		compare(t, info.Name, stored, shown, from, to)
	}
}

// prometheusName is what the OTLP receiver makes of a metric's name.
func prometheusName(t *testing.T, info health.MetricInfo) string {
	t.Helper()
	kinds := map[health.Kind]otlptranslator.MetricType{
		health.Gauge:         otlptranslator.MetricTypeGauge,
		health.Counter:       otlptranslator.MetricTypeMonotonicCounter,
		health.UpDownCounter: otlptranslator.MetricTypeNonMonotonicCounter,
	}
	namer := otlptranslator.NewMetricNamer("", otlptranslator.UnderscoreEscapingWithSuffixes)
	name, err := namer.Build(otlptranslator.Metric{Name: info.Name, Unit: info.Unit, Type: kinds[info.Kind]})
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// awaitSample waits until the quickstart's metric has a sample of that time.
func (p *prometheus) awaitSample(t *testing.T, metric string, at time.Time) {
	t.Helper()
	await(t, time.Minute, "Prometheus has the last sample", func() error {
		times, err := p.times(metric + `{job="quickstart"}`)
		if err == nil && !slices.Contains(times, at) {
			err = fmt.Errorf("got samples at %s, want one at %s", joined(times), at)
		}
		return err
	})
}

// seriesKey is a series' name with its labels as Prometheus spells them.
func seriesKey(name string, attributes map[string]string) string {
	var labels []string
	for key, value := range attributes {
		labels = append(labels, strings.ReplaceAll(key, ".", "_")+"="+value)
	}
	slices.Sort(labels)
	return name + "{" + strings.Join(labels, ",") + "}"
}

// compare holds every stored sample of a metric from then to then against what the service showed, and looks for each
// series that it showed.
func compare(t *testing.T, metric string, stored model.Matrix, shown expectations, from, to time.Time) {
	t.Helper()
	missing := make(map[string]bool)
	for series := range shown {
		if strings.HasPrefix(series, metric+"{") {
			missing[series] = true
		}
	}
	if len(missing) == 0 {
		t.Errorf("%s: the service shows nothing to compare it with", metric)
	}
	for _, series := range stored {
		key := seriesKey(metric, ownLabels(series.Metric))
		delete(missing, key)
		left := maps.Clone(shown[key])
		for _, sample := range series.Values {
			at := sample.Timestamp.Time().UTC()
			want, ok := left[at]
			delete(left, at)
			switch got := float64(sample.Value); {
			case at.Before(from) || at.After(to):
			case !ok:
				t.Errorf("%s at %s: got %v, the service shows none", key, at, got)
			case math.Abs(got-want.value) > want.within:
				t.Errorf("%s at %s: got %v, the service shows %v (give or take %v)", key, at, got, want.value, want.within)
			}
		}
		for at, want := range left {
			t.Errorf("%s at %s: got none, the service shows %v", key, at, want.value)
		}
	}
	for _, series := range slices.Sorted(maps.Keys(missing)) {
		t.Errorf("%s: not in Prometheus", series)
	}
}

// ownLabels leaves out those that come from the resource.
func ownLabels(metric model.Metric) map[string]string {
	labels := make(map[string]string)
	for name, value := range metric {
		switch name {
		case model.MetricNameLabel, model.JobLabel, model.InstanceLabel,
			"service_name", "service_namespace", "service_instance_id", "deployment_environment_name":
		default:
			labels[string(name)] = string(value)
		}
	}
	return labels
}

// joined is how lists are shown in failures.
func joined[T fmt.Stringer](list []T) string {
	texts := make([]string, len(list))
	for n, item := range list {
		texts[n] = item.String()
	}
	return strings.Join(texts, ", ")
}
