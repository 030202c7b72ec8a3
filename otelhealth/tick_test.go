package otelhealth

import (
	"testing"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

func TestTicksKeepToTheirGrid(t *testing.T) {
	first := time.Now()
	const interval = 10 * time.Second
	for _, test := range []struct {
		name      string
		now, want time.Duration // after first
	}{
		{"before the first", -4 * time.Second, 14 * time.Second},
		{"well before the first", -7 * time.Second, 7 * time.Second},
		{"right after a tick", time.Millisecond, interval - time.Millisecond},
		{"at an instant of the grid", 3 * interval, interval},
		{"after a slow tick", 4 * time.Second, 6 * time.Second},
		{"after one so slow that the next would follow at its heels", 9 * time.Second, 11 * time.Second},
		{"after a pause of the whole machine", 1003 * time.Second, 7 * time.Second},
	} {
		if got := untilNext(first, first.Add(test.now), interval); got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}

func TestThreadIsStuckAtTheThirdLookInARow(t *testing.T) {
	start := time.Now()
	var s sleepers
	for i, look := range []struct {
		asleep, stuck []int
	}{
		{[]int{7, 8}, nil},
		{[]int{7}, nil},
		{[]int{7, 8}, []int{7}},
		{[]int{8, 7}, []int{7}},
		{[]int{8}, []int{8}},
		{nil, nil},
		{[]int{8}, nil},
	} {
		got := s.see(look.asleep, start.Add(time.Duration(i)*time.Second))
		if len(got) != len(look.stuck) {
			t.Fatalf("look %d: got %+v, want %v", i+1, got, look.stuck)
		}
		for j, id := range look.stuck {
			if got[j].ID != int64(id) || got[j].Kind != health.StuckOSThread {
				t.Errorf("look %d: got %+v, want %v", i+1, got[j], id)
			}
		}
		if i == 3 && !got[0].Since.Equal(start) {
			t.Errorf("since: got %v, want the first look", got[0].Since)
		}
	}
}
