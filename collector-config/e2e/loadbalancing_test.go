package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

// gateway-loadbalancing.yaml carries what it is sent to the gateways that its name stands for, here one.
func TestLoadBalancing(t *testing.T) {
	t.Parallel()
	s := startMetrics(t)
	tier := newCollector(t, []string{
		"GATEWAY_HOST=127.0.0.1", "GATEWAY_PORT=" + portOf(t, s.gateway.otlp),
	}, "gateway-loadbalancing.yaml")
	tier.begin(t)

	startService(t, exportTo(tier.otlp)...)
	s.prometheus.awaitTicks(t, 3)
}

// Of two gateways each gets some of the instances, and whatever comes from one instance.
func TestInstanceKeepsItsGateway(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.prometheus.begin(t)
	other := newCollector(t, s.gateway.environment[len(s.gateway.environment)-2:], "gateway.yaml") // where they send
	gateways := []*collector{s.gateway, other}
	for _, g := range gateways {
		g.begin(t)
	}
	tier := newCollector(t, nil, "gateway-loadbalancing.yaml")
	// No name here stands for two addresses with a port each.
	tier.arguments = append(tier.arguments, fmt.Sprintf(
		"--config=yaml:exporters: {load_balancing: {resolver: {dns: null, static: {hostnames: [%q, %q]}}}}", s.gateway.otlp, other.otlp))
	tier.begin(t)

	const instances, requests = 16, 3
	planted := newPlanted(t, tier.otlp)
	var chosen [2]int
	for i := range instances {
		before := accepted(t, gateways)
		instance := fmt.Sprintf("instance-%d", i)
		for n := range requests {
			planted.push(instance, time.Now(), values{health.MetricUptime: float64(n)})
		}
		var got [2]float64
		await(t, 30*time.Second, "the gateways have what was pushed", func() error {
			now := accepted(t, gateways)
			got = [2]float64{now[0] - before[0], now[1] - before[1]}
			if got[0]+got[1] != requests {
				return fmt.Errorf("got %v of %d", got, requests)
			}
			return nil
		})
		for i := range got {
			if got[i] == requests {
				chosen[i]++
			} else if got[i] > 0 {
				t.Errorf("%s went to both: %v", instance, got)
			}
		}
	}
	if chosen[0] == 0 || chosen[1] == 0 {
		t.Errorf("the gateways have %v of %d instances", chosen, instances)
	}
}

// accepted is how many points each of two gateways has taken.
func accepted(t *testing.T, gateways []*collector) (points [2]float64) {
	t.Helper()
	for i, g := range gateways {
		points[i] = g.telemetrySum(t, "otelcol_receiver_accepted_metric_points")
	}
	return points
}
