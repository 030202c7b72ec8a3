package alerting

import (
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelhealth/otelhealth-go/health"
)

// maxTracks bounds the series that one rule keeps apart, and so its alerts.
const maxTracks = 100

// judgedRule is a rule with what the alerter remembers of each series that it judges.
type judgedRule struct {
	Rule
	mask  uint64             // of the samples within which breaches count
	unit  string             // of the values, once a reading told it
	where []health.Attribute // Where as text

	whole  *track   // of a sum; of AttributeSet only the memory of having nothing to judge
	tracks []*track // all that may have an alert, in the order of their first reading
	bySet  map[attribute.Distinct]*track
	byKey  map[string]*track // by health.AttributesKey

	step      uint64
	seen      bool // its source has been registered
	untracked int  // readings of this step without a track
}

func newJudgedRule(r Rule) *judgedRule {
	j := &judgedRule{
		Rule:  r,
		mask:  ^uint64(0) >> (maxWithin - r.Within),
		whole: new(track),
		bySet: make(map[attribute.Distinct]*track),
		byKey: make(map[string]*track),
	}
	if len(r.Where) > 0 {
		where := attribute.NewSet(r.Where...)
		j.where = texts(&where)
	}
	j.clear()
	return j
}

// clear forgets every series.
func (r *judgedRule) clear() {
	clear(r.bySet)
	clear(r.byKey)
	r.tracks = nil
	*r.whole = track{rule: r}
	if r.Per == Sum {
		r.tracks = []*track{r.whole}
	}
}

func (r *judgedRule) learnUnit(unit string) {
	switch {
	case r.unit != "" || unit == "":
	case r.Measure == RatePerMinute:
		r.unit = unit + "/min"
	default:
		r.unit = unit
	}
}

// concerns reports whether the failed source is one of the rule's.
func (r *judgedRule) concerns(f *health.Failure) bool {
	return r.Source != "" && f.Kind == r.Source && (r.SourceName == "" || r.SourceName == f.Source)
}

// sum returns the sum of the readings that Where leaves, unknown when it leaves none.
func (r *judgedRule) sum(m *health.Metric) health.Number {
	if m == nil {
		return health.UnknownNumber()
	}
	sum, found := health.Number(0), false
	for i := range m.Readings {
		if matches(&m.Readings[i].Attributes, r.Where) {
			sum, found = sum+health.Number(m.Readings[i].Value), true
		}
	}
	if !found {
		return health.UnknownNumber()
	}
	return sum
}

// track returns the memory of the series, made now if it is new, and nil when there is no room for another.
func (r *judgedRule) track(set *attribute.Set) *track {
	if t, ok := r.bySet[set.Equivalent()]; ok {
		return t
	}
	attributes := texts(set)
	key := health.AttributesKey(attributes)
	if t, ok := r.byKey[key]; ok { // restored, or of a source that failed until now
		if t.step == r.step {
			return nil // two series of this step differ in nothing but the types of their attributes
		}
		delete(r.bySet, t.set.Equivalent())
		t.set = *set
		r.bySet[set.Equivalent()] = t
		return t
	}
	if len(r.tracks) >= maxTracks {
		return nil
	}
	t := r.newTrack(attributes, key)
	t.set = *set
	r.bySet[set.Equivalent()] = t
	return t
}

// leastWorth returns the track whose place another may take: one without an alert, or else one of a held alert whose
// series is gone; nil when there is none.
func (r *judgedRule) leastWorth() *track {
	var gone *track
	for _, t := range r.tracks {
		switch {
		case t.alert == nil:
			return t
		case t.alert.Held && t.step+1 < r.step && gone == nil:
			gone = t
		}
	}
	return gone
}

// couldJudge reports whether the rule may have a series with these attributes.
func (r *judgedRule) couldJudge(attributes []health.Attribute) bool {
	if r.Per == Sum {
		return len(attributes) == 0
	}
	for _, kv := range r.Where {
		if !slices.Contains(attributes, health.Attribute{Key: string(kv.Key), Value: kv.Value.String()}) {
			return false
		}
	}
	return r.SourceKey == "" || slices.ContainsFunc(attributes, func(a health.Attribute) bool { return a.Key == string(r.SourceKey) })
}

// restored returns the track for a restored alert, and nil when there is no room for another.
func (r *judgedRule) restored(alert *health.Alert) *track {
	if r.Per == Sum {
		return r.whole
	}
	key := health.AttributesKey(alert.Attributes)
	if t, ok := r.byKey[key]; ok {
		return t
	}
	if len(r.tracks) >= maxTracks {
		spare := r.leastWorth()
		if spare == nil || spare.alert != nil {
			return nil
		}
		spare.idle = true
		r.compact()
	}
	t := r.newTrack(alert.Attributes, key)
	t.set = attribute.NewSet(keyValues(alert.Attributes)...)
	return t
}

// placeholder returns a track for a source that has never given a reading.
func (r *judgedRule) placeholder(source string) *track {
	set := attribute.NewSet(r.SourceKey.String(source))
	return r.track(&set)
}

func (r *judgedRule) newTrack(attributes []health.Attribute, key string) *track {
	t := &track{rule: r, attributes: attributes, key: key}
	for _, a := range attributes {
		if r.SourceKey != "" && a.Key == string(r.SourceKey) {
			t.source = a.Value
		}
	}
	t.instance = instance(attributes, t.source)
	r.tracks = append(r.tracks, t)
	r.byKey[key] = t
	return t
}

// compact forgets the idle tracks.
func (r *judgedRule) compact() {
	kept := r.tracks[:0]
	for _, t := range r.tracks {
		if t.idle {
			delete(r.bySet, t.set.Equivalent())
			delete(r.byKey, t.key)
			continue
		}
		kept = append(kept, t)
	}
	clear(r.tracks[len(kept):])
	r.tracks = kept
}

// texts returns the attributes as text, by key.
func texts(set *attribute.Set) []health.Attribute {
	attributes := make([]health.Attribute, 0, set.Len())
	for i := range set.Len() {
		kv, _ := set.Get(i)
		attributes = append(attributes, health.Attribute{Key: string(kv.Key), Value: kv.Value.String()})
	}
	return attributes
}

func keyValues(attributes []health.Attribute) []attribute.KeyValue {
	kvs := make([]attribute.KeyValue, 0, len(attributes))
	for _, a := range attributes {
		kvs = append(kvs, attribute.String(a.Key, a.Value))
	}
	return kvs
}

// instance names a series for people: by its source where that is all there is to say.
func instance(attributes []health.Attribute, source string) string {
	if len(attributes) == 1 && source != "" {
		return source
	}
	var b strings.Builder
	for i, a := range attributes {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(a.Key + "=" + a.Value)
	}
	return b.String()
}
