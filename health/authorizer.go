package health

import (
	"errors"
	"net/http"
)

// Identity is who an [Authorizer] recognised.
type Identity struct {
	Name string
}

// Authorizer stands before everything but the probes. It is called from many goroutines at once, and before each
// answer, so it must be quick.
type Authorizer interface {
	// Authorize returns who sent the request. An error that wraps [ErrForbidden] is answered 403, every other 401;
	// its text is never shown to the client.
	Authorize(r *http.Request) (Identity, error)
}

// AuthorizerFunc lets a function be an [Authorizer].
type AuthorizerFunc func(r *http.Request) (Identity, error)

// Authorize calls f.
func (f AuthorizerFunc) Authorize(r *http.Request) (Identity, error) { return f(r) }

// ErrForbidden is for an [Authorizer] that knows who asks and refuses all the same.
var ErrForbidden = errors.New("forbidden")
