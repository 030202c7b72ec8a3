package history

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

const (
	crashes      = 200
	crashEnv     = "HISTORY_CRASH_PATH"
	crashAt      = "HISTORY_CRASH_AT"
	destinations = "mail chat"
)

// twoDestinations is a plan: each firing and each resolving is told to both, and resolving cancels what is pending.
func twoDestinations(t health.Transition, existing []health.Delivery, _ bool) (insert []health.Delivery, cancel []int64) {
	kind := health.DeliverFiring
	switch t.Kind {
	case health.TransitionFiring, health.TransitionEscalated:
	case health.TransitionResolved:
		kind = health.DeliverResolved
		for _, d := range existing {
			if d.State == health.DeliveryPending {
				cancel = append(cancel, d.ID)
			}
		}
	default:
		return nil, nil
	}
	for _, to := range strings.Fields(destinations) {
		insert = append(insert, health.Delivery{
			Key: fmt.Sprintf("%d-%d/%s", t.Alert.ID, t.Number, to), Destination: to, AlertID: t.Alert.ID, Number: t.Number,
			Kind: kind, Severity: t.Alert.Severity, State: health.DeliveryPending, Created: t.Time, NextTry: t.Time,
		})
	}
	return insert, cancel
}

// life is an alert's: it fires, escalates and is resolved.
func life(id int64, at time.Time) []health.Transition { return lifeOf(firing(id, at)) }

func lifeOf(fires health.Transition) []health.Transition {
	at := fires.Time
	escalates := fires
	escalates.Number, escalates.Kind, escalates.Time = 2, health.TransitionEscalated, at.Add(10*time.Second)
	escalates.Alert.Severity, escalates.Alert.Changes = health.Fail, 2
	ends := escalates
	ends.Number, ends.Kind, ends.Time = 3, health.TransitionResolved, at.Add(20*time.Second)
	ends.Alert.State, ends.Alert.Cause, ends.Alert.Changes = health.AlertResolved, health.CauseRecovered, 3
	ends.Alert.ResolvedAt = ends.Time
	return []health.Transition{fires, escalates, ends}
}

// crashChild records, delivers, and says after each step what is safe, until it is killed.
func crashChild(path string) {
	var at int64
	fail := func(err error) {
		fmt.Println("E", err)
		os.Exit(1)
	}
	if _, err := fmt.Sscan(os.Getenv(crashAt), &at); err != nil {
		fail(err)
	}
	s, err := Open(Config{Path: path, Logger: silent(), Plan: twoDestinations})
	// A process that is being started holds, until it is, what its parent has open: also a lock of another test.
	for deadline := time.Now().Add(10 * time.Second); errors.Is(err, ErrInUse) && time.Now().Before(deadline); {
		s, err = Open(Config{Path: path, Logger: silent(), Plan: twoDestinations})
	}
	if err != nil {
		fail(err)
	}
	ctx := context.Background()
	saved, err := s.Saved(ctx)
	if err != nil {
		fail(err)
	}
	l := newLoad(uint64(at))
	l.at = time.UnixMilli(at).UTC()
	for id := saved.LastID + 1; ; id++ {
		for _, t := range lifeOf(another(id, l.at)) {
			snapshot := l.next()
			s.Record(snapshot)
			s.RecordTransitions([]health.Transition{t})
			s.Refresh([]health.Alert{t.Alert})
			if err := s.Flush(ctx); err != nil {
				fail(err)
			}
			fmt.Println("S", snapshot.Time.UnixMilli())
			fmt.Println("T", id, t.Number)
			d, _, err := s.Claim(ctx, "mail", t.Time, time.Hour)
			if err != nil {
				fail(err)
			}
			if d == nil {
				continue
			}
			fmt.Println("C", d.ID, d.Attempts)
			d.State, d.Settled = health.DeliverySent, t.Time
			if err := s.Settle(ctx, d); err != nil {
				fail(err)
			}
			fmt.Println("D", d.ID, 0)
		}
	}
}

