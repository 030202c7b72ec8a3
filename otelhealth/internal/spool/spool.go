package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// Config says where and how much is kept.
type Config struct {
	Dir      string        // made where it is missing, for its owner alone
	MaxBytes int64         // of the files' content; the oldest are dropped for new ones
	MaxAge   time.Duration // of a request's points; older ones are dropped
}

// Spool is a bounded queue of requests in a folder that no other process has. Its methods are safe for concurrent use.
// What needs the time takes it as an argument, now.
type Spool struct {
	config Config

	disk   sync.Mutex   // held while files are made; it guards lock and closed
	lock   *flock.Flock // nil: the folder is not ours
	closed bool

	mu      sync.Mutex // never held while the disk is waited for
	err     error      // why requests cannot be kept; nil: they can
	failed  int64      // size of the last record that could not be written since then; 0: none
	entries []entry
	size    int64
	next    uint64
	dropped Dropped
}

// entry is a request in the folder.
type entry struct {
	number uint64        // grows from each to the next, also from one process to the next
	size   int64         // of its file, in bytes
	time   time.Time     // of its points
	kept   time.Time     // when it was put or found, with the monotonic reading
	aged   time.Duration // how old its points were then
	taken  bool          // it is on its way
}

// newEntry is of a request that is put or found now. Points of a time ahead of the clock are of now.
func newEntry(number uint64, size int64, at, now time.Time) entry {
	return entry{number: number, size: size, time: at, kept: now, aged: max(0, now.Sub(at))}
}

// age does not follow the clock where that is set after the request was put or found.
func (e entry) age(now time.Time) time.Duration { return e.aged + now.Sub(e.kept) }

// Dropped counts requests that are not sent, since the process started.
type Dropped struct {
	Rejected int64 // by the Collector, for good
	Expired  int64 // older than MaxAge
	Full     int64 // to make room for newer ones, or larger than all the room and not delivered either
	Damaged  int64 // torn, changed or removed by others
}

// State is how a spool is doing.
type State struct {
	Queued  int       // requests
	Bytes   int64     // of their files
	Oldest  time.Time // of the points of the one that was kept first; zero: there is none
	Dropped Dropped
	Err     error // why requests cannot be kept; nil: they can
}

// Request is one that was kept.
type Request struct {
	Number  uint64
	Payload []byte
}

// New returns a spool whose folder is not opened yet.
func New(c Config) *Spool { return &Spool{config: c, next: 1} }

var errClosed = errors.New("the spool is closed")

// Open takes the folder and finds what an earlier process left there. It does nothing while the folder is ours. While
// another process has it the error is [ErrInUse]; then, as after any other error, Open may be called again.
func (s *Spool) Open(now time.Time) error {
	s.disk.Lock()
	defer s.disk.Unlock()
	if s.isOurs() {
		return nil // what was wrong since then is not mended by this
	}
	return s.noted(s.occupy(now))
}

// isOurs reports whether the folder is the one that was occupied. The caller holds disk.
func (s *Spool) isOurs() bool { return s.lock != nil && isLockOf(s.lock, s.config.Dir) }

// noted remembers why requests cannot be kept, or that they can. The caller holds disk.
func (s *Spool) noted(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.failed = err, 0
	return err
}

// notKept remembers why a record of that size could not be written. The caller holds disk.
func (s *Spool) notKept(size int64, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.failed = fmt.Errorf("keep a request on disk: %w", err), size
	return s.err
}

// occupy makes the folder ours. It lets go of one that was removed. The caller holds disk.
func (s *Spool) occupy(now time.Time) error {
	if s.closed {
		return errClosed
	}
	if err := s.letGo(); err != nil {
		return fmt.Errorf("open the spool: %w", err)
	}
	lock, err := lockFolder(s.config.Dir)
	if err != nil {
		return fmt.Errorf("open the spool: %w", err)
	}
	l, err := list(s.config.Dir, now)
	if err != nil {
		return errors.Join(fmt.Errorf("open the spool: %w", err), lock.Close())
	}
	s.lock = lock
	s.found(l)
	s.trim(now, 0)
	return nil
}

// found replaces what is known of the folder. What was known and is not there any more counts as damaged.
func (s *Spool) found(l listing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := make(map[uint64]entry, len(s.entries))
	for _, e := range s.entries {
		known[e.number] = e
	}
	s.size = 0
	for i := range l.entries {
		number := l.entries[i].number
		if e, ok := known[number]; ok {
			l.entries[i] = e // it may be taken
			delete(known, number)
		}
		s.size += l.entries[i].size
	}
	s.entries = l.entries
	s.next = max(s.next, l.last+1)
	s.dropped.Damaged += l.damaged + int64(len(known))
}

// ErrTooLarge is the error of a request that is larger than all the room. See [Spool.DroppedTooLarge].
var ErrTooLarge = errors.New("a request is larger than the spool")

