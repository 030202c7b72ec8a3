package history

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/otelhealth/otelhealth-go/health"
)

func TestSilences(t *testing.T) {
	of := func(rule string, hours int) health.Silence {
		return health.Silence{Rule: rule, Until: epoch.Add(time.Duration(hours) * time.Hour), By: "ann", At: epoch}
	}
	over := func(rule string) health.Silence { return health.Silence{Rule: rule, By: "ann", At: epoch} }
	for _, c := range []struct {
		name string
		play func(s *Store)
		want []health.Silence // after an earlier process silenced db for five hours
	}{
		{"of one rule, another stays", func(s *Store) { s.RecordSilence(of("fd", 1)) }, []health.Silence{of("db", 5), of("fd", 1)}},
		{"of one rule again", func(s *Store) { s.RecordSilence(of("db", 2)) }, []health.Silence{of("db", 2)}},
		{"one is over", func(s *Store) { s.RecordSilence(of("fd", 1)); s.RecordSilence(over("db")) }, []health.Silence{of("fd", 1)}},
		{"one ends as it begins", func(s *Store) { s.RecordSilence(of("db", 0)) }, nil},
		{"all of them", func(s *Store) { s.RecordSilences([]health.Silence{of("fd", 1)}) }, []health.Silence{of("fd", 1)}},
		{"none of them", func(s *Store) { s.RecordSilences(nil) }, nil},
		{"one has ended", func(s *Store) {
			s.RecordSilence(of("fd", 1))
			l := newLoad(1)
			l.interval = 10 * time.Minute
			for range 2 * agreeing {
				fill(t, s, l, 1)
			}
		}, []health.Silence{of("db", 5)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "health.db")
			s := open(t, Config{Path: path})
			s.RecordSilence(of("db", 5))
			if err := s.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			s = open(t, Config{Path: path})
			c.play(s)
			flush(t, s)
			saved, err := s.Saved(t.Context())
			if diff := cmp.Diff(c.want, saved.Silences); diff != "" || err != nil {
				t.Errorf("%v (-want +got)\n%s", err, diff)
			}
		})
	}
}
