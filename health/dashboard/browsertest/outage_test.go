package browsertest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"

	"github.com/otelhealth/otelhealth-go/otelhealth"
)

// TestLostConnectionIsUnmistakable stops the server. What happens meanwhile is there when it is back.
func TestLostConnectionIsUnmistakable(t *testing.T) {
	s := start(t)
	p := open(t, 1440, 1000)
	p.logIn(s.page(""))
	overall := find("region", "Overall status")
	p.isOverall("Healthy")

	p.recorder.whileCallsFail(func() {
		s.stop()
		p.says(find("alert", ""), "Connection lost")
		p.isOverall("No data")
		p.until(`!document.title.includes("Healthy")`)
		s.hold(930)
		s.serve()
		p.gone(find("alert", ""))
		p.isOverall("Failing")
		p.says(firing("File descriptors"), "Failing")
		p.says(overall, "live")
	})
}

// TestStalledMonitorIsNotTakenForHealthy shuts the monitor down below a server that goes on.
func TestStalledMonitorIsNotTakenForHealthy(t *testing.T) {
	s := start(t)
	p := open(t, 1440, 1000)
	p.logIn(s.page(""))
	p.isOverall("Healthy")
	p.recorder.callsFail() // its stream ends, and no other is opened
	if err := s.monitor.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.says(find("alert", ""), "stalled")
	p.isOverall("No data")
}

// TestEndedSessionAsksForTheLogin logs out in another tab.
func TestEndedSessionAsksForTheLogin(t *testing.T) {
	s := start(t)
	p := open(t, 1440, 1000)
	p.logIn(s.page("?range=6h"))
	beside := openBeside(p, 1440, 1000)
	beside.goTo(s.page(""))
	beside.ready()
	p.recorder.whileCallsFail(func() { // the browser logs the answer 401, once more when it tries the stream again
		beside.leave(find("button", "Log out"))
		s.stop() // its stream would go on until the next heartbeat
		s.serve()
		p.says(find("alert", ""), "logged out")
		p.leave(find("alert", "").find("link", "Log in again"))
	})
	p.fill(find("textbox", "User name"), user)
	p.fill(find("textbox", "Password"), password)
	p.leave(find("button", "Log in"))
	p.ready()
	p.until(`location.search === "?range=6h"`)
}

// TestHiddenTabPausesAndCatchesUp minimizes the window while an alert begins.
func TestHiddenTabPausesAndCatchesUp(t *testing.T) {
	s := start(t, otelhealth.WithInterval(time.Second)) // the sixty samples of the table reach back a minute
	p := open(t, 1440, 1000)
	p.logIn(s.page(""))
	if !eventually(func() bool { return s.streams.Load() == 1 }) {
		t.Fatalf("got %d streams, want 1", s.streams.Load())
	}

	p.window(browser.WindowStateMinimized)
	p.until("document.hidden")
	if !eventually(func() bool { return s.streams.Load() == 0 }) {
		t.Fatalf("got %d streams of a hidden tab, want none", s.streams.Load())
	}
	hidden, before := eval[int64](p, "Date.now()"), s.monitor.Snapshot().Sequence
	s.hold(930)
	if !eventually(func() bool { return s.monitor.Snapshot().Sequence > before+8 }) {
		t.Fatal("the monitor does not go on")
	}
	if title := eval[string](p, "document.title"); title != "Paused · orders" {
		t.Errorf("the hidden page is called %q, want it to say that it stands still", title)
	}

	p.window(browser.WindowStateNormal)
	p.says(firing("File descriptors"), "Failing")
	p.says(find("region", "Overall status"), "live")
	p.until(fmt.Sprintf(`((times) => // the eight seconds and more since then are not missing among the samples
		times.at(-1) < %[1]d + 2000 && times.every((time, i) => i === 0 || times[i - 1] - time <= 5000))(%[2]s.filter((time) => time > %[1]d))`,
		hidden-2000, sampleTimes))
}

// sampleTimes are those of the samples in the table, the newest first, in ms. Those of another day have its date before them.
const sampleTimes = `(() => {
	let last = Date.now() + 5000;
	return [...browsertest.find("region", "Recent samples").querySelectorAll("tbody tr")].map((row) => {
		const time = new Date(last).setHours(...row.cells[0].textContent.slice(-8).split(":"), 0);
		return (last = time > last ? time - 86_400_000 : time);
	});
})()`

// TestLateAnswerWakesNoHiddenTab hides the tab while an answer is under way: nothing goes on in there, so nothing may look
// as if it did.
func TestLateAnswerWakesNoHiddenTab(t *testing.T) {
	s := start(t)
	s.muffled.Store(true)
	p := open(t, 1440, 1000)
	p.beforeScripts(holdAnswers("api/current"))
	p.logIn(s.page(""))
	p.run("holding = true")
	p.until("held.length > 0")
	p.window(browser.WindowStateMinimized)
	p.until(`document.hidden && document.title === "Paused · orders"`)
	p.run(`held.forEach((release) => release())`)
	p.until(`new Promise((done) => setTimeout(() => done(true), 1500))`)
	if title := eval[string](p, "document.title"); title != "Paused · orders" {
		t.Errorf("the hidden page is called %q", title)
	}
	p.window(browser.WindowStateNormal)
}