// Put keeps a request whose points are of the time at. It returns once the request is on the disk, or with the error
// that keeps it from being there: [ErrTooLarge] for good, any other one for now.
func (s *Spool) Put(now, at time.Time, payload []byte) error {
	s.disk.Lock()
	defer s.disk.Unlock()
	if !s.isOurs() {
		if err := s.occupy(now); err != nil {
			return s.noted(err)
		}
	}
	record := encode(at, payload)
	size := int64(len(record))
	if size > s.config.MaxBytes {
		return fmt.Errorf("%w: got %d bytes, want at most %d", ErrTooLarge, size, s.config.MaxBytes)
	}
	if room := s.trim(now, size); room < size {
		return s.notKept(size, fmt.Errorf("got %d bytes, want at most %d", size, room))
	}
	number := s.number()
	if err := writeRecord(s.config.Dir, fileName(number), record); err != nil {
		return s.notKept(size, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.failed = nil, 0
	s.entries = append(s.entries, newEntry(number, size, at, now))
	s.size += size
	return nil
}

// Probe looks whether the error of a write or a remove has lost its cause: whether a record of the size of the last one that
// could not be written finds room, and the disk takes it. Then the error is cleared. Without such an error Probe does
// nothing.
func (s *Spool) Probe() {
	s.disk.Lock()
	defer s.disk.Unlock()
	size, worthwhile := s.probed()
	if s.lock == nil || !worthwhile {
		return // a folder that is not ours is for Open
	}
	if err := probe(s.config.Dir, size); err == nil {
		_ = s.noted(nil)
	}
}

// probed returns the size to probe with, and whether the disk is all that may be in the way.
func (s *Spool) probed() (size int64, worthwhile bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed, s.err != nil && s.onTheirWay()+s.failed <= s.config.MaxBytes
}

// DroppedTooLarge counts a request that will never fit, and that could not be delivered either.
func (s *Spool) DroppedTooLarge() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped.Full++
}

func (s *Spool) number() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	return s.next - 1
}

// Expire drops the requests that are too old.
func (s *Spool) Expire(now time.Time) { s.trim(now, 0) }

// trim drops what is too old, and what is oldest until there is room for so many bytes. What is on its way stays; where
// it leaves too little room, nothing is dropped to make some. It returns the room that there is.
func (s *Spool) trim(now time.Time, bytes int64) (room int64) {
	var gone []uint64
	s.mu.Lock()
	fits := s.onTheirWay()+bytes <= s.config.MaxBytes
	s.entries = slices.DeleteFunc(s.entries, func(e entry) bool {
		switch {
		case e.taken:
			return false
		case e.age(now) > s.config.MaxAge:
			s.dropped.Expired++
		case fits && s.size+bytes > s.config.MaxBytes:
			s.dropped.Full++
		default:
			return false
		}
		s.size -= e.size
		gone = append(gone, e.number)
		return true
	})
	room = s.config.MaxBytes - s.size
	s.mu.Unlock()
	for _, number := range gone {
		s.remove(number)
	}
	return room
}

// onTheirWay returns the size of what may not be dropped. The caller holds mu.
func (s *Spool) onTheirWay() (size int64) {
	for i := range s.entries {
		if s.entries[i].taken {
			size += s.entries[i].size
		}
	}
	return size
}

// Take returns the oldest request behind that of the number after, and keeps it from being dropped until it is given
// back by Delivered, Rejected or Release. Damaged ones on the way are dropped. Without such a request ok is false. One that
// cannot be read stays; then there is an error, and r has its number.
func (s *Spool) Take(after uint64) (r Request, ok bool, err error) {
	for {
		number, ok := s.claim(after)
		if !ok {
			return Request{}, false, nil
		}
		record, err := os.ReadFile(filepath.Join(s.config.Dir, fileName(number)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.Release(number) // it may be well: there may be no descriptor to open it with
			return Request{Number: number}, false, fmt.Errorf("read a kept request: %w", err)
		}
		if _, payload, err := decode(record); err == nil {
			return Request{Number: number, Payload: payload}, true, nil
		}
		s.Damaged(number)
	}
}

func (s *Spool) claim(after uint64) (number uint64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.entries {
		if e := &s.entries[i]; e.number > after && !e.taken {
			e.taken = true
			return e.number, true
		}
	}
	return 0, false
}

// Delivered takes the request out.
func (s *Spool) Delivered(number uint64) { s.drop(number, nil) }

// Rejected drops a request that the Collector refuses for good.
func (s *Spool) Rejected(number uint64) { s.drop(number, &s.dropped.Rejected) }

// Damaged drops a request that makes no sense.
func (s *Spool) Damaged(number uint64) { s.drop(number, &s.dropped.Damaged) }

// Release gives a request back that was not delivered.
func (s *Spool) Release(number uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.entries {
		if s.entries[i].number == number {
			s.entries[i].taken = false
		}
	}
}

// drop takes the request out, and counts it where there is a count.
func (s *Spool) drop(number uint64, count *int64) {
	s.mu.Lock()
	s.entries = slices.DeleteFunc(s.entries, func(e entry) bool {
		if e.number != number {
			return false
		}
		s.size -= e.size
		return true
	})
	if count != nil {
		*count++
	}
	s.mu.Unlock()
	s.remove(number)
}

// remove takes the file out of the folder. One that cannot be removed is found again by the next process.
func (s *Spool) remove(number uint64) {
	err := removeRecord(filepath.Join(s.config.Dir, fileName(number)))
	if err == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = fmt.Errorf("remove a request from the spool: %w", err)
}

// State returns how the spool is doing. It never waits for the disk.
func (s *Spool) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := State{Queued: len(s.entries), Bytes: s.size, Dropped: s.dropped, Err: s.err}
	if len(s.entries) > 0 {
		state.Oldest = s.entries[0].time
	}
	return state
}

// Close lets go of the folder. What is in it is for the next process.
func (s *Spool) Close() error {
	s.disk.Lock()
	defer s.disk.Unlock()
	s.closed = true
	if err := s.letGo(); err != nil {
		return fmt.Errorf("close the spool: %w", err)
	}
	return nil
}

// letGo lets another process have the folder. The caller holds disk.
func (s *Spool) letGo() error {
	if s.lock == nil {
		return nil
	}
	lock := s.lock
	s.lock = nil
	return lock.Close()
}
