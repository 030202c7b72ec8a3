// Package access knows who may pass: credentials, the sessions of browsers, how often somebody may ask, and from where.
// It knows nothing of what stands behind.
package access

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/netip"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// Credentials are what opens the door. At least one of Token and Username is set.
type Credentials struct {
	Token        string
	Username     string
	Password     string // of Username; empty: PasswordHash counts
	PasswordHash string // of Username, by bcrypt
}

// TokenUser is the name of who shows the token.
const TokenUser = "token"

// Set reports whether there is anything to show.
func (c Credentials) Set() bool { return c.Token != "" || c.Username != "" }

// Verifier compares what is shown with the credentials. Comparisons take the same time for what is wrong and what is
// nearly right. Its methods are safe for concurrent use.
type Verifier struct {
	token    [sha256.Size]byte
	hasToken bool

	username string
	password [sha256.Size]byte // of the plain one
	hashed   *hashed           // nil: a plain password counts
}

// longestSecret bounds what is compared at all.
const longestSecret = 1024

// NewVerifier returns a verifier for the credentials, or an error that names what is wrong with them.
func NewVerifier(c Credentials) (*Verifier, error) {
	v := &Verifier{username: c.Username, password: sha256.Sum256([]byte(c.Password))}
	var errs []error
	if c.Token != "" {
		v.hasToken, v.token = true, sha256.Sum256([]byte(c.Token))
	}
	switch {
	case c.Username == "" && (c.Password != "" || c.PasswordHash != ""):
		errs = append(errs, errors.New("a password without a user name"))
	case c.Username != "" && c.Password == "" && c.PasswordHash == "":
		errs = append(errs, errors.New("a user name without a password"))
	case c.Password != "" && c.PasswordHash != "":
		errs = append(errs, errors.New("a password and a hash, of which one must go"))
	case c.PasswordHash != "":
		if _, err := bcrypt.Cost([]byte(c.PasswordHash)); err != nil {
			errs = append(errs, errors.New("a hash that is not bcrypt's"))
		}
		v.hashed = newHashed(c.Username, c.PasswordHash)
	}
	return v, errors.Join(errs...)
}

// Token reports whether the token is right. It allocates nothing.
func (v *Verifier) Token(token string) bool {
	if !v.hasToken || len(token) > longestSecret {
		return false
	}
	var buffer [longestSecret]byte
	sum := sha256.Sum256(buffer[:copy(buffer[:], token)])
	return subtle.ConstantTimeCompare(sum[:], v.token[:]) == 1
}

// Password reports whether the user's password is right, where that takes no bcrypt; otherwise it is not decided, and
// Compare tells.
func (v *Verifier) Password(username, password string) (right, decided bool) {
	switch {
	case v.username == "" || len(username) > longestSecret || len(password) > longestSecret:
		return false, true
	case v.hashed != nil:
		return v.hashed.remembered(username, password, time.Now())
	}
	given := sha256.Sum256([]byte(password))
	return isSame(username, v.username)&subtle.ConstantTimeCompare(given[:], v.password[:]) == 1, true
}

// Compare reports whether the user's password is right, by bcrypt. Only a few are compared at once, and one of a network;
// in a crowd, of whom many were wrong before, one waits behind the crowd alone. The error wraps [ErrBusy] or ctx's.
func (v *Verifier) Compare(ctx context.Context, username, password string, network netip.Addr, crowd bool) (bool, error) {
	if right, decided := v.Password(username, password); decided {
		return right, nil
	}
	return v.hashed.compare(ctx, username, password, network, crowd)
}

func isSame(given, want string) int {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:])
}
