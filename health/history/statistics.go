package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/otelhealth/otelhealth-go/health"
)

// Statistics sums up the samples of [from, to). While samples of its ends are kept, it is exact but for the quantiles;
// of a range that begins or ends earlier, whole buckets of up to 4 hours are taken in.
func (s *Store) Statistics(ctx context.Context, from, to time.Time) (health.Statistics, error) {
	sum := newAggregate(newSketcher(), false)
	sel := everything(false)
	sel.readings = false
	var span span
	err := s.consistently(ctx, "read statistics", func(tx *sqlx.Tx, layouts layoutFinder) error {
		return span.read(ctx, tx, from.UnixMilli(), to.UnixMilli(), sel, nil, func(r *row) error { return sum.merge(r, sel, layouts) })
	})
	if err != nil {
		return health.Statistics{}, err
	}
	stats := health.Statistics{
		Samples: int(sum.samples),
		Columns: make(map[health.Column]health.ColumnStatistics, numRolled),
		Status:  make(map[string]health.Counts, numComponents),
		Uptime:  span.share(sum.up - span.beyond.Up), Coverage: span.share(sum.covered - span.beyond.Covered),
	}
	for i, c := range rolledColumns {
		stats.Columns[c] = columnStatistics(&sum.columns[i], span.newest[i])
	}
	for i, name := range componentNames() {
		stats.Status[name] = sum.statuses[i].counts(sum.samples)
	}
	return stats, nil
}

// SeriesStatistics sums up one series, by [health.SeriesInfo].ID, over [from, to), as [Store.Statistics] does a column.
func (s *Store) SeriesStatistics(ctx context.Context, id int64, from, to time.Time) (health.ColumnStatistics, error) {
	sum := newAggregate(newSketcher(), true)
	sel := &selection{readings: true, series: []int64{id}, readingSketches: true}
	current := health.UnknownNumber()
	err := s.consistently(ctx, "read statistics of a series", func(tx *sqlx.Tx, layouts layoutFinder) error {
		var span span
		skip := func(level int) bool { return level > raw && !levels[level].sketchReadings }
		return span.read(ctx, tx, from.UnixMilli(), to.UnixMilli(), sel, skip, func(r *row) error {
			newest := newAggregate(nil, false)
			if err := newest.mergeReadings(r, sel, layouts); err != nil {
				return err
			}
			if last := newest.of(id); last.count > 0 {
				current = health.Number(last.mean())
			}
			return sum.mergeReadings(r, sel, layouts)
		})
	})
	if err != nil {
		return health.ColumnStatistics{}, err
	}
	return columnStatistics(sum.of(id), float64(current)), nil
}

func columnStatistics(s *stat, current float64) health.ColumnStatistics {
	values := summary(s)
	quantile := func(q float64) health.Number { return health.Number(s.quantile(q)) }
	return health.ColumnStatistics{
		Count: values.Count, Current: health.Number(current), Min: values.Min, Mean: values.Mean, Max: values.Max,
		P50: quantile(0.5), P95: quantile(0.95), P99: quantile(0.99),
	}
}

// componentNames are the components under the names of the API.
func componentNames() [numComponents]string {
	return [...]string{
		"overall", "liveness", "readiness", health.RuleFD, health.RuleMemory, health.RuleDatabase, health.RuleWebSocket,
		health.RuleThreads, health.RuleGoroutines,
	}
}

// span is the part of a range that has samples.
type span struct {
	first, to int64
	newest    [numRolled]float64 // values of its newest sample, or means of its newest bucket
	beyond    overhang
}

// overhang is how much of the last samples' intervals lies beyond the range, in milliseconds.
type overhang struct {
	Covered int64 `db:"covered"`
	Up      int64 `db:"up"`
}

// read visits everything of a range, as coarse as may be.
func (s *span) read(ctx context.Context, tx *sqlx.Tx, from, to int64, sel *selection, skip func(int) bool, visit func(*row) error) error {
	reaches, err := readReach(ctx, tx)
	if err != nil {
		return err
	}
	s.first, s.to = to, to
	for i := range s.newest {
		s.newest[i] = unknown
	}
	for _, p := range cover(from, to, coarsest, &reaches, skip) {
		err := p.read(ctx, tx, sel, func(r *row) error {
			s.first = min(s.first, r.time)
			s.see(r, sel)
			return visit(r)
		})
		if err != nil {
			return err
		}
	}
	s.first = max(s.first, from) // a bucket's start
	if reaches[raw].pruned <= from {
		err := tx.GetContext(ctx, &s.first, `SELECT ifnull(min(time), ?) FROM samples WHERE time >= ? AND time < ?`, to, from, to)
		if err != nil {
			return fmt.Errorf("read the first sample: %w", err)
		}
	}
	return s.readNewest(ctx, tx, from, to)
}

// see keeps the means of a row, as far as they are known: the rows come in the order of their time.
func (s *span) see(r *row, sel *selection) {
	for _, c := range sel.columns {
		s.newest[c] = r.stats[c].mean()
	}
}

// readNewest reads the newest sample where it is still there.
func (s *span) readNewest(ctx context.Context, tx *sqlx.Tx, from, to int64) error {
	scanner := newSampleScanner()
	err := scanner.scan(tx.QueryRowxContext(ctx, selectSamples+` WHERE time >= ? AND time < ? ORDER BY time DESC LIMIT 1`, from, to))
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the newest sample: %w", err)
	}
	for i, v := range sampleValues(&scanner.sample) {
		if i < numRolled {
			s.newest[i] = float64(*v)
		}
	}
	err = tx.GetContext(ctx, &s.beyond, `SELECT ifnull(sum(time + interval_ms - ?1), 0) AS covered,
		ifnull(sum(iif(overall_status = ?2, 0, time + interval_ms - ?1)), 0) AS up
		FROM samples WHERE time >= ?3 AND time < ?1 AND time + interval_ms > ?1`,
		to, int64(health.Fail), max(from, to-scanner.interval))
	return wrap(err, "read how far the last samples reach")
}

// share is how much of the span so many milliseconds are.
func (s *span) share(ms int64) health.Number {
	if s.first >= s.to {
		return health.UnknownNumber()
	}
	return min(1, health.Number(ms)/health.Number(s.to-s.first))
}