// TestCrash kills a writing process again and again, and finds the file sound each time.
func TestCrash(t *testing.T) {
	const files = 4
	for file := range files {
		t.Run(strconv.Itoa(file), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "health.db")
			random := rand.New(rand.NewPCG(uint64(file), 1))
			at := epoch.UnixMilli()
			for i := range crashes / files {
				said := crash(t, path, at, 1+random.IntN(20))
				at = checkCrashed(t, path, said)
				if t.Failed() {
					t.Fatalf("after %d crashes", i+1)
				}
			}
		})
	}
}

// crash runs a child, kills it after so many lines, and returns what it said.
func crash(t *testing.T, path string, at int64, lines int) (said []string) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashEnv+"="+path, fmt.Sprintf("%s=%d", crashAt, at))
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	scanner := bufio.NewScanner(out)
	for scanner.Scan() {
		said = append(said, scanner.Text())
		if len(said) == lines {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := child.Wait(); err == nil || len(said) < lines {
		t.Fatalf("the child ended by itself: %v, %v", err, said)
	}
	if last := said[len(said)-1]; strings.HasPrefix(last, "E") {
		t.Fatal(last)
	}
	if len(strings.Fields(said[len(said)-1])) < 2 {
		said = said[:len(said)-1] // it was killed in the middle of a line
	}
	return said
}

// checkCrashed compares the file with what the child said was safe, and returns the time of its newest sample.
func checkCrashed(t *testing.T, path string, said []string) int64 {
	t.Helper()
	s, err := Open(Config{Path: path, Logger: silent()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.Background())
	if state := s.State(); state.Condition != health.HistoryOK || state.SetAside != "" {
		t.Fatalf("the file is not sound: %+v", state)
	}
	db := s.db.write.DB
	one := func(query string, args ...any) (v string) {
		t.Helper()
		var text sql.NullString
		if err := db.QueryRow(query, args...).Scan(&text); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		return text.String
	}
	if got := one(`PRAGMA integrity_check`); got != "ok" {
		t.Errorf("integrity: %s", got)
	}
	if got := one(`SELECT count(*) FROM pragma_foreign_key_check`); got != "0" {
		t.Errorf("%s rows refer to nothing", got)
	}
	for _, line := range said {
		f := strings.Fields(line)
		switch f[0] {
		case "S":
			if one(`SELECT count(*) FROM samples WHERE time = ?`, f[1]) != "1" {
				t.Errorf("lost the sample of %s", f[1])
			}
		case "T":
			if one(`SELECT count(*) FROM transitions t JOIN deliveries d USING (alert_id, number) WHERE alert_id = ? AND number = ?`, f[1], f[2]) != "2" {
				t.Errorf("lost transition %s of alert %s, or its deliveries", f[2], f[1])
			}
		case "C":
			if one(`SELECT attempts >= ? FROM deliveries WHERE id = ?`, f[2], f[1]) != "1" {
				t.Errorf("lost an attempt of delivery %s", f[1])
			}
		case "D":
			if one(`SELECT state FROM deliveries WHERE id = ?`, f[1]) != "sent" {
				t.Errorf("lost that delivery %s was sent", f[1])
			}
		}
	}
	if got := one(`SELECT count(*) FROM transitions t WHERE (SELECT count(*) FROM deliveries d WHERE d.alert_id = t.alert_id AND d.number = t.number) <> 2`); got != "0" {
		t.Errorf("%s transitions have not their two deliveries", got)
	}
	if got := one(`SELECT count(*) FROM alerts a WHERE changes <> (SELECT max(number) FROM transitions t WHERE t.alert_id = a.id)
		OR (state = 'resolved') <> (changes = 3) OR id > (SELECT id FROM last_alert)`); got != "0" {
		t.Errorf("%s alerts are not as their last transition left them", got)
	}
	stats, err := s.Statistics(t.Context(), epoch, epoch.Add(365*day))
	if err != nil {
		t.Fatal(err)
	}
	if n := one(`SELECT count(*) FROM samples`); strconv.Itoa(stats.Samples) != n {
		t.Errorf("rolled up %d of %s samples", stats.Samples, n)
	}
	newest, ok, err := s.Newest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		return epoch.UnixMilli()
	}
	return newest.Time.Add(10 * time.Second).UnixMilli()
}
