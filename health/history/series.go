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

// Catalog returns every series that was ever recorded beside the columns, by name.
func (s *Store) Catalog(ctx context.Context) ([]health.SeriesInfo, error) {
	var list []health.SeriesInfo
	err := s.query("read the series", func(db *database) error {
		var rows []seriesRow
		err := db.read.SelectContext(ctx, &rows, `SELECT id, name, unit, scope, attributes FROM series ORDER BY name, attributes`)
		if err != nil {
			return err
		}
		for _, r := range rows {
			var attributes map[string]string
			if err := json.Unmarshal([]byte(r.Attributes), &attributes); err != nil {
				return fmt.Errorf("series %d: %w", r.ID, err)
			}
			info := health.SeriesInfo{ID: r.ID, Name: r.Name, Unit: r.Unit, Scope: r.Scope}
			for _, key := range slices.Sorted(maps.Keys(attributes)) {
				info.Attributes = append(info.Attributes, health.Attribute{Key: key, Value: attributes[key]})
			}
			list = append(list, info)
		}
		return nil
	})
	return list, err
}

// mostBuckets bounds a request by Step.
const mostBuckets = 10_000

// Series returns the request's columns and series in buckets, of Step, or else of the finest width that keeps within
// Points, which is a multiple of a rollup's width where those are wide enough, or where only rollups are left of the range.
// The first and the last bucket hold only samples of the range, as long as those are kept; where rollups are wider than
// Step, each stands whole in the bucket that it begins in.
func (s *Store) Series(ctx context.Context, r health.SeriesRequest) (health.Buckets, error) {
	if err := check(&r); err != nil {
		return health.Buckets{}, fmt.Errorf("read series: %w", err)
	}
	from, to := r.From.UnixMilli(), r.To.UnixMilli()
	b := &bucketer{request: r, from: from, sel: selection{readings: len(r.Series) > 0, overall: true}}
	b.sel.series = slices.Sorted(slices.Values(r.Series))
	for _, c := range r.Columns {
		n := columnNumber(c)
		if n < 0 {
			return health.Buckets{}, fmt.Errorf("read series: got the column %q, want one of %q", c, rolledColumns)
		}
		b.columns = append(b.columns, n)
	}
	b.sel.columns = slices.Compact(slices.Sorted(slices.Values(b.columns)))
	err := s.consistently(ctx, "read series", func(tx *sqlx.Tx, layouts layoutFinder) error {
		reaches, err := readReach(ctx, tx)
		if err != nil {
			return err
		}
		var top int
		top, b.width = grain(r, &reaches)
		b.layouts = layouts
		b.allot((to - from) / b.width)
		for _, p := range cover(from, to, top, &reaches, nil) {
			if err := p.read(ctx, tx, &b.sel, b.visit); err != nil {
				return err
			}
		}
		b.end()
		return nil
	})
	return health.Buckets{Width: time.Duration(b.width) * time.Millisecond, Buckets: b.buckets}, err
}

// check completes a request and refuses what cannot be answered.
func check(r *health.SeriesRequest) error {
	span := r.To.UnixMilli() - r.From.UnixMilli()
	switch {
	case span <= 0:
		return errors.New("want a range that ends after it begins")
	case r.Step == 0 && r.Points == 0:
		r.Points = 500
	case r.Step == 0 && r.Points < 2:
		return fmt.Errorf("got %d points, want at least 2", r.Points)
	case r.Step != 0 && (r.Step < time.Second || r.Step%time.Second != 0 || span/r.Step.Milliseconds() >= mostBuckets):
		return fmt.Errorf("got the step %v, want whole seconds and at most %d of them in the range", r.Step, mostBuckets)
	}
	return nil
}

// grain returns the level to read at, and the width of a bucket.
func grain(r health.SeriesRequest, reaches *[numLevels]reach) (top int, width int64) {
	from := r.From.UnixMilli()
	if r.Step == 0 {
		return resolution(r.To.UnixMilli()-from, r.Points, finest(from, reaches))
	}
	width = r.Step.Milliseconds()
	for top = coarsest; top > raw && width%levels[top].width != 0; {
		top--
	}
	return top, width
}

// finest returns the finest level that still has all since then.
func finest(from int64, reaches *[numLevels]reach) int {
	at := raw
	for at < coarsest && reaches[at].pruned > from {
		at++
	}
	return at
}

// resolution returns the coarsest level whose buckets, some of them together, make nearly as many points as are wanted,
// and the width of a point. No level is finer than least.
func resolution(span int64, points, least int) (top int, width int64) {
	narrowest := (span + int64(points) - 2) / int64(points-1) // one point less: the range may begin within a bucket
	for top = coarsest; top > least; top-- {
		width = ceil(narrowest, levels[top].width)
		if 2*width <= 3*narrowest {
			return top, width
		}
	}
	return least, ceil(narrowest, max(1000, levels[least].width))
}

// bucketer puts rows, which come in the order of their time, into buckets.
type bucketer struct {
	request health.SeriesRequest
	from    int64
	sel     selection
	columns []int
	width   int64
	layouts layoutFinder

	start   int64 // of the bucket being filled
	sum     *aggregate
	buckets []health.Bucket
	values  []health.Summary // backing of the buckets' values
}

// allot makes room for about so many buckets.
func (b *bucketer) allot(n int64) {
	n = min(n, 2000) + 2
	b.buckets = make([]health.Bucket, 0, n)
	b.values = make([]health.Summary, 0, n*int64(len(b.columns)+len(b.request.Series)))
}

func (b *bucketer) visit(r *row) error {
	start := floor(max(r.time, b.from), b.width)
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
	b.buckets = append(b.buckets, health.Bucket{
		Time: time.UnixMilli(b.start).UTC(), Samples: int(a.samples), Values: b.values[n:len(b.values):len(b.values)],
		Overall: a.statuses[0].counts(a.samples),
	})
	a.reset()
}

func summary(s *stat) health.Summary {
	if s.count == 0 {
		unknown := health.UnknownNumber()
		return health.Summary{Min: unknown, Mean: unknown, Max: unknown}
	}
	return health.Summary{
		Count: int(s.count), Min: health.Number(s.min), Mean: health.Number(s.mean()), Max: health.Number(s.max),
	}
}

func (c *counts) counts(samples int64) health.Counts {
	return health.Counts{Pass: int(samples - c.unknown - c.warn - c.fail), Warn: int(c.warn), Fail: int(c.fail), Unknown: int(c.unknown)}
}
