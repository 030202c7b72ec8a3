package e2e

import "testing"

// stack is what docker-compose.yml brings up beside the service, but for Grafana.
type stack struct {
	prometheus   *prometheus
	alertmanager *alertmanager
	jaeger       *jaeger
	gateway      *collector
	agent        *collector // to which the service exports
}

// newStack lays a stack out, its programs wired to each other, and starts nothing.
func newStack(t *testing.T) *stack {
	t.Helper()
	prometheusAddress := freeAddress(t)
	s := &stack{jaeger: newJaeger(t, prometheusAddress), alertmanager: newAlertmanager(t)}
	s.gateway = newCollector(t, []string{
		"PROMETHEUS_OTLP_URL=http://" + prometheusAddress + "/api/v1/otlp/v1/metrics",
		"JAEGER_OTLP_ENDPOINT=" + s.jaeger.otlp,
	}, "gateway.yaml")
	s.agent = newCollector(t, []string{"GATEWAY_ENDPOINT=" + s.gateway.otlp}, "agent.yaml")
	s.prometheus = newPrometheus(t, prometheusAddress, map[string]string{
		"localhost:9090":    prometheusAddress,
		"alertmanager:9093": s.alertmanager.address,
		"agent:8888":        s.agent.telemetry,
		"gateway:8888":      s.gateway.telemetry,
		"jaeger:8888":       s.jaeger.telemetry,
	})
	return s
}

// startMetrics starts a stack without Jaeger and Alertmanager, of which the test asks nothing.
func startMetrics(t *testing.T) *stack {
	t.Helper()
	s := newStack(t)
	s.prometheus.begin(t)
	s.gateway.begin(t)
	s.agent.begin(t)
	return s
}

// startAll starts a whole stack.
func startAll(t *testing.T) *stack {
	t.Helper()
	s := newStack(t)
	s.beginAll(t)
	return s
}

// beginAll starts everything, each program after those that it sends to.
func (s *stack) beginAll(t *testing.T) {
	t.Helper()
	s.jaeger.begin(t)
	s.alertmanager.begin(t)
	s.prometheus.begin(t)
	s.gateway.begin(t)
	s.agent.begin(t)
}
