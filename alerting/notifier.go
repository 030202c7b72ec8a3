package alerting

import (
	"context"
	"errors"
	"log/slog"

	"github.com/otelhealth/otelhealth-go/health"
)

// Notifier is a destination of notifications: a chat, a pager, a webhook.
type Notifier interface {
	// Name identifies the destination among a monitor's, also after a restart: deliveries wait under it.
	Name() string
	// Notify delivers one notification and returns nil once the destination has taken it. It is called by one goroutine
	// at a time, should return when its context ends, and may be called again with the same Key, since nobody can tell
	// whether an attempt that failed arrived. An error made by [Permanent] ends the attempts. The error's text is logged
	// and stored: it holds neither a secret nor a URL with credentials.
	Notify(ctx context.Context, n Notification) error
}

// Notification is what a destination is told.
type Notification struct {
	// Key is the idempotency key: the same at every attempt. It begins with [WorkerConfig].Origin.
	Key string
	// Kind is firing or resolved. A change of severity is a firing again, of the same alert.
	Kind health.DeliveryKind
	// Alert is the alert as it was when that happened. Its ID pairs a firing with its resolved.
	Alert health.Alert
	// Attempt counts from 1.
	Attempt int
}

// Permanent marks an error that no other attempt can mend, such as a refused address. It returns nil for nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanent{err}
}

type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

func isPermanent(err error) bool {
	var p permanent
	return errors.As(err, &p)
}

// SlogNotifier is a destination that writes to a log.
type SlogNotifier struct{ logger *slog.Logger }

// NewSlogNotifier returns the destination "slog", which writes to logger; nil: to [slog.Default].
func NewSlogNotifier(logger *slog.Logger) SlogNotifier { return SlogNotifier{orDefault(logger)} }

// Name implements [Notifier].
func (SlogNotifier) Name() string { return "slog" }

// Notify implements [Notifier]. It never fails.
func (s SlogNotifier) Notify(ctx context.Context, n Notification) error {
	level := slog.LevelInfo
	if n.Kind == health.DeliverFiring {
		level = levelOf(n.Alert.Severity)
	}
	s.logger.LogAttrs(ctx, level, "alert "+string(n.Kind), append(alertAttrs(&n.Alert), slog.String("key", n.Key))...)
	return nil
}

func levelOf(severity health.Status) slog.Level {
	if severity == health.Fail {
		return slog.LevelError
	}
	return slog.LevelWarn
}

// alertAttrs are what a log line says of an alert.
func alertAttrs(a *health.Alert) []slog.Attr {
	attrs := []slog.Attr{
		slog.Int64("id", a.ID),
		slog.String("rule", a.Rule),
		slog.String("severity", a.Severity.String()),
		slog.String("metric", a.Metric),
		slog.Float64("value", float64(a.Value)),
		slog.Float64("threshold", float64(a.Threshold)),
		slog.String("message", a.Message()),
	}
	if a.Instance != "" {
		attrs = append(attrs, slog.String("instance", a.Instance))
	}
	return attrs
}

func orDefault(logger *slog.Logger) *slog.Logger {
	if logger == nil {
		return slog.Default()
	}
	return logger
}
