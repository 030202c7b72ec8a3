package health

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// bucketRequest is a request for series in buckets.
type bucketRequest struct {
	span   span
	points int           // at most so many; 0: step is set
	step   time.Duration // the width of each
	names  []string
	where  []Attribute // what the series of metrics must bear
}

// defaultSeries are those of a request that names none.
var defaultSeries = []string{
	"fd_count", "memory_rss_mb", "db_connections", "ws_connections", "threads", "goroutines", "cpu_utilization",
}

// Bounds of one request.
const (
	mostBuckets = 10_000
	mostSeries  = 100
)

// plotted is one series of an answer: a field with a column, or a metric with one set of attributes.
type plotted struct {
	name, unit string
	attributes []Attribute
	field      *field // nil: a metric
}

func (e *Endpoints) serveBuckets(w http.ResponseWriter, r *http.Request, q *query, asked bucketRequest) {
	if width := asked.span.to.UnixMilli() - asked.span.from.UnixMilli(); asked.step > 0 && width/asked.step.Milliseconds() >= mostBuckets {
		q.refuse("step", asked.step.String(), fmt.Sprintf("at most %d of them in the range", mostBuckets))
	}
	if len(asked.names) > mostSeries {
		q.refuse("series", strings.Join(asked.names, ","), fmt.Sprintf("at most %d names", mostSeries))
	}
	if e.refused(w, r, q) {
		return
	}
	if r.Method == http.MethodHead {
		headOnly(w)
		return
	}
	request := SeriesRequest{From: asked.span.from, To: asked.span.to, Points: asked.points, Step: asked.step}
	series, err := e.choose(r, q, asked, &request)
	if err != nil {
		e.historyProblem(err).write(w, r, nil)
		return
	}
	if e.refused(w, r, q) {
		return
	}
	buckets, err := e.history.Series(r.Context(), request)
	if err != nil {
		e.historyProblem(err).write(w, r, nil)
		return
	}
	encodeBuckets(asked.span, series, buckets).write(w, r, noStore)
}

// choose finds what the names mean, and puts it into the request: columns first.
func (e *Endpoints) choose(r *http.Request, q *query, asked bucketRequest, request *SeriesRequest) ([]plotted, error) {
	names := asked.names
	if len(names) == 0 {
		names = defaultSeries
	}
	seen := make(map[string]bool)
	var columns, metrics []plotted
	var others []string
	for _, name := range names {
		if seen[name] {
			q.refuse("series", name, "each name once")
			return nil, nil
		}
		seen[name] = true
		if f := fieldNamed(name); f != nil && f.column != "" {
			columns = append(columns, plotted{name: name, unit: f.unit, field: f})
			request.Columns = append(request.Columns, f.column)
		} else {
			others = append(others, name)
		}
	}
	if len(others) == 0 {
		return columns, nil
	}
	catalog, err := e.history.Catalog(r.Context())
	if err != nil {
		return nil, err
	}
	for _, name := range others {
		found := false
		for i := range catalog {
			if info := &catalog[i]; info.Name == name && bearsAll(info.Attributes, asked.where) {
				found = true
				metrics = append(metrics, plotted{name: name, unit: info.Unit, attributes: info.Attributes})
				request.Series = append(request.Series, info.ID)
			}
		}
		if !found {
			q.refuse("series", name, "names among "+columnNames()+", and the metrics that were recorded: "+metricNames(catalog))
		}
	}
	if len(columns)+len(metrics) > mostSeries {
		q.refuse("series", strings.Join(names, ","), fmt.Sprintf("names of at most %d series, which where narrows down", mostSeries))
	}
	return append(columns, metrics...), nil
}

