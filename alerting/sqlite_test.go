package alerting

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/otelhealth/otelhealth-go/health"
	"github.com/otelhealth/otelhealth-go/health/history"
)

// file is the store that services have: SQLite. It waits until what it is given is written.
type file struct {
	*history.Store
	t    testing.TB
	path string
}

func newFile(t *testing.T) *file {
	t.Helper()
	f := &file{t: t, path: filepath.Join(t.TempDir(), "health.db")}
	t.Cleanup(f.close)
	return f
}

func (f *file) restart() {
	f.close()
	store, err := history.Open(history.Config{
		Path: f.path,
		Plan: func(t health.Transition, existing []health.Delivery, lost bool) ([]health.Delivery, []int64) {
			p := NewPlan(t, destinations, existing, lost)
			return p.Insert, p.Cancel
		},
	})
	if err != nil {
		f.t.Fatal(err)
	}
	f.Store = store
}

func (f *file) close() {
	if err := f.Close(context.Background()); err != nil {
		f.t.Error(err)
	}
}

func (f *file) flush() {
	if err := f.Flush(context.Background()); err != nil {
		f.t.Fatal(err)
	}
}

func (f *file) commit(transitions []health.Transition) {
	f.RecordTransitions(transitions)
	f.flush()
}

// refresh does nothing: the numbers would be written with a sample, and are those of the last transition without.
func (f *file) refresh([]health.Alert) {}

func (f *file) keepSilences(silences []health.Silence) {
	f.RecordSilences(silences)
	f.flush()
}

func (f *file) saved() Saved {
	saved, err := f.Saved(context.Background())
	if err != nil {
		f.t.Fatal(err)
	}
	return Saved(saved)
}

func (f *file) ever() []health.Alert {
	alerts, err := f.Alerts(context.Background(), health.AlertFilter{Limit: 1000})
	if err != nil || len(alerts) == 1000 {
		f.t.Fatalf("got %d alerts, %v", len(alerts), err)
	}
	return alerts
}

func (f *file) all() []health.Delivery {
	var all []health.Delivery
	for _, a := range f.ever() {
		deliveries, err := f.Deliveries(context.Background(), a.ID)
		if err != nil {
			f.t.Fatal(err)
		}
		all = append(all, deliveries...)
	}
	return all
}

func TestDeliveriesPairUpInSQLite(t *testing.T) {
	sequences := 25
	if testing.Short() {
		sequences = 3
	}
	for seed := range uint64(sequences) {
		newWorld(t, newFile(t)).play(someEvents(seed+1000, 150))
	}
}
