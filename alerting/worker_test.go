package alerting

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/otelhealth/otelhealth-go/health"
)

// receiver is a destination that does as it is told.
type receiver struct {
	name string
	mu   sync.Mutex
	fate func(n Notification) error // nil: takes everything
	got  []string
	at   []time.Time
}

func (r *receiver) Name() string { return r.name }

func (r *receiver) Notify(_ context.Context, n Notification) error {
	r.mu.Lock()
	fate := r.fate
	r.got = append(r.got, fmt.Sprintf("%s %d #%d", n.Kind, n.Alert.ID, n.Attempt))
	r.at = append(r.at, time.Now())
	r.mu.Unlock()
	if fate != nil {
		return fate(n)
	}
	return nil
}

func (r *receiver) become(fate func(Notification) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fate = fate
}

func (r *receiver) want(t *testing.T, want ...string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if diff := cmp.Diff(want, r.got); diff != "" {
		t.Errorf("%s got (-want +got):\n%s", r.name, diff)
	}
}

func refuse(Notification) error { return errors.New("connection refused") }

// fire commits that an alert fires now.
func fire(m *memory, id int64) *health.Alert {
	a := &health.Alert{ID: id, Rule: "fd", Severity: health.Warn}
	m.commit([]health.Transition{now(transition(a, health.TransitionFiring))})
	return a
}

func resolve(m *memory, a *health.Alert) {
	m.commit([]health.Transition{now(transition(a, health.TransitionResolved))})
}

func now(t health.Transition) health.Transition {
	t.Time = time.Now()
	return t
}

// pass lets that much of a bubble's time go by, and everything settle.
func pass(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // the bubble's clock
	synctest.Wait()
}

func startWorker(t *testing.T, c WorkerConfig) *Worker {
	t.Helper()
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	w, err := NewWorker(c)
	if err != nil {
		t.Fatal(err)
	}
	w.Start()
	t.Cleanup(func() {
		if err := w.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return w
}

func TestAWokenWorkerDeliversAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, chat := newMemory("chat"), &receiver{name: "chat"}
		w := startWorker(t, WorkerConfig{Outbox: m, Notifiers: []Notifier{chat}})
		synctest.Wait()
		begun := time.Now()
		a := fire(m, 1)
		w.Wake()
		synctest.Wait()
		resolve(m, a)
		w.Wake()
		synctest.Wait()
		if waited := time.Since(begun); waited != 0 {
			t.Errorf("it took %v", waited)
		}
		chat.want(t, "firing 1 #1", "resolved 1 #1")
	})
}

func TestWhatNobodyWokeItForIsFoundWithinTheLongestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, chat := newMemory("chat"), &receiver{name: "chat"}
		startWorker(t, WorkerConfig{Outbox: m, Notifiers: []Notifier{chat}})
		synctest.Wait()
		fire(m, 1)
		pass(5 * time.Minute)
		chat.want(t, "firing 1 #1")
	})
}

func TestWaitsDoubleUpToTheLongest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, chat := newMemory("chat"), &receiver{name: "chat", fate: refuse}
		fire(m, 1)
		startWorker(t, WorkerConfig{Outbox: m, Notifiers: []Notifier{chat}, First: time.Second, Longest: 8 * time.Second})
		pass(time.Minute)
		chat.mu.Lock()
		defer chat.mu.Unlock()
		for i, seconds := range []int{1, 2, 4, 8, 8, 8} {
			most := time.Duration(seconds) * time.Second
			wait := chat.at[i+1].Sub(chat.at[i])
			if wait < most/2 || wait > most {
				t.Errorf("wait %d is %v, want %v to %v", i+1, wait, most/2, most)
			}
		}
	})
}

func TestADestinationThatHangsHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, chat := newMemory("chat", "pager"), &receiver{name: "chat"}
		release := make(chan struct{})
		pager := &receiver{name: "pager", fate: func(Notification) error { <-release; return nil }}
		fire(m, 1)
		w := startWorker(t, WorkerConfig{Outbox: m, Notifiers: []Notifier{pager, chat}})
		synctest.Wait()
		chat.want(t, "firing 1 #1")
		if s := w.Stats()[0]; s.Trying.IsZero() {
			t.Error("the stats do not say that the pager is being tried")
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := w.Close(ctx); err == nil || !strings.Contains(err.Error(), `["pager"]`) {
			t.Errorf("closing meanwhile: got %v, want it to name the pager", err)
		}
		close(release)
	})
}

func TestOrderIsKeptPerAlert(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, chat := newMemory("chat"), &receiver{name: "chat"}
		chat.become(func(n Notification) error {
			if n.Alert.ID == 1 && n.Kind == health.DeliverFiring && n.Attempt < 3 {
				return errors.New("not yet")
			}
			return nil
		})
		a := fire(m, 1)
		w := startWorker(t, WorkerConfig{Outbox: m, Notifiers: []Notifier{chat}})
		synctest.Wait()
		resolve(m, a)
		fire(m, 2)
		w.Wake()
		pass(time.Minute)
		chat.want(t, "firing 1 #1", "firing 2 #1", "firing 1 #2", "firing 1 #3", "resolved 1 #1")
	})
}

