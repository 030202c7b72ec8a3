package otelhealth

import (
	"context"
	"errors"
	"fmt"
	"os"

	"slices"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"google.golang.org/grpc"

	"github.com/otelhealth/otelhealth-go/alerting"
	"github.com/otelhealth/otelhealth-go/health"
	"github.com/otelhealth/otelhealth-go/health/process"
)

// setUp opens what the tick needs, unless the settings are wrong: those that were found so already, and those that turn
// out to be beside the limits of this process. What it has opened when it fails is closed by Shutdown.
func (m *Monitor) setUp(ctx context.Context, errSettings error) error {
	var err error
	if m.process, err = process.Open(); err != nil {
		return errors.Join(fmt.Errorf("measure this process: %w", err), errSettings)
	}
	if err := errors.Join(errSettings, m.setUpJudge()); err != nil {
		return fmt.Errorf("wrong settings:\n%w", err)
	}
	m.announcer = alerting.NewAnnouncer(alerting.AnnouncerConfig{Logger: m.logger, TracerProvider: m.config.tracerProvider})
	if err := m.setUpRecording(ctx); err != nil {
		return err
	}
	if err := m.setUpMetrics(ctx); err != nil {
		return err
	}
	var errs []error
	for _, source := range m.config.sources {
		errs = append(errs, source.add(m))
	}
	for _, check := range m.config.checks {
		_, err := m.AddCheck(check)
		errs = append(errs, err)
	}
	for i, r := range m.config.readers {
		name := "WithReader"
		if i > 0 {
			name = fmt.Sprintf("WithReader %d", i+1)
		}
		_, err := m.sources.add(name, health.SourceApplication, r.call)
		errs = append(errs, err)
	}
	m.setUpToken(os.Stderr)
	m.setUpSessionKey()
	m.ticker = newTicker(m)
	return errors.Join(errs...)
}

// setUpJudge leaves out the rules for what this platform does not have, and refuses thresholds that make no sense here.
func (m *Monitor) setUpJudge() error {
	var v vitals
	v.read(m.process)
	var errs []error
	for _, c := range components() {
		limit, t := v.limit(c.limit), m.config.thresholds[c.name]
		errs = append(errs, c.checkBeside(t, limit))
		if c.limit != health.MetricFDLimit && c.limit != health.MetricMemoryLimit || limit.Known() {
			continue
		}
		noLimit := fmt.Errorf("a number of %s or off: there is no limit here to take a share of", c.unit)
		if t.warn.share {
			errs = append(errs, settingError(c.warningName(), shown("", t.warnText), noLimit))
		}
		if t.fail.share {
			errs = append(errs, settingError(c.criticalName(), shown("", t.failText), noLimit))
		}
	}
	alerter, err := alerting.New(m.config.alertingRules(v.absent()))
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	m.alerter = alerter
	return errors.Join(errs...)
}

// setUpMetrics makes the private provider with its readers and the export, and observes the built-in metrics there and
// on the application's provider.
func (m *Monitor) setUpMetrics(ctx context.Context) error {
	c := m.config
	if err := m.setUpExport(ctx); err != nil {
		return err
	}
	r, err := c.newResource(ctx)
	if err != nil {
		m.logger.Warn("the resource is incomplete", "error", err)
	}
	var client sdkmetric.Exporter
	if m.exporter != nil {
		client = m.exporter.client
	}
	var others []sdkmetric.Reader
	if c.scrape != nil {
		reader, handler, err := c.scrape(c.noSemconv)
		if err != nil {
			return fmt.Errorf("WithScrape: %w", err)
		}
		others, m.scraped = append(others, reader), handler
	}
	m.pipeline = newPipeline(r, client, others...)
	m.application.pipeline = newPipeline(r, client)

	if err := observeForGood(m.pipeline.provider.Meter(health.Scope), m.catalog.builtins, m.sampled.Load); err != nil {
		return err
	}
	if m.runtime, err = startReplayedRuntime(m.pipeline.provider); err != nil {
		return err
	}
	if c.provider == nil {
		return nil
	}
	registration, err := observeUntil(c.provider.Meter(health.Scope), c.exported(m.catalog.builtins), m.published.Load)
	if err != nil {
		return fmt.Errorf("the application's meter provider: %w", err)
	}
	m.observed = append(m.observed, registration)
	if c.runtimeThere {
		if m.runtimeThere, err = startRuntime(c.provider); err != nil {
			return fmt.Errorf("the application's meter provider: %w", err)
		}
	}
	return nil
}

// exported leaves out what WithoutSemconvNames keeps from leaving the process.
func (c *config) exported(metrics []numbered) []numbered {
	if !c.noSemconv {
		return metrics
	}
	var kept []numbered
	for _, n := range metrics {
		if isOwnName(n.info.Name) {
			kept = append(kept, n)
		}
	}
	return kept
}

// setUpExport decides whether there is an export, and logs how to turn it on where there is none.
func (m *Monitor) setUpExport(ctx context.Context) error {
	c := &m.config.otlp
	if off := m.config.exportOff(); off != "" {
		m.logger.Info("OTLP export is off; " + off)
		return nil
	}
	if err := c.checkDialing(ctx); err != nil {
		return fmt.Errorf("wrong settings:\n%w", err)
	}
	interceptors := []grpc.UnaryClientInterceptor{notePartial(m.logger)}
	forwarder := m.setUpSpool(ctx)
	if forwarder != nil {
		interceptors = slices.Insert(interceptors, 0, forwarder.Intercept) // what it sends passes the others too
	}
	client, err := c.newClient(ctx, interceptors...)
	if err != nil {
		return errors.Join(err, forwarder.Close(ctx))
	}
	m.exporter = newExporter(client, forwarder, c.timeout, m.config.interval, m.logger)
	return nil
}
