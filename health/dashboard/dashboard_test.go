package dashboard

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// most is how many bytes a browser loads, uncompressed.
const most = 80_000

func TestPageIsLight(t *testing.T) {
	p, err := newPage(files)
	if err != nil {
		t.Fatal(err)
	}
	weight := len(p.index.body)
	for _, d := range p.assets {
		weight += len(d.body)
	}
	t.Logf("%d bytes", weight)
	if weight > most {
		t.Errorf("got %d bytes, want at most %d", weight, most)
	}
}

func ask(t *testing.T, path, tag string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
	if tag != "" {
		r.Header.Set("If-None-Match", tag)
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w
}

func body(t *testing.T, path string) string {
	t.Helper()
	w := ask(t, path, "")
	if w.Code != http.StatusOK {
		t.Errorf("%s: got %d", path, w.Code)
	}
	return w.Body.String()
}

var (
	linked   = regexp.MustCompile(`(?:href|src)="(assets/[^"]+)"`)
	imported = regexp.MustCompile(`(?m)^import .*"\./([^"]+)";$`)
)

// TestEveryFileIsAskedFor follows the page's links and the modules' imports: nothing is missing, and nothing is dead weight.
func TestEveryFileIsAskedFor(t *testing.T) {
	found := make(map[string]bool)
	var follow func(at string)
	follow = func(at string) {
		if found[at] {
			return
		}
		found[at] = true
		folder := at[:strings.LastIndex(at, "/")+1]
		for _, match := range imported.FindAllStringSubmatch(body(t, at), -1) {
			follow(folder + match[1])
		}
	}
	for _, match := range linked.FindAllStringSubmatch(body(t, "/health/"), -1) {
		follow("/health/" + match[1])
	}
	entries, err := fs.ReadDir(files, "assets")
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != len(entries) {
		t.Errorf("%d of %d assets are asked for: %v", len(found), len(entries), found)
	}
}

// TestNothingIsInline holds what the policy asks for: a browser would refuse it.
func TestNothingIsInline(t *testing.T) {
	page := body(t, "/health/")
	for _, inline := range []string{`<script>`, `<style`, `style="`, `javascript:`, `href="http`, `src="http`, `src="//`} {
		if strings.Contains(page, inline) {
			t.Errorf("the page has %s", inline)
		}
	}
	if handler := regexp.MustCompile(`\son[a-z]+="`).FindString(page); handler != "" {
		t.Errorf("the page has %s", handler)
	}
}

func TestAssetsAreKeptWhileTheyAreTheSame(t *testing.T) {
	at := "/orders/health/" + linked.FindStringSubmatch(body(t, "/orders/health/"))[1]
	name := at[strings.LastIndex(at, "/"):]
	for path, want := range map[string]string{
		"/orders/health/":                  revalidated,
		at:                                 immutable,
		"/orders/health/assets/old" + name: revalidated,
	} {
		first := ask(t, path, "")
		if got := first.Header().Get("Cache-Control"); first.Code != http.StatusOK || got != want {
			t.Errorf("%s: got %d, %q, want %q", path, first.Code, got, want)
		}
		if again := ask(t, path, first.Header().Get("ETag")); again.Code != http.StatusNotModified {
			t.Errorf("%s again: got %d, want 304", path, again.Code)
		}
		if got := first.Header().Get("Content-Security-Policy"); !strings.Contains(got, "script-src 'self';") {
			t.Errorf("%s: got the policy %q", path, got)
		}
	}
	if none := ask(t, "/health/assets/1/none.js", ""); none.Code != http.StatusNotFound {
		t.Errorf("no file: got %d", none.Code)
	}
}

func TestVersionFollowsEveryAsset(t *testing.T) {
	version := func(script string) string {
		p, err := newPage(fstest.MapFS{
			"index.html":     {Data: []byte("assets/VERSION/main.js")},
			"assets/main.js": {Data: []byte(script)},
		})
		if err != nil {
			t.Fatal(err)
		}
		return p.version
	}
	if version("a") == version("b") {
		t.Error("another script has the same version: browsers would keep the old one")
	}
}
