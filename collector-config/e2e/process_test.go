package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is a program that a test started. It ends with the test, and what it said is shown when the test failed.
type process struct {
	t       *testing.T
	name    string
	log     string // path of the file with everything that it says
	command *exec.Cmd
	ended   chan struct{}
	err     error // after ended: how it ended
}

// start runs the program at path. It inherits nothing of the environment but what is given.
func start(t *testing.T, folder, path string, environment []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, name: filepath.Base(path), command: exec.Command(path, args...), ended: make(chan struct{})}
	log, err := os.CreateTemp(folder, p.name+"-*.log")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p.log = log.Name()
	p.command.Dir, p.command.Env = folder, append(environment, "PATH="+os.Getenv("PATH"), "HOME="+folder)
	p.command.Stdout, p.command.Stderr = log, log
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // nothing outlives the tests
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		p.err = p.command.Wait()
	}()
	t.Cleanup(p.cleanUp)
	return p
}

func (p *process) cleanUp() {
	p.kill()
	if p.t.Failed() {
		p.t.Logf("the end of %s:\n%s", p.log, p.said(12))
	}
}

// said returns the last lines of what the program said.
func (p *process) said(lines int) string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// mustSay returns an error unless the program has said text.
func (p *process) mustSay(text string) error {
	said, err := os.ReadFile(p.log)
	if err == nil && !bytes.Contains(said, []byte(text)) {
		err = fmt.Errorf("%s has not said %q", p.name, text)
	}
	return err
}

// kill ends the program as kill -9 does. It may have ended already.
func (p *process) kill() {
	_ = p.command.Process.Kill()
	<-p.ended
}

// stop ends the program as an orchestrator does, and fails the test when that takes longer than within or goes wrong.
func (p *process) stop(within time.Duration) {
	p.t.Helper()
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatalf("stop %s: %v", p.name, err)
	}
	select {
	case <-p.ended:
		if p.err != nil {
			p.t.Errorf("%s after SIGTERM: %v", p.name, p.err)
		}
	case <-time.After(within):
		p.t.Errorf("%s still runs %s after SIGTERM", p.name, within)
		p.kill()
	}
}

// alive returns an error when the program has ended, so that nobody waits for it in vain.
func (p *process) alive() error {
	select {
	case <-p.ended:
		return errors.Join(errGone, fmt.Errorf("%s ended by itself: %w", p.name, p.err))
	default:
		return nil
	}
}

// errGone ends an await at once.
var errGone = errors.New("it will not come true")

// await waits until condition returns nil, and fails the test with its last error when that takes too long.
func await(t *testing.T, within time.Duration, what string, condition func() error) {
	t.Helper()
	const pause = 100 * time.Millisecond
	looks := time.NewTicker(pause)
	defer looks.Stop()
	for deadline := time.Now().Add(within); ; {
		err := condition()
		switch {
		case err == nil:
			return
		case errors.Is(err, errGone), time.Now().After(deadline):
			t.Fatalf("%s: %v", what, err)
		}
		select {
		case <-looks.C:
		case <-t.Context().Done():
			t.Fatalf("%s: %v", what, err)
		}
	}
}
