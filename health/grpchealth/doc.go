// Package grpchealth answers the gRPC health checking protocol, grpc.health.v1, for a service: the same liveness and
// readiness that the HTTP endpoints of package health answer.
//
//	"", "readiness"  whether the service should receive requests
//	"liveness"       whether the process can recover by itself
//
// A verdict of pass or warn is SERVING, fail is NOT_SERVING. A Kubernetes probe of the kind grpc names the service
// "liveness" in its livenessProbe and "readiness" in its readinessProbe.
//
// Probes carry no credentials, so interceptors that ask for some must let the methods of grpc.health.v1.Health pass.
package grpchealth
