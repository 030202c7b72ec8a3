package browsertest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
)

// recorder notes down what goes wrong in a page: what its scripts throw or write to the console, what its
// Content-Security-Policy forbids, and what the browser logs as a warning or an error.
type recorder struct {
	failing atomic.Bool // the browser's own messages about the network are right

	mu      sync.Mutex
	faults  []string
	stopped bool
}

// listen is called for each event of the tab.
func (r *recorder) listen(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if exception := e.ExceptionDetails.Exception; exception != nil {
			text += " " + exception.Description
		}
		r.note("exception: " + text)
	case *runtime.EventConsoleAPICalled:
		r.note(fmt.Sprintf("console.%s: %s", e.Type, arguments(e.Args)))
	case *log.EventEntryAdded:
		r.noteEntry(e.Entry)
	case *audits.EventIssueAdded:
		if csp := e.Issue.Details.ContentSecurityPolicyIssueDetails; csp != nil {
			r.note(fmt.Sprintf("policy: %s forbids %s", csp.ViolatedDirective, csp.ContentSecurityPolicyViolationType))
		}
	}
}

func (r *recorder) noteEntry(entry *log.Entry) {
	if entry.Level != log.EntryLevelError && entry.Level != log.EntryLevelWarning {
		return
	}
	if entry.Source == log.EntrySourceNetwork && r.failing.Load() {
		return
	}
	r.note(fmt.Sprintf("%s of %s: %s %s", entry.Level, entry.Source, entry.Text, entry.URL))
}

func arguments(args []*runtime.RemoteObject) string {
	texts := make([]string, len(args))
	for i, arg := range args {
		if texts[i] = arg.Description; texts[i] == "" {
			texts[i] = string(arg.Value)
		}
	}
	return strings.Join(texts, " ")
}

func (r *recorder) note(fault string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.stopped {
		r.faults = append(r.faults, fault)
	}
}

// take returns the faults so far, and forgets them.
func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.faults
	r.faults = nil
	return taken
}

// stop forgets the faults so far, and notes no more.
func (r *recorder) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults, r.stopped = nil, true
}

// whileCallsFail calls f while the browser may say that a call failed: because the server is down, or answers an error.
func (r *recorder) whileCallsFail(f func()) {
	r.failing.Store(true)
	defer r.failing.Store(false)
	f()
}

// callsFail lets the browser say until the tab is closed that calls fail: where they do so to the end, it may say that once
// more when the test is over.
func (r *recorder) callsFail() { r.failing.Store(true) }

// TestRecorderNotesEveryKindOfFault plants them in the page, since the other tests rely on there being none.
func TestRecorderNotesEveryKindOfFault(t *testing.T) {
	s := start(t)
	p := open(t, 1280, 800)
	p.logIn(s.page(""))
	for fault, script := range map[string]string{
		"exception: Uncaught Error: planted": `setTimeout(() => { throw new Error("planted"); })`,
		"exception: Uncaught (in promise)":   `void Promise.reject(new Error("planted"))`,
		`console.error: "planted"`:           `console.error("planted")`,
		"policy: script-src":                 `document.head.append(Object.assign(document.createElement("script"), { textContent: "1" }))`,
		"policy: style-src":                  `document.body.setAttribute("style", "color: red")`,
		"error of network":                   `void fetch("api/none")`,
	} {
		p.run(script)
		var got []string
		if !eventually(func() bool {
			got = append(got, p.recorder.take()...)
			return slices.ContainsFunc(got, func(noted string) bool { return strings.HasPrefix(noted, fault) })
		}) {
			t.Errorf("%s: got %q, want %q", script, got, fault)
		}
	}
	p.recorder.stop() // the browser may tell of one fault several times, and late
}
