package health

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// admission says who may ask for a route.
type admission uint8

const (
	forAdmitted admission = iota // whom the guard admits
	forAll                       // everybody, at any rate and under every host name: a probe
	wayIn                        // who is not admitted yet
)

// route is one method at one path, whose segments may be {wildcards}.
type route struct {
	method    string
	path      string
	segments  []string // of a path with wildcards; nil: without
	admission admission
	handler   http.HandlerFunc
}

func newRoute(method, path string, a admission, handler http.HandlerFunc) route {
	r := route{method: method, path: path, admission: a, handler: handler}
	if strings.Contains(r.fixed(), "{") {
		r.segments = strings.Split(path, "/")
	}
	return r
}

// fixed returns the path without the mark that keeps a ServeMux from taking a slash at the end for a whole folder.
func (r *route) fixed() string { return strings.TrimSuffix(r.path, "{$}") }

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
	fixed    map[string][]*route // one for each method
	wild     []*route            // with one method each
}

// Handler returns a handler that finds the routes by the whole path itself. It never redirects, and it also answers
// where something before it has stripped the base path, or http.StripPrefix has stripped "/health", from the request's
// path.
func (e *Endpoints) Handler() http.Handler {
	find := router{basePath: e.basePath, fixed: make(map[string][]*route)}
	routes := e.routes()
	for i := range routes {
		if r := &routes[i]; r.segments == nil {
			find.fixed[r.fixed()] = append(find.fixed[r.fixed()], r)
		} else {
			find.wild = append(find.wild, r)
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		found := find.routes(r)
		for _, route := range found {
			if route.allows(r.Method) {
				route.handler(w, r)
				return
			}
		}
		if len(found) == 0 {
			e.notFound.write(w, r, nil)
			return
		}
		allow := allowed(found)
		w.Header()["Allow"] = []string{allow}
		newProblem(http.StatusMethodNotAllowed, "only "+allow+" is answered here").write(w, r, nil)
	})
}

// allowed lists the methods that the routes answer.
func allowed(routes []*route) string {
	var methods []string
	for _, r := range routes {
		methods = append(methods, r.method)
		if r.method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
	}
	slices.Sort(methods)
	return strings.Join(methods, ", ")
}

// routes returns those at the request's path.
func (f *router) routes(r *http.Request) []*route {
	if found, ok := f.fixed[strings.TrimPrefix(r.URL.Path, f.basePath)]; ok {
		return found
	}
	stripped := wasStripped(r)
	if found, ok := f.fixed["/health"+r.URL.Path]; stripped && ok {
		return found
	}
	escaped := strings.TrimPrefix(r.URL.EscapedPath(), f.basePath)
	for i, route := range f.wild {
		if route.match(r, escaped) || stripped && route.match(r, "/health"+r.URL.EscapedPath()) {
			return f.wild[i : i+1]
		}
	}
	return nil
}

// wasStripped reports whether "/health" stood before the request's path: what the client sent stays in RequestURI.
func wasStripped(r *http.Request) bool {
	sent, _, _ := strings.Cut(r.RequestURI, "?")
	return strings.HasSuffix(sent, "/health"+r.URL.EscapedPath())
}
