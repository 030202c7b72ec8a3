package browsertest

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestSharedURLShowsTheSame changes all that a view consists of, and opens its URL where somebody else is logged in.
func TestSharedURLShowsTheSame(t *testing.T) {
	s := start(t)
	p := open(t, 1440, 1000)
	p.logIn(s.page("?range=24h"))
	p.drag(chart("Memory").find("slider", "Memory"), 0.4, 0.6)
	p.until(`new URLSearchParams(location.search).has("from")`)
	p.click(find("button", "Local time"))
	p.click(chart("Database").find("button", "total"))
	p.click(find("region", "WebSocket brokers").find("button", "Symbols"))
	p.click(find("region", "WebSocket brokers").find("button", "Symbols")) // descending

	other := open(t, 1440, 1000)
	other.logIn(eval[string](p, "location.href"))
	const shown = `({
		charts: browsertest.text(browsertest.find("region", "Charts").querySelector("h2 small")),
		spans: [...document.querySelectorAll("[role=slider]")].map((s) => s.ariaValueMin + " " + s.ariaValueMax),
		pressed: [...document.querySelectorAll("[aria-pressed=true]")].map((b) => browsertest.text(b).replace(/\d.*/, "")),
		brokers: browsertest.text(browsertest.find("region", "WebSocket brokers")),
	})`
	want := eval[map[string]any](p, shown)
	if !strings.Contains(fmt.Sprint(want), "fyers 3 2,200 upstox 3 1,800 zerodha 2 1,500") {
		t.Errorf("got %v, want the brokers with the most symbols first", want)
	}
	if !strings.Contains(fmt.Sprint(want), "UTC") {
		t.Errorf("got %v, want it in UTC", want)
	}
	if got := eval[map[string]any](other, shown); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("who follows the URL sees %v, want %v", got, want)
	}
}

// TestExportIsOfTheShownRange downloads the CSV.
func TestExportIsOfTheShownRange(t *testing.T) {
	s := start(t)
	p := open(t, 1440, 1000)
	to := time.Now().Add(-24 * time.Hour).UTC().Truncate(time.Second)
	from := to.Add(-2 * time.Hour)
	p.logIn(s.page(fmt.Sprintf("?from=%s&to=%s", from.Format(time.RFC3339), to.Format(time.RFC3339))))
	rows := p.download(find("link", "Export CSV"))
	if len(rows) != 1+2*360 {
		t.Errorf("got %d rows, want a heading and two hours of a sample every ten seconds", len(rows))
	}
	for _, row := range []int{1, len(rows) - 1} {
		at, err := time.Parse(time.RFC3339, rows[row][0])
		if err != nil || at.Before(from) || at.After(to) {
			t.Errorf("row %d is of %s (%v), want it between %s and %s", row, rows[row][0], err, from, to)
		}
	}
}

// download clicks a link to CSV, and returns the rows of what it downloads.
func (p *tab) download(link element) [][]string {
	p.t.Helper()
	folder, yes := p.t.TempDir(), true
	_, err := chromedp.CallBrowser(p.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllowAndName, DownloadPath: folder, EventsEnabled: &yes,
		BrowserContextID: chromedp.FromContext(p.ctx).BrowserContextID,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	done := make(chan string, 1)
	err = chromedp.ListenBrowser(p.ctx, func(event any) {
		if e, ok := event.(*browser.EventDownloadProgress); ok && e.State == browser.DownloadProgressStateCompleted {
			done <- e.GUID
		}
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.click(link)
	select {
	case name := <-done:
		return readCSV(p.t, filepath.Join(folder, name))
	case <-time.After(patience):
		p.t.Fatal("nothing was downloaded")
		return nil
	}
}

func readCSV(t *testing.T, file string) [][]string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestZone shows times where the reader is, with the zone's name, or in UTC.
func TestZone(t *testing.T) {
	s := start(t)
	p := open(t, 1440, 1000)
	call(p, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Asia/Kolkata"})
	p.logIn(s.page(""))
	charts := find("region", "Charts")
	p.says(charts, "Asia/Calcutta (UTC+5:30)")
	p.until(clock("Asia/Kolkata"))
	p.click(find("button", "Local time"))
	p.says(charts, "UTC")
	p.until(clock("UTC"))
	p.until(`location.search === "?zone=utc"`)
}

// clock is true when the newest sample's time is that of the clocks in the zone.
func clock(zone string) string {
	return fmt.Sprintf(`(() => {
		const shown = browsertest.find("region", "Recent samples").querySelector("tbody th")?.textContent;
		const clock = (ago) => new Date(Date.now() - ago).toLocaleTimeString("en-GB", { timeZone: %q });
		return [0, 1000, 2000].map(clock).includes(shown);
	})()`, zone)
}

// TestTheme goes round the themes, and keeps the choice.
func TestTheme(t *testing.T) {
	s := start(t)
	p := open(t, 1440, 1000)
	p.prefers("dark")
	p.logIn(s.page(""))
	const isDark = `(([r, g, b]) => r + g + b < 200)(getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number))`
	p.until(isDark)
	p.click(find("button", "System"))
	p.until("!" + isDark)
	p.do(chromedp.Reload())
	p.ready()
	p.until("!" + isDark)
	p.click(find("button", "Light"))
	p.prefers("light")
	p.until(isDark)
	p.click(find("button", "Dark"))
	p.exists(find("button", "System"))
	p.until("!" + isDark)
}

// TestTablesAreSorted goes from ascending to descending and back.
func TestTablesAreSorted(t *testing.T) {
	s := start(t)
	p := open(t, 1440, 1000)
	p.logIn(s.page(""))
	pools := find("region", "Database pools")
	names := fmt.Sprintf(`[...%s.querySelectorAll("tbody th")].map((cell) => cell.textContent).join()`, pools)
	for _, step := range []struct{ order, sort string }{{"quotes,orders", "ascending"}, {"orders,quotes", "descending"}} {
		p.click(pools.find("button", "In use"))
		p.until(fmt.Sprintf(`%s === %q`, names, step.order))
		p.until(fmt.Sprintf(`%s.querySelector("[aria-sort=%s]") !== null`, pools, step.sort))
	}
	p.click(pools.find("button", "In use"))
	p.until(fmt.Sprintf(`%s.querySelector("[aria-sort]") === null`, pools))
}
