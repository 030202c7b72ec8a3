package history

import (
	"math"

	"github.com/DataDog/sketches-go/ddsketch"
	"github.com/DataDog/sketches-go/ddsketch/mapping"
	"github.com/DataDog/sketches-go/ddsketch/store"
)

// accuracy of a quantile, relative to the exact one.
const accuracy = 0.01

// stat sums up the known values of one thing over a span of time. Without any, count is 0 and the rest means nothing.
type stat struct {
	count    int64
	sum      float64
	min, max float64
	sketch   *ddsketch.DDSketch // nil: not kept, or all values are the same
}

func (s *stat) mean() float64 {
	switch {
	case s.count == 0:
		return math.NaN()
	case s.min == s.max:
		return s.min
	default:
		return s.sum / float64(s.count)
	}
}

// add takes one value in. It must be known.
func (s *stat) add(v float64, sketches *sketcher) {
	s.merge(&stat{count: 1, sum: v, min: v, max: v}, nil, sketches)
}

// merge takes in what another stat sums up. sketch is the other's in encoded form, nil when all its values are the same;
// without a sketcher, quantiles are not kept.
func (s *stat) merge(other *stat, sketch []byte, sketches *sketcher) {
	if other.count == 0 {
		return
	}
	if sketches != nil && (s.sketch != nil || sketch != nil || s.count > 0 && (s.min != other.min || s.max != other.max)) {
		if s.sketch == nil {
			s.sketch = sketches.take()
			addSame(s.sketch, s)
		}
		if sketch == nil {
			addSame(s.sketch, other)
		} else if err := s.sketch.DecodeAndMergeWith(sketch); err != nil {
			addSame(s.sketch, &stat{count: other.count, min: other.mean()}) // better than to lose its weight
		}
	}
	if s.count == 0 {
		s.min, s.max = other.min, other.max
	}
	s.count += other.count
	s.sum += other.sum
	s.min, s.max = min(s.min, other.min), max(s.max, other.max)
}

// addSame adds the values of a stat that are all the same. A value beyond what a sketch can index is left out of it.
func addSame(sketch *ddsketch.DDSketch, s *stat) {
	if s.count > 0 {
		_ = sketch.AddWithCount(s.min, float64(s.count))
	}
}

// quantile returns a value within 1 % of the exact quantile, and never beyond the extremes. NaN: there is no value, or
// quantiles were not kept.
func (s *stat) quantile(q float64) float64 {
	switch {
	case s.count == 0:
		return math.NaN()
	case s.min == s.max:
		return s.min
	case s.sketch == nil:
		return math.NaN()
	}
	v, err := s.sketch.GetValueAtQuantile(q)
	if err != nil {
		return math.NaN()
	}
	return min(max(v, s.min), s.max)
}

// sketcher makes sketches that can be merged with each other, and takes back those that are no longer needed.
type sketcher struct {
	mapping mapping.IndexMapping
	free    []*ddsketch.DDSketch
}

func newSketcher() *sketcher {
	m, err := mapping.NewLogarithmicMapping(accuracy)
	if err != nil {
		panic("sketch: " + err.Error()) // accuracy, a constant, is wrong
	}
	return &sketcher{mapping: m}
}

func (s *sketcher) take() *ddsketch.DDSketch {
	if n := len(s.free); n > 0 {
		sketch := s.free[n-1]
		s.free = s.free[:n-1]
		return sketch
	}
	return ddsketch.NewDDSketch(s.mapping, store.NewBufferedPaginatedStore(), store.NewBufferedPaginatedStore())
}

func (s *sketcher) give(sketch *ddsketch.DDSketch) {
	if sketch != nil {
		sketch.Clear()
		s.free = append(s.free, sketch)
	}
}
