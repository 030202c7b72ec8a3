package access

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// hashed compares a user's password with its bcrypt hash. The right one is remembered under a keyed hash for a while, in
// which no other takes bcrypt either. Its methods are safe for concurrent use.
type hashed struct {
	username string
	hash     []byte
	key      []byte // of this process

	slots, crowded chan struct{} // of those who compare at once

	mu         sync.Mutex
	right      [sha256.Size]byte // the right user name and password, under key
	rightUntil time.Time
	comparing  map[netip.Addr]*comparison // by network
}

// comparison is one that waits, or is done.
type comparison struct {
	sum   [sha256.Size]byte
	done  chan struct{}
	right bool // once it is done
	err   error
}

// How long the right password is remembered after it was shown, how many are compared at once, and how long one waits
// for that.
const (
	rememberedFor = 5 * time.Minute
	bcryptSlots   = 2
	bcryptWait    = 5 * time.Second
)

// bcryptLength is how much of a password bcrypt looks at, in bytes.
const bcryptLength = 72

// ErrBusy says that too many passwords are being compared.
var ErrBusy = errors.New("too many passwords are being compared")

func newHashed(username, hash string) *hashed {
	return &hashed{
		username: username, hash: []byte(hash), key: NewSecret(),
		slots: make(chan struct{}, bcryptSlots), crowded: make(chan struct{}, 1),
		comparing: make(map[netip.Addr]*comparison),
	}
}

// remembered compares with the right password, while that is remembered.
func (h *hashed) remembered(username, password string, now time.Time) (right, decided bool) {
	sum := h.sum(username, password)
	h.mu.Lock()
	defer h.mu.Unlock()
	if !now.Before(h.rightUntil) {
		return false, false
	}
	right = subtle.ConstantTimeCompare(sum[:], h.right[:]) == 1
	if right {
		h.rightUntil = now.Add(rememberedFor)
	}
	return right, true
}

func (h *hashed) sum(username, password string) (sum [sha256.Size]byte) {
	mac := hmac.New(sha256.New, h.key)
	mac.Write([]byte(username))
	mac.Write([]byte{0})
	mac.Write([]byte(password[:min(len(password), bcryptLength)]))
	mac.Sum(sum[:0])
	return sum
}

// compare lets one of a network wait. Who shows the same from there gets its result, and who shows something else is told
// to come again.
func (h *hashed) compare(ctx context.Context, username, password string, network netip.Addr, crowd bool) (bool, error) {
	c := &comparison{sum: h.sum(username, password), done: make(chan struct{})}
	h.mu.Lock()
	first := h.comparing[network]
	if first == nil {
		h.comparing[network] = c
	}
	h.mu.Unlock()
	switch {
	case first == nil:
	case first.sum != c.sum:
		return false, ErrBusy
	default:
		return first.wait(ctx)
	}
	c.right, c.err = h.inTurn(ctx, username, password, crowd)
	h.mu.Lock()
	delete(h.comparing, network)
	h.mu.Unlock()
	close(c.done)
	return c.right, c.err
}

func (c *comparison) wait(ctx context.Context) (bool, error) {
	select {
	case <-c.done:
	case <-ctx.Done():
		return false, waitError(ctx)
	}
	if c.err != nil {
		return false, ErrBusy // the other one's trouble
	}
	return c.right, nil
}

// inTurn compares once there is a slot.
func (h *hashed) inTurn(ctx context.Context, username, password string, crowd bool) (bool, error) {
	slots := h.slots
	if crowd {
		slots = h.crowded
	}
	timer := time.NewTimer(bcryptWait)
	defer timer.Stop()
	select {
	case slots <- struct{}{}:
	case <-timer.C:
		return false, ErrBusy
	case <-ctx.Done():
		return false, waitError(ctx)
	}
	defer func() { <-slots }()
	if right, decided := h.remembered(username, password, time.Now()); decided {
		return right, nil
	}
	return h.byBcrypt(username, password), nil
}

// byBcrypt takes as long for a wrong user name as for a right one.
func (h *hashed) byBcrypt(username, password string) bool {
	isPassword := bcrypt.CompareHashAndPassword(h.hash, []byte(password)) == nil
	if isSame(username, h.username) == 0 || !isPassword {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.right, h.rightUntil = h.sum(username, password), time.Now().Add(rememberedFor)
	return true
}

func waitError(ctx context.Context) error {
	return fmt.Errorf("wait for comparing a password: %w", ctx.Err())
}
