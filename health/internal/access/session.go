package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"sync"
	"time"
)

// SessionLength is how long a browser stays logged in.
const SessionLength = 12 * time.Hour

// Sessions issues and checks what the cookie of a browser holds: when it ends and for whom, signed. Nothing is kept of
// it, but for those that were ended before their time. Its methods are safe for concurrent use.
type Sessions struct {
	key []byte

	mu    sync.Mutex
	ended map[string]time.Time // sessions, and when they would have ended anyway
}

// mostEnded bounds the sessions that are remembered as ended.
const mostEnded = 1024

// NewSessions returns sessions that are signed with the key.
func NewSessions(key []byte) *Sessions {
	return &Sessions{key: key, ended: make(map[string]time.Time)}
}

// CookieName returns a name that no other service has that is reached under the same host: ports share cookies.
func CookieName(service, basePath string) string {
	sum := sha256.Sum256([]byte(service + "\x00" + basePath))
	return "health_" + hex.EncodeToString(sum[:6])
}

// Issue returns a session for the user from now on.
func (s *Sessions) Issue(user string, now time.Time) string {
	payload := binary.BigEndian.AppendUint64(nil, uint64(now.Add(SessionLength).Unix()))
	payload = append(payload, user...)
	return base64.RawURLEncoding.EncodeToString(append(payload, s.sign(payload)...))
}

func (s *Sessions) sign(payload []byte) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write(payload)
	return mac.Sum(nil)
}

// User returns for whom the session is, and false when it is over or was never issued.
func (s *Sessions) User(session string, now time.Time) (string, bool) {
	payload, until, ok := s.open(session)
	if !ok || !now.Before(until) {
		return "", false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ended := s.ended[session]; ended {
		return "", false
	}
	return string(payload[8:]), true
}

const longestSession = 2048

func (s *Sessions) open(session string) (payload []byte, until time.Time, ok bool) {
	if len(session) > longestSession {
		return nil, time.Time{}, false
	}
	data, err := base64.RawURLEncoding.DecodeString(session)
	if err != nil || len(data) < 8+sha256.Size {
		return nil, time.Time{}, false
	}
	payload, signature := data[:len(data)-sha256.Size], data[len(data)-sha256.Size:]
	if !hmac.Equal(signature, s.sign(payload)) {
		return nil, time.Time{}, false
	}
	return payload, time.Unix(int64(binary.BigEndian.Uint64(payload)), 0), true
}

// End ends a session before its time.
func (s *Sessions) End(session string, now time.Time) {
	_, until, ok := s.open(session)
	if !ok || !now.Before(until) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ended) >= mostEnded {
		for other, until := range s.ended {
			if !now.Before(until) {
				delete(s.ended, other)
			}
		}
	}
	if len(s.ended) < mostEnded {
		s.ended[session] = until
	}
}
