package alerting

import (
	"fmt"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelhealth/otelhealth-go/health"
)

// judgement is what one sample says of one series.
type judgement struct {
	value, warn, fail health.Number
	status            health.Status
	reason            string // of Unknown
	healthy           bool   // better than the clear threshold
	partial           bool   // value is a sum that lacks a part: as bad as this at least
}

const (
	noReading    = "no reading"
	noLimit      = "the limit that the threshold is a share of is unknown"
	noEarlier    = "a rate needs an earlier reading"
	isHistogram  = "the metric is a histogram, which holds no single number to judge"
	givesNothing = "%s %q gives no reading"
)

// judge compares the value with the thresholds. set are the attributes of the judged reading; nil: it is a sum.
func (r *judgedRule) judge(s *health.Snapshot, value health.Number, set *attribute.Set) judgement {
	j := judgement{
		value: value,
		warn:  r.threshold(r.Warn, s, set),
		fail:  r.threshold(r.Fail, s, set),
	}
	clearAt := r.threshold(r.Clear, s, set)
	j.healthy = value.Known() && clearAt.Known() && !r.breaches(value, clearAt)
	switch {
	case !value.Known():
		j.reason = noReading
	case r.breaches(value, j.fail):
		j.status = health.Fail
	case r.Fail.set && !j.fail.Known():
		j.reason = noLimit
	case r.breaches(value, j.warn):
		j.status = health.Warn
	case r.Warn.set && !j.warn.Known():
		j.reason = noLimit
	default:
		j.status = health.Pass
	}
	if j.status != health.Pass {
		j.healthy = false
	}
	return j
}

// lacking takes into account that the sum lacks the part of a source that fails: what is left proves that it is high, but
// not that it is low.
func (r *judgedRule) lacking(j judgement, f *health.Failure) judgement {
	proven := j.status == health.Warn || j.status == health.Fail
	if r.Direction == Below {
		proven = j.status == health.Pass && j.healthy
	}
	if r.Measure != Value || !proven {
		j.value, j.status, j.healthy = health.UnknownNumber(), health.Unknown, false
		j.reason = fmt.Sprintf(givesNothing, f.Kind, f.Source)
	}
	j.partial = true
	return j
}

// missing is the judgement of a series without a reading.
func (r *judgedRule) missing(s *health.Snapshot, set *attribute.Set, reason string) judgement {
	j := r.judge(s, health.UnknownNumber(), set)
	j.reason = reason
	return j
}

// threshold returns t as a number for the judged reading, or for the sum.
func (r *judgedRule) threshold(t Threshold, s *health.Snapshot, set *attribute.Set) health.Number {
	if !t.set || t.of == "" {
		return t.resolve(health.UnknownNumber())
	}
	limit := r.summedLimit
	if r.Per == AttributeSet {
		limit = r.limitOf
	}
	return t.resolve(limit(s, t.of, set))
}

// summedLimit is the sum of the limit's readings that do not contradict Where.
func (r *judgedRule) summedLimit(s *health.Snapshot, metric string, _ *attribute.Set) health.Number {
	m, _ := s.Find(metric)
	sum, found := health.Number(0), false
	for i := range m.Readings {
		if !contradicts(&m.Readings[i].Attributes, r.Where) {
			sum, found = sum+health.Number(m.Readings[i].Value), true
		}
	}
	if !found {
		return health.UnknownNumber()
	}
	return sum
}

// limitOf is, of the limit's readings whose attributes the judged reading has too, the one with the most of them.
func (r *judgedRule) limitOf(s *health.Snapshot, metric string, set *attribute.Set) health.Number {
	m, _ := s.Find(metric)
	limit, most := health.UnknownNumber(), -1
	for i := range m.Readings {
		candidate := &m.Readings[i].Attributes
		if n := candidate.Len(); n > most && contains(set, candidate) {
			limit, most = health.Number(m.Readings[i].Value), n
		}
	}
	return limit
}

// matches reports whether the set has all of the attributes.
func matches(set *attribute.Set, where []attribute.KeyValue) bool {
	for i := range where {
		if v, ok := set.Value(where[i].Key); !ok || !same(v, where[i].Value) {
			return false
		}
	}
	return true
}

// contradicts reports whether the set has one of the attributes with another value.
func contradicts(set *attribute.Set, where []attribute.KeyValue) bool {
	for i := range where {
		if v, ok := set.Value(where[i].Key); ok && !same(v, where[i].Value) {
			return true
		}
	}
	return false
}

// contains reports whether set has every attribute of part.
func contains(set, part *attribute.Set) bool {
	for i := range part.Len() {
		kv, _ := part.Get(i)
		if v, ok := set.Value(kv.Key); !ok || !same(v, kv.Value) {
			return false
		}
	}
	return true
}

func same(v, w attribute.Value) bool {
	if v.Type() != w.Type() {
		return false
	}
	if v.Type() == attribute.STRING {
		return v.AsString() == w.AsString()
	}
	return v.String() == w.String()
}
