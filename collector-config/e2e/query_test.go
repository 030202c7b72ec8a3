package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// Every query of every panel, variable and annotation of the dashboards, and of every recording rule, returns data of
// services that run; and so does each that is about trouble, and that of every alert, once there is what it warns of.
func TestEveryQueryReturnsData(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.gateway.environment = append(s.gateway.environment, smallQueue) // one is to be filled
	s.beginAll(t)
	service := startService(t, append(exportTo(s.agent.otlp),
		"OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=test,service.instance.id=quickstart-1,otelhealth.page.url=http://test/",
		"HEALTH_STUCK_CRITICAL_THRESHOLD=5", // off by default: there would be no threshold to draw
	)...)
	service.keepBusy(t)
	service.plant("files", 950)              // something fires
	planted := newPlanted(t, s.gateway.otlp) // the agent will be gone
	planted.begin()

	asked := shippedQueries(t)
	for _, d := range loadDashboards(t) {
		s.prometheus.awaitLabels(t, &d)
	}
	s.prometheus.awaitAll(t, asked[steady])
	// What the dashboard of an instance asks Jaeger.
	await(t, time.Minute, "Jaeger finds the traces of one instance", func() error {
		_, err := s.jaeger.spans("quickstart", map[string]string{"service.instance.id": "quickstart-1"})
		return err
	})
	s.jaeger.awaitNumbers(t, "quickstart")
	s.breakDown(t, planted)
	service.kill() // and is missing
	s.prometheus.awaitAll(t, asked[alert])
	s.jaeger.refuse(t)
	s.prometheus.awaitAll(t, asked[trouble])
	planted.end()
	s.gateway.kill()
	s.prometheus.awaitAll(t, asked[collectorAlert])
}

// awaitAll waits until each of the queries has a result.
func (p *prometheus) awaitAll(t *testing.T, queries []string) {
	t.Helper()
	for _, query := range queries {
		p.awaitData(t, 90*time.Second, query)
	}
}

// breakDown makes the pipeline's own alerts true: Jaeger is away until the gateway's queue for it refuses, and points come
// that Prometheus no longer takes, or not yet.
func (s *stack) breakDown(t *testing.T, p *planted) {
	t.Helper()
	s.jaeger.kill()
	p.push("late", time.Now().Add(-3*time.Hour), values{"process.uptime": 1})
	p.push("early", time.Now().Add(time.Hour), values{"process.uptime": 1})
	s.gateway.awaitTelemetry(t, "otelcol_receiver_refused_spans")
	s.gateway.awaitTelemetry(t, "otelcol_exporter_send_failed_metric_points")
	s.prometheus.awaitData(t, time.Minute, `{__name__=~"otelcol_receiver_refused_spans", tier="gateway"} > 0`)
}

// keepBusy sends requests to the service until the test ends.
func (s *service) keepBusy(t *testing.T) {
	t.Helper()
	pauses := time.NewTicker(10 * time.Millisecond)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer pauses.Stop()
		for {
			select {
			case <-pauses.C:
				_, _ = fetch(http.MethodGet, "http://"+s.address+"/orders") // an error is an answer, too
			case <-t.Context().Done():
				return
			}
		}
	}()
	t.Cleanup(func() { <-ended })
}

// moment is when a query has a result.
type moment int

const (
	steady         moment = iota // as soon as services run
	alert                        // once the pipeline is broken
	trouble                      // once all is there that a dashboard looks for
	collectorAlert               // once a Collector is gone, and its numbers with it
)

func shippedQueries(t *testing.T) map[moment][]string {
	t.Helper()
	queries := ruleQueries(t)
	for _, d := range loadDashboards(t) {
		for _, query := range d.queries(t) {
			at := steady
			if strings.Contains(query, orNone) {
				at = trouble
			}
			queries[at] = append(queries[at], strings.ReplaceAll(query, orNone, ""))
			queries[trouble] = append(queries[trouble], selectors(t, query)...)
		}
	}
	return queries
}

