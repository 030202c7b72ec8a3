package alerting

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/otelhealth/otelhealth-go/health"
)

// lines is a log that tests may read while it is written.
type lines struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

func (l *lines) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

func closeAnnouncer(t *testing.T, a *Announcer) {
	t.Helper()
	if err := errors.Join(a.Close(context.Background()), a.Close(context.Background())); err != nil {
		t.Error(err)
	}
}

func TestEveryTransitionIsLogged(t *testing.T) {
	var log lines
	a := NewAnnouncer(AnnouncerConfig{Logger: log.logger()})
	s := newStory(t, fdRule(nil))
	s.play("700", 0)
	a.Announce(s.last.Transitions)
	s.play("900", 0)
	a.Announce(s.last.Transitions)
	at, err := s.alerter.Acknowledge(1, "ann", "mine", storyStart)
	if err != nil {
		t.Fatal(err)
	}
	a.Announce([]health.Transition{at})
	s.tell("0 0 0")
	a.Announce(s.last.Transitions)
	closeAnnouncer(t, a)
	want := []string{
		`level=WARN msg="alert firing" id=1 rule=fd severity=warn metric=process.unix.file_descriptor.count value=700 threshold=700 message="fd_count is 700, at or above 700; peak 700, lowest 700 in 1 breaching sample" state=firing`,
		`level=ERROR msg="alert escalated" id=1 rule=fd severity=fail metric=process.unix.file_descriptor.count value=900 threshold=900 message="fd_count is 900, at or above 900 for 10s; peak 900, lowest 700 in 2 breaching samples" state=firing`,
		`level=INFO msg="alert acknowledged" id=1 rule=fd severity=fail metric=process.unix.file_descriptor.count value=900 threshold=900 message="fd_count is 900, at or above 900 for 10s; peak 900, lowest 700 in 2 breaching samples" state=firing by=ann note=mine`,
		`level=INFO msg="alert resolved" id=1 rule=fd severity=fail metric=process.unix.file_descriptor.count value=0 threshold=900 message="fd_count recovered after 40s; peak 900, lowest 700 in 2 breaching samples" state=resolved cause=recovered`,
	}
	if diff := cmp.Diff(want, strings.Split(strings.TrimSpace(log.String()), "\n")); diff != "" {
		t.Errorf("the log (-want +got):\n%s", diff)
	}
}

func TestOnTransitionIsCalledInOrderUntilRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := NewAnnouncer(AnnouncerConfig{Logger: slog.New(slog.DiscardHandler)})
		var got []int
		remove := a.OnTransition(func(t health.Transition) { got = append(got, t.Number) })
		a.Announce([]health.Transition{{Number: 1}, {Number: 2}})
		a.Announce([]health.Transition{{Number: 3}})
		synctest.Wait()
		remove()
		remove()
		a.Announce([]health.Transition{{Number: 4}})
		closeAnnouncer(t, a)
		a.OnTransition(func(health.Transition) { t.Error("called after Close") })
		a.Announce([]health.Transition{{Number: 5}})
		if diff := cmp.Diff([]int{1, 2, 3}, got); diff != "" {
			t.Errorf("transitions (-want +got):\n%s", diff)
		}
	})
}

func TestAFunctionThatPanicsOrHangsHoldsUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lines
		a := NewAnnouncer(AnnouncerConfig{Logger: log.logger()})
		release := make(chan struct{})
		a.OnTransition(func(health.Transition) { panic("boom") })
		a.OnTransition(func(health.Transition) { <-release })
		for range queueLength + 10 {
			a.Announce([]health.Transition{{Kind: health.TransitionNoData}})
			synctest.Wait()
		}
		if got := a.Dropped(); got != 9 { // one is being told, the queue is full
			t.Errorf("%d were dropped, want 9", got)
		}
		if got := strings.Count(log.String(), "alert no_data"); got != queueLength+10 {
			t.Errorf("%d lines were logged", got)
		}
		if !strings.Contains(log.String(), `panic=boom`) {
			t.Error("the panic was not logged")
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := a.Close(ctx); err == nil || !strings.Contains(err.Error(), "a function of OnTransition still runs") {
			t.Errorf("closing meanwhile: got %v", err)
		}
		close(release)
	})
	var none *Announcer
	if err := none.Close(context.Background()); err != nil {
		t.Errorf("closing an announcer that is not there: %v", err)
	}
}

func TestSpans(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	a := NewAnnouncer(AnnouncerConfig{Logger: slog.New(slog.DiscardHandler), TracerProvider: provider})
	s := newStory(t, Rule{Warn: At(700), For: 10 * time.Second})
	for _, word := range strings.Fields("700 0 700 clock:-1h 700 0 clock:24h 0 0") {
		s.last.Transitions = nil
		s.tell(word)
		a.Announce(s.last.Transitions)
	}
	closeAnnouncer(t, a)
	spans := recorder.Ended()
	if len(spans) != 2 {
		t.Fatalf("%d spans, want one where it fires and one where it resolves", len(spans))
	}
	fired, resolved := spans[0], spans[1]
	if fired.Name() != "alert firing" || !fired.StartTime().Equal(fired.EndTime()) {
		t.Errorf("%q lasts from %v to %v, want no time at all", fired.Name(), fired.StartTime(), fired.EndTime())
	}
	if !resolved.StartTime().Equal(fired.StartTime()) || resolved.EndTime().Before(resolved.StartTime()) {
		t.Errorf("%q lasts from %v to %v", resolved.Name(), resolved.StartTime(), resolved.EndTime())
	}
	if links := resolved.Links(); len(links) != 1 || links[0].SpanContext.SpanID() != fired.SpanContext().SpanID() {
		t.Errorf("links %v, want one to where it fired", links)
	}
	if fired.SpanContext().TraceID() == resolved.SpanContext().TraceID() || fired.Parent().IsValid() {
		t.Error("the spans share a trace")
	}
}

func TestTheSpanOfALifetimeHasItsLength(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	tracer := newTracer(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)))
	s := newStory(t, fdRule(nil))
	for _, word := range strings.Fields("700 900 0 0 0") {
		s.tell(word)
		for _, transition := range s.last.Transitions {
			tracer.trace(transition)
		}
	}
	life := recorder.Ended()[1]
	if got := life.EndTime().Sub(life.StartTime()); got != 40*time.Second {
		t.Errorf("it lasts %v, want 40s", got)
	}
	if len(tracer.fired) != 0 {
		t.Error("a resolved alert is still remembered")
	}
}
