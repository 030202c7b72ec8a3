package browsertest

import (
	"fmt"
	"math"
	"strconv"
	"testing"

	"github.com/chromedp/chromedp"
)

// current is what the test reads of the API's snapshot.
type current struct {
	Timestamp string
	FD        struct{ Count float64 }
	Memory    struct {
		RSS float64 `json:"rss_mb"`
	}
	Goroutines, Threads struct{ Count float64 }
	Database, WebSocket struct{ Total float64 }
}

type alert struct {
	ID             int64
	Rule           string
	Acknowledged   bool
	AcknowledgedBy string `json:"acknowledged_by"`
	Note           string
}

// TestAlertFromBreachToRecovery tells the story of a breach as who is on call lives it, without a reload.
func TestAlertFromBreachToRecovery(t *testing.T) {
	s := start(t)
	p := open(t, browser(t), 1440, 1000)
	p.logIn(s.page(""))
	p.says("#service", "orders")
	p.says("#fresh", "live")
	p.says("#firing", "Nothing is firing.")
	showsTheNumbersOfTheAPI(t, s, p)

	s.breach(930)
	p.says("#firing", "File descriptors")
	p.says("#firing .state", "Failing")
	p.until(`document.querySelector("#overall").textContent === "Failing" && document.title.startsWith("✕ Failing")`)
	p.until(`document.querySelector("#card-list .card").dataset.card === "fd"`) // what is unhealthy comes first
	p.says("#said", "Alert File descriptors")

	p.clickText("#firing", "Acknowledge")
	p.do(chromedp.SendKeys(chromedp.CSS("dialog textarea"), "on it: <b>files</b>"))
	p.clickText("dialog", "Acknowledge")
	p.says("#firing .ack", "Acknowledged by ann")
	p.says("#firing .ack", "on it: <b>files</b>")
	firing := ask[[]alert](s, "api/alerts")
	if len(firing) != 1 || !firing[0].Acknowledged || firing[0].AcknowledgedBy != user || firing[0].Note != "on it: <b>files</b>" {
		t.Errorf("the API has %+v, want one alert that ann acknowledged", firing)
	}

	s.breach(0)
	p.says("#firing", "Nothing is firing.")
	p.says("#past-table", "recovered")
	p.until(fmt.Sprintf(`document.querySelector("#alert-%d") != null`, firing[0].ID))
	showsTheNumbersOfTheAPI(t, s, p)
}

// showsTheNumbersOfTheAPI compares the cards with a snapshot that the page shows as well: its time is the newest sample's.
func showsTheNumbersOfTheAPI(t *testing.T, s *service, p *tab) {
	t.Helper()
	var shown, want map[string]string
	for range 20 {
		c := ask[current](s, "api/current")
		want = map[string]string{
			"fd": whole(c.FD.Count), "goroutines": whole(c.Goroutines.Count), "threads": whole(c.Threads.Count),
			"database": whole(c.Database.Total), "websocket": whole(c.WebSocket.Total), "memory": figure(c.Memory.RSS),
		}
		const time = `document.querySelector("#cards-range").title`
		const read = `Object.fromEntries([...document.querySelectorAll("#card-list .card")].map((c) => [c.dataset.card, c.querySelector(".figure").textContent]).concat([["time", %s]]))`
		p.until(fmt.Sprintf(`%s >= %q`, time, c.Timestamp))
		if shown = eval[map[string]string](p, fmt.Sprintf(read, time)); shown["time"] != c.Timestamp {
			continue // not every snapshot is drawn
		}
		for card, value := range want {
			if shown[card] != value {
				t.Errorf("%s at %s: the page shows %q, the API says %q", card, c.Timestamp, shown[card], value)
			}
		}
		return
	}
	t.Errorf("no snapshot that the API answered with was drawn: %v, %v", shown, want)
}

func whole(n float64) string { return strconv.FormatFloat(n, 'f', 0, 64) }

// figure is a number of MiB with three significant digits, as a person writes it.
func figure(n float64) string {
	digits := 0
	switch {
	case n == math.Trunc(n), n >= 100:
	case n >= 10:
		digits = 1
	default:
		digits = 2
	}
	scale := math.Pow(10, float64(digits))
	return strconv.FormatFloat(math.Round(n*scale)/scale, 'f', -1, 64)
}

// TestResolvingAsksBack resolves an alert by hand while it still breaches.
func TestResolvingAsksBack(t *testing.T) {
	s := start(t)
	p := open(t, browser(t), 1440, 1000)
	s.breach(750)
	p.logIn(s.page(""))
	p.says("#firing .state", "Warning")

	p.clickText("#firing", "Silence")
	p.clickText("dialog", "Silence")
	p.says("#notices", "Rule fd is silenced until")
	p.says("#firing", "silenced until")

	p.clickText("#firing", "Resolve")
	p.says("dialog", "Resolve File descriptors?")
	p.clickText("dialog", "Cancel")
	p.says("#firing .state", "Warning")
	p.clickText("#firing", "Resolve")
	p.clickText("dialog", "Resolve")
	p.says("#firing", "Nothing is firing.")
	p.says("#past-table", user)
}

// TestOutageIsUnmistakable stops the server, and brings it back.
func TestOutageIsUnmistakable(t *testing.T) {
	s := start(t)
	p := open(t, browser(t), 1440, 1000)
	p.logIn(s.page(""))
	p.says("#overall", "Healthy")

	p.setOutage(true)
	s.stop()
	p.says("#banner", "Connection lost")
	p.says("#overall", "No data")
	p.until(`document.title.startsWith("?") && document.querySelector("#glance").className === "glance unknown"`)
	s.breach(930) // and while nobody sees it, something happens
	s.serve()
	p.until(`document.querySelector("#banner").hidden`)
	p.says("#overall", "Failing")
	p.says("#firing", "File descriptors")
	p.says("#fresh", "live")
	p.setOutage(false)
}

// TestStalledMonitorIsNotTakenForHealthy shuts the monitor down below a server that goes on.
func TestStalledMonitorIsNotTakenForHealthy(t *testing.T) {
	s := start(t)
	p := open(t, browser(t), 1440, 1000)
	p.logIn(s.page(""))
	p.says("#overall", "Healthy")
	p.setOutage(true) // its stream ends, and no other is opened
	if err := s.monitor.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.says("#banner", "The monitor has stalled")
	p.says("#overall", "No data")
}
