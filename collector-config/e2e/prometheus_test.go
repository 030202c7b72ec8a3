package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// prometheus is a Prometheus with the shipped configuration and rules, and data of its own.
type prometheus struct {
	*process
	promv1.API
	address string
	folder  string
	config  string
}

// newPrometheus lays one out that listens at address, with the shipped targets at other addresses, and does not start it.
func newPrometheus(t *testing.T, address string, targets map[string]string) *prometheus {
	t.Helper()
	p := &prometheus{address: address, folder: t.TempDir()}
	p.config = filepath.Join(p.folder, "prometheus.yml")
	shipped := filepath.Join(configurations, "prometheus")
	if err := os.CopyFS(filepath.Join(p.folder, "rules"), os.DirFS(filepath.Join(shipped, "rules"))); err != nil {
		t.Fatal(err)
	}
	replace(t, filepath.Join(shipped, "prometheus.yml"), p.config, targets)
	client, err := api.NewClient(api.Config{Address: "http://" + p.address})
	if err != nil {
		t.Fatal(err)
	}
	p.API = promv1.NewAPI(client)
	return p
}

// begin starts it, again after it was stopped or killed.
func (p *prometheus) begin(t *testing.T) {
	t.Helper()
	p.process = start(t, p.folder, filepath.Join(programs.stack, "prometheus"), nil, append(shippedFlags(t),
		"--config.file="+p.config,
		"--storage.tsdb.path="+filepath.Join(p.folder, "data"),
		"--web.listen-address="+p.address,
	)...)
	await(t, 30*time.Second, "Prometheus is ready", func() error {
		if err := p.alive(); err != nil {
			return err
		}
		_, err := fetch("GET", "http://"+p.address+"/-/ready")
		return err
	})
}

// shippedFlags are those with which docker-compose.yml starts Prometheus, but for addresses and paths.
func shippedFlags(t *testing.T) (flags []string) {
	t.Helper()
	replaced := []string{"--config.file", "--storage.tsdb.path", "--web.listen-address", "--web.external-url"}
	for _, flag := range loadCompose(t).Services["prometheus"].Command {
		if name, _, _ := strings.Cut(flag, "="); !slices.Contains(replaced, name) {
			flags = append(flags, flag)
		}
	}
	return flags
}

// vector returns the result of an instant query.
func (p *prometheus) vector(t *testing.T, query string) model.Vector {
	t.Helper()
	vector, err := p.ask(query)
	if err != nil {
		t.Fatal(err)
	}
	return vector
}

// ask is vector for conditions that are awaited. A scalar comes as a vector of one without labels.
func (p *prometheus) ask(query string) (model.Vector, error) {
	value, _, _, err := p.Query(context.Background(), query, time.Now())
	if err != nil {
		return nil, fmt.Errorf("query %s: %w", query, err)
	}
	switch value := value.(type) {
	case model.Vector:
		return value, nil
	case *model.Scalar:
		return model.Vector{{Value: value.Value, Timestamp: value.Timestamp}}, nil
	default:
		return nil, fmt.Errorf("query %s: got a %s, want a vector", query, value.Type())
	}
}

// raw returns the samples of every series that the selector matches, as they are stored.
func (p *prometheus) raw(selector string) (model.Matrix, error) {
	query := selector + "[1h]"
	value, _, _, err := p.Query(context.Background(), query, time.Now().Add(time.Minute))
	if err != nil {
		return nil, fmt.Errorf("query %s: %w", query, err)
	}
	matrix, ok := value.(model.Matrix)
	if !ok {
		return nil, fmt.Errorf("query %s: got a %s, want samples", query, value.Type())
	}
	return matrix, nil
}

// times returns when the one series that the selector matches has samples, oldest first.
func (p *prometheus) times(selector string) ([]time.Time, error) {
	matrix, err := p.raw(selector)
	if err != nil {
		return nil, err
	}
	if len(matrix) != 1 {
		return nil, fmt.Errorf("%s: got %d series, want one", selector, len(matrix))
	}
	times := make([]time.Time, len(matrix[0].Values))
	for n, sample := range matrix[0].Values {
		times[n] = sample.Timestamp.Time().UTC()
	}
	return times, nil
}

// awaitData waits until an instant query has a result.
func (p *prometheus) awaitData(t *testing.T, within time.Duration, query string) model.Vector {
	t.Helper()
	var found model.Vector
	await(t, within, "Prometheus answers "+query, func() error {
		var err error
		if found, err = p.ask(query); err == nil && len(found) == 0 {
			err = errors.New("got no data")
		}
		return err
	})
	return found
}

// replace copies a shipped file and puts other texts in the place of some. Each of those must be there: a file that was
// changed is not to be tested as something else.
func replace(t *testing.T, from, to string, texts map[string]string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	var pairs []string
	for old, other := range texts {
		if !strings.Contains(text, old) {
			t.Fatalf("%s does not have %q", from, old)
		}
		pairs = append(pairs, old, other)
	}
	if err := os.WriteFile(to, []byte(strings.NewReplacer(pairs...).Replace(text)), 0o600); err != nil {
		t.Fatal(err)
	}
}
