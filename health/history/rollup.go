package history

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/otelhealth/otelhealth-go/health"
)

// bucket is what a level is filling.
type bucket struct {
	start int64 // Unix milliseconds; negative: none yet
	sum   *aggregate
}

// rollups are the recorder's buckets. They are filled as samples are recorded; a bucket's row is written when a sample
// falls into another bucket. When a transaction fails, they are to be read again.
type rollups struct {
	buckets [numLevels]bucket // that of raw is unused

	pruned   [numLevels]int64 // what is older was deleted
	latest   int64            // time of the latest sample, Unix milliseconds
	isBehind bool             // the last sample is not the latest
}

// readRollups sums up again what the open buckets held, from finer rows.
func readRollups(ctx context.Context, q sqlx.QueryerContext, c *catalog) (*rollups, error) {
	reaches, err := readReach(ctx, q)
	if err != nil {
		return nil, err
	}
	r, sketches, find := new(rollups), newSketcher(), c.finder(ctx, q)
	r.isBehind = reaches[raw].open >= 0
	r.reach(&reaches)
	if err := sqlx.GetContext(ctx, q, &r.latest, `SELECT ifnull(max(time), 0) FROM samples`); err != nil {
		return nil, fmt.Errorf("read the latest sample: %w", err)
	}
	for at := raw + 1; at < numLevels; at++ {
		l, b := &levels[at], &r.buckets[at]
		b.start, b.sum = reaches[at].open, newAggregate(sketches, l.sketchReadings)
		if b.start < 0 {
			continue
		}
		skip := func(finer int) bool { return l.sketchReadings && finer > raw && !levels[finer].sketchReadings }
		sel := everything(l.sketchReadings)
		for _, p := range cover(b.start, b.start+l.width, at-1, &reaches, skip) {
			err := p.read(ctx, q, sel, func(row *row) error { return b.sum.merge(row, sel, find) })
			if err != nil {
				return nil, fmt.Errorf("take up an unfinished bucket: %w", err)
			}
		}
	}
	return r, nil
}

// everything selects all that a rollup is made of.
func everything(readingSketches bool) *selection {
	sel := &selection{statuses: true, sketches: true, readings: true, readingSketches: readingSketches}
	for i := range numRolled {
		sel.columns = append(sel.columns, i)
	}
	return sel
}

// add rolls a sample up, of which the table samples did not hold one for that time.
func (r *rollups) add(ctx context.Context, tx *sqlx.Tx, c *catalog, s *health.Sample, readings []reading) error {
	at := s.Time.UnixMilli()
	if err := r.place(ctx, tx, at); err != nil {
		return err
	}
	for i := raw + 1; i < numLevels; i++ {
		b := &r.buckets[i]
		if start := floor(at, levels[i].width); b.start != start {
			if err := b.turn(ctx, tx, &levels[i], c, start); err != nil {
				return err
			}
		}
		b.sum.add(s, readings)
	}
	return nil
}

// place notes that a sample is the last one, and where it was recorded in a time of which samples were deleted before: the
// clock was set back.
func (r *rollups) place(ctx context.Context, tx *sqlx.Tx, at int64) error {
	isBehind := at < r.latest
	r.latest = max(r.latest, at)
	if isBehind || r.isBehind {
		_, err := tx.ExecContext(ctx, `UPDATE resolutions SET open_time = iif(?, ?, NULL) WHERE seconds = 0`, isBehind, at)
		if err != nil {
			return fmt.Errorf("note the last sample: %w", err)
		}
	}
	r.isBehind = isBehind
	for i := range levels {
		start := floor(at, max(1, levels[i].width))
		if start >= r.pruned[i] {
			continue
		}
		r.pruned[i] = start
		_, err := tx.ExecContext(ctx, `UPDATE resolutions SET pruned_until = ? WHERE seconds = ?`, start, levels[i].width/1000)
		if err != nil {
			return fmt.Errorf("note that %s reaches further back: %w", levels[i].table, err)
		}
	}
	return nil
}

// learn reads what has been deleted.
func (r *rollups) learn(ctx context.Context, q sqlx.QueryerContext) error {
	reaches, err := readReach(ctx, q)
	if err == nil {
		r.reach(&reaches)
	}
	return err
}

func (r *rollups) reach(reaches *[numLevels]reach) {
	for i := range reaches {
		r.pruned[i] = reaches[i].pruned
	}
}