func TestGivingUpIsFinalCountedAndVisible(t *testing.T) {
	for _, row := range []struct {
		sentence string
		fate     func(Notification) error
		attempts int
	}{
		{"after so many attempts", refuse, 3},
		{"at once when no other attempt can mend it", func(Notification) error { return fmt.Errorf("post: %w", Permanent(errors.New("no such channel"))) }, 1},
	} {
		t.Run(row.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				m, chat := newMemory("chat"), &receiver{name: "chat", fate: row.fate}
				fire(m, 1)
				w := startWorker(t, WorkerConfig{Outbox: m, Notifiers: []Notifier{chat}, Attempts: 3, Logger: slog.New(slog.NewTextHandler(&log, nil))})
				pass(24 * time.Hour)
				d := m.all()[0]
				if d.State != health.DeliveryGivenUp || d.Attempts != row.attempts || d.Error == "" || d.Settled.IsZero() {
					t.Errorf("the delivery is %+v", d)
				}
				if s := w.Stats()[0]; s.GivenUp != 1 || s.Failed != row.attempts || s.Error != d.Error {
					t.Errorf("the stats are %+v", s)
				}
				if !strings.Contains(log.String(), "given up") {
					t.Errorf("the log does not tell:\n%s", log.String())
				}
			})
		})
	}
}

func TestAPanicIsAFailedAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, chat := newMemory("chat"), &receiver{name: "chat", fate: func(n Notification) error {
			if n.Attempt == 1 {
				panic("nil map")
			}
			return nil
		}}
		fire(m, 1)
		startWorker(t, WorkerConfig{Outbox: m, Notifiers: []Notifier{chat}})
		pass(time.Minute)
		chat.want(t, "firing 1 #1", "firing 1 #2")
	})
}

func TestTheNextWorkerGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, chat := newMemory("chat", "gone"), &receiver{name: "chat"}
		block := &receiver{name: "chat"}
		ctx, cancel := context.WithCancel(context.Background())
		block.fate = func(Notification) error { <-ctx.Done(); return ctx.Err() }
		a := fire(m, 1)
		first, err := NewWorker(WorkerConfig{Outbox: m, Notifiers: []Notifier{block}, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		first.Start()
		synctest.Wait()
		cancel()
		if err := errors.Join(first.Close(context.Background()), first.Close(context.Background())); err != nil {
			t.Fatal(err)
		}
		first.Start()
		resolve(m, a)
		startWorker(t, WorkerConfig{Outbox: m, Notifiers: []Notifier{chat}})
		pass(time.Minute)
		chat.want(t, "firing 1 #2", "resolved 1 #1")
		for _, d := range m.all() {
			if d.Destination == "gone" && d.State != health.DeliveryGivenUp && d.State != health.DeliveryCanceled {
				t.Errorf("what waited for a destination that is gone is %s", d.State)
			}
		}
	})
}

// ill is an outbox that fails until it is well.
type ill struct {
	*memory
	claims, settles int // that fail
	tried           int
}

func (i *ill) Claim(ctx context.Context, destination string, now time.Time, furthest time.Duration) (*health.Delivery, time.Time, error) {
	if i.claims--; i.claims >= 0 {
		return nil, time.Time{}, errors.New("disk I/O error")
	}
	return i.memory.Claim(ctx, destination, now, furthest)
}

func (i *ill) Settle(ctx context.Context, d *health.Delivery) error {
	i.tried++
	if i.settles--; i.settles >= 0 {
		return errors.New("disk is full")
	}
	return i.memory.Settle(ctx, d)
}

func TestAnOutboxThatFailsIsTriedAgainAndDeliversOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		outbox, chat := &ill{memory: newMemory("chat"), claims: 3, settles: 3}, &receiver{name: "chat"}
		fire(outbox.memory, 1)
		startWorker(t, WorkerConfig{Outbox: outbox, Notifiers: []Notifier{chat}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		pass(time.Hour)
		chat.want(t, "firing 1 #1")
		if outbox.tried != 4 {
			t.Errorf("settled %d times, want 4", outbox.tried)
		}
		if got := strings.Count(log.String(), "the outbox fails"); got != 2 {
			t.Errorf("the log tells %d times that the outbox fails, want once each time that it begins to:\n%s", got, log.String())
		}
	})
}

func TestTheKeyBeginsWithTheOrigin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var keys []string
		m, chat := newMemory("chat"), &receiver{name: "chat", fate: func(n Notification) error {
			keys = append(keys, n.Key)
			if len(keys) < 3 {
				return errors.New("again")
			}
			return nil
		}}
		fire(m, 1)
		startWorker(t, WorkerConfig{Outbox: m, Notifiers: []Notifier{chat}, Origin: "orders-1/"})
		pass(time.Minute)
		if len(keys) != 3 || keys[0] != keys[2] || !strings.HasPrefix(keys[0], "orders-1/1-") {
			t.Errorf("got the keys %q, want one and the same thrice", keys)
		}
	})
}

func TestAWorkerIsToldEverythingThatIsWrong(t *testing.T) {
	_, err := NewWorker(WorkerConfig{Timeout: -1, Notifiers: []Notifier{nil, &receiver{name: "a"}, &receiver{name: "a"}, &receiver{}}})
	for _, want := range []string{"Outbox: got nil", "Timeout, First", "Notifiers[0]: got nil", `Notifiers[2]: got the name "a"`, `Notifiers[3]: got the name ""`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to say %q", err, want)
		}
	}
	var none *Worker
	if err := none.Close(context.Background()); err != nil {
		t.Errorf("closing a worker that is not there: %v", err)
	}
	if Permanent(nil) != nil {
		t.Error("no error is not a permanent one")
	}
}
