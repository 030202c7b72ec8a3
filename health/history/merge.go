package history

import (
	"context"
	"slices"
	"sync"

	"github.com/jmoiron/sqlx"
)

// layoutCache remembers layouts, which never change. It is safe for concurrent use.
type layoutCache struct {
	mu     sync.Mutex
	orders map[int64][]int64
}

// layoutFinder finds out which series the positions of a layout are, within one transaction.
type layoutFinder struct {
	ctx   context.Context
	q     sqlx.QueryerContext
	cache *layoutCache
}

func (f layoutFinder) layout(id int64) ([]int64, error) {
	f.cache.mu.Lock()
	order, ok := f.cache.orders[id]
	f.cache.mu.Unlock()
	if ok {
		return order, nil
	}
	order, err := readLayout(f.ctx, f.q, id)
	if err != nil {
		return nil, err
	}
	f.cache.mu.Lock()
	defer f.cache.mu.Unlock()
	if f.cache.orders == nil {
		f.cache.orders = make(map[int64][]int64)
	}
	f.cache.orders[id] = order
	return order, nil
}

// merge takes in a row, as far as sel selected it.
func (a *aggregate) merge(r *row, sel *selection, find layoutFinder) error {
	a.samples += r.samples
	if sel.overall {
		a.statuses[0].merge(&r.statuses[0])
	}
	if sel.statuses {
		a.covered += r.covered
		a.up += r.up
		for i := range r.statuses {
			a.statuses[i].merge(&r.statuses[i])
		}
	}
	var sketches [numRolled][]byte
	for n, sketch, rest, ok := nextSketch(r.sketches); ok; n, sketch, rest, ok = nextSketch(rest) {
		if n < numRolled {
			sketches[n] = sketch
		}
	}
	keep := a.sketches
	if !sel.sketches {
		keep = nil
	}
	for _, c := range sel.columns {
		a.columns[c].merge(&r.stats[c], sketches[c], keep)
	}
	if sel.readings {
		return a.mergeReadings(r, sel, find)
	}
	return nil
}

// mergeReadings takes in the readings of a row, those that sel names.
func (a *aggregate) mergeReadings(r *row, sel *selection, find layoutFinder) error {
	if r.layout == 0 {
		return nil
	}
	series, err := find.layout(r.layout)
	if err != nil {
		return err
	}
	next, sketch, rest, ok := nextSketch(r.readingSketches)
	return decodeReadings(r.readings, func(position int, numbers []float64) {
		if position >= len(series) || sel.series != nil && !slices.Contains(sel.series, series[position]) {
			return
		}
		for ok && next < position {
			next, sketch, rest, ok = nextSketch(rest)
		}
		var own []byte
		if ok && next == position {
			own = sketch
		}
		s := newStat(numbers, r.samples)
		a.of(series[position]).merge(&s, own, a.seriesSketches())
	})
}
