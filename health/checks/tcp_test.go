package checks_test

import (
	"testing"

	"github.com/otelhealth/otelhealth-go/health/checks"
)

func TestTCPFollowsTheListener(t *testing.T) {
	l := listen(t)
	probe := checks.TCP(l.Addr().String())
	expect(t, probe, atOnce, "")
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if n, err := accepted.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("read %d bytes and %v, want the end of a connection on which nothing was sent", n, err)
	}
	if err := accepted.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	expect(t, probe, atOnce, "refused")
}
