package otelhealth

import (
	"strconv"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

// looksUntilStuck is in how many looks in a row a thread must be found in uninterruptible sleep: one that waits for a
// disk is found so now and then, one that hangs is found so each time.
const looksUntilStuck = 3

// sleepers remembers, from look to look, which OS threads were in uninterruptible sleep.
type sleepers struct {
	looks map[int]look // by thread id
}

type look struct {
	inARow int
	since  time.Time
}

// see takes the threads that sleep now and returns those that are stuck, in the order given.
func (s *sleepers) see(threads []int, now time.Time) []health.Stuck {
	if len(threads) == 0 {
		s.looks = nil
		return nil
	}
	looks := make(map[int]look, len(threads))
	var stuck []health.Stuck
	for _, id := range threads {
		l := s.looks[id]
		if l.inARow == 0 {
			l.since = now
		}
		l.inARow++
		looks[id] = l
		if l.inARow >= looksUntilStuck {
			stuck = append(stuck, health.Stuck{
				Kind: health.StuckOSThread, ID: int64(id), Name: "thread " + strconv.Itoa(id), Since: l.since,
			})
		}
	}
	s.looks = looks
	return stuck
}