// serveCatalog answers with the series that were recorded beside the columns, by name.
func (e *Endpoints) serveCatalog(w http.ResponseWriter, r *http.Request) {
	if e.refused(w, r, newQuery(r)) {
		return
	}
	if r.Method == http.MethodHead {
		headOnly(w)
		return
	}
	catalog, err := e.history.Catalog(r.Context())
	if err != nil {
		e.historyProblem(err).write(w, r, nil)
		return
	}
	body := newJSONArray(64 + 160*len(catalog))
	for i := range catalog {
		body.element()
		body.text("name", catalog[i].Name)
		body.text("unit", catalog[i].Unit)
		body.text("scope", catalog[i].Scope)
		body.pairs(catalog[i].Attributes)
		body.end()
	}
	body.endArray()
	newAnswer(http.StatusOK, mediaJSON, body.b).write(w, r, noStore)
}

func bearsAll(attributes, wanted []Attribute) bool {
	for _, a := range wanted {
		if !slices.Contains(attributes, a) {
			return false
		}
	}
	return true
}

// headOnly answers HEAD where GET reads the history.
func headOnly(w http.ResponseWriter) {
	h := w.Header()
	h["Content-Type"] = []string{mediaJSON}
	h["X-Content-Type-Options"] = nosniff
	h["Cache-Control"] = noStore
}

func columnNames() string {
	var names []string
	for i := range fields {
		if fields[i].column != "" {
			names = append(names, fields[i].name)
		}
	}
	return strings.Join(names, ", ")
}

// metricNames lists the names in the catalog, which is sorted by them, each once.
func metricNames(catalog []SeriesInfo) string {
	var names []string
	for i := range catalog {
		if i == 0 || catalog[i].Name != catalog[i-1].Name {
			names = append(names, catalog[i].Name)
		}
	}
	return strings.Join(names, ", ")
}

// encodeBuckets writes the answer in columns, which is short, and what a chart needs.
func encodeBuckets(s span, series []plotted, found Buckets) *answer {
	w := newJSON(1024 + len(found.Buckets)*(48+40*len(series)))
	w.time("from", s.from)
	w.time("to", s.to)
	w.number("step_seconds", Number(found.Width.Seconds()))
	w.array("timestamps")
	for i := range found.Buckets {
		w.next()
		w.b = append(w.b, '"')
		w.b = append(appendTime(w.b, found.Buckets[i].Time), '"')
	}
	w.endArray()
	each := func(name string, value func(*Bucket) Number) {
		w.array(name)
		for i := range found.Buckets {
			w.next()
			w.b, _ = value(&found.Buckets[i]).AppendText(w.b) // it never fails
		}
		w.endArray()
	}
	each("samples", func(b *Bucket) Number { return Number(b.Samples) })
	w.object("overall")
	each("pass", func(b *Bucket) Number { return Number(b.Overall.Pass) })
	each("warn", func(b *Bucket) Number { return Number(b.Overall.Warn) })
	each("fail", func(b *Bucket) Number { return Number(b.Overall.Fail) })
	each("unknown", func(b *Bucket) Number { return Number(b.Overall.Unknown) })
	w.end()
	w.array("series")
	for i := range series {
		w.element()
		w.text("name", series[i].name)
		w.text("unit", series[i].unit)
		w.pairs(series[i].attributes)
		each("count", func(b *Bucket) Number { return Number(b.Values[i].Count) })
		each("min", func(b *Bucket) Number { return series[i].scaled(b.Values[i].Min) })
		each("mean", func(b *Bucket) Number { return series[i].scaled(b.Values[i].Mean) })
		each("max", func(b *Bucket) Number { return series[i].scaled(b.Values[i].Max) })
		w.end()
	}
	w.endArray()
	return w.answer(http.StatusOK, mediaJSON)
}

func (p *plotted) scaled(n Number) Number {
	if p.field != nil {
		return p.field.scaled(n)
	}
	return n
}

func (w *jsonWriter) pairs(attributes []Attribute) {
	if len(attributes) == 0 {
		return
	}
	w.object("attributes")
	for _, a := range attributes {
		w.text(a.Key, a.Value)
	}
	w.end()
}
