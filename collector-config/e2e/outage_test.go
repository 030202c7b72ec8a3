package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// uptime is the metric by which points are counted: each sample has exactly one.
const uptime = "process_uptime_seconds"

// The Collector is away for two minutes while the service samples every second and is itself killed once: Prometheus
// then has a point for each sample at its own time, but for the one that was in flight.
func TestCollectorAwayAndServiceKilled(t *testing.T) {
	t.Parallel()
	const outage = 2 * time.Minute
	s := startMetrics(t)
	service := startService(t, exportMetricsTo(s.agent.otlp)...)
	s.prometheus.awaitTicks(t, 5)

	s.agent.kill()
	service.mustGoOn(t, outage/2, time.Second)
	service.kill()
	service.begin(t)
	service.mustGoOn(t, outage/2, time.Second)
	service.restart(t)
	s.agent.begin(t)

	s.awaitEveryTick(t, service, 1)
	if ticks, want := service.ticks(), int(0.95*outage.Seconds()); len(ticks) < want {
		t.Errorf("the service took %d samples, want %d at least", len(ticks), want)
	}
}

// Prometheus is away while the Collectors are up, and the gateway keeps what it is sent on disk.
func TestPrometheusAway(t *testing.T) {
	t.Parallel()
	s := startMetrics(t)
	service := startService(t, exportTo(s.agent.otlp)...)
	s.prometheus.awaitTicks(t, 3)

	s.prometheus.kill()
	service.mustGoOn(t, 20*time.Second, time.Second)
	service.restart(t)
	s.prometheus.begin(t)

	s.awaitEveryTick(t, service, 0)
}

// While Prometheus is away the gateway's queue and then the agent's run full, so that even the agent refuses. Both are
// killed like that and started again.
func TestCollectorsRestartedWithFullQueues(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.gateway.environment = append(s.gateway.environment, smallQueue)
	s.agent.environment = append(s.agent.environment, smallQueue)
	s.prometheus.begin(t)
	s.gateway.begin(t)
	s.agent.begin(t)
	const interval = 100 * time.Millisecond
	service := startService(t, append(exportMetricsTo(s.agent.otlp), "HEALTH_SAMPLE_INTERVAL="+interval.String())...)
	s.prometheus.awaitTicks(t, 3)

	s.prometheus.kill()
	s.agent.awaitTelemetry(t, "otelcol_receiver_refused_metric_points")
	service.mustGoOn(t, 5*time.Second, interval)
	service.restart(t)
	s.agent.kill()
	s.gateway.kill()
	s.gateway.begin(t)
	s.agent.begin(t)
	s.prometheus.begin(t)

	s.awaitEveryTick(t, service, 0)
}

// restart stops the service while something around it is out of order, and starts it again.
func (s *service) restart(t *testing.T) {
	t.Helper()
	s.stop(promptly)
	s.begin(t)
}

// awaitTicks waits until Prometheus has so many points of the service.
func (p *prometheus) awaitTicks(t *testing.T, n int) {
	t.Helper()
	await(t, time.Minute, fmt.Sprintf("Prometheus has %d points", n), func() error {
		times, err := p.times(uptime + `{job="quickstart"}`)
		if err == nil && len(times) < n {
			err = fmt.Errorf("got %d", len(times))
		}
		return err
	})
}

// awaitEveryTick waits until Prometheus has a point for every sample in the service's history but so many, and then
// looks that it has no others: nothing was doubled at another time. A kill may also keep a sample from the history.
func (s *stack) awaitEveryTick(t *testing.T, service *service, lost int) {
	t.Helper()
	ticks := service.ticks()
	var stored []time.Time
	await(t, 3*time.Minute, "Prometheus has every sample", func() error {
		var err error
		if stored, err = s.prometheus.times(uptime + `{job="quickstart"}`); err != nil {
			return err
		}
		if missing := without(ticks, stored); len(missing) > lost {
			return fmt.Errorf("%d of %d are missing: %s", len(missing), len(ticks), joined(missing))
		}
		return nil
	})
	last := ticks[len(ticks)-1]
	stored = slices.DeleteFunc(stored, last.Before)
	if others := without(stored, ticks); len(others) > lost {
		t.Errorf("Prometheus has points at %s, when no sample was taken", joined(others))
	}
}

// without returns the times of all that are not in some.
func without(all, some []time.Time) []time.Time {
	return slices.DeleteFunc(slices.Clone(all), func(at time.Time) bool { return slices.Contains(some, at) })
}
