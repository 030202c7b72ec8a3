package history

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/otelhealth/otelhealth-go/health"
)

// SeriesInfo describes a series that has no column of its own: one metric with one set of attributes.
type SeriesInfo struct {
	ID         int64
	Name       string
	Unit       string // UCUM
	Scope      string // the instrumentation scope that emits it
	Attributes []health.Attribute
}

// Catalog returns every series that was ever recorded beside the columns, by name.
func (s *Store) Catalog(ctx context.Context) ([]SeriesInfo, error) {
	var list []SeriesInfo
	err := s.query("read the series", func(db *database) error {
		var rows []struct {
			ID         int64  `db:"id"`
			Name       string `db:"name"`
			Unit       string `db:"unit"`
			Scope      string `db:"scope"`
			Attributes string `db:"attributes"`
		}
		err := db.read.SelectContext(ctx, &rows, `SELECT id, name, unit, scope, attributes FROM series ORDER BY name, attributes`)
		if err != nil {
			return err
		}
		for _, r := range rows {
			var attributes map[string]string
			if err := json.Unmarshal([]byte(r.Attributes), &attributes); err != nil {
				return fmt.Errorf("series %d: %w", r.ID, err)
			}
			info := SeriesInfo{ID: r.ID, Name: r.Name, Unit: r.Unit, Scope: r.Scope}
			for _, key := range slices.Sorted(maps.Keys(attributes)) {
				info.Attributes = append(info.Attributes, health.Attribute{Key: key, Value: attributes[key]})
			}
			list = append(list, info)
		}
		return nil
	})
	return list, err
}

// SeriesRequest says what [Store.Series] reads.
type SeriesRequest struct {
	From, To time.Time // [From, To)
	Points   int       // at most so many buckets; 0: 500
	Columns  []Column
	Series   []int64 // by [SeriesInfo].ID
}

// Buckets are series of one range, in buckets of one width.
type Buckets struct {
	Width   time.Duration
	Buckets []Bucket // those that hold samples, oldest first
}

// Bucket sums up the samples of [Time, Time+Width). Peaks survive in Max.
type Bucket struct {
	Time    time.Time // UTC, a multiple of the width since 1970
	Samples int
	Values  []Summary // of the request's columns, then of its series
	Overall Counts    // how many samples had which overall status
}

// Summary sums up one value. Without a reading Count is 0 and the rest is unknown.
type Summary struct {
	Count          int
	Min, Mean, Max health.Number
}

// Counts are how many samples had which status.
type Counts struct{ Pass, Warn, Fail, Unknown int }

// Series returns the request's columns and series in buckets: of the fewest that keep within Points, each a multiple of a
// rollup's width where those are wide enough. The first and the last bucket hold only samples of the range.
func (s *Store) Series(ctx context.Context, r SeriesRequest) (Buckets, error) {
	if r.Points == 0 {
		r.Points = 500
	}
	from, to := r.From.UnixMilli(), r.To.UnixMilli()
	if r.Points < 2 || to <= from {
		return Buckets{}, errors.New("read series: want at least 2 points of a range that ends after it begins")
	}
	top, width := resolution(to-from, r.Points)
	b := &bucketer{request: r, width: width, sel: selection{readings: len(r.Series) > 0, series: r.Series, overall: true}}
	for _, c := range r.Columns {
		n := c.number()
		if n < 0 {
			return Buckets{}, fmt.Errorf("read series: got the column %q, want one of %q", c, rolledColumns)
		}
		b.columns = append(b.columns, n)
	}
	b.sel.columns = slices.Compact(slices.Sorted(slices.Values(b.columns)))
	err := s.consistently(ctx, "read series", func(tx *sqlx.Tx, layouts layoutFinder) error {
		reaches, err := readReach(ctx, tx)
		if err != nil {
			return err
		}
		b.layouts = layouts
		for _, p := range cover(from, to, top, &reaches, nil) {
			if err := p.read(ctx, tx, &b.sel, b.visit); err != nil {
				return err
			}
		}
		b.end()
		return nil
	})
	return Buckets{time.Duration(width) * time.Millisecond, b.buckets}, err
}

// resolution returns the coarsest level whose buckets, some of them together, make nearly as many points as are wanted,
// and the width of a point.
func resolution(span int64, points int) (top int, width int64) {
	least := (span + int64(points) - 2) / int64(points-1) // one point less: the range may begin within a bucket
	for top = coarsest; top > raw; top-- {
		width = ceil(least, levels[top].width)
		if 2*width <= 3*least {
			return top, width
		}
	}
	return raw, ceil(least, 1000)
}

// bucketer puts rows, which come in the order of their time, into buckets.
type bucketer struct {
	request SeriesRequest
	sel     selection
	columns []int
	width   int64
	layouts layoutFinder

	start   int64 // of the bucket being filled
	sum     *aggregate
	buckets []Bucket
	values  []Summary // backing of the buckets' values
}

func (b *bucketer) visit(r *row) error {
	start := floor(r.time, b.width)
	if b.sum == nil {
		b.sum, b.start = newAggregate(nil, false), start
	}
	if start != b.start {
		b.end()
		b.start = start
	}
	return b.sum.merge(r, &b.sel, b.layouts)
}

// end adds the bucket that is being filled.
func (b *bucketer) end() {
	a := b.sum
	if a == nil || a.samples == 0 {
		return
	}
	n := len(b.values)
	for _, c := range b.columns {
		b.values = append(b.values, summary(&a.columns[c]))
	}
	for _, id := range b.request.Series {
		b.values = append(b.values, summary(a.of(id)))
	}
	b.buckets = append(b.buckets, Bucket{
		Time: time.UnixMilli(b.start).UTC(), Samples: int(a.samples), Values: b.values[n:len(b.values):len(b.values)],
		Overall: a.statuses[0].counts(a.samples),
	})
	a.reset()
}

func summary(s *stat) Summary {
	if s.count == 0 {
		unknown := health.UnknownNumber()
		return Summary{0, unknown, unknown, unknown}
	}
	return Summary{int(s.count), health.Number(s.min), health.Number(s.mean()), health.Number(s.max)}
}

func (c *counts) counts(samples int64) Counts {
	return Counts{Pass: int(samples - c.unknown - c.warn - c.fail), Warn: int(c.warn), Fail: int(c.fail), Unknown: int(c.unknown)}
}
