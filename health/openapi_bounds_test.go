package health_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

// bounded asks endpoints for the bounds of a document's parameters.
type bounded struct {
	*document
	t    *testing.T
	h    http.Handler
	path string
}

// dayLater is a day after what is recorded began, and a little more: hours counted back from it tell 23, 24 and 25 apart.
var dayLater = began.Add(24*time.Hour + 100*time.Second)

// TestParametersAreBoundedAsDescribed asks for each parameter of a query with its bounds, and with what lies beyond.
func TestParametersAreBoundedAsDescribed(t *testing.T) {
	d := servedDocument(t, describedConfig())
	c := describedConfig()
	store := openStore(t, 40)
	for id := range int64(150) {
		store.RecordTransitions(fired(100+id, "fd", began.Add(time.Hour), false))
		if err := store.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	store.Record(manyMetrics(101))
	if err := store.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.History = store
	e := started(t, c)
	e.Publish(health.FailingSnapshot(), soon())
	checked := 0
	for _, route := range health.Routes(e) {
		method, path, _ := strings.Cut(route, " ")
		_, item, _ := d.find(concrete.Replace(path))
		operation, _ := d.at(item, strings.ToLower(method))
		for _, parameter := range d.elements(operation, "parameters") {
			if parameter.text("in") != "query" || path == "/health/login" { // next may be anything
				continue
			}
			b := &bounded{d, t, e.Handler(), path}
			schema, _ := d.at(parameter, "schema")
			t.Run(strings.TrimPrefix(path, "/")+" "+parameter.text("name"), func(t *testing.T) {
				b.t = t
				b.check(parameter.text("name"), schema)
			})
			checked++
		}
	}
	if checked < 20 {
		t.Errorf("%d parameters were checked", checked)
	}
}

// manyMetrics is a snapshot with so many metrics.
func manyMetrics(n int) *health.Snapshot {
	s := recorded(40)
	for i := range n {
		s.Metrics = append(s.Metrics, health.Metric{Name: fmt.Sprint("m", i), Unit: "1", Scope: "orders", Readings: []health.Reading{{Value: 1}}})
	}
	return s
}

// check tells the schema's kinds apart.
func (b *bounded) check(name string, schema node) {
	b.t.Helper()
	fields := schema.object()
	switch {
	case fields["oneOf"] != nil:
		b.instants(name, schema)
	case fields["type"] == "integer":
		b.integers(name, schema)
	case fields["enum"] != nil:
		b.words(name, schema)
	case fields["type"] == "array":
		b.lists(name, schema)
	case name == "step":
		b.steps()
	case fields["type"] == "string" && fields["minLength"] != nil:
		b.refuses(name, url.Values{name: {""}})
	default:
		b.t.Errorf("what is allowed of %s is not described", name)
	}
	b.defaultIs(name, schema)
}

func (b *bounded) integers(name string, schema node) {
	b.t.Helper()
	least, most := integer(b.t, schema, "minimum"), integer(b.t, schema, "maximum")
	for n, allowed := range map[int64]bool{least - 1: false, least: true, most: true, most + 1: false} {
		values := url.Values{name: {strconv.FormatInt(n, 10)}}
		if allowed {
			b.allows(name, values)
		} else {
			b.refuses(name, values)
		}
	}
}

func integer(t *testing.T, schema node, key string) int64 {
	t.Helper()
	number, _ := schema.object()[key].(json.Number)
	n, err := number.Int64()
	if err != nil {
		t.Fatalf("%s of %s: got %v, want a whole number", key, schema.pointer, schema.object()[key])
	}
	return n
}

// steps checks what the description says: a schema knows no durations.
func (b *bounded) steps() {
	b.t.Helper()
	for _, step := range []string{"1", "15m", "1h30m"} {
		b.allows("step", url.Values{"step": {step}, "from": {"0"}, "to": {"9999"}})
	}
	for _, step := range []string{"", "0", "0.5s", "1.5s", "-1", "soon"} {
		b.refuses("step", url.Values{"step": {step}, "from": {"0"}, "to": {"9999"}})
	}
	b.refuses("step", url.Values{"step": {"1"}, "from": {"0"}, "to": {"10000"}})
	b.refuses("step", url.Values{"step": {"1h"}, "points": {"10"}})
}

func (b *bounded) words(name string, schema node) {
	b.t.Helper()
	for _, word := range b.elements(schema, "enum") {
		b.allows(name, url.Values{name: {fmt.Sprint(word.value)}})
		b.refuses(name, url.Values{name: {fmt.Sprint(word.value, "x")}})
	}
}

func (b *bounded) lists(name string, schema node) {
	b.t.Helper()
	if items, _ := b.at(schema, "items"); items.text("pattern") != "" {
		b.allows(name, url.Values{name: {"queue=new", "kind=order"}, "points": {"10"}})
		b.refuses(name, url.Values{name: {"queue"}, "points": {"10"}})
		b.refuses(name, url.Values{name: {"=new"}, "points": {"10"}})
		return
	}
	names := func(n int64) string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprint("m", i)
		}
		return strings.Join(list, ",")
	}
	most := integer(b.t, schema, "maxItems")
	b.allows(name, url.Values{name: {names(most)}, "points": {"10"}})
	b.refuses(name, url.Values{name: {names(most + 1)}, "points": {"10"}})
	b.refuses(name, url.Values{name: {"threads,threads"}})
	b.refuses(name, url.Values{name: {"threads,"}})
	b.refuses(name, url.Values{name: {""}})
}

