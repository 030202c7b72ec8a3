package history

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// TestSchema keeps the schema as it was released: changes belong into another migration.
func TestSchema(t *testing.T) {
	s := open(t, Config{})
	var parts []string
	if err := s.db.write.Select(&parts, `SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name`); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(parts, ";\n\n") + ";\n"
	golden := filepath.Join("testdata", "schema.sql")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if diff := cmp.Diff(string(want), got); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

// TestIndexes: what is asked often never scans a table.
func TestIndexes(t *testing.T) {
	s := open(t, Config{})
	for name, query := range map[string]string{
		"newest":     selectSamples + ` WHERE time = (` + newestTime + `)`,
		"range":      selectSamples + ` WHERE time >= 1 AND time < 2 ORDER BY time`,
		"rollup":     `SELECT * FROM rollup_15m LEFT JOIN sketches_15m USING (time) WHERE time >= 1 AND time < 2 ORDER BY time`,
		"open":       `SELECT ` + alertColumns() + ` FROM alerts WHERE state <> 'resolved' ORDER BY id DESC`,
		"held":       `SELECT id FROM alerts WHERE held = 1`,
		"claim":      `SELECT d.id FROM deliveries d WHERE ` + strings.ReplaceAll(oldest, "?", "'x'"),
		"deliveries": `SELECT id FROM deliveries d WHERE alert_id = 1 ORDER BY id`,
		"old alerts": `SELECT id FROM alerts WHERE resolved_at IS NOT NULL AND resolved_at < 1 AND held = 0 ORDER BY resolved_at LIMIT 5`,
	} {
		var plan []struct {
			ID, Parent, Notused int
			Detail              string
		}
		if err := s.db.write.Select(&plan, "EXPLAIN QUERY PLAN "+query); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, step := range plan {
			if strings.HasPrefix(step.Detail, "SCAN") && !strings.Contains(step.Detail, "INDEX") && name != "newest" {
				t.Errorf("%s: %s", name, step.Detail)
			}
		}
	}
}

// TestViews are for people: they speak in words and dates.
func TestViews(t *testing.T) {
	s, l := open(t, Config{}), newLoad(1)
	fill(t, s, l, 3)
	s.RecordTransitions(life(1, epoch))
	flush(t, s)
	for query, want := range map[string]string{
		`SELECT at || ' ' || overall || ' ' || fd || ' ' || fd_count FROM history ORDER BY at LIMIT 1`: "2026-03-01T13:07:23.000Z",
		`SELECT count(*) || ' of ' || count(DISTINCT time) FROM series_readings
			WHERE name = 'db.client.connection.count' AND attributes ->> 'db.client.connection.state' = 'used'`: "15 of 3",
		`SELECT severity || ' ' || began || ' ' || resolved || ' ' || cause FROM alert_history`: "fail 2026-03-01T13:07:23.000Z 2026-03-01T13:07:43.000Z recovered",
	} {
		var got string
		if err := s.db.write.Get(&got, query); err != nil || !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %q, %v, want %q", query, got, err, want)
		}
	}
}
