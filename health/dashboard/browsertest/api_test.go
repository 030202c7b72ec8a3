package browsertest

import (
	"encoding/json"
	"net/http"
)

// current is what the tests read of the API's snapshot.
type current struct {
	Timestamp string
	FD        struct{ Count float64 }
	Memory    struct {
		RSS float64 `json:"rss_mb"`
	}
	Goroutines, Threads struct{ Count float64 }
	Database, WebSocket struct{ Total float64 }
	Silences            []struct{ Rule string }
	Monitor             struct{ Sequence int }
}

// alertOfAPI is what the tests read of an alert.
type alertOfAPI struct {
	ID             int64
	Rule           string
	Acknowledged   bool
	AcknowledgedBy string `json:"acknowledged_by"`
	Note           string
}

// stats is what the tests read of the statistics.
type stats struct {
	TotalSamples int `json:"total_samples"`
}

// ask decodes what the API answers. It shows the password, so that the limit of the page, which shows the token, is not
// used up.
func ask[T any](s *service, path string) T {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.page(path), http.NoBody)
	if err != nil {
		s.t.Fatal(err)
	}
	r.SetBasicAuth(user, password)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	var value T
	if err := json.NewDecoder(response.Body).Decode(&value); err != nil || response.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: got %d, %v", path, response.StatusCode, err)
	}
	return value
}
