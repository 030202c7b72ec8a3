// Package access knows who may pass: credentials, the sessions of browsers, how often somebody may ask, and from where.
// It knows nothing of what stands behind.
package access

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"sync"
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
	key      []byte // of this process
	token    [sha256.Size]byte
	hasToken bool

	username string
	password [sha256.Size]byte // of the plain one
	hash     []byte            // nil: a plain password counts

	mu       sync.Mutex
	verified map[[sha256.Size]byte]time.Time // passwords that passed, under key, and until when that counts

	slots, crowded chan struct{} // for comparing by bcrypt at once
}

// How long a password that was compared by bcrypt passes without, how many such are kept, how many are compared at once,
// and how long one waits for that.
const (
	verifiedFor  = 5 * time.Minute
	mostVerified = 64
	bcryptSlots  = 2
	bcryptWait   = 2 * time.Second
)

// longestSecret bounds what is compared at all.
const longestSecret = 1024

// ErrBusy says that too many passwords are being compared.
var ErrBusy = errors.New("too many passwords are being compared")

// NewVerifier returns a verifier for the credentials, or an error that names what is wrong with them.
func NewVerifier(c Credentials) (*Verifier, error) {
	v := &Verifier{
		key: make([]byte, sha256.Size), verified: make(map[[sha256.Size]byte]time.Time),
		slots: make(chan struct{}, bcryptSlots), crowded: make(chan struct{}, 1),
	}
	_, _ = rand.Read(v.key) // never fails
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
		v.hash = []byte(c.PasswordHash)
	}
	v.username, v.password = c.Username, sha256.Sum256([]byte(c.Password))
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

// Password reports whether the user's password is right. Where that takes bcrypt, only a few are compared at once; in a
// crowd, of whom many were wrong before, one waits behind the crowd alone. The error wraps [ErrBusy] or ctx's.
func (v *Verifier) Password(ctx context.Context, username, password string, crowd bool) (bool, error) {
	if v.username == "" || len(username) > longestSecret || len(password) > longestSecret {
		return false, nil
	}
	sum := v.sum(username, password)
	if v.hash == nil {
		given := sha256.Sum256([]byte(password))
		right := subtle.ConstantTimeCompare(given[:], v.password[:])
		return v.isUser(username)&right == 1, nil
	}
	if v.hasPassed(sum) {
		return true, nil
	}
	if v.isUser(username) == 0 {
		return false, nil // bcrypt would be for nothing
	}
	slots := v.slots
	if crowd {
		slots = v.crowded
	}
	timer := time.NewTimer(bcryptWait)
	defer timer.Stop()
	select {
	case slots <- struct{}{}:
	case <-timer.C:
		return false, ErrBusy
	case <-ctx.Done():
		return false, fmt.Errorf("compare a password: %w", ctx.Err())
	}
	defer func() { <-slots }()
	if bcrypt.CompareHashAndPassword(v.hash, []byte(password)) != nil {
		return false, nil
	}
	v.pass(sum)
	return true, nil
}

func (v *Verifier) isUser(username string) int {
	given, want := sha256.Sum256([]byte(username)), sha256.Sum256([]byte(v.username))
	return subtle.ConstantTimeCompare(given[:], want[:])
}

func (v *Verifier) sum(username, password string) (sum [sha256.Size]byte) {
	mac := hmac.New(sha256.New, v.key)
	mac.Write([]byte(username))
	mac.Write([]byte{0})
	mac.Write([]byte(password))
	mac.Sum(sum[:0])
	return sum
}

func (v *Verifier) hasPassed(sum [sha256.Size]byte) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return time.Now().Before(v.verified[sum])
}

func (v *Verifier) pass(sum [sha256.Size]byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.verified) >= mostVerified {
		clear(v.verified)
	}
	v.verified[sum] = time.Now().Add(verifiedFor)
}
