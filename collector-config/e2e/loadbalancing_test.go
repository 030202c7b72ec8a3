package e2e

import "testing"

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
