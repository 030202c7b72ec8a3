package health

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestTheZeroStatusIsUnknown(t *testing.T) {
	var s Status
	if s != Unknown || s.String() != "unknown" {
		t.Errorf("got %v, want unknown", s)
	}
}

func TestSeverity(t *testing.T) {
	order := []Status{Pass, Unknown, Warn, Fail}
	for i, s := range order {
		for j, other := range order {
			if got := s.WorseThan(other); got != (i > j) {
				t.Errorf("%v worse than %v: got %v", s, other, got)
			}
		}
	}
	for _, test := range []struct {
		of   []Status
		want Status
	}{
		{nil, Pass},
		{[]Status{Pass, Unknown}, Unknown},
		{[]Status{Warn, Unknown, Pass}, Warn},
		{[]Status{Unknown, Fail, Warn}, Fail},
	} {
		if got := Worst(test.of...); got != test.want {
			t.Errorf("worst of %v: got %v, want %v", test.of, got, test.want)
		}
	}
}

func TestStatusAsText(t *testing.T) {
	for _, s := range []Status{Unknown, Pass, Warn, Fail} {
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var back Status
		if err := json.Unmarshal(text, &back); err != nil || back != s {
			t.Errorf("%v: got %v back, %v", s, back, err)
		}
	}
	var s Status
	if err := json.Unmarshal([]byte(`"healthy"`), &s); err == nil {
		t.Error(`"healthy" was taken for a status`)
	}
	if got := Status(9).String(); got != "Status(9)" {
		t.Errorf("a status out of range: got %q", got)
	}
}

func TestNumberAsJSON(t *testing.T) {
	for _, test := range []struct {
		number Number
		want   string
	}{
		{0, "0"},
		{156, "156"},
		{245.5, "245.5"},
		{1 << 53, "9007199254740992"},
		{-0.0000001, "-1e-07"},
		{1e21, "1e+21"},
		{UnknownNumber(), "null"},
		{Number(1) / Number(zero), "null"},
	} {
		text, err := json.Marshal(test.number)
		if err != nil || string(text) != test.want {
			t.Errorf("%v: got %s, %v, want %s", test.number, text, err, test.want)
		}
		var back Number
		if err := json.Unmarshal(text, &back); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if test.number.Known() && back != test.number || !test.number.Known() && back.Known() {
			t.Errorf("%v came back as %v", test.number, back)
		}
	}
	var n Number
	if err := json.Unmarshal([]byte(`"12"`), &n); err == nil {
		t.Error(`"12" was taken for a number`)
	}
}

var zero float64

func TestNumberOver(t *testing.T) {
	if got := Number(1).Over(4); got != 0.25 {
		t.Errorf("1 over 4: got %v", got)
	}
	for _, pair := range [][2]Number{{1, 0}, {UnknownNumber(), 1}, {1, UnknownNumber()}} {
		if got := pair[0].Over(pair[1]); got.Known() {
			t.Errorf("%v over %v: got %v, want unknown", pair[0], pair[1], got)
		}
	}
}

func TestSnapshotLookups(t *testing.T) {
	s := healthySnapshot()
	if got := s.Value(MetricPoolCount); got != 3 {
		t.Errorf("sum over pools and states: got %v, want 3", got)
	}
	if got := s.Value("no.such.metric"); got.Known() {
		t.Errorf("a metric that is not there: got %v, want unknown", got)
	}
	var names []string
	for r := range s.All(MetricWSSymbols) {
		names = append(names, r.Attribute(AttrWebSocketSource))
		if len(names) == 2 {
			break
		}
	}
	if !slices.Equal(names, []string{"zerodha", "fyers"}) {
		t.Errorf("got %v", names)
	}
	if _, ok := s.Rule("no-such-rule"); ok {
		t.Error("found a rule that is not there")
	}
	if r, ok := s.Rule(RulePool); !ok || r.Instance != "openalgo" {
		t.Errorf("got %+v, %v", r, ok)
	}
}

func TestVocabularyIsInOrder(t *testing.T) {
	seen := make(map[string]bool)
	for _, m := range Vocabulary() {
		if seen[m.Name] {
			t.Errorf("%s stands twice", m.Name)
		}
		seen[m.Name] = true
		if m.Unit == "" || m.Description == "" || m.Kind == "" {
			t.Errorf("%s lacks a unit, a kind or a description", m.Name)
		}
		if m.Description[len(m.Description)-1] != '.' {
			t.Errorf("%s: the description is not a sentence", m.Name)
		}
	}
}
