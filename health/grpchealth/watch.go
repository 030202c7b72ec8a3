package grpchealth

import (
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// Watch sends the status of one service at once, and then each change. A service that is unknown is SERVICE_UNKNOWN,
// and its stream stays open. It ends when the client goes, and on [Server.Shutdown] with UNAVAILABLE. One watcher too
// many is refused with RESOURCE_EXHAUSTED.
//
// It looks for changes itself, since a tick that has died announces nothing.
func (s *Server) Watch(
	request *grpc_health_v1.HealthCheckRequest,
	stream grpc.ServerStreamingServer[grpc_health_v1.HealthCheckResponse],
) error {
	defer s.watchers.Add(-1)
	if s.watchers.Add(1) > s.maxWatchers {
		return status.Errorf(codes.ResourceExhausted, "watchers: there are %d already, and no more are taken", s.maxWatchers)
	}
	looks := time.NewTicker(s.interval)
	defer looks.Stop()

	sent := grpc_health_v1.HealthCheckResponse_ServingStatus(-1) // nothing yet
	for {
		if response := s.response(request.GetService()); response.Status != sent {
			if err := stream.Send(response); err != nil {
				return err
			}
			sent = response.Status
		}
		select {
		case <-looks.C:
		case <-s.down:
			return status.Error(codes.Unavailable, "the health service is shut down")
		case <-stream.Context().Done():
			return status.FromContextError(stream.Context().Err()).Err()
		}
	}
}
