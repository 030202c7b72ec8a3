package otelhealth

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelhealth/otelhealth-go/health"
)

// WebSocketStats returns how many connections are open and how many symbols (topics, instruments, channels) are
// subscribed to over them. It is called at each tick, one call at a time, and should return when its context ends.
type WebSocketStats func(ctx context.Context) (connections, symbols int64, err error)

// WebSocketTracker counts connections and subscriptions for whoever has no counters of their own. The zero value is
// ready; its methods are safe for concurrent use and cost one atomic addition. Its Stats method is what
// [Monitor.AddWebSocket] wants.
type WebSocketTracker struct {
	connections atomic.Int64
	symbols     atomic.Int64
}

// Opened counts a connection that was opened.
func (t *WebSocketTracker) Opened() { t.connections.Add(1) }

// Closed counts a connection that was closed.
func (t *WebSocketTracker) Closed() { t.connections.Add(-1) }

// Subscribed counts n subscriptions more.
func (t *WebSocketTracker) Subscribed(n int) { t.symbols.Add(int64(n)) }

// Unsubscribed counts n subscriptions fewer.
func (t *WebSocketTracker) Unsubscribed(n int) { t.symbols.Add(-int64(n)) }

// Stats implements [WebSocketStats]. It never fails.
func (t *WebSocketTracker) Stats(context.Context) (connections, symbols int64, err error) {
	return t.connections.Load(), t.symbols.Load(), nil
}

var errNegative = errors.New("returned a negative count")

// newWebSocketCall reads stats into points of the source of that name.
func newWebSocketCall(name string, stats WebSocketStats, c *catalog) func(context.Context) (harvest, error) {
	connectionsNumber := c.number(health.MetricWSConnections)
	symbolsNumber := c.number(health.MetricWSSymbols)
	source := newLabels(attribute.String(health.AttrWebSocketSource, name))
	return func(ctx context.Context) (harvest, error) {
		connections, symbols, err := stats(ctx)
		if err != nil {
			return harvest{}, err
		}
		if connections < 0 || symbols < 0 {
			return harvest{}, errNegative
		}
		return harvest{points: []numberedPoint{
			{connectionsNumber, point{float64(connections), source}},
			{symbolsNumber, point{float64(symbols), source}},
		}}, nil
	}
}

// AddWebSocket watches a source of WebSocket connections; stats is called at each tick. remove ends the watch.
func (m *Monitor) AddWebSocket(name string, stats WebSocketStats) (remove func(), err error) {
	if err := checkName("websocket source", name); err != nil {
		return nil, err
	}
	if stats == nil {
		return nil, fmt.Errorf("websocket source %q: its stats function is nil", name)
	}
	if m.disabled {
		return func() {}, nil
	}
	caller, err := m.sources.add(name, health.SourceWebSocket, newWebSocketCall(name, stats, m.catalog))
	if err != nil {
		return nil, fmt.Errorf("websocket source %q: %w", name, err)
	}
	return sync.OnceFunc(func() { m.sources.remove(caller) }), nil
}
