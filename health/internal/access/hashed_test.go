package access

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"
)

var here, there = netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("203.0.113.7")

// busy fills every slot until free is called, as a flood of wrong passwords does.
func busy(v *Verifier) (free func()) {
	for range bcryptSlots {
		v.hashed.slots <- struct{}{}
	}
	v.hashed.crowded <- struct{}{}
	return func() {
		for range bcryptSlots {
			<-v.hashed.slots
		}
		<-v.hashed.crowded
	}
}

func TestRightPasswordIsRememberedWhileItIsUsed(t *testing.T) {
	hash := hashOf(t, "pass")
	synctest.Test(t, func(t *testing.T) {
		v := newVerifier(t, Credentials{Username: "ann", PasswordHash: hash})
		if right, decided := v.Password("ann", "pass"); right || decided {
			t.Fatal("it is decided before it was compared")
		}
		if right, err := v.Compare(t.Context(), "ann", "pass", here, false); !right || err != nil {
			t.Fatal(right, err)
		}
		busy(v)
		for range 3 {
			time.Sleep(rememberedFor - time.Second) //nolint:forbidigo // the bubble's clock
			if right, err := v.Compare(t.Context(), "ann", "pass", there, true); !right || err != nil {
				t.Errorf("the right one: got %v, %v", right, err)
			}
		}
		for _, wrong := range [][2]string{{"ann", "other"}, {"bob", "pass"}} {
			if right, decided := v.Password(wrong[0], wrong[1]); right || !decided {
				t.Errorf("%v: got %v, decided without bcrypt: %v", wrong, right, decided)
			}
		}
		time.Sleep(rememberedFor) //nolint:forbidigo // the bubble's clock
		if right, err := v.Compare(t.Context(), "ann", "pass", here, false); right || !errors.Is(err, ErrBusy) {
			t.Errorf("after %v without use: got %v, %v, want it compared anew", rememberedFor, right, err)
		}
	})
}

func TestOneOfANetworkWaits(t *testing.T) {
	hash := hashOf(t, "pass")
	synctest.Test(t, func(t *testing.T) {
		v := newVerifier(t, Credentials{Username: "ann", PasswordHash: hash})
		free := busy(v)
		var all sync.WaitGroup
		expect := func(password string, network netip.Addr, want bool) {
			all.Go(func() {
				if right, err := v.Compare(t.Context(), "ann", password, network, false); right != want || err != nil {
					t.Errorf("%q from %v: got %v, %v", password, network, right, err)
				}
			})
			synctest.Wait()
		}
		expect("wrong", there, false)
		for range 100 {
			if _, err := v.Compare(t.Context(), "ann", "another", there, false); !errors.Is(err, ErrBusy) {
				t.Fatalf("another one from there: got %v", err)
			}
		}
		expect("pass", here, true)
		expect("pass", here, true) // a page asks for several things at once
		if len(v.hashed.comparing) != 2 {
			t.Errorf("%d are waiting, want 2", len(v.hashed.comparing))
		}
		free()
		all.Wait()
		if len(v.hashed.comparing) != 0 {
			t.Errorf("%d are waiting in the end", len(v.hashed.comparing))
		}
	})
}

func TestWhoGoesAwayWaitsNoLonger(t *testing.T) {
	v := newVerifier(t, Credentials{Username: "ann", PasswordHash: hashOf(t, "pass")})
	defer busy(v)()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.Compare(ctx, "ann", "pass", here, false); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if len(v.hashed.comparing) != 0 {
		t.Error("its network waits on")
	}
}

// TestUserNamesTakeTheSameTime compares times that would otherwise be a thousand to one.
func TestUserNamesTakeTheSameTime(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("pass"), bcrypt.MinCost+2)
	if err != nil {
		t.Fatal(err)
	}
	v := newVerifier(t, Credentials{Username: "ann", PasswordHash: string(hash)})
	shortest := func(username string) time.Duration {
		least := time.Hour
		for range 5 {
			began := time.Now()
			if right, err := v.Compare(t.Context(), username, "wrong", here, false); right || err != nil {
				t.Fatal(right, err)
			}
			least = min(least, time.Since(began))
		}
		return least
	}
	if known, unknown := shortest("ann"), shortest("bob"); known > 5*unknown {
		t.Errorf("a user name that exists takes %v, another %v", known, unknown)
	}
}

func TestPasswordsAreReadAsBcryptReadsThem(t *testing.T) {
	long := strings.Repeat("x", bcryptLength)
	v := newVerifier(t, Credentials{Username: "ann", PasswordHash: hashOf(t, long)})
	for range 2 { // by bcrypt, and remembered
		if right, err := v.Compare(t.Context(), "ann", long, here, false); !right || err != nil {
			t.Errorf("got %v, %v", right, err)
		}
	}
	if right, _ := v.Password("ann", long[1:]); right {
		t.Error("a shorter one passes")
	}
}
