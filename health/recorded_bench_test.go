package health_test

import (
	"context"
	"database/sql"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	_ "modernc.org/sqlite" // for the bare scan

	"github.com/otelhealth/otelhealth-go/health"
	"github.com/otelhealth/otelhealth-go/health/history"
)

const weekOfSamples = 7 * 24 * 360

var weekPath = sync.OnceValue(func() string {
	folder, err := os.MkdirTemp("", "health-week")
	if err != nil {
		panic(err)
	}
	return filepath.Join(folder, "health.db")
})

func TestMain(m *testing.M) {
	code := m.Run()
	_ = os.RemoveAll(filepath.Dir(weekPath()))
	os.Exit(code)
}

// busy is the sample of that number of a service with 5 pools and 2 brokers.
func busy(n int) *health.Snapshot {
	s := recorded(n)
	pools := health.Metric{Name: health.MetricPoolCount, Unit: "{connection}", Scope: health.Scope}
	for p := range 5 {
		pools.Readings = append(pools.Readings, health.Reading{Value: float64((n + p) % 9), Attributes: attribute.NewSet(
			attribute.String(health.AttrPoolName, "pool"+strconv.Itoa(p)), attribute.String(health.AttrPoolState, health.PoolStateUsed))})
	}
	s.Metrics[len(s.Metrics)-1] = pools
	brokers := health.Metric{Name: health.MetricWSConnections, Unit: "{connection}", Scope: health.Scope}
	for b := range 2 {
		brokers.Readings = append(brokers.Readings, health.Reading{Value: float64((n + b) % 40), Attributes: attribute.NewSet(
			attribute.String(health.AttrWebSocketSource, "broker"+strconv.Itoa(b)))})
	}
	s.Metrics = append(s.Metrics, brokers)
	return s
}

// openWeek returns a history of seven days at 10 s, which is made once.
func openWeek(tb testing.TB) *history.Store {
	tb.Helper()
	_, errStat := os.Stat(weekPath())
	store, err := history.Open(history.Config{Path: weekPath(), Retention: 10000 * time.Hour})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := store.Close(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	if errStat == nil {
		return store
	}
	for n := range weekOfSamples {
		store.Record(busy(n))
		if n%300 == 299 || n == weekOfSamples-1 {
			if err := store.Flush(context.Background()); err != nil {
				tb.Fatal(err)
			}
		}
	}
	return store
}

// weekOf is the range as parameters, from so long before its end.
func weekOf(before time.Duration) string {
	end := began.Add(weekOfSamples * 10 * time.Second)
	return "from=" + strconv.FormatInt(end.Add(-before).Unix(), 10) + "&to=" + strconv.FormatInt(end.Unix(), 10)
}

const days = 24 * time.Hour

// discard counts a body and throws it away.
type discard struct {
	header http.Header
	size   int
	looked func()
}

func (d *discard) Header() http.Header { return d.header }
func (d *discard) WriteHeader(int)     {}
func (d *discard) Write(p []byte) (int, error) {
	d.size += len(p)
	if d.looked != nil {
		d.looked()
	}
	return len(p), nil
}

// ask lets the handler answer and returns the body's size.
func ask(tb testing.TB, h http.Handler, path string, looked func()) int {
	tb.Helper()
	d := &discard{header: make(http.Header), looked: looked}
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, path, http.NoBody)
	h.ServeHTTP(d, r)
	if d.header.Get("Content-Type") == "application/problem+json" || d.size == 0 {
		tb.Fatalf("%s: got %d bytes, %v", path, d.size, d.header)
	}
	return d.size
}

func newWeekHandler(tb testing.TB) http.Handler {
	tb.Helper()
	everybody := health.AuthorizerFunc(func(*http.Request) (health.Identity, error) { return health.Identity{}, nil })
	return health.Unlimited(newEndpoints(tb, health.EndpointsConfig{
		Interval: 10 * time.Second, History: openWeek(tb), Protection: health.Protection{Authorizer: everybody},
	})).Handler()
}

// bareScan reads the columns of a raw row through database/sql and does nothing with them.
func bareScan(b *testing.B, db *sql.DB) time.Duration {
	b.Helper()
	start := time.Now()
	rows, err := db.QueryContext(b.Context(), `SELECT time, fd_count, memory_rss, db_connections, ws_connections, threads,
		overall_status, goroutines, cpu_utilization, stuck, ws_symbols, fd_limit, memory_vms, memory_swap, memory_limit,
		memory_working_set, memory_available, uptime_ms, liveness_status, readiness_status, fd_status, memory_status,
		database_status, websocket_status, thread_status, goroutine_status FROM samples ORDER BY time`)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var values [26]any
	dest := make([]any, len(values))
	for i := range values {
		dest[i] = &values[i]
	}
	n := 0
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			b.Fatal(err)
		}
		n++
	}
	if err := rows.Err(); err != nil || n != weekOfSamples {
		b.Fatal(n, err)
	}
	return time.Since(start)
}

// BenchmarkWeekOfRows answers with seven days of raw rows, and in the same run scans the same columns: the ratio of both
// is what counts.
func BenchmarkWeekOfRows(b *testing.B) {
	for name, path := range map[string]string{
		"history": "/health/api/history?", "csv": "/health/export?", "jsonl": "/health/export?format=jsonl&",
	} {
		b.Run(name, func(b *testing.B) {
			h := newWeekHandler(b)
			db, err := sql.Open("sqlite", weekPath())
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = db.Close() }()
			bareScan(b, db)
			var answered, scanned time.Duration
			for b.Loop() {
				start := time.Now()
				ask(b, h, path+weekOf(7*days), nil)
				answered += time.Since(start)
				b.StopTimer()
				scanned += bareScan(b, db)
				b.StartTimer()
			}
			b.ReportMetric(float64(answered)/float64(scanned), "×bare-scan")
		})
	}
}

func BenchmarkWeek(b *testing.B) {
	for name, path := range map[string]string{
		"series_of_seven": "/health/api/history?points=700&",
		"series_of_one":   "/health/api/history?points=700&series=fd_count&",
		"statistics":      "/health/api/stats?",
		"alerts_all":      "/health/api/alerts?state=all&",
		"series_of_a_day": "/health/api/history?points=500&",
	} {
		span := weekOf(7 * days)
		if name == "series_of_a_day" {
			span = weekOf(days)
		}
		b.Run(name, func(b *testing.B) {
			h := newWeekHandler(b)
			b.ReportAllocs()
			for b.Loop() {
				ask(b, h, path+span, nil)
			}
		})
	}
}
