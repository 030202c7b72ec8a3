package health_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// goldenAnswer says to which path golden files are the answer of GET, by the end of their names.
type goldenAnswer struct{ end, path, mediaType string }

var goldenAnswers = []goldenAnswer{
	{"_health.json", "/health", "application/json"},
	{"_check.json", "/health/check", "application/health+json"},
	{"_check_detailed.json", "/health/check", "application/health+json"},
	{"_current.json", "/health/api/current", "application/json"},
	{"_alerts.json", "/health/api/alerts", "application/json"},
	{"_history.json", "/health/api/history", "application/json"},
	{"_chosen.json", "/health/api/history", "application/json"},
	{"_buckets.json", "/health/api/history", "application/json"},
	{"_pools.json", "/health/api/history", "application/json"},
	{"_series.json", "/health/api/series", "application/json"},
	{"_stats.json", "/health/api/stats", "application/json"},
	{"_export.csv", "/health/export", "text/csv"},
	{"_export.jsonl", "/health/export", "application/jsonl"},
	{"wrong_parameter.json", "/health/api/stats", "application/json"},
}

func TestGoldenFilesAreAsDescribed(t *testing.T) {
	d := servedDocument(t, describedConfig())
	files, err := filepath.Glob("testdata/*.*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		i := slices.IndexFunc(goldenAnswers, func(a goldenAnswer) bool { return strings.HasSuffix(file, a.end) })
		if i < 0 {
			t.Errorf("%s: what it answers is not known here", file)
			continue
		}
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		a := goldenAnswers[i]
		status, mediaType := statusOf(body, a.mediaType)
		_, item, _ := d.find(a.path)
		content, ok := d.at(item, "get", "responses", strconv.Itoa(status), "content")
		if !ok {
			t.Errorf("%s: %d is not described", file, status)
			continue
		}
		if err := d.compareBody(&exchange{status: status, body: body}, content, mediaType); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// statusOf returns the status and the media type with which a body was answered.
func statusOf(body []byte, mediaType string) (int, string) {
	var b struct{ Status any }
	_ = json.Unmarshal(body, &b) // rows and lines have no status
	switch status := b.Status.(type) {
	case float64:
		return int(status), "application/problem+json"
	case string:
		if status == "fail" {
			return http.StatusServiceUnavailable, mediaType
		}
	}
	return http.StatusOK, mediaType
}
