package health

import (
	"net/http"
	"net/url"
	"strings"
)

// route is one method at one path, whose segments may be {wildcards}.
type route struct {
	method   string
	path     string
	segments []string // of a path with wildcards; nil: without
	handler  http.HandlerFunc
	refusal  *answer  // of other methods
	allow    []string // the methods that are answered
}

func newRoute(method, path string, handler http.HandlerFunc) route {
	r := route{method: method, path: path, handler: handler}
	r.allow = []string{http.MethodPost}
	if method == http.MethodGet {
		r.allow = []string{"GET, HEAD"}
	}
	r.refusal = newProblem(http.StatusMethodNotAllowed, "only "+r.allow[0]+" is answered here")
	if strings.Contains(path, "{") {
		r.segments = strings.Split(path, "/")
	}
	return r
}

func (r *route) allows(method string) bool {
	return method == r.method || method == http.MethodHead && r.method == http.MethodGet
}

// match sets the request's path values, and reports whether the path, as it was sent, is the route's.
func (r *route) match(request *http.Request, escaped string) bool {
	segments := strings.Split(escaped, "/")
	if len(segments) != len(r.segments) {
		return false
	}
	values := make(map[string]string)
	for i, segment := range segments {
		name, wild := strings.CutPrefix(r.segments[i], "{")
		value, err := url.PathUnescape(segment)
		switch {
		case err != nil, wild && value == "", !wild && value != r.segments[i]:
			return false
		case wild:
			values[strings.TrimSuffix(name, "}")] = value
		}
	}
	for name, value := range values {
		request.SetPathValue(name, value)
	}
	return true
}

// router finds routes by the whole path.
type router struct {
	basePath string
	fixed    map[string]*route
	wild     []*route
}

// Handler returns a handler that finds the routes by the whole path itself. It never redirects, and it also answers
// where something before it has stripped the base path, or http.StripPrefix has stripped "/health", from the request's
// path.
func (e *Endpoints) Handler() http.Handler {
	find := router{basePath: e.basePath, fixed: make(map[string]*route)}
	routes := e.routes()
	for i := range routes {
		if r := &routes[i]; r.segments == nil {
			find.fixed[r.path] = r
		} else {
			find.wild = append(find.wild, r)
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		found := find.route(r)
		switch {
		case found == nil:
			e.notFound.write(w, r, nil)
		case !found.allows(r.Method):
			w.Header()["Allow"] = found.allow
			found.refusal.write(w, r, nil)
		default:
			found.handler(w, r)
		}
	})
}

func (f *router) route(r *http.Request) *route {
	if found, ok := f.fixed[strings.TrimPrefix(r.URL.Path, f.basePath)]; ok {
		return found
	}
	stripped := wasStripped(r)
	if found, ok := f.fixed["/health"+r.URL.Path]; stripped && ok {
		return found
	}
	escaped := strings.TrimPrefix(r.URL.EscapedPath(), f.basePath)
	for _, route := range f.wild {
		if route.match(r, escaped) || stripped && route.match(r, "/health"+r.URL.EscapedPath()) {
			return route
		}
	}
	return nil
}

// wasStripped reports whether "/health" stood before the request's path: what the client sent stays in RequestURI.
func wasStripped(r *http.Request) bool {
	sent, _, _ := strings.Cut(r.RequestURI, "?")
	return strings.HasSuffix(sent, "/health"+r.URL.EscapedPath())
}
