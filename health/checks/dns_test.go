package checks_test

import (
	"bytes"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/otelhealth/otelhealth-go/health/checks"
)

func TestDNSKnowsLocalhost(t *testing.T) {
	expect(t, checks.DNS("localhost"), atOnce, "")
}

func TestDNSAsksTheServer(t *testing.T) {
	for name, test := range map[string]struct {
		answer  func(query []byte) []byte
		timeout time.Duration
		want    string
	}{
		"that knows the name":         {known, atOnce, ""},
		"that does not":               {code(3), atOnce, "no such host"},
		"that knows no address of it": {code(0), atOnce, "no such host"},
		"that fails":                  {code(2), atOnce, "server misbehaving"},
		"that refuses":                {code(5), atOnce, "server misbehaving"},
		"that talks nonsense":         {func([]byte) []byte { return []byte("no such thing as a name") }, 300 * time.Millisecond, "i/o timeout"},
		"that breaks off":             {func(q []byte) []byte { return code(0)(q)[:9] }, 300 * time.Millisecond, "i/o timeout"},
		"that says nothing":           {func([]byte) []byte { return nil }, 300 * time.Millisecond, "i/o timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			server := serveDNS(t, test.answer)
			probe := checks.DNS("db.internal.", checks.Server(server))
			expect(t, probe, test.timeout, test.want)
			if test.want != "" {
				expect(t, probe, test.timeout, "lookup db.internal. on "+server)
			}
		})
	}
}

func TestDNSOfAServerThatIsNotThereFails(t *testing.T) {
	l := listen(t)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	expect(t, checks.DNS("db.internal.", checks.Server(l.Addr().String())), atOnce, "refused")
}

// serveDNS answers over UDP until the test ends; nil is no answer.
func serveDNS(t *testing.T, answer func(query []byte) []byte) (address string) {
	t.Helper()
	connection, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		query := make([]byte, 1500)
		for {
			n, from, err := connection.ReadFrom(query)
			if err != nil {
				return
			}
			if reply := answer(bytes.Clone(query[:n])); reply != nil {
				_, _ = connection.WriteTo(reply, from) // who asked may have gone
			}
		}
	}()
	t.Cleanup(func() {
		if err := connection.Close(); err != nil {
			t.Error(err)
		}
		<-ended
	})
	return connection.LocalAddr().String()
}

// code answers a query with a response code and without records: RFC 1035, section 4.1.1.
func code(rcode byte) func(query []byte) []byte {
	return func(query []byte) []byte {
		reply := query[:question(query)]
		reply[2] |= 0x80                            // a response
		reply[3] = 0x80 | rcode                     // recursion is available
		copy(reply[6:12], []byte{0, 0, 0, 0, 0, 0}) // no answer, authority or additional record
		return reply
	}
}

// known answers every question for an address with 127.0.0.9.
func known(query []byte) []byte {
	end := question(query)
	isA := query[end-3] == 1
	reply := code(0)(query)
	if !isA {
		return reply
	}
	reply[7] = 1                                                                // one answer
	return append(reply, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 9) // of the name at byte 12, class IN, for 60 s
}

// question returns where the question ends: a header of 12 bytes, the name to its zero byte, type and class.
func question(query []byte) int { return 12 + strings.IndexByte(string(query[12:]), 0) + 1 + 4 }
