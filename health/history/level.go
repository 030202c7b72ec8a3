package history

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// level is one table of samples: as they were taken, or rolled up into buckets.
type level struct {
	table          string
	sketches       string // the table with the buckets' sketches
	width          int64  // of a bucket, milliseconds; 0: samples
	keep           time.Duration
	layouts        bool // stores readings by position: rows are many, and gone before there are many layouts
	sketchReadings bool // keeps sketches of the series too; in shorter buckets they would cost more than the samples
}

const (
	raw       = 0 // the level of samples themselves
	coarsest  = 3
	numLevels = 4

	day = 24 * time.Hour
)

// levels are ordered from fine to coarse; each width divides the next.
var levels = [numLevels]level{
	raw: {table: "samples", layouts: true}, // kept for Config.Retention
	1:   {table: "rollup_1m", sketches: "sketches_1m", width: time.Minute.Milliseconds(), keep: 30 * day, layouts: true},
	2:   {table: "rollup_15m", sketches: "sketches_15m", width: (15 * time.Minute).Milliseconds(), keep: 365 * day, sketchReadings: true},
	3:   {table: "rollup_4h", sketches: "sketches_4h", width: (4 * time.Hour).Milliseconds(), keep: 365 * day, sketchReadings: true},
}

// floor returns the start of the bucket that t is in.
func floor(t, width int64) int64 {
	r := t % width
	if r < 0 {
		r += width
	}
	return t - r
}

func ceil(t, width int64) int64 { return floor(t+width-1, width) }

// reach says how far a level's rows can be relied on.
type reach struct {
	open   int64 // the start of the bucket that is being filled; none when negative
	pruned int64 // rows before this are gone
}

// readReach reads how far each level reaches.
func readReach(ctx context.Context, q sqlx.QueryerContext) ([numLevels]reach, error) {
	var reaches [numLevels]reach
	rows, err := q.QueryxContext(ctx, `SELECT ifnull(open_time, -1), pruned_until FROM resolutions ORDER BY seconds`)
	if err != nil {
		return reaches, fmt.Errorf("read how far the rollups reach: %w", err)
	}
	defer rows.Close()
	for i := 0; i < numLevels && rows.Next(); i++ {
		if err := rows.Scan(&reaches[i].open, &reaches[i].pruned); err != nil {
			return reaches, fmt.Errorf("read how far the rollups reach: %w", err)
		}
	}
	return reaches, rows.Err()
}

// piece is a part of a range, [from, to) in Unix milliseconds, to be read at one level.
type piece struct {
	level    int
	from, to int64
}

// cover splits [from, to) into pieces, in order, of levels no coarser than top: whole buckets where there are any, finer
// rows at both ends and in place of the bucket that is being filled. Where finer rows are pruned already, the whole
// bucket is taken, and the range grows by a part of it; what is pruned at top too comes from the finest level that still
// has it. Levels for which skip holds are not read.
func cover(from, to int64, top int, reaches *[numLevels]reach, skip func(level int) bool) []piece {
	c := coverer{reaches: reaches, skip: skip}
	c.reachBack(from, to, top)
	return c.pieces
}

type coverer struct {
	reaches *[numLevels]reach
	skip    func(level int) bool
	pieces  []piece
}

// reachBack takes what the level has of the range, and what is older from coarser ones.
func (c *coverer) reachBack(from, to int64, at int) {
	coarser := at + 1
	for coarser < coarsest && c.skip != nil && c.skip(coarser) {
		coarser++
	}
	if gone := c.reaches[at].pruned; coarser <= coarsest && gone > from {
		end := min(ceil(gone, levels[coarser].width), to)
		c.reachBack(from, end, coarser)
		from = end
	}
	c.split(from, to, at)
}

func (c *coverer) split(from, to int64, at int) {
	for at > raw && c.skip != nil && c.skip(at) {
		at--
	}
	switch {
	case from >= to:
		return
	case at == raw:
		c.pieces = append(c.pieces, piece{raw, from, to})
		return
	}
	width, open, finer := levels[at].width, c.reaches[at].open, at-1
	for finer > raw && c.skip != nil && c.skip(finer) {
		finer--
	}
	first, last := ceil(from, width), floor(to, width)
	if gone := c.reaches[finer].pruned; first != from && gone > from && open != first-width {
		first -= width
	} else if first > to { // within one bucket
		c.split(from, to, finer)
		return
	}
	if gone := c.reaches[finer].pruned; last != to && gone > last && open != last {
		last += width
	}
	c.split(from, min(first, to), finer)
	c.whole(first, last, at, finer)
	c.split(max(last, first), to, finer)
}

// whole adds whole buckets, but for the one that is being filled.
func (c *coverer) whole(first, last int64, at, finer int) {
	open, width := c.reaches[at].open, levels[at].width
	add := func(from, to int64) {
		if from < to {
			c.pieces = append(c.pieces, piece{at, from, to})
		}
	}
	if open < first || open >= last {
		add(first, last)
		return
	}
	add(first, open)
	c.split(open, open+width, finer)
	add(open+width, last)
}
