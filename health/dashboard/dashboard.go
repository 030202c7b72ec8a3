package dashboard

import (
	"bytes"
	"embed"
	"fmt"
	"hash/fnv"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

//go:embed index.html assets
var files embed.FS

// Cache-Control values. What is behind a login is for that browser alone.
const (
	revalidated = "private, no-cache"
	immutable   = "private, max-age=31536000, immutable"
)

// policy allows the page its own scripts, styles, pictures and calls, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// document is one file with what its answer says of it.
type document struct {
	contentType string
	etag        string
	body        []byte
}

// page answers with the documents.
type page struct {
	version string // of all assets together; a part of their URLs
	index   document
	assets  map[string]document // by file name
}

// Handler returns the page for a path that ends with a slash, and the asset NAME for one that ends with
// assets/VERSION/NAME. What stands before that is of no account. An asset of the present version may be kept for good;
// everything else is asked for again, and answered 304 while it is the same. It is safe for concurrent use.
func Handler() http.Handler {
	p, err := newPage(files)
	if err != nil {
		panic("dashboard: " + err.Error()) // the files are a part of the program
	}
	return p
}

func newPage(files fs.FS) (*page, error) {
	p := &page{assets: make(map[string]document)}
	entries, err := fs.ReadDir(files, "assets")
	if err != nil {
		return nil, fmt.Errorf("list the assets: %w", err)
	}
	all := fnv.New64a()
	for _, entry := range entries {
		d, err := readDocument(files, path.Join("assets", entry.Name()))
		if err != nil {
			return nil, err
		}
		p.assets[entry.Name()] = d
		_, _ = all.Write(d.body) // never fails
	}
	p.version = strconv.FormatUint(all.Sum64(), 36)
	if p.index, err = readDocument(files, "index.html"); err != nil {
		return nil, err
	}
	p.index = newDocument("index.html", bytes.ReplaceAll(p.index.body, []byte("assets/VERSION/"), []byte("assets/"+p.version+"/")))
	return p, nil
}

func readDocument(files fs.FS, name string) (document, error) {
	body, err := fs.ReadFile(files, name)
	if err != nil {
		return document{}, fmt.Errorf("read %s: %w", name, err)
	}
	return newDocument(name, body), nil
}

func newDocument(name string, body []byte) document {
	hash := fnv.New64a()
	_, _ = hash.Write(body) // never fails
	return document{
		contentType: contentType(name),
		etag:        `"` + strconv.FormatUint(hash.Sum64(), 36) + `"`,
		body:        body,
	}
}

// contentType does not depend on what the machine has registered for a suffix.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	default:
		return "text/html; charset=utf-8"
	}
}

func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	if strings.HasSuffix(r.URL.Path, "/") {
		p.index.serve(w, r, revalidated)
		return
	}
	folder, name := path.Split(r.URL.Path)
	asset, ok := p.assets[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	// During an update an instance may be asked for the assets of another's version.
	cacheControl := revalidated
	if path.Base(folder) == p.version {
		cacheControl = immutable
	}
	asset.serve(w, r, cacheControl)
}

func (d *document) serve(w http.ResponseWriter, r *http.Request, cacheControl string) {
	h := w.Header()
	h.Set("Content-Type", d.contentType)
	h.Set("Cache-Control", cacheControl)
	h.Set("Etag", d.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(d.body))
}
