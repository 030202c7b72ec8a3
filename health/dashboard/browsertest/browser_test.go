package browsertest

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

var update = flag.Bool("update", false, "make the screenshots anew")

// What the tests share is made when the first one asks for it.
var (
	chromium func() (context.Context, error)
	week     func() (string, error) // the file of a history
)

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	folder, err := os.MkdirTemp("", "otelhealth-browsertest-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(folder)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("chromium"), chromedp.UserDataDir(filepath.Join(folder, "chromium")),
		chromedp.NoSandbox, // which root, as whom CI runs, cannot have
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))...)
	defer stop()
	ctx, cancel := chromedp.NewContext(allocator)
	defer cancel()
	chromium = sync.OnceValues(func() (context.Context, error) { return ctx, chromedp.Do(ctx) })
	week = sync.OnceValues(func() (string, error) { return writeWeek(folder) })
	code := m.Run()
	if chromedp.FromContext(ctx).Browser == nil {
		return code, nil // no test asked for it
	}
	return code, chromedp.Cancel(ctx)
}

// need skips the test, or fails it where CI is set.
func need(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// theBrowser returns the Chromium that all tests share.
func theBrowser(t *testing.T) context.Context {
	t.Helper()
	if _, err := exec.LookPath("chromium"); err != nil {
		need(t, "no chromium is installed: apt-get install chromium")
	}
	ctx, err := chromium()
	if err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	return ctx
}
