package browsertest

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/chromedp/chromedp"
)

// finder finds elements as people and screen readers do. It is there in every page.
//
//go:embed find.js
var finder string

// element is an expression for an element of the page.
type element string

// find names the first element of a role (find.js) that has the name, or whose name begins with it.
func find(role, name string) element {
	return element(fmt.Sprintf("browsertest.find(%q, %q)", role, name))
}

func (e element) find(role, name string) element {
	return element(fmt.Sprintf("browsertest.find(%q, %q, %s)", role, name, e))
}

// exists waits for the element.
func (p *tab) exists(e element) {
	p.t.Helper()
	p.until(string(e) + " != null")
}

// gone waits until there is no such element.
func (p *tab) gone(e element) {
	p.t.Helper()
	p.until(string(e) + " == null")
}

// says waits until the element has the text.
func (p *tab) says(e element, text string) {
	p.t.Helper()
	p.until(fmt.Sprintf("browsertest.text(%s).includes(%q)", e, text))
}

func (p *tab) text(e element) string {
	p.t.Helper()
	return eval[string](p, fmt.Sprintf("browsertest.text(%s)", e))
}

// box is where an element is in the viewport, in CSS pixels.
type box struct {
	X, Y        float64 // its middle
	Left, Width float64
}

// place scrolls to the element.
func (p *tab) place(e element) box {
	p.t.Helper()
	p.exists(e)
	return eval[box](p, fmt.Sprintf("browsertest.place(%s)", e))
}

func (p *tab) click(e element) {
	p.t.Helper()
	at := p.place(e)
	p.do(chromedp.MouseClickXY(at.X, at.Y))
}

// fill types into a field.
func (p *tab) fill(e element, text string) {
	p.t.Helper()
	p.click(e)
	p.press(text)
}

// press types, or presses keys of package kb.
func (p *tab) press(keys string, options ...chromedp.KeyOption) {
	p.t.Helper()
	p.do(chromedp.KeyEvent(keys, options...))
}

// card is what the page says of a number now.
func card(title string) element { return find("region", "Now").find("listitem", title) }

func chart(title string) element { return find("region", "Charts").find("article", title) }

// firing is an alert that is open.
func firing(rule string) element { return find("region", "Alerts").find("article", rule) }

// past is an alert in the table of those that were resolved.
func past(text string) element { return find("region", "Past alerts").find("row", text) }

// containsWords reports whether the words of a text are among those of another, one after the other.
func containsWords(text, words string) bool {
	return strings.Contains(" "+strings.Join(strings.Fields(text), " ")+" ", " "+words+" ")
}
