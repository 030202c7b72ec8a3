package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// programs is the folder of what build.sh built, and of the quickstart.
var programs struct{ stack, quickstart string }

func TestMain(m *testing.M) {
	flag.Parse()
	// The tests mostly wait: for an outage to pass, or for the next sample.
	if err := flag.Set("test.parallel", "8"); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(run(m))
}

// run builds what is missing or out of date, so that no test skips.
func run(m *testing.M) int {
	build := exec.Command("bash", "build.sh")
	build.Stderr = os.Stderr
	out, err := build.Output()
	if err != nil {
		fmt.Fprintln(os.Stderr, "collector-config/e2e/build.sh:", err)
		return 1
	}
	programs.stack = strings.TrimSpace(string(out))

	folder, err := os.MkdirTemp("", "e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	programs.quickstart = filepath.Join(folder, "quickstart")
	build = exec.Command("go", "build", "-o", programs.quickstart, "./examples/quickstart")
	build.Dir = repository
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the quickstart: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// repository is the folder of the whole project, and configurations that of the shipped configuration files.
const (
	repository     = "../.."
	configurations = ".."
)
