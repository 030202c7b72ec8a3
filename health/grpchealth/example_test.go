package grpchealth_test

import (
	"context"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/otelhealth/otelhealth-go/health/grpchealth"
	"github.com/otelhealth/otelhealth-go/otelhealth"
)

func ExampleRegister() {
	monitor, err := otelhealth.Start(context.Background(), otelhealth.WithoutHistory(), quiet)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = monitor.Shutdown(context.Background()) }()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}

	server := grpc.NewServer()
	probes := grpchealth.Register(server, monitor)
	go func() { _ = server.Serve(listener) }()
	ask(listener.Addr().String())

	// On SIGTERM, after monitor.Drain:
	probes.Shutdown()
	server.GracefulStop()
	// Output: SERVING <nil>
}

// ask does what a probe does.
func ask(address string) {
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = connection.Close() }()
	request := &grpc_health_v1.HealthCheckRequest{Service: grpchealth.Liveness}
	response, err := grpc_health_v1.NewHealthClient(connection).Check(context.Background(), request)
	fmt.Println(response.GetStatus(), err)
}
