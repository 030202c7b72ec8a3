package access

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"sync"
	"time"
)

// SessionLength is how long a browser stays logged in.
const SessionLength = 12 * time.Hour

// Sessions issues and checks what the cookie of a browser holds: when it ends, a nonce and for whom, signed. Nothing is
// kept of it, but for those that were ended before their time. Its methods are safe for concurrent use.
type Sessions struct {
	key  []byte
	most int // of ended

	mu      sync.Mutex
	ended   map[signature]time.Time // and when they would have ended anyway
	allOver time.Time               // what ends until then counts as ended: some of those are no longer in the map
}

type signature [sha256.Size]byte

// mostEnded bounds the sessions that are remembered as ended, to about 2 MB.
const mostEnded = 16384

// NewSessions returns sessions that are signed with the key.
func NewSessions(key []byte) *Sessions {
	return &Sessions{key: key, most: mostEnded, ended: make(map[signature]time.Time)}
}

// NewSecret returns a random key of this process.
func NewSecret() []byte {
	secret := make([]byte, sha256.Size)
	_, _ = rand.Read(secret) // never fails
	return secret
}

// SessionKey derives the key of sessions from a secret and the credentials: a session outlives a restart with the same
// secret, and ends when the credentials change. Who sees a session learns nothing about them without the secret.
func (c Credentials) SessionKey(secret []byte, scope string) []byte {
	mac := hmac.New(sha256.New, secret)
	for _, part := range []string{"session", scope, c.Token, c.Username, c.Password, c.PasswordHash} {
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		mac.Write([]byte(part))
	}
	return mac.Sum(nil)
}

// CookieName returns a name that no other service has that is reached under the same host: ports share cookies.
func CookieName(service, basePath string) string {
	sum := sha256.Sum256([]byte(service + "\x00" + basePath))
	return "health_" + hex.EncodeToString(sum[:6])
}

// A session's payload is when it ends, in nanoseconds since 1970, then a nonce, then the user's name.
const (
	endLength   = 8
	nonceLength = 16
	userAt      = endLength + nonceLength
)

// Issue returns a session for the user from now on. No two are the same.
func (s *Sessions) Issue(user string, now time.Time) string {
	payload := make([]byte, userAt, userAt+len(user)+sha256.Size)
	binary.BigEndian.PutUint64(payload, uint64(now.Add(SessionLength).UnixNano()))
	_, _ = rand.Read(payload[endLength:]) // never fails
	payload = append(payload, user...)
	signed := s.sign(payload)
	return encoding.EncodeToString(append(payload, signed[:]...))
}

// encoding knows one text for each session.
var encoding = base64.RawURLEncoding.Strict()

func (s *Sessions) sign(payload []byte) (signed signature) {
	mac := hmac.New(sha256.New, s.key)
	mac.Write(payload)
	mac.Sum(signed[:0])
	return signed
}

// User returns for whom the session is, and false when it is over or was never issued.
func (s *Sessions) User(session string, now time.Time) (string, bool) {
	opened, ok := s.open(session)
	if !ok || !now.Before(opened.until) {
		return "", false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ended := s.ended[opened.signature]; ended || !opened.until.After(s.allOver) {
		return "", false
	}
	return opened.user, true
}

type openedSession struct {
	user      string
	until     time.Time
	signature signature
}

const longestSession = 2048

func (s *Sessions) open(session string) (opened openedSession, ok bool) {
	if len(session) > longestSession {
		return opened, false
	}
	data, err := encoding.DecodeString(session)
	if err != nil || len(data) < userAt+sha256.Size {
		return opened, false
	}
	payload, given := data[:len(data)-sha256.Size], data[len(data)-sha256.Size:]
	opened.signature = s.sign(payload)
	if !hmac.Equal(given, opened.signature[:]) {
		return openedSession{}, false
	}
	opened.user, opened.until = string(payload[userAt:]), time.Unix(0, int64(binary.BigEndian.Uint64(payload)))
	return opened, true
}

// End ends a session before its time. Where too many are to be remembered, those that would end first make room, and with
// them end all that would end before them.
func (s *Sessions) End(session string, now time.Time) {
	opened, ok := s.open(session)
	if !ok || !now.Before(opened.until) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended[opened.signature] = opened.until
	if len(s.ended) > s.most {
		s.forget(now)
	}
}

// forget makes room: of those that are over anyway, or else of the one that ends first.
func (s *Sessions) forget(now time.Time) {
	var first signature
	for other, until := range s.ended {
		if !now.Before(until) {
			delete(s.ended, other)
		} else if earliest, ok := s.ended[first]; !ok || until.Before(earliest) {
			first = other
		}
	}
	if len(s.ended) > s.most {
		s.allOver = s.ended[first]
		delete(s.ended, first)
	}
}
