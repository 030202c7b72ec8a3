package history

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

// oracle is a history in memory, by brute force.
type oracle struct {
	samples  []health.Sample
	readings []map[string]float64 // of the snapshots, by name of the series
}

func (o *oracle) add(s *health.Snapshot) {
	o.samples = append(o.samples, health.NewSample(s))
	readings := make(map[string]float64)
	for _, m := range s.Metrics {
		for _, r := range m.Readings {
			readings[seriesName(m.Name, r)] = r.Value
		}
	}
	o.readings = append(o.readings, readings)
}

func seriesName(metric string, r health.Reading) string {
	name := metric
	for i := r.Attributes.Iter(); i.Next(); {
		name += " " + string(i.Attribute().Key) + "=" + i.Attribute().Value.String()
	}
	return name
}

func infoName(info health.SeriesInfo) string {
	name := info.Name
	for _, a := range info.Attributes {
		name += " " + a.Key + "=" + a.Value
	}
	return name
}

// within calls f for each sample of [from, to), in the order of their time.
func (o *oracle) within(from, to time.Time, f func(s *health.Sample, readings map[string]float64)) {
	order := make([]int, len(o.samples))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(x, y int) int { return o.samples[x].Time.Compare(o.samples[y].Time) })
	for _, i := range order {
		if s := &o.samples[i]; !s.Time.Before(from) && s.Time.Before(to) {
			f(s, o.readings[i])
		}
	}
}

// statistics of a column, exactly.
func exactly(values []float64) health.ColumnStatistics {
	unknown := health.UnknownNumber()
	stats := health.ColumnStatistics{
		Count: len(values), Current: unknown, Min: unknown, Mean: unknown, Max: unknown, P50: unknown, P95: unknown, P99: unknown,
	}
	if len(values) == 0 {
		return stats
	}
	sorted, sum := slices.Sorted(slices.Values(values)), 0.0
	for _, v := range values {
		sum += v
	}
	rank := func(q float64) health.Number { return health.Number(sorted[int(q*float64(len(sorted)-1))]) }
	stats.Min, stats.Max = health.Number(sorted[0]), health.Number(sorted[len(sorted)-1])
	stats.Mean = health.Number(sum / float64(len(values)))
	stats.P50, stats.P95, stats.P99 = rank(0.5), rank(0.95), rank(0.99)
	return stats
}

func near(got, want health.Number, tolerance float64) bool {
	if !got.Known() || !want.Known() {
		return got.Known() == want.Known()
	}
	return math.Abs(float64(got-want)) <= tolerance*math.Abs(float64(want))+1e-12
}

func checkStatistics(t *testing.T, what string, got, want health.ColumnStatistics, tolerance float64) {
	t.Helper()
	if got.Count != want.Count {
		t.Errorf("%s: count: got %d, want %d", what, got.Count, want.Count)
	}
	for _, f := range []struct {
		name      string
		got, want health.Number
		tolerance float64
	}{
		{"min", got.Min, want.Min, tolerance}, {"mean", got.Mean, want.Mean, max(tolerance, 1e-9)}, {"max", got.Max, want.Max, tolerance},
		{"p50", got.P50, want.P50, 0.01}, {"p95", got.P95, want.P95, 0.01}, {"p99", got.P99, want.P99, 0.01},
	} {
		if !near(f.got, f.want, f.tolerance) {
			t.Errorf("%s: %s: got %v, want %v", what, f.name, f.got, f.want)
		}
	}
}

// story records half a day with everything that happens to a monitor, and returns what brute force must find.
func story(t *testing.T, seed uint64) (*Store, *oracle) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 2))
	c := Config{Path: filepath.Join(t.TempDir(), "health.db"), QueueLength: 100000}
	s, l, o := open(t, c), newLoad(seed), new(oracle)
	l.gaps = true
	l.at = epoch.Add(time.Duration(random.Int64N(int64(8 * time.Hour)))).Truncate(time.Millisecond)
	seen := make(map[time.Time]bool)
	for i := range 2600 {
		switch random.IntN(250) {
		case 0: // it was down
			l.at = l.at.Add(time.Duration(random.Int64N(int64(3 * time.Hour)))).Truncate(time.Millisecond)
		case 1: // the clock was set back
			l.at = l.at.Add(-time.Duration(random.Int64N(int64(20 * time.Minute)))).Truncate(time.Millisecond)
		case 2: // it restarted
			if err := s.Close(context.Background()); err != nil {
				t.Fatal(err)
			}
			s = open(t, c)
		case 3: // it was killed: what is in memory is gone
			flush(t, s)
			s.db.forget()
		}
		snapshot := l.next()
		if !seen[snapshot.Time] {
			seen[snapshot.Time] = true
			o.add(snapshot)
		}
		s.Record(snapshot)
		if i%5 == 0 {
			s.Record(snapshot) // repeated
		}
		if i%97 == 0 {
			flush(t, s)
		}
	}
	flush(t, s)
	return s, o
}

