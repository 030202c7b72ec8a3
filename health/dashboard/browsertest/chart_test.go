package browsertest

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// span is the range of a chart, in milliseconds.
type span struct{ From, To float64 }

func (s span) length() float64 { return s.To - s.From }

// spans are those of all charts, which are sliders to who does not see them.
func (p *tab) spans() []span {
	p.t.Helper()
	return eval[[]span](p, `[...document.querySelectorAll("[role=slider]")].map((s) => ({ From: Number(s.ariaValueMin), To: Number(s.ariaValueMax) }))`)
}

// TestDragZoomsEveryChart drags over a part of one chart, and goes back with a double click.
func TestDragZoomsEveryChart(t *testing.T) {
	s := start(t)
	p := open(t, 1440, 1000)
	p.logIn(s.page("?range=6h"))
	whole := p.spans()[0]
	plot := chart("Memory").find("slider", "Memory")

	p.drag(plot, 0.5, 0.75)
	p.until(`new URLSearchParams(location.search).has("from")`)
	p.until(fmt.Sprintf(`Number(%s.ariaValueMax) < %f`, plot, whole.To-whole.length()/10))
	for i, zoomed := range p.spans() {
		if zoomed != p.spans()[0] {
			t.Errorf("chart %d shows %+v, the first %+v", i, zoomed, p.spans()[0])
		}
	}
	zoomed := p.spans()[0]
	if share := zoomed.length() / whole.length(); share < 0.2 || share > 0.32 {
		t.Errorf("a quarter of the chart became %.2f of the range", share)
	}
	if zoomed.From < whole.From+0.35*whole.length() {
		t.Errorf("got %+v of %+v, want its third quarter", zoomed, whole)
	}
	inURL := eval[span](p, `((q) => ({ From: Date.parse(q.get("from")), To: Date.parse(q.get("to")) }))(new URLSearchParams(location.search))`)
	if inURL != zoomed {
		t.Errorf("the URL has %+v, the charts show %+v", inURL, zoomed)
	}

	at := p.place(plot)
	p.do(chromedp.MouseClickXY(at.X, at.Y), chromedp.MouseClickXY(at.X, at.Y, chromedp.ClickCount(2)))
	p.until(`location.search === "?range=6h"`)
	p.until(fmt.Sprintf(`%s.ariaValueMax - %[1]s.ariaValueMin >= %f`, plot, 0.99*whole.length()))
	p.do(chromedp.NavigateBack())
	p.until(fmt.Sprintf(`Number(%s.ariaValueMin) === %f`, plot, zoomed.From))
}

// TestCrosshairIsUnderThePointerOnAWallScreen has a screen so wide that all is drawn larger.
func TestCrosshairIsUnderThePointerOnAWallScreen(t *testing.T) {
	s := start(t)
	p := open(t, 2560, 1440)
	p.logIn(s.page("?range=6h"))
	whole := p.spans()[0]
	plot := chart("Memory").find("slider", "Memory")
	at := p.place(plot)
	x := at.Left + 0.5*at.Width
	p.do(chromedp.MouseEvent(chromedp.MouseMoved, x, at.Y))
	p.until(fmt.Sprintf(`Math.abs(%s.querySelector(".cross:not([hidden])")?.getBoundingClientRect().left - %f) < 2`, plot, x))
	p.drag(plot, 0.5, 0.75)
	p.until(`new URLSearchParams(location.search).has("from")`)
	p.until(fmt.Sprintf(`Number(%s.ariaValueMax) < %f`, plot, whole.To-whole.length()/10))
	if share := p.spans()[0].length() / whole.length(); share < 0.2 || share > 0.32 {
		t.Errorf("a quarter of the chart became %.2f of the range", share)
	}
}

// drag drags over an element, from one share of its width to another.
func (p *tab) drag(e element, from, to float64) {
	p.t.Helper()
	at := p.place(e)
	x := func(share float64) float64 { return at.Left + share*at.Width }
	p.do(
		chromedp.MouseEvent(chromedp.MouseMoved, x(from), at.Y),
		chromedp.MouseEvent(chromedp.MousePressed, x(from), at.Y, chromedp.ButtonLeft, chromedp.ClickCount(1)),
		chromedp.MouseEvent(chromedp.MouseMoved, x((from+to)/2), at.Y, chromedp.ButtonLeft),
		chromedp.MouseEvent(chromedp.MouseMoved, x(to), at.Y, chromedp.ButtonLeft),
		chromedp.MouseEvent(chromedp.MouseReleased, x(to), at.Y, chromedp.ButtonLeft, chromedp.ClickCount(1)),
	)
}

// TestChartByKeyboard moves the crosshair, which tells its values, and zooms.
func TestChartByKeyboard(t *testing.T) {
	s := start(t)
	p := open(t, 1440, 1000)
	p.logIn(s.page("?range=24h"))
	plot := chart("File descriptors").find("slider", "File descriptors")
	p.exists(plot)
	p.run(string(plot) + ".focus()")
	p.press(kb.Home)
	p.until(fmt.Sprintf(`%s.ariaValueNow === %[1]s.ariaValueMin`, plot))
	p.press(kb.ArrowRight)
	p.until(fmt.Sprintf(`Number(%s.ariaValueNow) > Number(%[1]s.ariaValueMin)`, plot))
	p.until(fmt.Sprintf(`/\d\d:\d\d:\d\d: mean [\d.]+ \(\d+ – \d+\)/.test(%s.ariaValueText)`, plot))
	whole := p.spans()[0]
	p.press("+")
	p.until(fmt.Sprintf(`%s.ariaValueMax - %[1]s.ariaValueMin < %f`, plot, 0.6*whole.length()))
	near := p.spans()[0]
	p.press("-")
	p.until(fmt.Sprintf(`%s.ariaValueMax - %[1]s.ariaValueMin > %f`, plot, 1.2*near.length()))
}

// TestCrosshairIsShared moves over one chart: the others show their values at the same time, until it leaves.
func TestCrosshairIsShared(t *testing.T) {
	s := start(t)
	p := open(t, 1440, 1400)
	p.logIn(s.page("?range=7d"))
	at := p.place(chart("Memory").find("slider", "Memory"))
	p.do(chromedp.MouseEvent(chromedp.MouseMoved, at.Left+0.3*at.Width, at.Y))
	stamp := func(title string) string {
		return fmt.Sprintf(`[...%s.querySelectorAll(".cross:not([hidden]) .stamp")].map((stamp) => stamp.textContent).join()`, chart(title))
	}
	p.until(fmt.Sprintf(`/\d\d:\d\d:\d\d/.test(%s)`, stamp("Memory")))
	for _, title := range []string{"File descriptors", "Goroutines", "Database", "Pool use"} {
		p.until(stamp(title) + ` === ` + stamp("Memory"))
	}
	read := p.text(chart("CPU").find("list", "")) // no two buckets of it are the same
	p.do(chromedp.MouseEvent(chromedp.MouseMoved, 1, 1))
	p.until(stamp("Memory") + ` === ""`)
	p.until(fmt.Sprintf(`browsertest.text(%s) !== %q`, chart("CPU").find("list", ""), read))
}
