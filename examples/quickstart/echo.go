package main

import (
	"context"
	"net/http"
	"strings"
	"sync"

	"github.com/coder/websocket"

	"github.com/otelhealth/otelhealth-go/otelhealth"
)

// echoServer sends back what it gets. "subscribe A B" counts the symbols A and B until the connection is closed.
type echoServer struct {
	tracker otelhealth.WebSocketTracker

	mu          sync.Mutex
	connections map[*websocket.Conn]struct{}
}

func (e *echoServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // Accept has answered
	}
	e.opened(c)
	defer e.closed(c)
	// The request's context ends when the server closes, but not when the connection does: Read finds that out.
	e.echo(context.WithoutCancel(r.Context()), c)
}

func (e *echoServer) echo(ctx context.Context, c *websocket.Conn) {
	symbols := 0
	defer func() { e.tracker.Unsubscribed(symbols) }()
	for {
		kind, message, err := c.Read(ctx)
		if err != nil {
			return
		}
		if list, ok := strings.CutPrefix(string(message), "subscribe "); ok {
			n := len(strings.Fields(list))
			symbols += n
			e.tracker.Subscribed(n)
		}
		if err := c.Write(ctx, kind, message); err != nil {
			return
		}
	}
}

func (e *echoServer) opened(c *websocket.Conn) {
	e.tracker.Opened()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.connections == nil {
		e.connections = make(map[*websocket.Conn]struct{})
	}
	e.connections[c] = struct{}{}
}

func (e *echoServer) closed(c *websocket.Conn) {
	e.mu.Lock()
	delete(e.connections, c)
	e.mu.Unlock()
	e.tracker.Closed()
	_ = c.CloseNow() // closed already where the client began
}

// closeAll ends every connection: an http.Server does not know those that were taken over.
func (e *echoServer) closeAll() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for c := range e.connections {
		go func() { _ = c.Close(websocket.StatusGoingAway, "the service stops") }()
	}
}
