package otelhealth

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/otelhealth/otelhealth-go/health"
	"github.com/otelhealth/otelhealth-go/otelhealth/internal/spool"
)

func TestSpoolSettings(t *testing.T) {
	defaults := SpoolConfig{"", 64 << 20, 30 * time.Minute}
	with := func(change func(*SpoolConfig)) SpoolConfig { c := defaults; change(&c); return c }
	for _, test := range []struct {
		name    string
		env     map[string]string
		options []Option
		want    SpoolConfig
		folder  string
	}{
		{"nothing is set", nil, nil, defaults, "db/health.db.spool"},
		{"beside the history", map[string]string{"HEALTH_HISTORY_PATH": "/var/h.db"}, nil, defaults, "/var/h.db.spool"},
		{"no history and no folder", map[string]string{"HEALTH_HISTORY_PATH": "off"}, nil, defaults, ""},
		{
			"a folder without a history", map[string]string{"HEALTH_HISTORY_PATH": "off", "HEALTH_SPOOL_DIR": "/var/spool/orders"}, nil,
			with(func(c *SpoolConfig) { c.Dir = "/var/spool/orders" }), "/var/spool/orders",
		},
		{"off", map[string]string{"HEALTH_SPOOL_ENABLED": "false", "HEALTH_SPOOL_DIR": "d"}, nil, with(func(c *SpoolConfig) { c.Dir = "d" }), ""},
		{"numbers", map[string]string{"HEALTH_SPOOL_MAX_MB": "1", "HEALTH_SPOOL_MAX_AGE": "90"}, nil, SpoolConfig{"", 1 << 20, 90 * time.Second}, "db/health.db.spool"},
		{"an age with a unit", map[string]string{"HEALTH_SPOOL_MAX_AGE": "2h"}, nil, with(func(c *SpoolConfig) { c.MaxAge = 2 * time.Hour }), "db/health.db.spool"},
		{
			"code wins", map[string]string{"HEALTH_SPOOL_ENABLED": "false", "HEALTH_SPOOL_DIR": "d", "HEALTH_SPOOL_MAX_MB": "9"},
			[]Option{WithSpool(SpoolConfig{Dir: "c", MaxAge: time.Hour})}, SpoolConfig{"c", 9 << 20, time.Hour}, "c",
		},
		{"without", nil, []Option{WithoutSpool()}, defaults, ""},
	} {
		c, err := newConfig(env(test.env), test.options)
		if err != nil || c.spool.SpoolConfig != test.want || c.spoolFolder() != test.folder {
			t.Errorf("%s: got %+v in %q, %v, want %+v in %q", test.name, c.spool, c.spoolFolder(), err, test.want, test.folder)
		}
	}
}

