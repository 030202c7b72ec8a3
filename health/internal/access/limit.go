package access

import (
	"container/list"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits lets each key do something so often, in memory that does not grow with the keys: those that were idle for
// longest are forgotten. Its methods are safe for concurrent use.
type Limits[K comparable] struct {
	most int

	mu    sync.Mutex
	known map[K]*list.Element
	order *list.List // of *limited[K], the last used in front
}

type limited[K comparable] struct {
	key     K
	limiter *rate.Limiter
}

// NewLimits returns limits for at most so many keys at a time.
func NewLimits[K comparable](most int) *Limits[K] {
	return &Limits[K]{most: most, known: make(map[K]*list.Element), order: list.New()}
}

// Take takes one of the so many that the key may take a minute, and reports whether there was one. When there is none, it
// returns when there will be. For a key that is known it allocates nothing.
func (l *Limits[K]) Take(key K, perMinute int, now time.Time) (ok bool, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	limiter := l.of(key, perMinute)
	if limiter.AllowN(now, 1) {
		return true, 0
	}
	missing := 1 - limiter.TokensAt(now)
	return false, time.Duration(missing / float64(limiter.Limit()) * float64(time.Second))
}

func (l *Limits[K]) of(key K, perMinute int) *rate.Limiter {
	if element, ok := l.known[key]; ok {
		l.order.MoveToFront(element)
		return at[K](element).limiter
	}
	if l.order.Len() >= l.most {
		oldest := l.order.Back()
		delete(l.known, at[K](oldest).key)
		l.order.Remove(oldest)
	}
	element := l.order.PushFront(&limited[K]{key: key, limiter: rate.NewLimiter(rate.Limit(perMinute)/60, perMinute)})
	l.known[key] = element
	return at[K](element).limiter
}

func at[K comparable](element *list.Element) *limited[K] {
	known, _ := element.Value.(*limited[K]) // of nothing else
	return known
}
