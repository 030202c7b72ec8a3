package browsertest

import (
	"strings"

	"github.com/chromedp/chromedp/kb"
)

// long is a name that has no place to be broken at.
var long = strings.Repeat("abcdefghijklmnopqrstuvwxyz", 4)

// throughEveryView goes through all that the page can look like, and calls look at each.
func (p *tab) throughEveryView(s *service, look func(view string)) {
	p.t.Helper()
	p.throughLogin(s, look)
	look("the overview")
	s.hold(930)
	p.exists(firing("File descriptors"))
	look("an alert that fires")
	p.throughDialogs(look)
	p.acknowledge(long)
	look("an alert that is acknowledged")
	s.hold(usual)
	p.gone(firing("File descriptors"))
	p.says(past("File descriptors"), "recovered")
	p.click(chart("Memory").find("summary", "Values as a table"))
	p.exists(chart("Memory").find("row", "Time"))
	look("a past alert, and the values of a chart as a table")
	p.recorder.whileCallsFail(func() {
		s.stop()
		p.says(find("alert", ""), "Connection lost")
		look("a lost connection")
		s.serve()
		p.gone(find("alert", ""))
	})
}

func (p *tab) throughLogin(s *service, look func(view string)) {
	p.t.Helper()
	p.goTo(s.page(""))
	look("the login page")
	p.fill(find("textbox", "Token"), "wrong")
	p.recorder.whileCallsFail(func() { p.leave(find("button", "Log in")) }) // the browser logs the answer 401
	p.says(find("alert", ""), "not right")
	look("the login page after a wrong token")
	p.showToken()
	p.ready()
}

func (p *tab) throughDialogs(look func(view string)) {
	p.t.Helper()
	alert := firing("File descriptors")
	for title, opener := range map[string]element{
		"Acknowledge":        alert.find("button", "Acknowledge"),
		"Silence":            alert.find("button", "Silence"),
		"Resolve":            alert.find("button", "Resolve"),
		"Custom range":       find("button", "Custom"),
		"Keyboard shortcuts": find("button", "Keyboard shortcuts"),
	} {
		p.click(opener)
		p.exists(find("dialog", title))
		look("the dialog " + title)
		p.closeByEscape(find("dialog", title))
	}
}

// acknowledge takes the alert of the rule fd on.
func (p *tab) acknowledge(note string) {
	p.t.Helper()
	p.click(firing("File descriptors").find("button", "Acknowledge"))
	dialog := find("dialog", "Acknowledge File descriptors")
	p.fill(dialog.find("textbox", "Note"), note)
	p.click(dialog.find("button", "Acknowledge"))
	p.gone(dialog)
	p.says(firing("File descriptors"), "Acknowledged by token")
	p.says(firing("File descriptors"), note)
}

// closeByEscape waits for the frame in which the focus leaves the dialog.
func (p *tab) closeByEscape(dialog element) {
	p.t.Helper()
	p.press(kb.Escape)
	p.gone(dialog)
	p.until(`document.activeElement.closest("dialog") === null`)
}
