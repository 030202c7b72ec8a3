package browsertest

import (
	"cmp"
	"os"
	"path/filepath"
	"testing"
)

// violation is what axe-core has against a page.
type violation struct {
	ID, Impact string
	Nodes      []struct {
		HTML           string
		FailureSummary string
	}
}

// axe returns the source of axe-core.
func axe(t *testing.T) string {
	t.Helper()
	file := cmp.Or(os.Getenv("OTELHEALTH_AXE"), filepath.FromSlash("node_modules/axe-core/axe.min.js"))
	source, err := os.ReadFile(file)
	if err != nil {
		need(t, "axe-core is not here: npm ci, or OTELHEALTH_AXE=its file ("+err.Error()+")")
	}
	return string(source)
}

// TestAxeFindsNothing looks at each view in both themes with all the rules of axe-core that are on by default.
func TestAxeFindsNothing(t *testing.T) {
	source := axe(t)
	s := start(t)
	p := open(t, 1280, 1000)
	p.beforeScripts(source)
	p.throughEveryView(s, func(view string) {
		for _, theme := range []string{"light", "dark"} {
			p.prefers(theme)
			p.isAccessible(view + ", " + theme)
		}
	})
}

// isAccessible fails for every violation in the view.
func (p *tab) isAccessible(view string) {
	p.t.Helper()
	result := eval[struct {
		Passes     int
		Violations []violation
	}](p, `axe.run(document, { resultTypes: ["violations"] }).then(({ passes, violations }) => ({ passes: passes.length, violations }))`)
	if result.Passes < 10 {
		p.t.Errorf("%s: only %d rules had anything to look at", view, result.Passes)
	}
	for _, v := range result.Violations {
		for _, node := range v.Nodes[:min(3, len(v.Nodes))] {
			p.t.Errorf("%s: %s (%s, %d times): %s: %s", view, v.ID, v.Impact, len(v.Nodes), node.HTML, node.FailureSummary)
		}
	}
}
