package history

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/jmoiron/sqlx"
)

// When another layout is begun. One for every series that comes or goes would fill the file.
const (
	fewStrays = 8   // readings without a position that a small layout bears
	patience  = 360 // samples in a row that may have any, or leave most of the layout empty
	recently  = 90  // a new layout also names the series of so many samples before
)

// layout says which series the positions of a row's readings are. The readings of series that it does not name are
// stored by series.
type layout struct {
	id       int64     // 0: none yet
	order    []*series // by position; nil: a series that is gone
	misfits  int       // samples in a row that it did not fit
	readings []reading // of the sample being recorded
	values   []float64 // the same by position
}

func (c *catalog) readNewestLayout(ctx context.Context, q sqlx.QueryerContext) error {
	var id int64
	if err := sqlx.GetContext(ctx, q, &id, `SELECT ifnull(max(layout), 0) FROM layouts`); err != nil || id == 0 {
		return wrap(err, "read the newest layout")
	}
	ids, err := readLayout(ctx, q, id)
	if err != nil {
		return err
	}
	order := make([]*series, len(ids))
	for i, id := range ids {
		order[i] = c.byID[id]
	}
	c.lay(id, order)
	return nil
}

// lay makes a layout the current one.
func (c *catalog) lay(id int64, order []*series) {
	for _, s := range c.layout.order {
		if s != nil {
			s.position = -1
		}
	}
	for i, s := range order {
		if s != nil {
			s.position = i
		}
	}
	c.layout = layout{id: id, order: order, readings: c.layout.readings, values: make([]float64, len(order))}
}

// fit begins another layout when the current one does not fit the readings: at once when too many have no position, and
// after a while when any has none, or most positions are empty.
func (c *catalog) fit(ctx context.Context, tx *sqlx.Tx, readings []reading) error {
	l := &c.layout
	strays := 0
	for _, r := range readings {
		if r.series.position < 0 {
			strays++
		}
	}
	if strays == 0 && len(l.order) <= 2*len(readings)+2*fewStrays {
		l.misfits = 0
		return nil
	}
	l.misfits++
	if strays <= fewStrays+len(l.order)/8 && l.misfits <= patience {
		return nil
	}
	return c.begin(ctx, tx, readings)
}

// begin makes a layout of the series of these readings, and of those seen recently, the current one: series that take
// turns find a place in it together.
func (c *catalog) begin(ctx context.Context, tx *sqlx.Tx, readings []reading) error {
	order := make([]*series, 0, len(readings))
	for _, r := range readings {
		order = append(order, r.series)
	}
	var others []*series
	for _, s := range c.byID {
		if s.sample > 0 && s.sample < c.samples && s.sample > c.samples-recently {
			others = append(others, s)
		}
	}
	slices.SortFunc(others, func(x, y *series) int { return int(x.id - y.id) })
	order = append(order, others[:min(len(others), maxPerSample-len(order))]...)
	ids := make([]int64, len(order))
	for i, s := range order {
		ids[i] = s.id
	}
	text, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE layouts SET until = ? WHERE layout = ?`, c.latest, c.layout.id); err != nil {
		return fmt.Errorf("end layout %d: %w", c.layout.id, err)
	}
	var id int64
	if err := tx.GetContext(ctx, &id, `INSERT INTO layouts (series) VALUES (?) RETURNING layout`, string(text)); err != nil {
		return fmt.Errorf("begin a layout: %w", err)
	}
	c.lay(id, order)
	return nil
}

// encode returns the layout, readings and others of a sample.
func (c *catalog) encode(readings []reading) (columns [3]any) {
	l := &c.layout
	for i := range l.values {
		l.values[i] = unknown
	}
	var others []byte
	placed := 0
	for _, r := range readings {
		if r.series.position >= 0 {
			l.values[r.series.position] = r.value
			placed++
		} else {
			others = appendValue(appendKey(others, r.series.id), r.value)
		}
	}
	if placed > 0 {
		columns[0], columns[1] = l.id, string(encodeReadings(nil, l.values))
	}
	if len(others) > 0 {
		columns[2] = string(append(others, '}'))
	}
	return columns
}

func readLayout(ctx context.Context, q sqlx.QueryerContext, id int64) ([]int64, error) {
	var text []byte
	if err := sqlx.GetContext(ctx, q, &text, `SELECT series FROM layouts WHERE layout = ?`, id); err != nil {
		return nil, fmt.Errorf("read layout %d: %w", id, err)
	}
	var order []int64
	if err := json.Unmarshal(text, &order); err != nil {
		return nil, fmt.Errorf("read layout %d: %w", id, err)
	}
	return order, nil
}

// layoutCache remembers layouts, which never change. It is safe for concurrent use.
type layoutCache struct {
	mu     sync.Mutex
	orders map[int64][]int64
}

const mostCached = 200 // layouts

func (c *layoutCache) get(id int64) ([]int64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	order, ok := c.orders[id]
	return order, ok
}

func (c *layoutCache) put(id int64, order []int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.orders == nil || len(c.orders) >= mostCached {
		c.orders = make(map[int64][]int64)
	}
	c.orders[id] = order
}

// layoutFinder finds out which series the positions of a layout are, within one transaction.
type layoutFinder struct {
	ctx   context.Context
	q     sqlx.QueryerContext
	cache *layoutCache
}

func (c *catalog) finder(ctx context.Context, q sqlx.QueryerContext) layoutFinder {
	return layoutFinder{ctx, q, &c.cache}
}

func (f layoutFinder) layout(id int64) ([]int64, error) {
	if order, ok := f.cache.get(id); ok {
		return order, nil
	}
	order, err := readLayout(f.ctx, f.q, id)
	if err != nil {
		return nil, err
	}
	f.cache.put(id, order)
	return order, nil
}
