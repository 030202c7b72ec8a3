package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDashboardsAreCurrent(t *testing.T) {
	entries, err := os.ReadDir("dashboards")
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != len(dashboards()) {
		t.Errorf("got %d files, want %d", len(entries), len(dashboards()))
	}
	for name, d := range dashboards() {
		want, err := encode(d)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("dashboards", name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s: run go run ./collector-config/grafana in the root\n%s", name, diff)
		}
	}
}

func TestPanelsLieBesideEachOther(t *testing.T) {
	for name, d := range dashboards() {
		ids := make(map[int]bool)
		taken := make(map[[2]int]string)
		for _, p := range d.Panels {
			if ids[p.ID] {
				t.Errorf("%s: two panels have the id %d", name, p.ID)
			}
			ids[p.ID] = true
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if other, ok := taken[[2]int{x, y}]; ok || x >= width {
						t.Fatalf("%s: %q lies over %q, or beyond the edge", name, p.Title, other)
					}
					taken[[2]int{x, y}] = p.Title
				}
			}
		}
	}
}