// turn writes the bucket and begins another, or goes on with it where it was begun before: the clock was set back.
func (b *bucket) turn(ctx context.Context, tx *sqlx.Tx, l *level, c *catalog, start int64) error {
	if b.sum.samples > 0 {
		if err := b.write(ctx, tx, l, c); err != nil {
			return fmt.Errorf("write %s: %w", l.table, err)
		}
	}
	b.sum.reset()
	b.start = start
	if err := b.resume(ctx, tx, l, c); err != nil {
		return fmt.Errorf("go on with a bucket of %s: %w", l.table, err)
	}
	_, err := tx.ExecContext(ctx, `UPDATE resolutions SET open_time = ? WHERE seconds = ?`, start, l.width/1000)
	if err != nil {
		return fmt.Errorf("begin a bucket of %s: %w", l.table, err)
	}
	return nil
}

// resume takes in the bucket's row where there is one.
func (b *bucket) resume(ctx context.Context, tx *sqlx.Tx, l *level, c *catalog) error {
	var there bool
	err := tx.GetContext(ctx, &there, "SELECT EXISTS (SELECT 1 FROM "+l.table+" WHERE time = ?)", b.start)
	if err != nil || !there {
		return err
	}
	sel, find := everything(l.sketchReadings), c.finder(ctx, tx)
	return l.read(ctx, tx, sel, b.start, b.start+1, func(row *row) error { return b.sum.merge(row, sel, find) })
}

// write stores the bucket's row, in the order of rollupColumns.
func (b *bucket) write(ctx context.Context, tx *sqlx.Tx, l *level, c *catalog) error {
	a := b.sum
	args := make([]any, 0, 128)
	args = append(args, b.start, a.samples, a.covered, a.up)
	missing := make(map[health.Column]int64)
	var sketches []byte
	for i := range a.columns {
		s := &a.columns[i]
		if s.count == 0 {
			args = append(args, nil, nil, nil)
			continue
		}
		args = append(args, stored(s.min), stored(s.mean()), stored(s.max))
		if s.count < a.samples {
			missing[rolledColumns[i]] = a.samples - s.count
		}
		sketches = appendSketch(sketches, int64(i), s)
	}
	for _, n := range a.statuses {
		args = append(args, n.unknown, n.warn, n.fail)
	}
	var missed any
	if len(missing) > 0 {
		text, err := json.Marshal(missing)
		if err != nil {
			return err
		}
		missed = string(text)
	}
	args = append(args, missed)
	args = append(args, b.readings(l, c)...)
	if _, err := tx.ExecContext(ctx, insert("REPLACE", l.table, rollupColumns(l)), args...); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "REPLACE INTO "+l.sketches+" (time, sketches, reading_sketches) VALUES (?, ?, ?)",
		b.start, sketches, b.readingSketches(c))
	return err
}

// readings returns the values of the last columns, after missing.
func (b *bucket) readings(l *level, c *catalog) []any {
	var order []*series
	if l.layouts {
		order = c.layout.order
	}
	text, others, placed := []byte("["), []byte(nil), false
	for i, s := range order {
		if i > 0 {
			text = append(text, ',')
		}
		var of *stat
		if s != nil {
			of = b.sum.series[s.id]
			placed = placed || of != nil && of.count > 0
		}
		text = appendStat(text, of, b.sum.samples, s != nil && s.isTotal)
	}
	for _, id := range b.sum.seriesIDs() {
		if s := c.byID[id]; s != nil && (s.position < 0 || !l.layouts) {
			others = appendStat(appendKey(others, id), b.sum.series[id], b.sum.samples, s.isTotal)
		}
	}
	var columns []any
	switch {
	case l.layouts && placed:
		columns = append(columns, c.layout.id, string(append(text, ']')))
	case l.layouts:
		columns = append(columns, nil, nil)
	}
	if len(others) == 0 {
		return append(columns, nil)
	}
	return append(columns, string(append(others, '}')))
}

func (b *bucket) readingSketches(c *catalog) (sketches []byte) {
	for _, id := range b.sum.seriesIDs() {
		if s := c.byID[id]; s != nil && !s.isTotal {
			sketches = appendSketch(sketches, id, b.sum.series[id])
		}
	}
	return sketches
}

func rollupColumns(l *level) []string {
	list := []string{"time", "samples", "covered_ms", "up_ms"}
	for _, c := range rolledColumns {
		list = append(list, string(c)+"_min", string(c)+"_mean", string(c)+"_max")
	}
	for _, c := range components {
		list = append(list, c+"_unknown", c+"_warn", c+"_fail")
	}
	if l.layouts {
		return append(list, "missing", "layout", "readings", "others")
	}
	return append(list, "missing", "readings")
}

func insert(verb, table string, columns []string) string {
	marks := strings.Repeat(", ?", len(columns))[2:]
	return verb + " INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES (" + marks + ")"
}