func TestStatisticsEqualBruteForce(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			s, o := story(t, seed)
			random := rand.New(rand.NewPCG(seed, 3))
			catalog, err := s.Catalog(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for range 60 {
				from, to := o.someRange(random)
				what := fmt.Sprintf("[%v, %v)", from.Format(time.RFC3339Nano), to.Format(time.RFC3339Nano))
				checkRange(t, s, o, what, from, to)
				checkSeriesRange(t, s, o, what, catalog[random.IntN(len(catalog))], from, to)
				if t.Failed() {
					return
				}
			}
		})
	}
}

// someRange returns a range of any length, with ends that often lie on a bucket's.
func (o *oracle) someRange(random *rand.Rand) (from, to time.Time) {
	instant := func() time.Time {
		t := o.samples[random.IntN(len(o.samples))].Time
		switch random.IntN(6) {
		case 0:
			return t.Truncate(time.Minute)
		case 1:
			return t.Truncate(15 * time.Minute)
		case 2:
			return t.Truncate(4 * time.Hour)
		case 3:
			return t.Add(time.Duration(random.IntN(20000)-10000) * time.Millisecond)
		}
		return t
	}
	from, to = instant(), instant()
	if random.IntN(3) == 0 {
		to = from.Add(time.Duration(random.IntN(1000)) * time.Second)
	}
	if to.Before(from) {
		from, to = to, from
	}
	return from, to.Add(time.Millisecond)
}

func checkRange(t *testing.T, s *Store, o *oracle, what string, from, to time.Time) {
	t.Helper()
	got, err := s.Statistics(t.Context(), from, to)
	if err != nil {
		t.Fatal(err)
	}
	values := make([][]float64, numRolled)
	var statuses [numComponents]health.Counts
	var covered, up time.Duration
	var first time.Time
	newest, n := health.Sample{}, 0
	o.within(from, to, func(sample *health.Sample, _ map[string]float64) {
		if n++; first.IsZero() {
			first = sample.Time
		}
		newest = *sample
		within := min(sample.Interval, to.Sub(sample.Time))
		covered += within
		if sample.Status.Overall != health.Fail {
			up += within
		}
		for i, v := range sampleValues(sample) {
			if i < numRolled && v.Known() {
				values[i] = append(values[i], float64(*v))
			}
		}
		for i, st := range sampleStatuses(&sample.Status) {
			c := &statuses[i]
			*map[health.Status]*int{health.Pass: &c.Pass, health.Warn: &c.Warn, health.Fail: &c.Fail, health.Unknown: &c.Unknown}[*st]++
		}
	})
	if got.Samples != n {
		t.Errorf("%s: got %d samples, want %d", what, got.Samples, n)
	}
	for i, c := range rolledColumns {
		checkStatistics(t, what+" "+string(c), got.Columns[c], exactly(values[i]), 0)
		if want := *sampleValues(&newest)[i]; n > 0 && !near(got.Columns[c].Current, want, 0) {
			t.Errorf("%s %s: current: got %v, want %v", what, c, got.Columns[c].Current, want)
		}
	}
	for i, name := range componentNames() {
		if got.Status[name] != statuses[i] {
			t.Errorf("%s %s: got %+v, want %+v", what, name, got.Status[name], statuses[i])
		}
	}
	if n == 0 {
		return
	}
	length := to.Sub(first)
	for name, share := range map[string]struct {
		got  health.Number
		want time.Duration
	}{"uptime": {got.Uptime, up}, "coverage": {got.Coverage, covered}} {
		if want := min(1, share.want.Seconds()/length.Seconds()); !near(share.got, health.Number(want), 1e-9) {
			t.Errorf("%s: %s: got %v, want %v", what, name, share.got, want)
		}
	}
}

func checkSeriesRange(t *testing.T, s *Store, o *oracle, what string, info health.SeriesInfo, from, to time.Time) {
	t.Helper()
	got, err := s.SeriesStatistics(t.Context(), info.ID, from, to)
	if err != nil {
		t.Fatal(err)
	}
	var values []float64
	o.within(from, to, func(_ *health.Sample, readings map[string]float64) {
		if v, ok := readings[infoName(info)]; ok {
			values = append(values, v)
		}
	})
	want := exactly(values)
	if kind := kindOf(info.Name); kind == health.Counter {
		got.Mean, got.P50, got.P95, got.P99 = want.Mean, want.P50, want.P95, want.P99 // of a total they mean nothing
	}
	checkStatistics(t, what+" "+infoName(info), rough(got), rough(want), 1e-3)
}

// rough forgives what rounding to four decimals does to small values.
func rough(s health.ColumnStatistics) health.ColumnStatistics {
	for _, v := range []*health.Number{&s.Min, &s.Mean, &s.Max, &s.P50, &s.P95, &s.P99} {
		if v.Known() && math.Abs(float64(*v)) < 0.05 {
			*v = 0
		}
	}
	return s
}

func kindOf(metric string) health.Kind {
	for _, info := range health.Vocabulary() {
		if info.Name == metric {
			return info.Kind
		}
	}
	return ""
}

