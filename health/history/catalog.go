package history

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

	"github.com/jmoiron/sqlx"
	"go.opentelemetry.io/otel/attribute"

	"github.com/otelhealth/otelhealth-go/health"
)

// Bounds on the series that have no column of their own.
const (
	maxPerSample  = 2000  // in one sample, and in one layout
	maxDictionary = 20000 // in the file
	textShare     = 8     // names and attributes may take one part in so many of the file
)

// catalog is the recorder's dictionary: which series there are, and at which position of the layout each stands. When a
// transaction fails, the catalog is to be read again.
type catalog struct {
	series  map[seriesKey]*series
	byID    map[int64]*series
	layout  layout
	samples int64                        // recorded since the catalog was read
	latest  int64                        // time of the latest of them, Unix milliseconds
	text    int                          // bytes of names and attributes
	most    int                          // of them
	refused int                          // readings of the last sample that found no place
	metrics map[string]health.MetricInfo // of this module
	cache   layoutCache                  // of this file alone, and of what is not committed yet too
}

// series is one metric with one set of attributes.
type series struct {
	id       int64
	size     int   // bytes of its names and attributes
	isTotal  bool  // it counts up from the start of the process
	used     int64 // the start of the newest bucket of the coarsest level that holds it
	sample   int64 // the last sample that held it, by catalog.samples
	index    int   // of its reading in that sample
	position int   // in the current layout; negative: none
}

// seriesKey is what makes a series another one.
type seriesKey struct {
	name, scope string
	attributes  attribute.Distinct
}

// seriesRow is a row of the table series.
type seriesRow struct {
	ID         int64  `db:"id"`
	Name       string `db:"name"`
	Unit       string `db:"unit"`
	Scope      string `db:"scope"`
	Attributes string `db:"attributes"`
	Used       int64  `db:"used"`
}

// readCatalog reads the dictionary and the newest layout of a file that may take so many bytes.
func readCatalog(ctx context.Context, q sqlx.QueryerContext, maxBytes int64) (*catalog, error) {
	c := &catalog{
		series: make(map[seriesKey]*series), byID: make(map[int64]*series), most: int(maxBytes / textShare),
		metrics: make(map[string]health.MetricInfo),
	}
	for _, info := range health.Vocabulary() {
		c.metrics[info.Name] = info
	}
	var rows []seriesRow
	if err := sqlx.SelectContext(ctx, q, &rows, `SELECT id, name, unit, scope, attributes, used FROM series`); err != nil {
		return nil, fmt.Errorf("read the dictionary: %w", err)
	}
	for i := range rows {
		set, err := decodeAttributes(rows[i].Attributes)
		if err != nil {
			return nil, fmt.Errorf("read the dictionary: series %d: %w", rows[i].ID, err)
		}
		c.note(seriesKey{rows[i].Name, rows[i].Scope, set.Equivalent()}, &rows[i])
	}
	return c, c.readNewestLayout(ctx, q)
}

// take finds the readings of a snapshot that have no column, one for each series, and makes the layout fit them. They
// are valid until the next sample is recorded.
func (c *catalog) take(ctx context.Context, tx *sqlx.Tx, s *health.Snapshot) ([]reading, error) {
	c.samples++
	c.refused = 0
	at := s.Time.UnixMilli()
	c.latest = max(c.latest, at)
	readings := c.layout.readings[:0]
	for i := range s.Metrics {
		m := &s.Metrics[i]
		if hasColumn(m.Name) {
			continue
		}
		for _, r := range m.Readings {
			if !health.Number(r.Value).Known() {
				continue
			}
			found, err := c.find(ctx, tx, m, r.Attributes, at)
			switch {
			case err != nil:
				return nil, err
			case found == nil, len(readings) >= maxPerSample:
				c.refused++
			case found.sample == c.samples: // a second reading of one series
				readings[found.index].value = rounded(m, r.Value)
			default:
				found.sample, found.index = c.samples, len(readings)
				readings = append(readings, reading{found, rounded(m, r.Value)})
			}
		}
	}
	c.layout.readings = readings
	return readings, c.fit(ctx, tx, readings)
}

// find returns the series, which is new when it was never seen, and notes that it is used; nil: the dictionary is full.
func (c *catalog) find(ctx context.Context, tx *sqlx.Tx, m *health.Metric, set attribute.Set, at int64) (*series, error) {
	key := seriesKey{m.Name, m.Scope, set.Equivalent()}
	since := floor(at, levels[coarsest].width)
	found := c.series[key]
	switch {
	case found == nil && (len(c.series) >= maxDictionary || c.text >= c.most):
		return nil, nil
	case found == nil:
		return c.add(ctx, tx, key, seriesRow{Name: m.Name, Unit: m.Unit, Scope: m.Scope, Attributes: encodeAttributes(set), Used: since})
	case found.used >= since:
		return found, nil
	}
	found.used = since
	_, err := tx.ExecContext(ctx, `UPDATE series SET used = ? WHERE id = ?`, since, found.id)
	return found, wrap(err, "note that a series is used")
}

func (c *catalog) add(ctx context.Context, tx *sqlx.Tx, key seriesKey, row seriesRow) (*series, error) {
	// Attributes that differ in type alone read the same as text: they share one series.
	err := tx.GetContext(ctx, &row.ID, `INSERT INTO series (name, unit, scope, attributes, used) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (name, scope, attributes) DO UPDATE SET unit = excluded.unit, used = max(used, excluded.used) RETURNING id`,
		row.Name, row.Unit, row.Scope, row.Attributes, row.Used)
	if err != nil {
		return nil, fmt.Errorf("add series %s: %w", row.Name, err)
	}
	return c.note(key, &row), nil
}

// note takes a row of the dictionary into memory.
func (c *catalog) note(key seriesKey, row *seriesRow) *series {
	s := c.byID[row.ID]
	if s == nil {
		s = &series{id: row.ID, size: row.size(), position: -1, isTotal: isOwn(row.Scope) && c.metrics[row.Name].Kind == health.Counter}
		c.byID[row.ID] = s
		c.text += s.size
	}
	s.used = max(s.used, row.Used)
	c.series[key] = s
	return s
}

// size is about what the row and its entry in the index take.
func (r *seriesRow) size() int { return 2 * (len(r.Name) + len(r.Scope) + len(r.Attributes)) }

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

// hasColumn reports whether every reading of the metric is in a sample's columns already, or, of the file's own size and of
// thresholds, not worth its place there.
func hasColumn(metric string) bool {
	switch metric {
	case health.MetricFDCount, health.MetricFDLimit, health.MetricMemoryRSS, health.MetricMemoryVirtual,
		health.MetricMemorySwap, health.MetricMemoryLimit, health.MetricMemoryWorking, health.MetricMemoryFree,
		health.MetricThreads, health.MetricStuck, health.MetricGoroutines, health.MetricCPUUtil, health.MetricCPUTime,
		health.MetricUptime, health.MetricStatus, health.MetricFDUtilization, health.MetricMemoryUtil,
		health.MetricHistorySize, health.MetricThreshold:
		return true
	}
	return false
}
