// Package health holds the words that the rest of the module speaks and the HTTP endpoints that answer for a service.
//
// A [Snapshot] is everything the monitor knew at one instant: the readings of every metric, what the rules and checks
// say of them, and the verdicts on liveness and readiness. It is immutable once published. [Endpoints] encodes a
// snapshot when it is published and serves those bytes: a request never samples, never runs a check and never waits.
//
// The package is a leaf. It knows neither the OpenTelemetry SDK, nor SQL, nor gRPC, nor how a rule is judged.
package health
