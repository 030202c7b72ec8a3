package grpchealth

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/otelhealth/otelhealth-go/health"
)

// Source gives the verdicts of both probes: a [health.Endpoints], or a Monitor of package otelhealth. Its methods are
// called from many goroutines at once, and for each watcher at every look, so they must be quick.
type Source interface {
	Liveness() health.Verdict
	Readiness() health.Verdict
}

// The names of the services.
const (
	Overall   = "" // readiness: what a client asks for that names no service
	Readiness = "readiness"
	Liveness  = "liveness"
)

// Server implements grpc.health.v1.Health. [New] or [Register] makes one; its methods are safe for concurrent use.
type Server struct {
	grpc_health_v1.UnimplementedHealthServer

	verdicts    map[string]func() health.Verdict // by the name of the service
	interval    time.Duration
	maxWatchers int64

	watchers atomic.Int64
	down     chan struct{} // closed by Shutdown
	shutDown sync.Once
}

// Register puts a new [Server] on a [grpc.Server], before it serves.
func Register(registrar grpc.ServiceRegistrar, source Source, options ...Option) *Server {
	s := New(source, options...)
	grpc_health_v1.RegisterHealthServer(registrar, s)
	return s
}

// New returns a server that answers with the verdicts of source.
func New(source Source, options ...Option) *Server {
	s := &Server{
		verdicts: map[string]func() health.Verdict{
			Overall:   source.Readiness,
			Readiness: source.Readiness,
			Liveness:  source.Liveness,
		},
		interval:    defaultInterval,
		maxWatchers: defaultMaxWatchers,
		down:        make(chan struct{}),
	}
	for _, option := range options {
		option(s)
	}
	return s
}

// Shutdown ends every Watch with UNAVAILABLE, and each that comes later once it has sent its status. Check and List go
// on. Call it before [grpc.Server.GracefulStop], which would otherwise wait until the last watcher has left by itself.
// It does not wait for them, and may be called again.
func (s *Server) Shutdown() {
	s.shutDown.Do(func() { close(s.down) })
}

// Check returns the status of one service. The error for a service that is unknown is NOT_FOUND.
func (s *Server) Check(
	_ context.Context, request *grpc_health_v1.HealthCheckRequest,
) (*grpc_health_v1.HealthCheckResponse, error) {
	if _, known := s.verdicts[request.GetService()]; !known {
		return nil, status.Errorf(codes.NotFound, "service: got %q, want %q, %q or %q",
			request.GetService(), Overall, Readiness, Liveness)
	}
	return s.response(request.GetService()), nil
}

// List returns the status of every service.
func (s *Server) List(
	context.Context, *grpc_health_v1.HealthListRequest,
) (*grpc_health_v1.HealthListResponse, error) {
	statuses := make(map[string]*grpc_health_v1.HealthCheckResponse, len(s.verdicts))
	for service := range s.verdicts {
		statuses[service] = s.response(service)
	}
	return &grpc_health_v1.HealthListResponse{Statuses: statuses}, nil
}

func (s *Server) response(service string) *grpc_health_v1.HealthCheckResponse {
	return &grpc_health_v1.HealthCheckResponse{Status: s.servingStatus(service)}
}

func (s *Server) servingStatus(service string) grpc_health_v1.HealthCheckResponse_ServingStatus {
	verdict, known := s.verdicts[service]
	if !known {
		return grpc_health_v1.HealthCheckResponse_SERVICE_UNKNOWN
	}
	switch verdict().Status {
	case health.Pass, health.Warn:
		return grpc_health_v1.HealthCheckResponse_SERVING
	case health.Fail:
		return grpc_health_v1.HealthCheckResponse_NOT_SERVING
	default:
		return grpc_health_v1.HealthCheckResponse_UNKNOWN
	}
}
