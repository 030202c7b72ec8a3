package otelhealth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

// newClient dials lazily: it succeeds while the Collector is away. After an outage the connection is tried again
// within two seconds; gRPC's own default waits up to two minutes. The interceptors see each request, the first one first.
func (c *otlpConfig) newClient(ctx context.Context, interceptors ...grpc.UnaryClientInterceptor) (sdkmetric.Exporter, error) {
	reconnect := grpc.ConnectParams{Backoff: backoff.Config{
		BaseDelay: 200 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second,
	}}
	dialing := append([]grpc.DialOption{
		grpc.WithConnectParams(reconnect), grpc.WithChainUnaryInterceptor(interceptors...),
	}, c.dialing...)
	all := append([]otlpmetricgrpc.Option{otlpmetricgrpc.WithDialOption(dialing...)}, c.options...)
	all = append(all,
		otlpmetricgrpc.WithRetry(otlpmetricgrpc.RetryConfig{Enabled: false}),
		otlpmetricgrpc.WithTimeout(0), // the context's deadline, set here, is the only one
	)
	client, err := otlpmetricgrpc.New(ctx, all...)
	if err != nil {
		return nil, fmt.Errorf("set up the OTLP export: %w", err)
	}
	return client, nil
}

// bringsConnection returns whether one of the options is otlpmetricgrpc.WithGRPCConn: then nothing is dialed here.
func (c *otlpConfig) bringsConnection(ctx context.Context) bool {
	return len(c.options) > 0 && makesClient(ctx, append(slices.Clone(c.options), cannotBeDialed()))
}

// checkDialing refuses otlpmetricgrpc.WithDialOption, which would replace the monitor's own dial options in silence.
func (c *otlpConfig) checkDialing(ctx context.Context) error {
	replaced := !c.bringsConnection(ctx) && makesClient(ctx, append([]otlpmetricgrpc.Option{cannotBeDialed()}, c.options...))
	if !replaced {
		return nil
	}
	return settingError("WithOTLP", strconv.Quote("otlpmetricgrpc.WithDialOption"),
		errors.New("the dial options in otelhealth.WithDialOptions, where they do not replace the monitor's own and with them its spool"))
}

// cannotBeDialed makes a client fail that dials with it. Options cannot be looked into: whether this one has an effect
// beside others is all that they show.
func cannotBeDialed() otlpmetricgrpc.Option {
	return otlpmetricgrpc.WithDialOption(grpc.WithDefaultServiceConfig("not JSON"))
}

// makesClient returns whether the options make a client. It does not use the network.
func makesClient(ctx context.Context, options []otlpmetricgrpc.Option) bool {
	client, err := otlpmetricgrpc.New(ctx, options...)
	if err != nil {
		return false
	}
	_ = client.Shutdown(ctx) // it has done nothing; a connection that it was given stays open
	return true
}
