package browsertest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
)

// TestLostConnectionIsUnmistakable stops the server. What happens meanwhile is there when it is back.
func TestLostConnectionIsUnmistakable(t *testing.T) {
	s := start(t)
	p := open(t, 1440, 1000)
	p.logIn(s.page(""))
	overall := find("region", "Overall status")
	p.says(overall, "Healthy")

	p.recorder.whileCallsFail(func() {
		s.stop()
		p.says(find("alert", ""), "Connection lost")
		p.says(overall, "No data")
		p.until(`!document.title.includes("Healthy")`)
		s.hold(930)
		s.serve()
		p.gone(find("alert", ""))
		p.says(overall, "Failing")
		p.says(firing("File descriptors"), "Failing")
		p.says(overall, "live")
	})
}

// TestStalledMonitorIsNotTakenForHealthy shuts the monitor down below a server that goes on.
func TestStalledMonitorIsNotTakenForHealthy(t *testing.T) {
	s := start(t)
	p := open(t, 1440, 1000)
	p.logIn(s.page(""))
	p.says(find("region", "Overall status"), "Healthy")
	p.recorder.whileCallsFail(func() { // its stream ends, and no other is opened
		if err := s.monitor.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.says(find("alert", ""), "stalled")
		p.says(find("region", "Overall status"), "No data")
	})
}

// TestEndedSessionAsksForTheLogin logs out in another tab.
func TestEndedSessionAsksForTheLogin(t *testing.T) {
	s := start(t)
	p := open(t, 1440, 1000)
	p.logIn(s.page("?range=6h"))
	beside := openBeside(p, 1440, 1000)
	beside.goTo(s.page(""))
	beside.ready()
	p.recorder.whileCallsFail(func() { // the browser logs the answer 401
		beside.leave(find("button", "Log out"))
		s.stop() // its stream would go on until the next heartbeat
		s.serve()
		p.says(find("alert", ""), "logged out")
	})
	p.leave(find("alert", "").find("link", "Log in again"))
	p.fill(find("textbox", "User name"), user)
	p.fill(find("textbox", "Password"), password)
	p.leave(find("button", "Log in"))
	p.ready()
	p.until(`location.search === "?range=6h"`)
}

// TestHiddenTabPausesAndCatchesUp minimizes the window while an alert begins.
func TestHiddenTabPausesAndCatchesUp(t *testing.T) {
	s := start(t)
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
	hidden, before := eval[int64](p, "Date.now()"), ask[current](s, "api/current").Monitor.Sequence
	s.hold(930)
	if !eventually(func() bool { return ask[current](s, "api/current").Monitor.Sequence > before+8 }) {
		t.Fatal("the monitor does not go on")
	}
	if title := eval[string](p, "document.title"); title != "Paused · orders" {
		t.Errorf("the hidden page is called %q, want it to say that it stands still", title)
	}

	p.window(browser.WindowStateNormal)
	p.says(firing("File descriptors"), "Failing")
	p.says(find("region", "Overall status"), "live")
	p.until(fmt.Sprintf(`(() => { // no second since then is missing among the samples
		const midnight = new Date().setHours(0, 0, 0, 0);
		const times = [...browsertest.find("region", "Recent samples").querySelectorAll("tbody tr")].map((row) => row.cells[0].textContent.split(":"))
			.map(([h, m, s]) => midnight + 1000 * (3600 * h + 60 * m + 1 * s)).filter((time) => time > %d);
		return times.at(-1) < %[1]d + 2000 && times.every((time, i) => i === 0 || times[i - 1] - time <= 2000);
	})()`, hidden-2000))
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
	s := start(t)
	stream := "api/stream"
	s.broken.Store(&stream)
	p := open(t, 1440, 1000)
	p.goTo(s.page(""))
	p.recorder.whileCallsFail(func() { // the browser logs the answer 500
		p.showToken()
		p.ready()
		p.run(`new MutationObserver(() => {
			const banner = browsertest.find("alert", "");
			if (banner) globalThis.alarm = browsertest.text(banner);
		}).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true })`)
		for range 2 {
			p.until(fmt.Sprintf("%s > %q", shownTime, eval[string](p, shownTime)))
		}
		p.says(find("region", "Overall status"), "polled")
	})
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
