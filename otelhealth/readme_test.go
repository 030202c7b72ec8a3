package otelhealth

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/otelhealth/otelhealth-go/health"
)

var update = flag.Bool("update", false, "write the README's tables anew")

const readmePath = "../README.md"

// TestREADMETablesAreTheCodes compares the README's tables with those that drive the code.
func TestREADMETablesAreTheCodes(t *testing.T) {
	content, err := os.ReadFile(readmePath)
	if err != nil {
		t.Fatal(err)
	}
	readme := string(content)
	for name, want := range map[string]string{
		"metrics": metricsTable(), "settings": settingsTable(), "options": optionsTable(t), "methods": methodsTable(t),
	} {
		begin, end := "<!-- "+name+": ", "<!-- end of "+name+" -->"
		head, rest, ok := strings.Cut(readme, begin)
		comment, rest, ok2 := strings.Cut(rest, "-->\n")
		got, tail, ok3 := strings.Cut(rest, end)
		if !ok || !ok2 || !ok3 {
			t.Fatalf("the README has no place for the %s", name)
		}
		if *update {
			readme = head + begin + comment + "-->\n" + want + end + tail
		} else if got != want {
			t.Errorf("the README's table of %s differs from the code; run this test with -update", name)
		}
	}
	if *update {
		if err := os.WriteFile(readmePath, []byte(readme), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func metricsTable() string {
	var b strings.Builder
	b.WriteString("| metric | kind | unit | attributes | |\n|---|---|---|---|---|\n")
	for _, m := range health.Vocabulary() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", m.Name, m.Kind, m.Unit, strings.Join(m.Attributes, ", "), m.Description)
	}
	return b.String()
}

func settingsTable() string {
	var b strings.Builder
	b.WriteString("| variable | default | |\n|---|---|---|\n")
	for _, s := range settings() {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", s.name, s.byDefault, s.meaning)
	}
	return b.String()
}

// TestREADMESnippetsCompile finds each of the README's snippets in readme_example_test.go, which is compiled.
func TestREADMESnippetsCompile(t *testing.T) {
	readme, err := os.ReadFile(readmePath)
	if err != nil {
		t.Fatal(err)
	}
	examples, err := os.ReadFile("readme_example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	compiled := withoutLayout(string(examples))
	for n, rest := range strings.Split(string(readme), "```go\n")[1:] {
		snippet, _, _ := strings.Cut(rest, "```")
		if !strings.Contains(compiled, withoutLayout(snippet)) {
			t.Errorf("snippet %d of the README is not in readme_example_test.go:\n%s", n+1, snippet)
		}
	}
}

// withoutLayout returns code without indentation, alignment and what is said to the linter.
func withoutLayout(code string) string {
	var b strings.Builder
	for line := range strings.Lines(code) {
		line, _, _ = strings.Cut(line, "//nolint:")
		b.WriteString(strings.Join(strings.Fields(line), " ") + "\n")
	}
	return b.String()
}

// TestREADMEIntegrationIsShort holds the README to its promise of fewer than ten lines.
func TestREADMEIntegrationIsShort(t *testing.T) {
	content, err := os.ReadFile(readmePath)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(content), "```go\n")
	code, _, ok2 := strings.Cut(rest, "```")
	if !ok || !ok2 {
		t.Fatal("the README shows no code")
	}
	if lines := strings.Count(code, "\n"); lines >= 10 {
		t.Errorf("the smallest integration has %d lines, want fewer than ten", lines)
	}
}
