package otelhealth

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/doc"
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

// optionDefaults says what holds without each option.
var optionDefaults = map[string]string{
	"WithAuthorizer":      "credentials: HEALTH_API_TOKEN, HEALTH_AUTH_*",
	"WithBasePath":        "HEALTH_BASE_PATH: none",
	"WithCheck":           "none",
	"WithCheckSpans":      "off",
	"WithCredentials":     "HEALTH_API_TOKEN, HEALTH_AUTH_*",
	"WithDB":              "none",
	"WithDialOptions":     "none",
	"WithHistory":         "HEALTH_HISTORY_PATH: db/health.db, for 7 days",
	"WithInterval":        "HEALTH_SAMPLE_INTERVAL: 10 s",
	"WithKubernetesPaths": "off",
	"WithListenAddress":   "none",
	"WithLogger":          "slog.Default",
	"WithMeterProvider":   "the private one alone",
	"WithNotifier":        "none",
	"WithOTLP":            "on where OTEL_EXPORTER_OTLP_ENDPOINT is set",
	"WithReadOnly":        "off",
	"WithReader":          "none",
	"WithRules":           "the built-in ones alone",
	"WithRuntimeMetrics":  "off",
	"WithScrape":          "no /metrics",
	"WithService":         "HEALTH_SERVICE_*, else the build",
	"WithSource":          "none",
	"WithSpool":           "HEALTH_SPOOL_*: beside the history, 64 MiB, 30 minutes",
	"WithTracerProvider":  "no spans",
	"WithWebSocket":       "none",
	"WithoutHistory":      "a history is kept",
	"WithoutSemconvNames": "they are exported",
	"WithoutSpool":        "a spool is kept where there is a history",

	"Optional":         "required",
	"WithProbe":        "a ping; for SQLite a look at the file too",
	"WithProbeTimeout": "5 s",
	"Vital":            "it counts as stuck alone",
}

// optionsTable has a row for each function that returns an option, with the first sentence of its comment.
func optionsTable(t *testing.T) string {
	t.Helper()
	pkg := documented(t)
	var b strings.Builder
	b.WriteString("| option | default | |\n|---|---|---|\n")
	unused := make(map[string]bool)
	for name := range optionDefaults {
		unused[name] = true
	}
	for _, kind := range []struct{ name, of string }{{"Option", ""}, {"DBOption", ", of WithDB"}, {"HeartbeatOption", ", of Heartbeat"}} {
		for _, f := range typeOf(t, pkg, kind.name).Funcs {
			byDefault, ok := optionDefaults[f.Name]
			if !ok {
				t.Errorf("%s has no row in optionDefaults", f.Name)
			}
			delete(unused, f.Name)
			fmt.Fprintf(&b, "| %s%s | %s | %s |\n", call(f), kind.of, byDefault, firstSentence(pkg, f))
		}
	}
	for name := range unused {
		t.Errorf("optionDefaults has a row for %s, which is no option", name)
	}
	return b.String()
}

// methodsTable has a row for each method of Monitor, with the first sentence of its comment.
func methodsTable(t *testing.T) string {
	t.Helper()
	pkg := documented(t)
	var b strings.Builder
	b.WriteString("| method | |\n|---|---|\n")
	for _, m := range typeOf(t, pkg, "Monitor").Methods {
		fmt.Fprintf(&b, "| %s | %s |\n", call(m), firstSentence(pkg, m))
	}
	return b.String()
}

// documented reads this package as go doc does.
func documented(t *testing.T) *doc.Package {
	t.Helper()
	found, err := build.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range found.GoFiles {
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	pkg, err := doc.NewFromFiles(fset, files, "github.com/otelhealth/otelhealth-go/otelhealth")
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

func typeOf(t *testing.T, pkg *doc.Package, name string) *doc.Type {
	t.Helper()
	for _, found := range pkg.Types {
		if found.Name == name {
			return found
		}
	}
	t.Fatalf("package otelhealth exports no type %s", name)
	return nil
}

// call returns the name with those of the parameters, which the comment may mention.
func call(f *doc.Func) string {
	var parameters []string
	for _, field := range f.Decl.Type.Params.List {
		for _, name := range field.Names {
			parameters = append(parameters, name.Name)
		}
		if _, isVariadic := field.Type.(*ast.Ellipsis); isVariadic {
			parameters[len(parameters)-1] += "..."
		}
	}
	return "`" + f.Name + "(" + strings.Join(parameters, ", ") + ")`"
}

// firstSentence returns it without the name that it begins with, as Markdown.
func firstSentence(pkg *doc.Package, f *doc.Func) string {
	sentence := strings.TrimPrefix(pkg.Synopsis(f.Doc), f.Name+" ")
	return strings.ToUpper(sentence[:1]) + strings.ReplaceAll(sentence[1:], "*", `\*`)
}
