package access

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	sessionSecret = []byte("a secret of 32 bytes, of the tests")
	sessionStart  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

func TestSessions(t *testing.T) {
	now := sessionStart
	c := Credentials{Token: "t"}
	s := NewSessions(c.SessionKey(sessionSecret, "orders"))
	session := s.Issue("ann", now)
	if user, ok := s.User(session, now.Add(SessionLength-time.Second)); !ok || user != "ann" {
		t.Errorf("got %q, %v", user, ok)
	}
	if _, ok := NewSessions(c.SessionKey(sessionSecret, "orders")).User(session, now); !ok {
		t.Error("after a restart it is over")
	}
	changed := []byte(session)
	changed[3] ^= 1
	for name, given := range map[string]struct {
		s       *Sessions
		session string
		at      time.Time
	}{
		"one that is over":            {s, session, now.Add(SessionLength)},
		"one that was changed":        {s, string(changed), now},
		"one that was cut":            {s, session[:len(session)-4], now},
		"one of another service":      {NewSessions(c.SessionKey(sessionSecret, "quotes")), session, now},
		"one of another secret":       {NewSessions(c.SessionKey(NewSecret(), "orders")), session, now},
		"one of other credentials":    {NewSessions(Credentials{Token: "u"}.SessionKey(sessionSecret, "orders")), session, now},
		"nothing":                     {s, "", now},
		"what is no base64":           {s, "!", now},
		"what is longer than any is":  {s, strings.Repeat("A", 4096), now},
		"a signature without payload": {s, strings.Repeat("A", 43), now},
	} {
		if user, ok := given.s.User(given.session, given.at); ok {
			t.Errorf("%s passes, for %q", name, user)
		}
	}
	s.End(session, now)
	if _, ok := s.User(session, now); ok {
		t.Error("one that was ended passes")
	}
}

func TestSessionsOfOneInstantEndAlone(t *testing.T) {
	s := NewSessions(sessionSecret)
	one, other := s.Issue("ann", sessionStart), s.Issue("ann", sessionStart)
	s.End(one, sessionStart)
	if _, ok := s.User(other, sessionStart); !ok || one == other {
		t.Error("the end of a session ends another of the same user")
	}
}

// TestSessionHasOneSpelling changes the bits of the last character that stand for nothing.
func TestSessionHasOneSpelling(t *testing.T) {
	s := NewSessions(sessionSecret)
	for _, user := range []string{"a", "an", "ann"} { // with another rest in base64 each
		session := s.Issue(user, sessionStart)
		data, err := base64.RawURLEncoding.DecodeString(session)
		if err != nil {
			t.Fatal(err)
		}
		for _, last := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
			other := session[:len(session)-1] + string(last)
			same, err := base64.RawURLEncoding.DecodeString(other)
			if err != nil || other == session || !slices.Equal(same, data) {
				continue
			}
			if _, ok := s.User(other, sessionStart); ok {
				t.Errorf("%s and %s are one session", session, other)
			}
		}
	}
}

func TestSessionsThatEndedStayEnded(t *testing.T) {
	s := NewSessions(sessionSecret)
	s.most = 8
	var ended []string
	for i := range 3 * s.most {
		now := sessionStart.Add(time.Duration(i) * time.Second)
		ended = append(ended, s.Issue("ann", now))
		s.End(ended[i], now)
	}
	now := sessionStart.Add(time.Hour)
	for i, session := range ended {
		if _, ok := s.User(session, now); ok {
			t.Errorf("number %d of those that ended passes", i)
		}
	}
	later := s.Issue("bob", now)
	if _, ok := s.User(later, now); !ok || len(s.ended) != s.most {
		t.Errorf("the next passes: %v; %d are remembered, want %d", ok, len(s.ended), s.most)
	}
	over := now.Add(SessionLength - time.Second)
	s.End(later, over)
	if _, ok := s.User(later, over); ok || len(s.ended) != 1 {
		t.Errorf("those that are over are remembered: %d", len(s.ended))
	}
}
