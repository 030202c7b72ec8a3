package checks_test

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/otelhealth/otelhealth-go/health/checks"
)

func TestDiskSpaceOfThisFileSystem(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "orders.db")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{folder, file} {
		expect(t, checks.DiskSpace(path, checks.MinFree(1)), atOnce, "")
		expect(t, checks.DiskSpace(path, checks.MinFreeShare(1e-9)), atOnce, "")
		expect(t, checks.DiskSpace(path, checks.MinFree(1), checks.MinFreeShare(1e-9)), atOnce, "")
		expect(t, checks.DiskSpace(path, checks.MinFree(math.MaxUint64)), atOnce, "want at least 16.00 EiB")
		expect(t, checks.DiskSpace(path, checks.MinFree(math.MaxUint64), checks.MinFreeShare(1e-9)), atOnce, "want at least 16.00 EiB")
	}
	shown := regexp.MustCompile(`^` + regexp.QuoteMeta(folder) + `: \d+(\.\d\d)? [KMGTPE]?i?B of \d+(\.\d\d)? [KMGTPE]?i?B free \(\d+\.\d\d %\), want at least 16\.00 EiB$`)
	if err := checks.DiskSpace(folder, checks.MinFree(math.MaxUint64))(t.Context()); !shown.MatchString(err.Error()) {
		t.Errorf("got %v, want the numbers", err)
	}
}

func TestDiskSpaceOfWhatIsNotThereFails(t *testing.T) {
	expect(t, checks.DiskSpace(filepath.Join(t.TempDir(), "gone"), checks.MinFree(1)), atOnce, "gone")
}
