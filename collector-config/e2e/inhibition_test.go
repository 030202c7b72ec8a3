package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"testing"
	"time"
)

// Alertmanager silences what another alert says already, and nothing that is about something else.
func TestInhibition(t *testing.T) {
	t.Parallel()
	a := newAlertmanager(t)
	a.begin(t)
	const active, suppressed = "active", "suppressed"
	for name, test := range map[string]struct {
		known, other alertLabels
		want         string
	}{
		"fail and warn of one pool": {
			alertLabels{"alertname": "PoolNearLimit", "severity": "fail", "db_client_connection_pool_name": "orders"},
			alertLabels{"alertname": "PoolNearLimit", "severity": "warn", "db_client_connection_pool_name": "orders"},
			suppressed,
		},
		"fail of one pool, warn of another": {
			alertLabels{"alertname": "PoolNearLimit", "severity": "fail", "db_client_connection_pool_name": "orders"},
			alertLabels{"alertname": "PoolNearLimit", "severity": "warn", "db_client_connection_pool_name": "reports"},
			active,
		},
		"fail and warn of one exporter": {
			alertLabels{"alertname": "CollectorLosesData", "severity": "fail", "exporter": "otlp_grpc/jaeger"},
			alertLabels{"alertname": "CollectorQueueFills", "severity": "warn", "exporter": "otlp_grpc/jaeger"},
			suppressed,
		},
		"fail of one exporter, warn of another": {
			alertLabels{"alertname": "CollectorLosesData", "severity": "fail", "exporter": "otlp_grpc/jaeger"},
			alertLabels{"alertname": "CollectorQueueFills", "severity": "warn", "exporter": "otlp_http/prometheus"},
			active,
		},
		"a missing instance": {
			alertLabels{"alertname": "InstanceMissing", "severity": "fail"},
			alertLabels{"alertname": "InstanceStatus", "severity": "fail", "component": "fd"},
			suppressed,
		},
		"one gateway, a missing instance": {
			alertLabels{"alertname": "CollectorDown", "severity": "fail", "tier": "gateway", "instance": "gateway-0:8888"},
			alertLabels{"alertname": "InstanceMissing", "severity": "fail"},
			active,
		},
		"every gateway, a missing instance": {
			alertLabels{"alertname": "GatewaysDown", "severity": "fail", "job": "otelcol", "instance": ""},
			alertLabels{"alertname": "InstanceMissing", "severity": "fail"},
			suppressed,
		},
		"every gateway, one of them": {
			alertLabels{"alertname": "GatewaysDown", "severity": "fail", "job": "otelcol", "instance": ""},
			alertLabels{"alertname": "CollectorDown", "severity": "fail", "job": "otelcol", "tier": "gateway"},
			suppressed,
		},
		"every gateway, an agent": {
			alertLabels{"alertname": "GatewaysDown", "severity": "fail", "job": "otelcol", "instance": ""},
			alertLabels{"alertname": "CollectorDown", "severity": "fail", "job": "otelcol", "tier": "agent"},
			active,
		},
	} {
		t.Run(name, func(t *testing.T) {
			// They are judged in the order in which they come: once the last is suppressed all are judged.
			last := alertLabels{"alertname": "Last", "severity": "warn", "job": name}
			alerts := []alertLabels{test.known, test.other, {"alertname": "Last", "severity": "fail", "job": name}, last}
			a.post(t, time.Now().Add(time.Minute), alerts...)
			await(t, 10*time.Second, "Alertmanager judges", func() error { return a.judges(last, suppressed) })
			if err := a.judges(test.other, test.want); err != nil {
				t.Error(err)
			}
			a.post(t, time.Now(), alerts...)
		})
	}
}

type alertLabels map[string]string

// complete adds what every alert has; what is empty Alertmanager takes for absent.
func (l alertLabels) complete() alertLabels {
	all := alertLabels{"job": "shop/orders", "instance": "a"}
	maps.Copy(all, l)
	return all
}

// post tells Alertmanager of alerts that last until end, as Prometheus does.
func (a *alertmanager) post(t *testing.T, end time.Time, alerts ...alertLabels) {
	t.Helper()
	type alert struct {
		Labels alertLabels `json:"labels"`
		EndsAt time.Time   `json:"endsAt"`
	}
	var body []alert
	for _, l := range alerts {
		body = append(body, alert{l.complete(), end})
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Post("http://"+a.address+"/api/v2/alerts", "application/json", bytes.NewReader(encoded))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("post alerts: got %s, want 200", response.Status)
	}
}

// judges reports an error unless Alertmanager has an alert in a state.
func (a *alertmanager) judges(alert alertLabels, state string) error {
	notices, err := a.notices()
	if err != nil {
		return err
	}
	want := alert.complete()
	maps.DeleteFunc(want, func(_, value string) bool { return value == "" })
	for _, n := range notices {
		if !maps.Equal(n.Labels, want) {
			continue
		}
		if n.Status.State != state {
			return fmt.Errorf("%v: got it %s, want it %s", alert, n.Status.State, state)
		}
		return nil
	}
	return errors.New("Alertmanager does not have it")
}
