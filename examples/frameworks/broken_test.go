package main

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"testing"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

// breaking is a history whose disk is gone in the middle of a range.
type breaking struct{ health.History }

func (breaking) Samples(context.Context, time.Time, time.Time) iter.Seq2[*health.Sample, error] {
	return func(yield func(*health.Sample, error) bool) {
		for range 1000 {
			if !yield(&health.Sample{Time: time.Now()}, nil) {
				return
			}
		}
		yield(nil, errors.New("the disk is gone"))
	}
}

// Whoever gets half an answer must see that it is not whole, whatever a framework does with a handler's panic; and the
// application goes on.
func TestBrokenAnswerIsNotTakenForWhole(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, m mount) {
		a := start(t, m, newEndpoints(t, health.EndpointsConfig{
			BasePath: m.basePath, History: breaking{}, Protection: health.Protection{Authorizer: health.AuthorizerFunc(authorizer)},
		}))
		for _, path := range []string{"/health/api/history", "/health/export"} {
			got, err := a.try(request{path: m.prefix + path})
			if err == nil && got.status != http.StatusInternalServerError {
				t.Errorf("%s: got %d and %d bytes as a whole answer", path, got.status, len(got.body))
			}
		}
		if got := a.do(request{path: m.prefix + "/health"}); got.status != http.StatusOK {
			t.Errorf("afterwards: got %d, want 200", got.status)
		}
	})
}
