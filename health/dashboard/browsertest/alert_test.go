package browsertest

import (
	"fmt"
	"testing"
)

// inView is true when an element is wholly in the viewport.
func inView(e element) string {
	return fmt.Sprintf(`((box) => box?.top >= 0 && box.bottom <= innerHeight)(%s?.getBoundingClientRect())`, e)
}

// TestSilenceAndResolve silences a rule, then ends its alert by hand while the value still breaches.
func TestSilenceAndResolve(t *testing.T) {
	s := start(t)
	p := open(t, 1440, 1000)
	s.hold(750)
	p.logIn(s.page(""))
	alert := firing("File descriptors")
	p.says(alert, "Warning")

	p.click(alert.find("button", "Silence"))
	dialog := find("dialog", "Silence rule fd")
	p.click(dialog.find("button", "Silence"))
	p.gone(dialog) // the stream may tell of it before the answer closes the dialog
	p.says(alert, "silenced until")
	p.says(find("list", "Notices"), "Rule fd is silenced until")
	if silences := ask[current](s, "api/current").Silences; len(silences) != 1 || silences[0].Rule != "fd" {
		t.Errorf("the API has the silences %+v, want one of fd", silences)
	}

	confirmation := find("dialog", "Resolve File descriptors?")
	p.click(alert.find("button", "Resolve"))
	p.click(confirmation.find("button", "Cancel"))
	p.gone(confirmation)
	if open := ask[[]alertOfAPI](s, "api/alerts"); len(open) != 1 {
		t.Errorf("after Cancel the API has %+v, want the alert", open)
	}
	p.click(alert.find("button", "Resolve"))
	p.click(confirmation.find("button", "Resolve"))
	p.gone(alert)
	p.says(past("File descriptors"), "token") // who ended it
	if open := ask[[]alertOfAPI](s, "api/alerts"); len(open) != 0 {
		t.Errorf("the API has %+v, want none", open)
	}
}

// TestRefusalIsSaid acts on an alert that is no longer there: the dialog stays, and says why.
func TestRefusalIsSaid(t *testing.T) {
	s := start(t)
	p := open(t, 1440, 1000)
	s.hold(750)
	p.logIn(s.page(""))
	p.click(firing("File descriptors").find("button", "Acknowledge"))
	dialog := find("dialog", "Acknowledge")
	p.exists(dialog)
	s.hold(usual)
	p.gone(firing("File descriptors"))
	p.recorder.whileCallsFail(func() { // the browser logs the answer 409
		p.click(dialog.find("button", "Acknowledge"))
		p.says(dialog.find("alert", ""), "resolved")
	})
	p.click(dialog.find("button", "Cancel"))
	p.gone(dialog)
}

func TestDeepLinkToAnAlert(t *testing.T) {
	s := start(t)
	s.hold(750)
	p := open(t, 1440, 500)
	p.logIn(s.page("?range=24h"))

	p.leave(firing("File descriptors").find("link", "Link"))
	shared := eval[string](p, "location.href")
	beside := openBeside(p, 1440, 500)
	beside.goTo(shared)
	beside.until(inView(firing("File descriptors")))
	beside.until(string(firing("File descriptors")) + "?.contains(document.activeElement)")

	beside.goTo(s.page("?alert=1")) // of five days ago
	beside.ready()
	beside.until(inView(past("File descriptors")))
	beside.until(string(past("File descriptors")) + "?.contains(document.activeElement)")
	beside.leave(past("File descriptors").find("link", "File descriptors"))
	beside.ready()
	beside.until(`new URLSearchParams(location.search).has("from")`) // the charts show that time
	beside.says(find("region", "Charts"), "h")
}
