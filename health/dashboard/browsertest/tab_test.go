package browsertest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// patience is how long anything may take that a person would wait for. The machine may be shared with much else.
const patience = 30 * time.Second

// tab is a page in a browser context of its own: nobody is logged in, and nothing is cached. What its recorder noted by
// the end fails the test.
type tab struct {
	t        *testing.T
	ctx      context.Context
	recorder recorder
}

// open opens a tab of that size in CSS pixels.
func open(t *testing.T, width, height int64) *tab {
	t.Helper()
	return openIn(theBrowser(t), t, width, height, chromedp.WithNewBrowserContext())
}

// openBeside opens a tab that shares the cookies of another.
func openBeside(p *tab, width, height int64) *tab {
	p.t.Helper()
	return openIn(p.ctx, p.t, width, height)
}

func openIn(parent context.Context, t *testing.T, width, height int64, options ...chromedp.ContextOption) *tab {
	t.Helper()
	ctx, _ := chromedp.NewContext(parent, options...)
	p := &tab{t: t, ctx: ctx}
	t.Cleanup(p.close)
	if err := chromedp.Listen(ctx, p.recorder.listen); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	call(p, log.Enable, cdp.Empty{})
	call(p, audits.Enable, cdp.Empty{})
	p.beforeScripts(finder)
	p.do(chromedp.EmulateViewport(width, height))
	p.prefers("light")
	return p
}

func (p *tab) close() {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Cancel(ctx); err != nil {
		p.t.Errorf("close the tab: %v", err)
	}
	for _, fault := range p.recorder.take() {
		p.t.Error(fault)
	}
}

// call sends a command of the DevTools protocol.
func call[P, R any](p *tab, command cdp.Command[P, R], params P) R {
	p.t.Helper()
	result, err := chromedp.Call(p.ctx, command, params)
	if err != nil {
		p.t.Fatalf("%T: %v", params, err)
	}
	return result
}

// prefers sets the system's colour scheme, and that nothing is to move.
func (p *tab) prefers(scheme string) {
	p.t.Helper()
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
}

// beforeScripts runs a script in every page before its own.
func (p *tab) beforeScripts(script string) {
	p.t.Helper()
	call(p, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
}

func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatalf("%v; the page says: %s", err, p.excerpt())
	}
}

// eval returns what an expression is in the page; a promise is waited for.
func eval[T any](p *tab, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	data, err := chromedp.Run(ctx, chromedp.Evaluate[[]byte](expression, chromedp.EvalAwaitPromise))
	var value T
	if err == nil {
		err = json.Unmarshal(data, &value)
	}
	if err != nil {
		p.t.Fatalf("%s: %v (%s); the page says: %s", expression, err, data, p.excerpt())
	}
	return value
}

// run runs a script in the page.
func (p *tab) run(script string) {
	p.t.Helper()
	p.do(chromedp.Evaluate[chromedp.Void](script))
}

// until waits for an expression to be true.
func (p *tab) until(expression string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience+time.Second)
	defer cancel()
	poll := chromedp.Poll[chromedp.Void](expression, chromedp.WithPollingInterval(20*time.Millisecond), chromedp.WithPollingTimeout(patience))
	if _, err := chromedp.Run(ctx, poll); err != nil {
		p.t.Fatalf("waiting for %s: %v; the page says: %s", expression, err, p.excerpt())
	}
}

// excerpt is what a person would see at the top of the page, for an error.
func (p *tab) excerpt() string {
	ctx, cancel := context.WithTimeout(p.ctx, 5*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + " " + document.body?.innerText.slice(0, 1500)`))
	if err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(text), " ")
}

func (p *tab) goTo(address string) {
	p.t.Helper()
	p.do(chromedp.Navigate(address))
}

// logIn goes to the address, before which the login page stands, shows the token and waits for the numbers.
func (p *tab) logIn(address string) {
	p.t.Helper()
	p.goTo(address)
	p.showToken()
	p.ready()
}

// showToken logs in at the login page.
func (p *tab) showToken() {
	p.t.Helper()
	p.fill(find("textbox", "Token"), token)
	p.leave(find("button", "Log in"))
}

// leave clicks what leads to another page, and waits for that.
func (p *tab) leave(e element) {
	p.t.Helper()
	at := p.place(e)
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.MouseClickXY(at.X, at.Y)); err != nil {
		p.t.Fatalf("leave by %s: %v; the page says: %s", e, err, p.excerpt())
	}
}

// isOverall waits until that is the overall status in large letters; the probes' own say Healthy or Failing beside it.
func (p *tab) isOverall(verdict string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`browsertest.find("region", "Overall status").querySelector(".overall")?.textContent === %q`, verdict))
}

// ready waits until the numbers and the charts are there.
func (p *tab) ready() {
	p.t.Helper()
	p.exists(card("File descriptors"))
	for _, title := range []string{"File descriptors", "Pool use", "queue"} { // each is asked for with others
		p.exists(chart(title))
	}
}
