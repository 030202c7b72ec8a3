package browsertest

import (
	_ "embed"
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// watchFocus notes what gets the focus, and what is wrong with that.
//
//go:embed focus.js
var watchFocus string

// TestTabReachesEverything goes through the page with the Tab key: everything that can be used gets the focus, in the
// order of the page, is in view then, and shows it.
func TestTabReachesEverything(t *testing.T) {
	s := start(t)
	s.hold(750)
	p := open(t, 1440, 1000)
	p.logIn(s.page(""))
	p.exists(firing("File descriptors"))
	p.exists(chart("queue"))
	p.exists(find("region", "Checks").find("button", "Last error"))
	p.run(watchFocus)
	const most = 300
	for n := range most {
		p.press(kb.Tab)
		if eval[bool](p, "document.activeElement === document.body") { // it goes on in the browser's own controls
			t.Logf("%d things have the focus one after the other", n)
			break
		}
	}
	for _, fault := range eval[[]string](p, "browsertest.focusFaults()") {
		t.Error(fault)
	}
	p.until("browsertest.reachable().length > 40") // the header's, the alert's, the charts' and the tables'
}

// TestQuestionMarkListsTheShortcuts follows the list, and uses one key of each kind that is in it.
func TestQuestionMarkListsTheShortcuts(t *testing.T) {
	s := start(t)
	p := open(t, 1440, 1000)
	p.logIn(s.page(""))
	list := find("dialog", "Keyboard shortcuts")
	p.press("?")
	for _, text := range []string{"t Next theme", "u UTC or local time", "5 Last 7d", "Move the crosshair"} {
		p.says(list, text)
	}
	p.press("u") // a dialog is open: nothing happens below it
	p.closeByEscape(list)
	p.until(`location.search === ""`)

	p.press("u")
	p.until(`location.search === "?zone=utc"`)
	p.press("5")
	p.until(`location.search === "?range=7d&zone=utc"`)
	p.press("a")
	p.until(string(find("region", "Alerts")) + " === document.activeElement")

	p.press("?")
	p.click(list.find("checkbox", "Single keys are on"))
	p.closeByEscape(list)
	p.press("1")
	p.press("?") // this one stays on
	p.exists(list)
	p.until(`location.search === "?range=7d&zone=utc"`)
}

// TestDialogByKeyboard acknowledges an alert without a mouse. The dialog keeps the focus, and gives it back.
func TestDialogByKeyboard(t *testing.T) {
	s := start(t)
	s.hold(750)
	p := open(t, 1440, 1000)
	p.logIn(s.page(""))
	button := firing("File descriptors").find("button", "Acknowledge")
	p.exists(button)
	p.run(string(button) + ".focus()")
	p.press(kb.Enter)
	dialog := find("dialog", "Acknowledge")
	p.until(fmt.Sprintf("%s === document.activeElement", dialog.find("textbox", "Note")))
	p.press("mine")
	for range 10 {
		p.press(kb.Tab)
		p.until(fmt.Sprintf("document.activeElement === document.body || %s.contains(document.activeElement)", dialog))
	}
	p.run(string(dialog.find("textbox", "Note")) + ".focus()")
	p.press(kb.Tab)
	p.press(kb.Tab)
	p.press(kb.Enter)
	p.gone(dialog)
	p.says(firing("File descriptors"), "Acknowledged by token")
	p.says(firing("File descriptors"), "mine")
	p.until(fmt.Sprintf("%s === document.activeElement", button))
}

// TestSkipLink jumps over the header.
func TestSkipLink(t *testing.T) {
	s := start(t)
	p := open(t, 1440, 500)
	p.logIn(s.page(""))
	p.press(kb.Tab)
	p.until(inView(find("link", "Skip to the numbers")))
	p.do(chromedp.KeyEvent(kb.Enter))
	p.until(string(find("region", "Now")) + ".contains(document.activeElement)")
}