// instants checks times, and seconds since 1970.
func (b *bounded) instants(name string, schema node) {
	b.t.Helper()
	seconds := b.elements(schema, "oneOf")[1]
	least, most := integer(b.t, seconds, "minimum"), integer(b.t, seconds, "maximum")
	latest := most
	if name == "from" {
		latest = most - 1 // it lies before to
	}
	for _, n := range []int64{least, latest} {
		text := strconv.FormatInt(n, 10)
		b.allows(name, url.Values{"to": {strconv.FormatInt(most, 10)}, name: {text}})
		b.allows(name, url.Values{"to": {strconv.FormatInt(most, 10)}, name: {time.Unix(n, 0).UTC().Format(time.RFC3339)}})
	}
	for _, text := range []string{strconv.FormatInt(least-1, 10), strconv.FormatInt(most+1, 10), "1969-12-31T23:59:59Z", "yesterday"} {
		b.refuses(name, url.Values{name: {text}})
	}
}

// defaultIs asks without the parameter, with its default, and with another value.
func (b *bounded) defaultIs(name string, schema node) {
	b.t.Helper()
	value, ok := schema.object()["default"]
	if !ok {
		return
	}
	other := ""
	if words := b.elements(schema, "enum"); len(words) > 1 {
		other = fmt.Sprint(words[slices.IndexFunc(words, func(w node) bool { return w.value != value })].value)
	} else {
		other = strconv.FormatInt(integer(b.t, schema, "default")-1, 10)
	}
	base := url.Values{"to": {dayLater.Format(time.RFC3339)}}
	if b.path == "/health/api/alerts" {
		base = url.Values{"state": {"all"}}
	}
	base.Del(name)
	without, with, changed := b.body(base), b.body(merged(base, name, fmt.Sprint(value))), b.body(merged(base, name, other))
	if !bytes.Equal(without, with) {
		b.t.Errorf("%s: without it the answer is another than with %v", name, value)
	}
	if bytes.Equal(without, changed) {
		b.t.Errorf("%s: %v cannot be told from %s", name, value, other)
	}
}

func merged(base url.Values, name, value string) url.Values {
	all := maps.Clone(base)
	all.Set(name, value)
	return all
}

// body returns the answer, which is no error.
func (b *bounded) body(query url.Values) []byte {
	b.t.Helper()
	x := b.ask(b.t, b.h, http.MethodGet, b.path+"?"+query.Encode(), bearer)
	if x.status != http.StatusOK {
		b.t.Errorf("%v %s", x, x.body)
	}
	return x.body
}

// allows fails the test when the request is refused for the parameter.
func (b *bounded) allows(name string, query url.Values) {
	b.t.Helper()
	if x := b.ask(b.t, b.h, http.MethodGet, b.path+"?"+query.Encode(), bearer); x.status != http.StatusOK {
		b.t.Errorf("%.200s: refused though %s is within its bounds: %s", x.String(), name, x.body)
	}
}

// refuses fails the test unless the request is refused for the parameter.
func (b *bounded) refuses(name string, query url.Values) {
	b.t.Helper()
	x := b.ask(b.t, b.h, http.MethodGet, b.path+"?"+query.Encode(), bearer)
	var p struct{ Parameter string }
	if err := json.Unmarshal(x.body, &p); err != nil || x.status != http.StatusBadRequest || p.Parameter != name {
		b.t.Errorf("%.200s: %s is beyond its bounds, and the answer is %.200s", x.String(), name, x.body)
	}
}

// TestFieldsOfBodiesAreBoundedAsDescribed sends the longest text that a field may hold, and one character more.
func TestFieldsOfBodiesAreBoundedAsDescribed(t *testing.T) {
	d := servedDocument(t, describedConfig())
	h := started(t, describedConfig()).Handler()
	for request, path := range map[string]string{"NoteRequest": actions[0], "SilenceRequest": actions[2]} {
		properties, _ := d.at(d.root, "components", "schemas", request, "properties")
		for _, field := range properties.keys() {
			schema, _ := d.at(properties, field)
			if schema.object()["maxLength"] == nil {
				continue // until is bounded by the time at which it is sent
			}
			most := int(integer(t, schema, "maxLength"))
			for length, want := range map[int]int{most: http.StatusOK, most + 1: http.StatusBadRequest} {
				body, err := json.Marshal(map[string]any{"until": 0, field: strings.Repeat("ü", length)})
				if err != nil {
					t.Fatal(err)
				}
				if x := d.send(t, h, posted(t, path, jsonType, string(body))); x.status != want {
					t.Errorf("%v: %d characters of %s: got %s, want %d", x, length, field, x.body, want)
				}
			}
		}
	}
}

// TestPathsAreBoundedAsDescribed asks for the lowest id that an alert may have, and for one below.
func TestPathsAreBoundedAsDescribed(t *testing.T) {
	d := servedDocument(t, describedConfig())
	h := started(t, describedConfig()).Handler()
	schema, _ := d.at(d.root, "components", "parameters", "alertID", "schema")
	least := integer(t, schema, "minimum")
	for _, action := range []string{"acknowledge", "resolve"} {
		for id, want := range map[int64]int{least: http.StatusOK, least - 1: http.StatusNotFound} {
			if x := d.send(t, h, posted(t, fmt.Sprintf("/health/api/alerts/%d/%s", id, action), "", "")); x.status != want {
				t.Errorf("%v: got %s, want %d", x, x.body, want)
			}
		}
	}
}
