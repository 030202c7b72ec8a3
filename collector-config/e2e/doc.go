// Package e2e has no code of its own. Its tests run the programs of an observability stack for real: an OpenTelemetry
// Collector, Prometheus, Alertmanager and Jaeger with the configuration files beside this folder, in which only ports and
// paths are replaced, and the quickstart as a process of its own.
//
// build.sh builds the programs. The tests call it, which takes about ten minutes the first time.
package e2e
