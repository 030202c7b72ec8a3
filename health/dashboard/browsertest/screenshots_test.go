package browsertest

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

const (
	screenshots = "../screenshots"
	mostBytes   = 200_000
)

// TestScreenshots makes the pictures that the README shows with -update. Otherwise it looks whether they are there.
func TestScreenshots(t *testing.T) {
	if *update {
		t.Run("healthy", takeHealthy)
		t.Run("alert", takeAlert)
	}
	for _, name := range []string{"light", "dark", "phone", "alert"} {
		file := filepath.Join(screenshots, name+".png")
		content, err := os.ReadFile(file)
		if err != nil {
			t.Errorf("%v: go test -run Screenshots -update makes it", err)
			continue
		}
		if _, err := png.DecodeConfig(bytes.NewReader(content)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if len(content) > mostBytes {
			t.Errorf("%s: got %d bytes, want at most %d", file, len(content), mostBytes)
		}
	}
}

func takeHealthy(t *testing.T) {
	s := start(t)
	p := open(t, 1280, 800)
	p.logIn(s.page("?range=24h"))
	p.isOverall("Healthy") // at first the checks have not run yet
	p.take("light", page.Viewport{Width: 1280, Height: 1560, Scale: 1})
	p.prefers("dark")
	p.take("dark", page.Viewport{Width: 1280, Height: 1560, Scale: 1})
	p.prefers("light")
	p.do(chromedp.EmulateViewport(360, 740))
	p.take("phone", page.Viewport{Width: 360, Height: 1400, Scale: 2})
}

// takeAlert goes on with a history at whose end the same alert fires.
func takeAlert(t *testing.T) {
	file, err := writeWeek(t.TempDir(), "-firing")
	if err != nil {
		t.Fatal(err)
	}
	const own = 50 // files that the process has open itself
	s := startWith(t, file, 930-own)
	p := open(t, 1280, 800)
	p.logIn(s.page("?range=1h"))
	p.says(firing("File descriptors"), "Acknowledged by ann")
	p.take("alert", page.Viewport{Width: 1280, Height: 1560, Scale: 1})
}

// take makes a picture of a part of the page.
func (p *tab) take(name string, part page.Viewport) {
	p.t.Helper()
	p.run("scrollTo(0, 0)")
	p.until(settled)
	yes := true
	shot := call(p, page.CaptureScreenshot, page.CaptureScreenshotParams{Clip: &part, CaptureBeyondViewport: &yes})
	picture, err := png.Decode(bytes.NewReader(shot.Data))
	if err != nil {
		p.t.Fatal(err)
	}
	var b bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&b, withPalette(picture)); err != nil {
		p.t.Fatal(err)
	}
	if err := errors.Join(os.MkdirAll(screenshots, 0o755), os.WriteFile(filepath.Join(screenshots, name+".png"), b.Bytes(), 0o644)); err != nil {
		p.t.Fatal(err)
	}
}

// settled is true three frames after it was asked for: what has changed is painted by then.
const settled = `new Promise((done) => {
	let left = 3;
	const next = () => (--left ? requestAnimationFrame(next) : done(true));
	requestAnimationFrame(next);
})`

// withPalette reduces a picture to its 256 most frequent colours, which halves its size.
func withPalette(picture image.Image) *image.Paletted {
	bounds := picture.Bounds()
	count := make(map[color.Color]int)
	for y := range bounds.Dy() {
		for x := range bounds.Dx() {
			count[picture.At(x, y)]++
		}
	}
	colors := slices.SortedFunc(maps.Keys(count), func(a, b color.Color) int { return count[b] - count[a] })
	reduced := image.NewPaletted(bounds, colors[:min(256, len(colors))])
	index := make(map[color.Color]uint8, len(colors))
	for _, c := range colors {
		index[c] = uint8(reduced.Palette.Index(c))
	}
	for y := range bounds.Dy() {
		for x := range bounds.Dx() {
			reduced.SetColorIndex(x, y, index[picture.At(x, y)])
		}
	}
	return reduced
}
