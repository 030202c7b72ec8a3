package grpchealth

import "time"

const (
	defaultInterval    = time.Second
	defaultMaxWatchers = 10_000
)

// Option changes how a [Server] watches.
type Option func(*Server)

// WithInterval sets how often each watcher's status is looked at: the longest that a change goes unnoticed. Default 1 s,
// also where interval is not above 0.
func WithInterval(interval time.Duration) Option {
	return func(s *Server) {
		if interval > 0 {
			s.interval = interval
		}
	}
}

// WithMaxWatchers bounds the streams of Watch that are open at once. Each costs a goroutine; a client that checks health
// holds one for each of its connections, and one that is refused takes the server for unhealthy. Default 10,000; 0
// refuses all.
func WithMaxWatchers(n int) Option {
	return func(s *Server) { s.maxWatchers = int64(n) }
}
