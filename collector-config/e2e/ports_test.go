package e2e

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// ports hands out ports of the loopback interface, each of them once: a program that is started again finds its own
// free. They lie below those that the kernel gives to outgoing connections.
var ports = struct {
	sync.Mutex
	next int
}{next: 20_000 + rand.IntN(8_000)}

// freeAddress returns an address at which nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	ports.Lock()
	defer ports.Unlock()
	for range 1_000 {
		address := fmt.Sprintf("127.0.0.1:%d", ports.next)
		ports.next++
		if listener, err := net.Listen("tcp", address); err == nil {
			listener.Close()
			return address
		}
	}
	t.Fatal("got no free port of a thousand")
	return ""
}
