package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// dashboard is what the tests look at in one.
type dashboard struct {
	file        string
	Panels      []panel
	Templating  struct{ List []variable }
	Annotations struct{ List []annotation }
}

type panel struct {
	Type        string
	Title       string
	Options     json.RawMessage
	FieldConfig struct {
		Defaults struct{ Custom json.RawMessage }
	}
	Targets []struct{ Expr string }
	Panels  []panel // of a row that is folded
}

type variable struct {
	Name  string
	Type  string
	Query string
}

type annotation struct {
	Name   string
	Target struct{ Expr string }
}

// all returns the dashboard's panels, those in folded rows too.
func (d *dashboard) all() (panels []panel) {
	for _, p := range d.Panels {
		panels = append(append(panels, p), p.Panels...)
	}
	return panels
}

func loadDashboards(t *testing.T) (dashboards []dashboard) {
	t.Helper()
	for _, path := range glob(t, "grafana/dashboards/*.json") {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		d := dashboard{file: filepath.Base(path)}
		if err := json.Unmarshal(content, &d); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		dashboards = append(dashboards, d)
	}
	return dashboards
}

// Every dashboard, and the options of every panel, are what Grafana's own types allow.
func TestDashboardsFitGrafanasSchema(t *testing.T) {
	t.Parallel()
	schema := newSchema()
	for _, path := range glob(t, "grafana/dashboards/*.json") {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		schema.check(t, filepath.Base(path), "Dashboard", content)
	}
	for _, d := range loadDashboards(t) {
		for _, p := range d.all() {
			if p.Type == "row" {
				continue
			}
			where := fmt.Sprintf("%s, %s", d.file, p.Title)
			schema.check(t, where+", options", "Panels/properties/"+p.Type+"/properties/options", p.Options)
			if p.FieldConfig.Defaults.Custom != nil {
				schema.check(t, where+", custom", "Panels/properties/"+p.Type+"/properties/custom", p.FieldConfig.Defaults.Custom)
			}
		}
	}
}

// grafanaSchema is made of Grafana's own types by build.sh.
type grafanaSchema struct {
	compiler *jsonschema.Compiler
	url      string
}

func newSchema() *grafanaSchema {
	return &grafanaSchema{jsonschema.NewCompiler(), "file://" + filepath.Join(programs.stack, "grafana.schema.json")}
}

// check judges JSON by one of the schema's definitions.
func (s *grafanaSchema) check(t *testing.T, what, definition string, content []byte) {
	t.Helper()
	schema, err := s.compiler.Compile(s.url + "#/definitions/" + definition)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(content)))
	if err == nil {
		err = schema.Validate(document)
	}
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
}
