package history

import (
	"testing"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

func TestSeriesRefusesWhatItCannotAnswer(t *testing.T) {
	s := open(t, Config{})
	hour := epoch.Add(time.Hour)
	for name, r := range map[string]health.SeriesRequest{
		"a range that ends as it begins": {From: epoch, To: epoch},
		"one point":                      {From: epoch, To: hour, Points: 1},
		"a step of half a second":        {From: epoch, To: hour, Step: time.Second / 2},
		"a step of a second and a half":  {From: epoch, To: hour, Step: 3 * time.Second / 2},
		"a negative step":                {From: epoch, To: hour, Step: -time.Second},
		"more steps than anybody draws":  {From: epoch, To: epoch.Add(10_001 * time.Second), Step: time.Second},
		"a column that there is not":     {From: epoch, To: hour, Columns: []health.Column{"disks"}},
	} {
		if _, err := s.Series(t.Context(), r); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	if _, err := s.Series(t.Context(), health.SeriesRequest{From: epoch, To: hour, Step: time.Second}); err != nil {
		t.Error(err)
	}
}