// noteAlarm keeps what a banner says, also when it is gone again.
const noteAlarm = `new MutationObserver(() => {
	const banner = browsertest.find("alert", "");
	if (banner) globalThis.alarm = browsertest.text(banner);
}).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true })`

// TestPolledTabComesBack hides a tab that polls for longer than a stall takes to be seen, and lets its first answer wait.
func TestPolledTabComesBack(t *testing.T) {
	s := start(t)
	s.muffled.Store(true)
	p := open(t, 1440, 1000)
	p.beforeScripts(holdAnswers("api/current"))
	p.logIn(s.page(""))
	p.window(browser.WindowStateMinimized)
	p.until(`document.hidden`)
	before := s.monitor.Snapshot().Sequence
	if !eventually(func() bool { return s.monitor.Snapshot().Sequence > before+30 }) {
		t.Fatal("the monitor does not go on")
	}
	p.run(`holding = true`)
	p.run(noteAlarm)
	p.window(browser.WindowStateNormal)
	p.until("held.length > 0")
	p.until(`new Promise((done) => setTimeout(() => done(true), 1500))`) // the page looks at its clock every second
	p.run("holding = false; held.forEach((release) => release())")
	p.says(find("region", "Overall status"), "polled")
	if alarm := eval[string](p, `globalThis.alarm ?? ""`); alarm != "" {
		t.Errorf("the page says %q", alarm)
	}
	p.until(`((times) => // they come five seconds apart, and those of the fifteen that it was hidden are caught up on
		times.length > 20 && times.every((time, i) => i === 0 || times[i - 1] - time <= 10000))(` + sampleTimes + `)`)
}

// TestBannerIsNotCovered scrolls down on screens on which the header's parts fit into one line, and do not.
func TestBannerIsNotCovered(t *testing.T) {
	s := start(t)
	p := open(t, 1440, 1000)
	p.logIn(s.page(""))
	p.recorder.callsFail()
	s.stop()
	p.says(find("alert", ""), "Connection lost")
	for _, width := range []int64{360, 900, 920, 960, 1000, 1440, 2560} {
		p.do(chromedp.EmulateViewport(width, 800))
		p.run("scrollTo(0, 1200)")
		p.until(settled)
		const free = `document.querySelector(".top").getBoundingClientRect().bottom <= document.querySelector("#banner").getBoundingClientRect().top + 2`
		if !eval[bool](p, free) {
			t.Errorf("%d px: the header covers the banner", width)
		}
	}
}

// TestOneFailingCallBlanksNothingElse lets one route after the other answer 500.
func TestOneFailingCallBlanksNothingElse(t *testing.T) {
	s := start(t)
	s.hold(750)
	parts := map[string]func(p *tab){
		"api/alerts":  func(p *tab) { p.says(firing("File descriptors"), "Warning") },
		"api/history": func(p *tab) { p.exists(chart("Memory")) },
		"api/stream":  func(p *tab) { p.says(find("region", "Overall status"), "live") },
	}
	for broken := range parts {
		t.Run(broken, func(t *testing.T) {
			p := open(t, 1440, 1000)
			s.broken.Store(&broken)
			defer s.broken.Store(nil)
			p.goTo(s.page(""))
			p.recorder.whileCallsFail(func() { // the browser logs the answer 500
				p.showToken()
				p.says(card("Memory"), "MiB")
				for route, isThere := range parts {
					if route != broken {
						isThere(p)
					}
				}
				if text := p.text(find("region", "Alerts")); broken == "api/alerts" && strings.Contains(text, "Nothing is firing") {
					t.Errorf("nobody knows whether an alert fires, and the page says %q", text)
				}
				s.broken.Store(nil)
				parts[broken](p) // by itself
			})
		})
	}
}

// TestPollsWhereNothingStreams keeps every stream from opening, as a proxy may. The page asks by itself, and does not take
// the time between two answers for a stall.
func TestPollsWhereNothingStreams(t *testing.T) {
	s := start(t, otelhealth.WithInterval(3*time.Second)) // a slow answer is no stall then
	stream := "api/stream"
	s.broken.Store(&stream)
	p := open(t, 1440, 1000)
	p.goTo(s.page(""))
	p.recorder.callsFail() // the browser logs the answer 500, every ten seconds
	p.showToken()
	p.ready()
	p.run(noteAlarm)
	for range 2 {
		p.until(fmt.Sprintf("%s > %q", shownTime, eval[string](p, shownTime)))
	}
	p.says(find("region", "Overall status"), "polled")
	if alarm := eval[string](p, `globalThis.alarm ?? ""`); alarm != "" {
		t.Errorf("the page says %q", alarm)
	}
}

// window minimizes the tab's window, or brings it back.
func (p *tab) window(state browser.WindowState) {
	p.t.Helper()
	found, err := chromedp.CallBrowser(p.ctx, browser.GetWindowForTarget,
		browser.GetWindowForTargetParams{TargetID: chromedp.FromContext(p.ctx).Target.TargetID})
	if err == nil {
		_, err = chromedp.CallBrowser(p.ctx, browser.SetWindowBounds,
			browser.SetWindowBoundsParams{WindowID: found.WindowID, Bounds: &browser.Bounds{WindowState: state}})
	}
	if err != nil {
		p.t.Fatalf("set the window's state to %s: %v", state, err)
	}
}