func TestSeriesEqualBruteForce(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			s, o := story(t, seed+10)
			random := rand.New(rand.NewPCG(seed, 4))
			catalog, err := s.Catalog(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for range 40 {
				from, to := o.someRange(random)
				r := health.SeriesRequest{
					From: from, To: to, Points: 2 + random.IntN(800), Columns: []health.Column{health.ColumnMemoryRSS, health.ColumnFDCount},
					Series: []int64{catalog[random.IntN(len(catalog))].ID},
				}
				steps := []time.Duration{0, 7 * time.Second, time.Minute, 90 * time.Second, 15 * time.Minute, 8 * time.Hour}
				if r.Step = steps[random.IntN(len(steps))]; to.Sub(from) > 5000*r.Step {
					r.Step = 0
				}
				got, err := s.Series(t.Context(), r)
				if err != nil {
					t.Fatal(err)
				}
				checkBuckets(t, o, r, got, catalog)
				if t.Failed() {
					return
				}
			}
		})
	}
}

func checkBuckets(t *testing.T, o *oracle, r health.SeriesRequest, got health.Buckets, catalog []health.SeriesInfo) {
	t.Helper()
	if r.Step == 0 && len(got.Buckets) > r.Points || r.Step > 0 && got.Width != r.Step {
		t.Errorf("got %d buckets of %v, want at most %d, or of %v", len(got.Buckets), got.Width, r.Points, r.Step)
	}
	name := ""
	for _, info := range catalog {
		if info.ID == r.Series[0] {
			name = infoName(info)
		}
	}
	i := -1
	values := make([][]float64, 3)
	samples := 0
	check := func() {
		if i < 0 {
			return
		}
		b := got.Buckets[i]
		if b.Samples != samples {
			t.Errorf("bucket %v: got %d samples, want %d", b.Time, b.Samples, samples)
		}
		for j, v := range values {
			want := exactly(v)
			tolerance := []float64{0, 0, 1e-2}[j]
			if b.Values[j].Count != want.Count || !near(b.Values[j].Min, want.Min, tolerance) ||
				!near(b.Values[j].Max, want.Max, tolerance) || j < 2 && !near(b.Values[j].Mean, want.Mean, 1e-9) {
				t.Errorf("bucket %v, value %d: got %+v, want %+v", b.Time, j, b.Values[j], want)
			}
			values[j] = v[:0]
		}
		samples = 0
	}
	o.within(r.From, r.To, func(s *health.Sample, readings map[string]float64) {
		for i < 0 || !s.Time.Before(got.Buckets[i].Time.Add(got.Width)) {
			check()
			if i++; i == len(got.Buckets) {
				t.Fatalf("no bucket for %v", s.Time)
			}
		}
		if s.Time.Before(got.Buckets[i].Time) {
			t.Fatalf("no bucket for %v", s.Time)
		}
		samples++
		for j, v := range []health.Number{s.MemoryRSS, s.FDCount} {
			if v.Known() {
				values[j] = append(values[j], float64(v))
			}
		}
		if v, ok := readings[name]; ok {
			values[2] = append(values[2], v)
		}
	})
	check()
}

// TestUptimeEndsWithTheRange: of the last sample's interval only what lies within the range counts.
func TestUptimeEndsWithTheRange(t *testing.T) {
	s, l := open(t, Config{}), newLoad(1)
	l.interval = time.Minute
	for _, overall := range []health.Status{health.Fail, health.Pass} {
		snapshot := l.next()
		snapshot.Overall = overall
		s.Record(snapshot)
	}
	flush(t, s)
	stats, err := s.Statistics(t.Context(), epoch, epoch.Add(80*time.Second))
	if err != nil || !near(stats.Uptime, 0.25, 1e-9) || stats.Coverage != 1 {
		t.Errorf("got an uptime of %v and a coverage of %v, want 20 s and all of 80: %v", stats.Uptime, stats.Coverage, err)
	}
}

// TestCurrentOfWhatIsRolledUp: where the samples are gone, the newest rollup of the range says what was current.
func TestCurrentOfWhatIsRolledUp(t *testing.T) {
	s, l := open(t, Config{Retention: time.Hour}), newLoad(1)
	l.interval = 30 * time.Second
	for i := range 600 {
		snapshot := l.next()
		for j := range snapshot.Metrics {
			if m := &snapshot.Metrics[j]; m.Name == health.MetricFDCount {
				m.Readings[0].Value = float64(i / 2)
			}
		}
		s.Record(snapshot)
		if i%60 == 0 {
			flush(t, s)
		}
	}
	flush(t, s)
	to := epoch.Add(2 * time.Hour).Truncate(time.Minute)
	stats, err := s.Statistics(t.Context(), epoch.Add(time.Hour), to)
	want := health.Number(to.Add(-time.Minute).Sub(epoch) / time.Minute)
	if got := stats.Columns[health.ColumnFDCount].Current; err != nil || got < want || got > want+1 {
		t.Errorf("got %v, %v, want about %v", got, err, want)
	}
}