// orNone is how a query answers 0 when nothing is found, even of a metric that does not exist.
const orNone = " or vector(0)"

// selectors returns what a query reads, each by itself: one operand may hide that another finds nothing.
func selectors(t *testing.T, query string) (all []string) {
	t.Helper()
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			all = append(all, selector.String())
		}
		return nil
	})
	return all
}

// ruleQueries returns those of the rules, and of each recording rule also what it records.
func ruleQueries(t *testing.T) map[moment][]string {
	t.Helper()
	queries := make(map[moment][]string)
	for _, path := range glob(t, "prometheus/rules/*.yml") {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Groups []struct {
				Rules []struct{ Record, Alert, Expr string }
			}
		}
		if err := yaml.Unmarshal(content, &file); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, group := range file.Groups {
			for _, rule := range group.Rules {
				switch {
				case rule.Alert == "":
					queries[steady] = append(queries[steady], rule.Expr, rule.Record)
				case strings.Contains(rule.Expr, `up{job="otelcol"`):
					queries[collectorAlert] = append(queries[collectorAlert], rule.Expr)
				default:
					queries[alert] = append(queries[alert], rule.Expr)
				}
			}
		}
	}
	return queries
}

// queries returns what a dashboard asks Prometheus, with its variables filled in.
func (d *dashboard) queries(t *testing.T) (queries []string) {
	t.Helper()
	for _, p := range d.all() {
		for _, target := range p.Targets {
			if target.Expr != "" {
				queries = append(queries, fill(target.Expr))
			}
		}
	}
	for _, a := range d.Annotations.List {
		queries = append(queries, fill(a.Target.Expr))
	}
	if len(queries) == 0 {
		t.Errorf("%s asks nothing", d.file)
	}
	return queries
}

// fill puts values in the place of Grafana's variables. Where several may be chosen, the planted instances are as well.
func fill(query string) string {
	planted := "|" + strings.Join(plantedInstances, "|")
	return strings.NewReplacer(
		`=~"$service"`, `=~"quickstart`+planted+`"`, `=~"$instance"`, `=~"quickstart-1`+planted+`"`,
		"$environment", "test", "$service", "quickstart", "$instance", "quickstart-1", "$collector", ".*",
		"$__rate_interval", "1m",
	).Replace(query)
}

// awaitLabels waits until each of a dashboard's variables has a value to choose.
func (p *prometheus) awaitLabels(t *testing.T, d *dashboard) {
	t.Helper()
	labelValues := regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)
	for _, v := range d.Templating.List {
		if v.Type != "query" {
			continue
		}
		found := labelValues.FindStringSubmatch(v.Query)
		if found == nil {
			t.Fatalf("%s, variable %s: got the query %q, want label_values(selector, label)", d.file, v.Name, v.Query)
		}
		selector, label := fill(found[1]), found[2]
		await(t, time.Minute, "Prometheus has a value of "+label, func() error {
			values, _, _, err := p.LabelValues(t.Context(), label, []string{selector}, time.Now().Add(-time.Hour), time.Now())
			if err == nil && len(values) == 0 {
				err = fmt.Errorf("%s has none", selector)
			}
			return err
		})
	}
}

// A point of the histogram of requests leads to its trace.
func TestExemplarsLeadToTraces(t *testing.T) {
	t.Parallel()
	s := startAll(t)
	service := startService(t, exportTo(s.agent.otlp)...)
	service.keepBusy(t)
	await(t, time.Minute, "an exemplar leads to a trace", func() error {
		exemplars, err := s.prometheus.QueryExemplars(t.Context(), "http_server_request_duration_seconds_bucket", time.Now().Add(-time.Hour), time.Now())
		if err != nil {
			return err
		}
		for _, series := range exemplars {
			for _, exemplar := range series.Exemplars {
				if id := exemplar.Labels["trace_id"]; id != "" {
					_, err = fetch(http.MethodGet, "http://"+s.jaeger.query+"/api/traces/"+string(id))
					return err
				}
			}
		}
		return errors.New("got no exemplar with a trace_id")
	})
}
