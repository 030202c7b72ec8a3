package browsertest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long anything may take that a person would wait for. Two cores may be shared with much else.
const patience = 30 * time.Second

// need skips the test, or fails it where CI is set.
func need(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// browser starts a Chromium that lives as long as the test.
func browser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		need(t, "no chromium is installed: apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-dev-shm-usage", true))
	allocator, cancelAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancelAllocator)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	return ctx
}

// tab is a page of its own browser context: nobody is logged in, and nothing is cached. What its console says is an error
// of the page, and fails the test.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu     sync.Mutex
	outage bool // the server is down: the browser's own network messages are right
}

func open(t *testing.T, browser context.Context, width, height int64) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	p := &tab{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, p.listen); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	if _, err := chromedp.Call(ctx, log.Enable, cdp.Empty{}); err != nil {
		t.Fatalf("listen to the tab's log: %v", err)
	}
	p.do(chromedp.EmulateViewport(width, height))
	p.prefers("prefers-reduced-motion", "reduce") // nothing is to be waited for
	return p
}

// listen is called for each event of the tab. Violations of the Content-Security-Policy come as entries of the log.
func (p *tab) listen(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		p.t.Errorf("the page throws: %s %+v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception)
	case *runtime.EventConsoleAPICalled:
		p.t.Errorf("the page writes to the console: %s %v", e.Type, e.Args)
	case *log.EventEntryAdded:
		p.mu.Lock()
		defer p.mu.Unlock()
		if !p.outage || e.Entry.Source != "network" {
			p.t.Errorf("the browser logs: %s %s: %s %s", e.Entry.Level, e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	}
}

func (p *tab) setOutage(outage bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.outage = outage
}

func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatalf("%v; the page says: %s", err, p.excerpt())
	}
}

// prefers sets a media feature, in place of all that were set.
func (p *tab) prefers(feature, value string) {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: feature, Value: value}},
	})
	if err != nil {
		p.t.Fatalf("set %s: %v", feature, err)
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

// until waits for an expression to be true.
func (p *tab) until(expression string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience+10*time.Second)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Poll[chromedp.Void](expression, chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(patience)))
	if err != nil {
		p.t.Fatalf("waiting for %s: %v; the page says: %s", expression, err, p.excerpt())
	}
}

// says waits for a text in the element.
func (p *tab) says(selector, text string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`document.querySelector(%q)?.textContent.includes(%q)`, selector, text))
}

func (p *tab) text(selector string) string {
	p.t.Helper()
	return eval[string](p, fmt.Sprintf(`document.querySelector(%q)?.textContent ?? "nothing"`, selector))
}

func (p *tab) click(selector string) {
	p.t.Helper()
	p.do(chromedp.Click(chromedp.CSS(selector)))
}

// clickText clicks the button with that text.
func (p *tab) clickText(within, text string) {
	p.t.Helper()
	const mark = `(() => { const b = [...document.querySelectorAll(%q)].find((b) => b.textContent === %q && b.offsetParent);
		document.querySelector("[data-wanted]")?.removeAttribute("data-wanted"); b?.setAttribute("data-wanted", ""); return b != null; })()`
	p.until(fmt.Sprintf(mark, within+" button", text))
	p.click("[data-wanted]")
}

// excerpt is what a person would see at the top of the page, for the error.
func (p *tab) excerpt() string {
	ctx, cancel := context.WithTimeout(p.ctx, 5*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + " " + document.body.innerText.slice(0, 1500)`))
	if err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(text), " ")
}

// logIn goes to the address, where the login page stands before it, and waits for the numbers.
func (p *tab) logIn(address string) {
	p.t.Helper()
	p.do(chromedp.Navigate(address))
	p.until(`document.querySelector("[name=username]") != null`)
	p.do(
		chromedp.SendKeys(chromedp.CSS("[name=username]"), user),
		chromedp.SendKeys(chromedp.CSS("[name=password]"), password),
		chromedp.Click(chromedp.CSS("button")),
	)
	p.ready()
}

// ready waits until the numbers and the charts are there.
func (p *tab) ready() {
	p.t.Helper()
	p.until(`document.querySelectorAll("#card-list .card").length > 5`)
	p.until(`document.querySelectorAll("#chart-list .panel").length > 5`)
}
