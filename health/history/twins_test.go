package history

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/otelhealth/otelhealth-go/health"
)

func openIDs(t *testing.T, s *Store) (ids []int64) {
	t.Helper()
	list, err := s.OpenAlerts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range list {
		ids = append(ids, a.ID)
	}
	slices.Sort(ids)
	return ids
}

// TestLostResolved: an alert whose resolved was lost ends where another of the same rule and attributes begins, and who was
// told that it fires is told that it does not.
func TestLostResolved(t *testing.T) {
	s := open(t, Config{Plan: planned("mail", "chat")})
	of := func(id int64, rule, pool string) health.Transition {
		tr := firing(id, epoch)
		tr.Alert.Rule, tr.Alert.Attributes = rule, []health.Attribute{{Key: "pool", Value: pool}}
		return tr
	}
	s.RecordTransitions([]health.Transition{of(1, "db", "orders"), of(2, "db", "users"), of(3, "fd", "orders")})
	flush(t, s)
	settle(t, s, claimed(t, s, "mail", epoch), health.DeliverySent)
	s.RecordTransitions([]health.Transition{of(4, "db", "orders")})
	s.RecordTransitions([]health.Transition{of(4, "db", "orders")})
	flush(t, s)
	if got := openIDs(t, s); !slices.Equal(got, []int64{2, 3, 4}) {
		t.Errorf("got %v open, want all but 1", got)
	}
	a, _, err := s.Alert(t.Context(), 1)
	if err != nil || a.State != health.AlertResolved || a.Cause != health.CauseDuplicate || !a.ResolvedAt.Equal(epoch) || a.Changes != 2 {
		t.Errorf("got %+v, %v", a, err)
	}
	got := make(map[string][]health.DeliveryKind)
	for _, destination := range []string{"mail", "chat"} {
		for _, d := range s.deliveries(t, 1, destination) {
			if d.State != health.DeliveryCanceled {
				got[destination] = append(got[destination], d.Kind)
			}
		}
	}
	want := map[string][]health.DeliveryKind{"mail": {health.DeliverFiring, health.DeliverResolved}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("deliveries of alert 1 (-want +got)\n%s", diff)
	}
	if _, ok := s.recorder.carried.last[1]; ok {
		t.Error("alert 1 would be carried over into another file")
	}
}

// TestAlertsThatNobodyHasReadYet: what an earlier process left open is not taken for over before this one can know of it.
func TestAlertsThatNobodyHasReadYet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "health.db")
	s := open(t, Config{Path: path})
	s.RecordTransitions([]health.Transition{firing(1, epoch)})
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	s = open(t, Config{Path: path})
	s.RecordTransitions([]health.Transition{firing(1000, epoch)})
	flush(t, s)
	if got := openIDs(t, s); !slices.Equal(got, []int64{1, 1000}) {
		t.Errorf("before they are read: got %v open, want both", got)
	}
	if saved, err := s.Saved(t.Context()); err != nil || len(saved.Alerts) != 2 {
		t.Fatal(saved, err)
	}
	s.RecordTransitions([]health.Transition{firing(1001, epoch)})
	flush(t, s)
	if got := openIDs(t, s); !slices.Equal(got, []int64{1001}) {
		t.Errorf("once they are read: got %v open, want the last", got)
	}
}
