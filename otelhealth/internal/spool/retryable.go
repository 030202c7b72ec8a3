package spool

import (
	"context"
	"errors"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// longestThrottle bounds how long a Collector may ask to be left alone.
const longestThrottle = time.Minute

// Retryable says whether a request may be sent again, and after which time at least, a minute at most, as OTLP has it:
// https://opentelemetry.io/docs/specs/otlp/#failures. RESOURCE_EXHAUSTED without RetryInfo is for good: that is what
// gRPC answers to a message that is larger than the Collector takes.
func Retryable(err error) (after time.Duration, ok bool) {
	if err == nil {
		return 0, false
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return 0, true
	}
	s, isStatus := status.FromError(err)
	if !isStatus {
		return 0, false
	}
	var told bool
	for _, detail := range s.Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			after, told = min(info.GetRetryDelay().AsDuration(), longestThrottle), true
		}
	}
	switch s.Code() {
	case codes.Canceled, codes.DeadlineExceeded, codes.Aborted, codes.OutOfRange, codes.Unavailable, codes.DataLoss:
		return after, true
	case codes.ResourceExhausted:
		return after, told
	default:
		return 0, false
	}
}
