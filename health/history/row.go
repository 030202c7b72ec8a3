package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/otelhealth/otelhealth-go/health"
)

// selection says what is read of each row.
type selection struct {
	columns  []int // numbers of rolled columns
	statuses bool  // of all components, and the time that the samples cover
	overall  bool  // of the overall status alone
	sketches bool  // of the columns
	readings bool
	series   []int64 // of the readings these alone, in ascending order; nil: all
	// readingSketches come with readings, where the level keeps them.
	readingSketches bool
}

// row is one sample or one bucket, as far as it was selected. It is reused from row to row.
type row struct {
	time, samples, covered, up int64

	stats           [numRolled]stat // of the selected columns
	statuses        [numComponents]counts
	missing         sql.RawBytes
	sketches        sql.RawBytes
	layout          int64
	readings        sql.RawBytes
	others          sql.RawBytes
	readingSketches sql.RawBytes
}

// wants reports whether the readings of a series are selected.
func (sel *selection) wants(series int64) bool {
	if sel.series == nil {
		return true
	}
	_, ok := slices.BinarySearch(sel.series, series)
	return ok
}

// expressions returns what is selected from a level's table.
func (sel *selection) expressions(l *level) []string {
	if l.width == 0 {
		return sel.ofSamples()
	}
	list := []string{"time", "samples"}
	for _, c := range sel.columns {
		name := string(rolledColumns[c])
		list = append(list, name+"_min", name+"_mean", name+"_max")
	}
	if len(sel.columns) > 0 {
		list = append(list, "missing")
	}
	if sel.overall {
		list = append(list, "overall_unknown", "overall_warn", "overall_fail")
	}
	if sel.statuses {
		list = append(list, "covered_ms", "up_ms")
		for _, c := range components {
			list = append(list, c+"_unknown", c+"_warn", c+"_fail")
		}
	}
	if sel.sketches {
		list = append(list, "sketches")
	}
	if sel.readings {
		list = append(list, l.readingsColumns()...)
	}
	if sel.readingSketches {
		list = append(list, "reading_sketches")
	}
	return list
}

// readingsColumns returns what is selected as layout, readings and others.
func (l *level) readingsColumns() []string {
	if l.layouts {
		return []string{"ifnull(layout, 0)", "readings", "others"}
	}
	return []string{"0", "NULL", "readings"}
}

func (sel *selection) ofSamples() []string {
	list := []string{"time"}
	for _, c := range sel.columns {
		list = append(list, string(rolledColumns[c]))
	}
	if sel.overall {
		list = append(list, "overall_status")
	}
	if sel.statuses {
		list = append(list, "interval_ms")
		for _, c := range components {
			list = append(list, c+"_status")
		}
	}
	if sel.readings {
		list = append(list, levels[raw].readingsColumns()...)
	}
	return list
}

// scanner reads the rows of one level into a row.
type scanner struct {
	sel      *selection
	level    *level
	row      row
	dest     []any
	min      [numRolled]number
	mean     [numRolled]number
	max      [numRolled]number
	interval int64
	status   [numComponents]status
}

func newScanner(sel *selection, l *level) *scanner {
	s := &scanner{sel: sel, level: l}
	r := &s.row
	add := func(dest ...any) { s.dest = append(s.dest, dest...) }
	rolled := l.width > 0
	add(&r.time)
	if rolled {
		add(&r.samples)
	}
	for _, c := range sel.columns {
		if rolled {
			add(&s.min[c], &s.mean[c], &s.max[c])
		} else {
			add(&s.mean[c])
		}
	}
	if rolled && len(sel.columns) > 0 {
		add(&r.missing)
	}
	switch {
	case sel.overall && rolled:
		add(&r.statuses[0].unknown, &r.statuses[0].warn, &r.statuses[0].fail)
	case sel.overall:
		add(&s.status[0])
	case sel.statuses && rolled:
		add(&r.covered, &r.up)
		for i := range r.statuses {
			add(&r.statuses[i].unknown, &r.statuses[i].warn, &r.statuses[i].fail)
		}
	case sel.statuses:
		add(&s.interval)
		for i := range s.status {
			add(&s.status[i])
		}
	}
	if rolled && sel.sketches {
		add(&r.sketches)
	}
	if sel.readings {
		add(&r.layout, &r.readings, &r.others)
	}
	if rolled && sel.readingSketches {
		add(&r.readingSketches)
	}
	return s
}

// scan reads the current row.
func (s *scanner) scan(rows *sqlx.Rows) error {
	if err := rows.Scan(s.dest...); err != nil {
		return err
	}
	if s.level.width == 0 {
		s.sample()
		return nil
	}
	return s.bucket()
}

func (s *scanner) sample() {
	r := &s.row
	r.samples = 1
	for _, c := range s.sel.columns {
		v := float64(s.mean[c])
		r.stats[c] = stat{}
		if health.Number(v).Known() {
			r.stats[c] = stat{count: 1, sum: v, min: v, max: v}
		}
	}
	if s.sel.overall {
		r.statuses[0] = counts{}
		r.statuses[0].add(health.Status(s.status[0]))
	}
	if !s.sel.statuses {
		return
	}
	r.covered, r.up = s.interval, s.interval
	if health.Status(s.status[0]) == health.Fail {
		r.up = 0
	}
	for i := range s.status {
		r.statuses[i] = counts{}
		r.statuses[i].add(health.Status(s.status[i]))
	}
}

func (s *scanner) bucket() error {
	r := &s.row
	for _, c := range s.sel.columns {
		r.stats[c] = stat{}
		if health.Number(s.mean[c]).Known() {
			r.stats[c] = stat{
				count: r.samples, sum: float64(s.mean[c]) * float64(r.samples),
				min: float64(s.min[c]), max: float64(s.max[c]),
			}
		}
	}
	if len(r.missing) == 0 || len(s.sel.columns) == 0 {
		return nil
	}
	missing := make(map[health.Column]int64)
	if err := json.Unmarshal(r.missing, &missing); err != nil {
		return fmt.Errorf("read what a rollup misses: %w", err)
	}
	for _, c := range s.sel.columns {
		if m := &r.stats[c]; m.count > 0 {
			m.count -= missing[rolledColumns[c]]
			m.sum = float64(s.mean[c]) * float64(m.count)
		}
	}
	return nil
}

// read calls visit for each row of a piece.
func (p piece) read(ctx context.Context, q sqlx.QueryerContext, sel *selection, visit func(*row) error) error {
	return levels[p.level].read(ctx, q, sel, p.from, p.to, visit)
}

// read calls visit for each row of [from, to). What it is given is valid until it returns.
func (l *level) read(ctx context.Context, q sqlx.QueryerContext, sel *selection, from, to int64, visit func(*row) error) error {
	tables := l.table
	if l.width > 0 && (sel.sketches || sel.readingSketches) {
		tables += " LEFT JOIN " + l.sketches + " USING (time)"
	}
	query := "SELECT " + strings.Join(sel.expressions(l), ", ") + " FROM " + tables + " WHERE time >= ? AND time < ? ORDER BY time"
	rows, err := q.QueryxContext(ctx, query, from, to)
	if err != nil {
		return fmt.Errorf("read %s: %w", l.table, err)
	}
	defer rows.Close()
	s := newScanner(sel, l)
	for rows.Next() {
		if err := s.scan(rows); err != nil {
			return fmt.Errorf("read %s: %w", l.table, err)
		}
		if err := visit(&s.row); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read %s: %w", l.table, err)
	}
	return nil
}
