package history

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/jmoiron/sqlx"
	"go.opentelemetry.io/otel/attribute"

	"github.com/otelhealth/otelhealth-go/health"
)

// Bounds on the series that have no column of their own.
const (
	maxPerSample  = 2000  // in one layout, and so in one sample
	maxDictionary = 20000 // in the file
	sparseFor     = 360   // samples that must leave most of a layout empty before a smaller one is begun
)

// catalog is the recorder's dictionary: which series there are, and at which position of the layout each stands. When a
// transaction fails, the catalog is to be read again.
type catalog struct {
	series    map[seriesKey]int64
	current   int64                        // layout; 0: none yet
	last      int64                        // the highest layout
	order     []int64                      // series by position
	positions map[int64]int                // position by series
	values    []float64                    // by position, of the sample being recorded
	sparse    int                          // samples in a row that left most positions empty
	refused   int                          // readings of the last sample that found no place
	totals    map[int64]bool               // series that count up from the start of the process
	metrics   map[string]health.MetricInfo // of this module
	cache     layoutCache                  // of this file alone, and of what is not committed yet too
}

type seriesKey struct {
	name, scope string
	attributes  attribute.Distinct
}

// readCatalog reads the dictionary and the newest layout.
func readCatalog(ctx context.Context, q sqlx.QueryerContext) (*catalog, error) {
	c := &catalog{
		series: make(map[seriesKey]int64), positions: make(map[int64]int), totals: make(map[int64]bool),
		metrics: make(map[string]health.MetricInfo),
	}
	for _, info := range health.Vocabulary() {
		c.metrics[info.Name] = info
	}
	rows, err := q.QueryxContext(ctx, `SELECT id, name, scope, attributes FROM series`)
	if err != nil {
		return nil, fmt.Errorf("read the dictionary: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var name, scope, text string
		if err := rows.Scan(&id, &name, &scope, &text); err != nil {
			return nil, fmt.Errorf("read the dictionary: %w", err)
		}
		set, err := decodeAttributes(text)
		if err != nil {
			return nil, fmt.Errorf("read the dictionary: series %d: %w", id, err)
		}
		c.note(seriesKey{name, scope, set.Equivalent()}, id)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the dictionary: %w", err)
	}
	if err := sqlx.GetContext(ctx, q, &c.last, `SELECT ifnull(max(layout), 0) FROM layouts`); err != nil {
		return nil, fmt.Errorf("read the newest layout: %w", err)
	}
	order, err := readLayout(ctx, q, c.last)
	if err != nil {
		return nil, err
	}
	c.use(c.last, order)
	return c, nil
}

func readLayout(ctx context.Context, q sqlx.QueryerContext, id int64) ([]int64, error) {
	var order []int64
	err := sqlx.SelectContext(ctx, q, &order, `SELECT series FROM layouts WHERE layout = ? ORDER BY position`, id)
	if err != nil {
		return nil, fmt.Errorf("read layout %d: %w", id, err)
	}
	return order, nil
}

func (c *catalog) finder(ctx context.Context, q sqlx.QueryerContext) layoutFinder {
	return layoutFinder{ctx, q, &c.cache}
}

func (c *catalog) use(id int64, order []int64) {
	c.current, c.order = id, order
	c.values = make([]float64, len(order))
	clear(c.positions)
	for i, series := range order {
		c.positions[series] = i
	}
}

// take finds the readings of a snapshot that have no column, one for each series, and makes the layout fit them.
func (c *catalog) take(ctx context.Context, tx *sqlx.Tx, s *health.Snapshot) ([]reading, error) {
	found := make(map[int64]float64, len(c.order))
	c.refused = 0
	for i := range s.Metrics {
		m := &s.Metrics[i]
		if hasColumn(m.Name) {
			continue
		}
		for _, r := range m.Readings {
			if !health.Number(r.Value).Known() {
				continue
			}
			id, err := c.id(ctx, tx, m, r.Attributes)
			if err != nil {
				return nil, err
			}
			if id == 0 || len(found) >= maxPerSample {
				c.refused++
				continue
			}
			found[id] = rounded(m, r.Value)
		}
	}
	readings := make([]reading, 0, len(found))
	for id, v := range found {
		readings = append(readings, reading{id, v})
	}
	slices.SortFunc(readings, func(x, y reading) int { return int(x.series - y.series) })
	return readings, c.fit(ctx, tx, readings)
}

// id returns the number of a series, which is new when it was never seen; 0 when the dictionary is full.
func (c *catalog) id(ctx context.Context, tx *sqlx.Tx, m *health.Metric, set attribute.Set) (int64, error) {
	key := seriesKey{m.Name, m.Scope, set.Equivalent()}
	id, ok := c.series[key]
	if ok || len(c.series) >= maxDictionary {
		return id, nil
	}
	// Attributes that differ in type alone read the same as text: they share one series.
	err := tx.GetContext(ctx, &id, `INSERT INTO series (name, unit, scope, attributes) VALUES (?, ?, ?, ?)
		ON CONFLICT (name, scope, attributes) DO UPDATE SET unit = excluded.unit RETURNING id`,
		m.Name, m.Unit, m.Scope, encodeAttributes(set))
	if err != nil {
		return 0, fmt.Errorf("add series %s: %w", m.Name, err)
	}
	c.note(key, id)
	return id, nil
}

func (c *catalog) note(key seriesKey, id int64) {
	c.series[key] = id
	if isOwn(key.scope) && c.metrics[key.name].Kind == health.Counter {
		c.totals[id] = true
	}
}

func isOwn(scope string) bool { return scope == health.Scope || scope == health.RuntimeScope }

// rounded leaves of this module's own readings what they are exact to: utilizations to 1/10,000, times to microseconds.
func rounded(m *health.Metric, v float64) float64 {
	switch {
	case !isOwn(m.Scope):
		return v
	case m.Unit == "1":
		return math.Round(v*1e4) / 1e4
	case m.Unit == "s":
		return math.Round(v*1e6) / 1e6
	}
	return v
}

// fit makes the current layout hold all the readings, and a smaller one when it has long been mostly empty.
func (c *catalog) fit(ctx context.Context, tx *sqlx.Tx, readings []reading) error {
	ids := make([]int64, len(readings))
	for i, r := range readings {
		ids[i] = r.series
	}
	c.sparse++
	if len(c.order) <= 2*len(ids)+16 {
		c.sparse = 0
	}
	if c.sparse > sparseFor {
		c.sparse = 0
		return c.begin(ctx, tx, ids)
	}
	return c.include(ctx, tx, ids)
}

// include makes the current layout hold all these series.
func (c *catalog) include(ctx context.Context, tx *sqlx.Tx, ids []int64) error {
	var fresh []int64
	for _, id := range ids {
		if _, ok := c.positions[id]; !ok {
			fresh = append(fresh, id)
		}
	}
	switch {
	case len(fresh) == 0:
		return nil
	case len(c.order)+len(fresh) > maxPerSample:
		return c.begin(ctx, tx, ids)
	default:
		return c.begin(ctx, tx, slices.Concat(c.order, fresh))
	}
}

// begin makes a layout of these series the current one.
func (c *catalog) begin(ctx context.Context, tx *sqlx.Tx, order []int64) error {
	c.last++
	for position, series := range order {
		_, err := tx.ExecContext(ctx, `INSERT INTO layouts (layout, position, series) VALUES (?, ?, ?)`, c.last, position, series)
		if err != nil {
			return fmt.Errorf("begin layout %d: %w", c.last, err)
		}
	}
	c.use(c.last, order)
	return nil
}

// encode writes the readings in the current layout, which holds them.
func (c *catalog) encode(b []byte, readings []reading) []byte {
	for i := range c.values {
		c.values[i] = math.NaN()
	}
	for _, r := range readings {
		c.values[c.positions[r.series]] = r.value
	}
	return encodeReadings(b, c.values)
}

func encodeAttributes(set attribute.Set) string {
	attributes := make(map[string]string, set.Len())
	for i := set.Iter(); i.Next(); {
		kv := i.Attribute()
		attributes[string(kv.Key)] = kv.Value.String()
	}
	text, err := json.Marshal(attributes)
	if err != nil {
		panic("encode attributes: " + err.Error()) // strings always can be
	}
	return string(text)
}

// decodeAttributes makes every value a string again; those that were none get their number anew at the first sample.
func decodeAttributes(text string) (attribute.Set, error) {
	var attributes map[string]string
	if err := json.Unmarshal([]byte(text), &attributes); err != nil {
		return attribute.Set{}, fmt.Errorf("attributes: %w", err)
	}
	list := make([]attribute.KeyValue, 0, len(attributes))
	for key, value := range attributes {
		list = append(list, attribute.String(key, value))
	}
	return attribute.NewSet(list...), nil
}

// hasColumn reports whether every reading of the metric is in a sample's columns already, or, of the file's own size, not
// worth its place there.
func hasColumn(metric string) bool {
	switch metric {
	case health.MetricFDCount, health.MetricFDLimit, health.MetricMemoryRSS, health.MetricMemoryVirtual,
		health.MetricMemorySwap, health.MetricMemoryLimit, health.MetricMemoryWorking, health.MetricMemoryFree,
		health.MetricThreads, health.MetricStuck, health.MetricGoroutines, health.MetricCPUUtil, health.MetricCPUTime,
		health.MetricUptime, health.MetricStatus, health.MetricFDUtilization, health.MetricMemoryUtil,
		health.MetricHistorySize:
		return true
	}
	return false
}
