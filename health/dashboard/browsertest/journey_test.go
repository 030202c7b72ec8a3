package browsertest

import (
	"fmt"
	"math"
	"strconv"
	"testing"
)

// TestJourney lives through a breach as who is on call does, from the login to the end of an outage, without a reload.
func TestJourney(t *testing.T) {
	s := start(t)
	p := open(t, 1440, 1000)
	p.logIn(s.page(""))
	p.run(`globalThis.notReloaded = true`)
	p.isOverall("Healthy")
	p.says(find("region", "Alerts"), "Nothing is firing")
	showsTheNumbersOfTheAPI(t, s, p)

	s.hold(930)
	alertAppears(t, p)
	id := acknowledge(t, s, p)
	s.hold(usual)
	alertIsPast(t, s, p, id)

	p.recorder.whileCallsFail(func() {
		s.stop()
		p.says(find("alert", ""), "Connection lost")
		s.serve()
		p.gone(find("alert", ""))
	})
	p.isOverall("Healthy")
	showsTheNumbersOfTheAPI(t, s, p)
	p.until(`globalThis.notReloaded`)
}

func alertAppears(t *testing.T, p *tab) {
	t.Helper()
	p.says(firing("File descriptors"), "Failing")
	p.isOverall("Failing")
	p.until(`document.title.includes("Failing")`)
	p.says(find("region", "Now").find("listitem", ""), "File descriptors") // what is unhealthy comes first
	p.says(find("status", ""), "File descriptors")                         // for who does not see it
}

// acknowledge takes the alert on, and returns its id.
func acknowledge(t *testing.T, s *service, p *tab) int64 {
	t.Helper()
	const note = "on it: <b>files</b>"
	p.acknowledge(note)
	open := ask[[]alertOfAPI](s, "api/alerts")
	if len(open) != 1 {
		t.Fatalf("the API has %+v, want one alert", open)
	}
	if a := open[0]; !a.Acknowledged || a.AcknowledgedBy != "token" || a.Note != note {
		t.Errorf("the API has %+v, want it acknowledged by token with %q", a, note)
	}
	return open[0].ID
}

func alertIsPast(t *testing.T, s *service, p *tab, id int64) {
	t.Helper()
	p.says(find("region", "Alerts"), "Nothing is firing")
	p.isOverall("Healthy")
	p.says(past("File descriptors"), "recovered")
	if open := ask[[]alertOfAPI](s, "api/alerts"); len(open) > 0 {
		t.Errorf("the API has %+v, want none after alert %d", open, id)
	}
}

// shownTime is that of the snapshot that the cards show.
const shownTime = `[...browsertest.find("region", "Now").querySelectorAll("[title]")].map((node) => node.title).find((title) => Date.parse(title))`

// showsTheNumbersOfTheAPI compares the cards with the API's answer of the same snapshot, whose time the page tells.
func showsTheNumbersOfTheAPI(t *testing.T, s *service, p *tab) {
	t.Helper()
	const read = `Object.fromEntries([["time", ` + shownTime + `],
		...[...document.querySelectorAll("[data-card]")].map((card) => [card.dataset.card, browsertest.text(card)])])`
	for range 20 { // not every snapshot is drawn
		c := ask[current](s, "api/current")
		p.until(fmt.Sprintf("%s >= %q", shownTime, c.Timestamp))
		shown := eval[map[string]string](p, read)
		if shown["time"] == c.Timestamp {
			compare(t, shown, &c)
			return
		}
	}
	t.Error("none of 20 snapshots that the API answered with was drawn")
}

func compare(t *testing.T, shown map[string]string, c *current) {
	t.Helper()
	for card, want := range map[string]string{
		"fd":         whole(c.FD.Count) + " file descriptors",
		"memory":     threeDigits(c.Memory.RSS) + " MiB",
		"goroutines": whole(c.Goroutines.Count) + " goroutines",
		"threads":    whole(c.Threads.Count) + " threads",
		"database":   whole(c.Database.Total) + " connections",
		"websocket":  whole(c.WebSocket.Total) + " connections",
	} {
		if !containsWords(shown[card], want) {
			t.Errorf("%s at %s: the page shows %q, the API says %q", card, c.Timestamp, shown[card], want)
		}
	}
}

func whole(n float64) string { return strconv.FormatFloat(n, 'f', 0, 64) }

// threeDigits is a number as a person says it.
func threeDigits(n float64) string {
	digits := max(0, 2-int(math.Log10(n)))
	scale := math.Pow10(digits)
	return strconv.FormatFloat(math.Round(n*scale)/scale, 'f', -1, 64)
}
