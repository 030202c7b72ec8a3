package history

import (
	"encoding/binary"
	"slices"

	"github.com/otelhealth/otelhealth-go/health"
)

// aggregate sums up the samples of a span of time.
type aggregate struct {
	samples  int64
	covered  int64 // milliseconds: the sum of the samples' intervals
	up       int64 // of those whose overall status was not fail
	columns  [numRolled]stat
	statuses [numComponents]counts
	series   map[int64]*stat // the other readings, by id of the series

	sketches       *sketcher
	sketchReadings bool // keep quantiles of the series too
}

// counts are how many samples had which status; the rest passed.
type counts struct{ unknown, warn, fail int64 }

func (c *counts) add(s health.Status) {
	switch s {
	case health.Unknown:
		c.unknown++
	case health.Warn:
		c.warn++
	case health.Fail:
		c.fail++
	case health.Pass:
	}
}

func (c *counts) merge(other *counts) {
	c.unknown += other.unknown
	c.warn += other.warn
	c.fail += other.fail
}

func newAggregate(sketches *sketcher, sketchReadings bool) *aggregate {
	return &aggregate{series: make(map[int64]*stat), sketches: sketches, sketchReadings: sketchReadings}
}

// reset empties a, and gives its sketches back.
func (a *aggregate) reset() {
	if a.sketches != nil {
		for i := range a.columns {
			a.sketches.give(a.columns[i].sketch)
		}
		for _, s := range a.series {
			a.sketches.give(s.sketch)
		}
	}
	for id, s := range a.series {
		if s.count == 0 { // it was not used since the last time
			delete(a.series, id)
		}
		*s = stat{}
	}
	*a = aggregate{series: a.series, sketches: a.sketches, sketchReadings: a.sketchReadings}
}

// add takes in a sample and its other readings.
func (a *aggregate) add(s *health.Sample, readings []reading) {
	a.samples++
	a.covered += s.Interval.Milliseconds()
	if s.Status.Overall != health.Fail {
		a.up += s.Interval.Milliseconds()
	}
	for i, v := range sampleValues(s) {
		if i < numRolled && v.Known() {
			a.columns[i].add(float64(*v), a.sketches)
		}
	}
	for i, st := range sampleStatuses(&s.Status) {
		a.statuses[i].add(*st)
	}
	for _, r := range readings {
		a.of(r.series.id).add(r.value, a.seriesSketches())
	}
}

func (a *aggregate) seriesSketches() *sketcher {
	if a.sketchReadings {
		return a.sketches
	}
	return nil
}

func (a *aggregate) of(series int64) *stat {
	s := a.series[series]
	if s == nil {
		s = new(stat)
		a.series[series] = s
	}
	return s
}

// seriesIDs returns the series of which a holds readings, in ascending order.
func (a *aggregate) seriesIDs() []int64 {
	ids := make([]int64, 0, len(a.series))
	for id, s := range a.series {
		if s.count > 0 {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// Sketches of one row are stored one behind the other, each with its number and length before it.

func appendSketch(b []byte, number int64, s *stat) []byte {
	if s.sketch == nil {
		return b
	}
	var encoded []byte
	s.sketch.Encode(&encoded, true)
	b = binary.AppendUvarint(b, uint64(number))
	b = binary.AppendUvarint(b, uint64(len(encoded)))
	return append(b, encoded...)
}

// nextSketch returns the first sketch of b and what follows it; ok is false at the end.
func nextSketch(b []byte) (number int64, sketch, rest []byte, ok bool) {
	n, used := binary.Uvarint(b)
	if used <= 0 {
		return 0, nil, nil, false
	}
	b = b[used:]
	length, used := binary.Uvarint(b)
	if used <= 0 || length > uint64(len(b)-used) {
		return 0, nil, nil, false
	}
	b = b[used:]
	return int64(n), b[:length], b[length:], true
}
