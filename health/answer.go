package health

import (
	"hash/fnv"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Media types of the answers.
const (
	mediaJSON    = "application/json"
	mediaHealth  = "application/health+json"  // draft-inadarei-api-health-check-06, section 3
	mediaProblem = "application/problem+json" // RFC 9457
)

// answer is a whole HTTP response, encoded before anyone asks for it. Header values are kept as the slices that
// http.Header holds, so that writing one allocates nothing.
type answer struct {
	status       int
	contentType  []string
	length       []string
	cacheControl []string // nil: the remaining freshness
	challenge    []string // WWW-Authenticate of a 401
	retryAfter   []string
	etag         []string // nil: it has none
	body         []byte
}

var (
	nosniff = []string{"nosniff"}
	noStore = []string{"no-store"}
)

// answer closes the object that w holds and makes it the body of a response.
func (w *jsonWriter) answer(status int, mediaType string) *answer {
	w.end()
	return newAnswer(status, mediaType, w.b)
}

func newAnswer(status int, mediaType string, body []byte) *answer {
	body = append(body, '\n')
	a := &answer{
		status:      status,
		contentType: []string{mediaType},
		length:      []string{strconv.Itoa(len(body))},
		body:        body,
	}
	if status != http.StatusOK {
		a.cacheControl = noStore
	}
	return a
}

// tagged gives an answer that may be kept an entity tag, which is the same as long as the body is: RFC 9110, section 8.8.3.
func (a *answer) tagged() *answer {
	if a.status == http.StatusOK {
		hash := fnv.New64a()
		_, _ = hash.Write(a.body) // never fails
		a.etag = []string{`"` + strconv.FormatUint(hash.Sum64(), 36) + `"`}
	}
	return a
}

// kept lets caches keep the answer while it is fresh, when anybody may see it; otherwise none may.
func (a *answer) kept(byAnybody bool) *answer {
	if byAnybody {
		return a.tagged()
	}
	a.cacheControl = noStore
	return a
}

// isKnown reports whether the client has the very body already: RFC 9110, section 13.1.2.
func (a *answer) isKnown(r *http.Request) bool {
	if a.etag == nil {
		return false
	}
	for _, list := range r.Header["If-None-Match"] {
		for tag := range strings.SplitSeq(list, ",") {
			if tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/"); tag == a.etag[0] || tag == "*" {
				return true
			}
		}
	}
	return false
}

// write sends a; to a HEAD request all but the body. cacheControl is used where the answer has none of its own.
func (a *answer) write(w http.ResponseWriter, r *http.Request, cacheControl []string) {
	h := w.Header()
	if a.etag != nil {
		h["Etag"] = a.etag
	}
	if a.isKnown(r) {
		h["Cache-Control"] = cacheControl
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h["Content-Type"] = a.contentType
	h["Content-Length"] = a.length
	h["X-Content-Type-Options"] = nosniff
	if a.cacheControl != nil {
		cacheControl = a.cacheControl
	}
	h["Cache-Control"] = cacheControl
	if a.challenge != nil {
		h["Www-Authenticate"] = a.challenge
	}
	if a.retryAfter != nil {
		h["Retry-After"] = a.retryAfter
	}
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.body) // the client went away: nobody to tell
	}
}

// freshness holds a Cache-Control value for each whole second that a snapshot may still be fresh.
type freshness [][]string

// longestFreshness bounds the table; a longer interval is announced as this.
const longestFreshness = time.Hour

func newFreshness(interval time.Duration) freshness {
	seconds := int(min(interval, longestFreshness) / time.Second)
	f := make(freshness, seconds+1)
	for i := range f {
		f[i] = []string{"max-age=" + strconv.Itoa(i)}
	}
	return f
}

// remaining returns the value for a snapshot that stays fresh for d.
func (f freshness) remaining(d time.Duration) []string {
	return f[min(max(int(d/time.Second), 0), len(f)-1)]
}