// TestPrometheusTakesWhatIsKeptLongest compares the default with what the shipped Prometheus still takes.
func TestPrometheusTakesWhatIsKeptLongest(t *testing.T) {
	content, err := os.ReadFile("../collector-config/prometheus/prometheus.yml")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^ *out_of_order_time_window: *(\S+)$`).FindSubmatch(content)
	if found == nil {
		t.Fatal("it takes no late points: want out_of_order_time_window")
	}
	window, err := time.ParseDuration(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	c, err := newConfig(env(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.spool.MaxAge > window {
		t.Errorf("requests are kept for %v, Prometheus takes points of the last %v", c.spool.MaxAge, window)
	}
	if window != prometheusWindow {
		t.Errorf("Prometheus takes points of the last %v, Start warns of more than %v", window, prometheusWindow)
	}
}

func TestStartWarnsOfRequestsKeptLongerThanPrometheusTakesThem(t *testing.T) {
	c := startCollector(t, "127.0.0.1:0")
	for _, test := range []struct {
		variable string
		option   time.Duration
		want     string // who asked for it, and for what
	}{
		{"1h", 0, ""},
		{"61m", 0, "setting=HEALTH_SPOOL_MAX_AGE max_age=1h1m0s"},
		{"61m", time.Hour, ""},
		{"1h", 2 * time.Hour, `setting="WithSpool: MaxAge" max_age=2h0m0s`},
	} {
		var log logBuffer
		kept := WithSpool(SpoolConfig{Dir: filepath.Join(t.TempDir(), "spool"), MaxAge: test.option})
		startMonitor(t, variables{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + c.address, "HEALTH_SPOOL_MAX_AGE": test.variable}, kept, log.option())
		lines := log.lines("longer than the out_of_order_time_window")
		if test.want == "" && len(lines) > 0 || test.want != "" && (len(lines) != 1 || !strings.Contains(lines[0], test.want+" out_of_order_time_window=1h0m0s")) {
			t.Errorf("%s and %v: logged %q, want %q", test.variable, test.option, lines, test.want)
		}
		if test.option > time.Hour && len(log.lines("HEALTH_SPOOL_MAX_AGE")) > 0 {
			t.Errorf("%v: the variable is named, which asked for less", test.option)
		}
	}
}

func spoolIn(t *testing.T) (dir string, option Option) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "spool")
	return dir, WithSpool(SpoolConfig{Dir: dir})
}

// arrivals returns how often each time came.
func (c *collector) arrivals() map[time.Time]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	arrived := make(map[time.Time]int)
	for _, r := range c.requests {
		_, times := points(r)
		for at := range times {
			arrived[at]++
		}
	}
	return arrived
}

// missing returns the times of snapshots that did not come, and those that came more than once.
func (c *collector) missing(s *snapshots) (missing, doubled []time.Time) {
	arrived := c.arrivals()
	s.mu.Lock()
	defer s.mu.Unlock()
	for at := range s.byTime {
		switch arrived[at] {
		case 0:
			missing = append(missing, at)
		case 1:
		default:
			doubled = append(doubled, at)
		}
	}
	return missing, doubled
}

// TestEveryTickArrivesAfterAnOutage has the Collector go away, the monitor start anew meanwhile, and the Collector come
// back.
func TestEveryTickArrivesAfterAnOutage(t *testing.T) {
	dir, kept := spoolIn(t)
	c := startCollector(t, "127.0.0.1:0")
	var published snapshots
	slowly := WithInterval(100 * time.Millisecond) // what is kept leaves faster than it comes, also when an answer is late
	endpoint := variables{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + c.address, "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"}
	m := startMonitor(t, endpoint, kept, slowly, published.option())
	eventually(t, "requests", func() bool { return c.received() >= 10 })
	c.server.Stop()
	eventually(t, "ticks without a Collector", func() bool { return m.exporter.onDisk() >= 30 })
	if err := m.Shutdown(t.Context()); err != nil {
		t.Errorf("what is on disk is not lost: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*.otlp"))
	if err != nil || len(left) < 30 {
		t.Fatalf("%d requests are on disk, %v, want 30", len(left), err)
	}

	m = startMonitor(t, endpoint, kept, slowly, published.option())
	eventually(t, "more ticks without a Collector", func() bool { return m.exporter.onDisk() >= len(left)+10 })
	again := startCollector(t, c.address)
	eventually(t, "an empty spool", func() bool { return m.exporter.onDisk() == 0 && m.exporter.state().Condition == health.OTLPOK })
	if err := m.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	again.mu.Lock()
	again.requests = append(again.requests, c.requests...)
	again.mu.Unlock()
	missing, doubled := again.missing(&published)
	if len(missing) > 0 || len(doubled) > 1 { // the answer to the one in flight may be lost with the Collector
		t.Errorf("of %d ticks %d are missing and %d came twice", len(published.byTime), len(missing), len(doubled))
	}
	s := m.exporter.state()
	if s.Replayed < int64(len(left)+10) || s.Dropped != (health.OTLPDropped{}) {
		t.Errorf("state: got %+v", s)
	}
}

// TestShutdownInTheMidstOfATick comes between the publishing of a snapshot and its export.
func TestShutdownInTheMidstOfATick(t *testing.T) {
	_, kept := spoolIn(t)
	c := startCollector(t, "127.0.0.1:0")
	var published snapshots
	var monitor atomic.Pointer[Monitor]
	note := published.option()
	m := startMonitor(t, variables{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + c.address}, kept, func(c *config) {
		note(c)
		see := c.onSnapshot
		c.onSnapshot = func(s *health.Snapshot) {
			see(s)
			if m := monitor.Load(); m != nil {
				m.cancel()
			}
		}
	})
	monitor.Store(m)
	<-m.ticking
	if err := m.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if missing, _ := c.missing(&published); len(missing) > 0 {
		t.Errorf("of %d ticks %d are missing", len(published.byTime), len(missing))
	}
}

// What a process that a test starts is to export to, and where it keeps what it cannot.
const (
	crashEndpointEnv = "OTELHEALTH_CRASH_ENDPOINT"
	crashFolderEnv   = "OTELHEALTH_CRASH_FOLDER"
)

// crashChild runs a monitor until it is killed, and says the time of each snapshot.
func crashChild(endpoint, folder string) {
	_ = os.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint) // never fails
	_, err := Start(context.Background(), WithInterval(250*time.Millisecond), WithAuthorizer(anybody), WithLogger(slog.New(slog.DiscardHandler)),
		WithSpool(SpoolConfig{Dir: folder}),
		withSnapshots(func(s *health.Snapshot) { fmt.Println(s.Time.UnixMilli()) }))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	select {}
}

// crash runs a monitor in a process of its own, kills it after so many ticks, when all of them but one at most are on disk,
// and returns their times.
func crash(t *testing.T, endpoint, folder string, ticks int) (times []time.Time) {
	t.Helper()
	before := len(kept(t, folder))
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashEndpointEnv+"="+endpoint, crashFolderEnv+"="+folder)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	scanner := bufio.NewScanner(out)
	for scanner.Scan() {
		milliseconds, err := strconv.ParseInt(scanner.Text(), 10, 64)
		if err != nil {
			t.Errorf("the child says %q", scanner.Text())
			break
		}
		if times = append(times, time.UnixMilli(milliseconds).UTC()); len(times) == ticks {
			break
		}
	}
	if len(times) == ticks {
		eventually(t, "that they are kept", func() bool { return len(kept(t, folder)) >= before+ticks-1 })
	}
	if err := child.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = child.Wait() // killed
	if len(times) < ticks {
		t.Fatalf("%d ticks, want %d", len(times), ticks)
	}
	return times
}

// kept returns the names of the files with requests.
func kept(t *testing.T, folder string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*.otlp"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestKilledServiceLosesOneTickAtMost kills the service again and again while the Collector is away.
func TestKilledServiceLosesOneTickAtMost(t *testing.T) {
	folder, kept := spoolIn(t)
	address := freeAddress(t)
	endpoint := "http://" + address
	var times []time.Time
	const kills = 3
	for range kills {
		times = append(times, crash(t, endpoint, folder, 8)...)
	}
	c := startCollector(t, address)
	m := startMonitor(t, variables{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}, kept)
	eventually(t, "an empty spool", func() bool { return m.exporter.onDisk() == 0 && c.received() > 0 })
	arrived := c.arrivals()
	lost := 0
	for _, at := range times {
		if arrived[at] == 0 {
			lost++
		}
		if arrived[at] > 1 {
			t.Errorf("%v came %d times", at, arrived[at])
		}
	}
	if lost > kills {
		t.Errorf("%d of %d ticks are lost after %d kills, want one each at most", lost, len(times), kills)
	}
}

// TestCollectorThatNeverAnswersHoldsNothingUp looks at ticks, requests and Shutdown.
func TestCollectorThatNeverAnswersHoldsNothingUp(t *testing.T) {
	dir, kept := spoolIn(t)
	c := startCollector(t, "127.0.0.1:0")
	c.answers(silent)
	var published snapshots
	m := startMonitor(t, variables{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + c.address}, kept, published.option())
	eventually(t, "requests on disk", func() bool { return m.exporter.onDisk() >= 50 })
	if w := get(t, m, "/health/check"); w.Code != 200 {
		t.Errorf("/health/check: got %d", w.Code)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	began := time.Now()
	if err := m.Shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("shutdown took %v, want at most its deadline of two seconds", took)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*.otlp"))
	if err != nil || len(left) != len(published.byTime) {
		t.Errorf("%d requests are on disk, %v, want those of all %d ticks", len(left), err, len(published.byTime))
	}
}

// TestTickDoesNotWaitForACollectorThatNeverAnswers has an interval at which a request may take five seconds.
func TestTickDoesNotWaitForACollectorThatNeverAnswers(t *testing.T) {
	_, kept := spoolIn(t)
	c := startCollector(t, "127.0.0.1:0")
	asked := make(chan struct{})
	var once sync.Once
	c.answers(func(ctx context.Context) error {
		once.Do(func() { close(asked) })
		return silent(ctx)
	})
	m := startMonitor(t, variables{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + c.address}, kept, WithInterval(10*time.Second))
	<-asked
	began := time.Now()
	m.cancel()
	<-m.ticking
	if took := time.Since(began); took > m.exporter.timeout/2 {
		t.Errorf("the tick ended %v after its request was sent, want at once", took)
	}
}

func TestShutdownKeepsWhatCannotBeSent(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer func(context.Context) error
		left   int
	}{{"away", nil, 1}, {"silent", silent, 1}, {"not ready", refuse(codes.Unavailable), 1}, {"refusing for good", refuse(codes.InvalidArgument), 0}} {
		t.Run(test.name, func(t *testing.T) {
			dir, kept := spoolIn(t)
			address := freeAddress(t)
			if test.answer != nil {
				c := startCollector(t, "127.0.0.1:0")
				c.answers(test.answer)
				address = c.address
			}
			variables{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + address}.set(t)
			m, err := Start(t.Context(), WithInterval(time.Minute), new(logBuffer).option(), kept)
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, "a snapshot", func() bool { return m.Snapshot() != nil })
			const deadline = 5 * time.Second // half of what a request may take
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			began := time.Now()
			if err := m.Shutdown(ctx); err != nil {
				t.Errorf("shutdown: %v", err)
			}
			if took := time.Since(began); took > deadline {
				t.Errorf("took %v, want at most its deadline of %v", took, deadline)
			}
			left, err := filepath.Glob(filepath.Join(dir, "*.otlp"))
			if err != nil || len(left) != test.left {
				t.Errorf("%d requests are on disk, %v, want %d", len(left), err, test.left)
			}
		})
	}
}

// TestShutdownOutOfTimeLetsGoOfTheSpool has no time at all, while a request is on its way.
func TestShutdownOutOfTimeLetsGoOfTheSpool(t *testing.T) {
	dir, kept := spoolIn(t)
	c := startCollector(t, "127.0.0.1:0")
	c.answers(silent)
	variables{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + c.address}.set(t)
	m, err := Start(t.Context(), WithInterval(time.Minute), new(logBuffer).option(), kept)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "a request", func() bool { return m.exporter.waiting() > 0 })
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	if err := m.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "disk") {
		t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
	}
	next := spool.New(spool.Config{Dir: dir, MaxBytes: 1 << 20, MaxAge: time.Hour})
	eventually(t, "the folder for the next process", func() bool { return next.Open(time.Now()) == nil })
	if err := next.Close(); err != nil {
		t.Error(err)
	}
}

// TestStateOfTheSpoolIsSeen looks at it where people and machines do.
func TestStateOfTheSpoolIsSeen(t *testing.T) {
	_, kept := spoolIn(t)
	c := startCollector(t, "127.0.0.1:0")
	m := startMonitor(t, variables{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + c.address}, kept)
	otlp := func() (o struct {
		Condition, Spool, Error string
		LastSuccess             time.Time `json:"last_success"`
		Queued, Replayed        int
		Dropped                 int
		QueuedBytes             int            `json:"queued_bytes"`
		DroppedByReason         map[string]int `json:"dropped_by_reason"`
	}) {
		var body struct{ OTLP any }
		body.OTLP = &o
		if err := json.Unmarshal(get(t, m, "/health/api/current").Body.Bytes(), &body); err != nil {
			t.Fatal(err)
		}
		return o
	}
	eventually(t, "a success", func() bool { return !otlp().LastSuccess.IsZero() })
	if o := otlp(); o.Condition != "ok" || o.Spool != "ok" || o.Queued != 0 {
		t.Errorf("got %+v", o)
	}
	c.answers(refuse(codes.Unavailable))
	eventually(t, "requests on disk", func() bool {
		o := otlp()
		return o.Condition == "away" && o.Queued > 2 && o.QueuedBytes > 1000 && o.Error != ""
	})
	eventually(t, "their number among the metrics", func() bool { return nextSnapshot(t, m).Value(health.MetricSpoolLength) > 2 })
	if size := m.Snapshot().Value(health.MetricSpoolSize); !(size > 1000) {
		t.Errorf("size: got %v", size)
	}
	c.answers(nil)
	eventually(t, "that they are sent", func() bool { o := otlp(); return o.Condition == "ok" && o.Queued == 0 && o.Replayed > 2 })
	s := nextSnapshot(t, m)
	if replayed := s.Value(health.MetricSpoolReplayed); !(replayed > 2) {
		t.Errorf("replayed: got %v", replayed)
	}
	if at := s.Value(health.MetricOTLPSuccess); float64(at) < float64(s.Time.Unix()-60) || float64(at) > float64(s.Time.Unix()+1) {
		t.Errorf("last success: got %v at %v", at, s.Time)
	}
	c.answers(refuse(codes.InvalidArgument))
	eventually(t, "that some are rejected", func() bool {
		o := otlp()
		return o.Condition == "rejected" && o.DroppedByReason["rejected"] == o.Dropped && o.Dropped > 0
	})
	for r := range nextSnapshot(t, m).All(health.MetricSpoolDropped) {
		if r.Value != 0 {
			t.Errorf("%v requests were dropped for %q", r.Value, r.Attribute(health.AttrReason))
		}
	}
}

// TestSecondMonitorExportsWithoutTheSpool gives two the same folder.
func TestSecondMonitorExportsWithoutTheSpool(t *testing.T) {
	_, kept := spoolIn(t)
	c := startCollector(t, "127.0.0.1:0")
	endpoint := variables{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + c.address}
	startMonitor(t, endpoint, kept)
	var log logBuffer
	second := startMonitor(t, endpoint, kept, log.option())
	eventually(t, "its requests", func() bool { return second.exporter.state().LastSuccess != time.Time{} })
	if s := second.exporter.state(); s.Spool != health.SpoolInUse || s.SpoolError == "" {
		t.Errorf("state: got %+v", s)
	}
	if lines := log.lines("another process has the folder"); len(lines) != 1 {
		t.Errorf("logged %q, want one line", lines)
	}
}

// TestWithoutSpoolThereIsNone looks for what must not be there.
func TestWithoutSpoolThereIsNone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	c := startCollector(t, "127.0.0.1:0")
	m := startMonitor(t, variables{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + c.address, "HEALTH_SPOOL_DIR": dir}, WithoutSpool())
	eventually(t, "a request", func() bool { return c.received() > 0 })
	if s := m.exporter.state(); s.Spool != health.SpoolOff {
		t.Errorf("state: got %+v", s)
	}
	if _, ok := nextSnapshot(t, m).Find(health.MetricSpoolLength); ok {
		t.Error("its length is among the metrics")
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder: %v", err)
	}
}

func TestWithoutExportThereIsNoSpool(t *testing.T) {
	dir, kept := spoolIn(t)
	m := startMonitor(t, nil, kept)
	eventually(t, "a snapshot", func() bool { return m.Snapshot() != nil })
	if m.Snapshot().OTLP != nil {
		t.Errorf("state: got %+v", m.Snapshot().OTLP)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder: %v", err)
	}
}
