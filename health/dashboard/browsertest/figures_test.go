package browsertest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// What is wanted on a machine of one's own, in milliseconds, and how much more a shared one may take.
const (
	wantRedraw     = 10.0
	wantFirstPaint = 300.0
	generous       = 5
)

// watchFrames notes how long the page's scripts take in each frame: what it does when a frame is due, and what it does
// when the pointer has moved.
const watchFrames = `(() => {
	globalThis.frames = [];
	let moved = 0;
	const since = (begin) => performance.now() - begin;
	const request = globalThis.requestAnimationFrame;
	globalThis.requestAnimationFrame = (draw) => request((time) => {
		const begin = performance.now();
		draw(time);
		frames.push(moved + since(begin));
		moved = 0;
	});
	const handler = Object.getOwnPropertyDescriptor(HTMLElement.prototype, "onpointermove");
	Object.defineProperty(HTMLElement.prototype, "onpointermove", {
		...handler,
		set(handle) {
			handler.set.call(this, (event) => {
				const begin = performance.now();
				handle(event);
				moved += since(begin);
				globalThis.moves++;
			});
		},
	});
	globalThis.moves = 0;
})()`

// TestFiguresOfARedraw moves the pointer over seven days, of which every sample is kept.
func TestFiguresOfARedraw(t *testing.T) {
	s := start(t)
	if n := ask[stats](s, "api/stats?hours=168").TotalSamples; n < 60_300 {
		t.Errorf("the history has %d samples, want those of seven days", n)
	}
	p := open(t, 1440, 1400)
	p.beforeScripts(watchFrames)
	p.logIn(s.page("?range=7d"))
	plot := chart("File descriptors").find("slider", "File descriptors")
	at := p.place(plot)
	p.run("frames.length = 0")
	const moves = 200
	for i := range moves {
		p.do(chromedp.MouseEvent(chromedp.MouseMoved, at.Left+at.Width*(0.1+0.85*float64(i)/moves), at.Y))
	}
	hover := eval[[]float64](p, "frames.splice(0)")
	if n := eval[int](p, "moves"); n == 0 {
		t.Error("the time of what is done when the pointer has moved is not in the figures")
	}
	judge(t, "a redraw while the pointer moves over seven days", hover, wantRedraw)
	if len(hover) < moves/4 {
		t.Errorf("got %d frames of %d moves, want one of most", len(hover), moves)
	}

	for range 9 {
		p.click(find("button", themeOf(p)))
	}
	t.Logf("everything anew, in another theme: %s", summary(eval[[]float64](p, "frames.splice(0).filter((ms) => ms > 1)")))
}

// themeOf is the name of the button that changes the theme.
func themeOf(p *tab) string {
	return eval[string](p, `["System", "Light", "Dark"].find((name) => browsertest.find("button", name))`)
}

// watchPaint waits for the first frame after the one in which every card has its number: by then that was painted.
// performance.now begins at the start of the navigation.
const watchPaint = `(() => {
	const look = () => {
		const cards = [...document.querySelectorAll("[data-card]")];
		const isFilled = cards.length > 5 && cards.every((card) => /\d/.test(card.textContent));
		requestAnimationFrame(isFilled ? () => { globalThis.painted = performance.now(); } : look);
	};
	requestAnimationFrame(look);
})()`

// TestFiguresOfTheFirstPaint loads the page five times with an empty cache.
func TestFiguresOfTheFirstPaint(t *testing.T) {
	s := start(t)
	p := open(t, 1440, 1000)
	p.logIn(s.page(""))
	p.beforeScripts(watchPaint)
	call(p, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: true})
	var times []float64
	for range 5 {
		p.goTo(s.page(""))
		p.until("globalThis.painted > 0")
		times = append(times, eval[float64](p, "painted"))
	}
	judge(t, "the first paint with data", times, wantFirstPaint)
}

// judge logs the median of times in milliseconds, and fails when it is far above what is wanted.
func judge(t *testing.T, what string, times []float64, want float64) {
	t.Helper()
	t.Logf("%s: %s", what, summary(times))
	if got := median(times); got > generous*want {
		t.Errorf("%s: got a median of %.1f ms, want %.0f ms, and at most %.0f on a shared machine", what, got, want, generous*want)
	} else if got > want {
		t.Logf("that is above %.0f ms, which is wanted on a machine of one's own", want)
	}
}

func summary(times []float64) string {
	if len(times) == 0 {
		return "never"
	}
	return fmt.Sprintf("median %.2f ms, at most %.2f ms, of %d", median(times), slices.Max(times), len(times))
}

func median(times []float64) float64 {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2]
}
