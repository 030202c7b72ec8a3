package otelhealth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelhealth/otelhealth-go/health"
)

// DB is what the monitor needs of a database pool; *sql.DB and *sqlx.DB have it.
type DB interface {
	Stats() sql.DBStats
	PingContext(ctx context.Context) error
}

// DBOption changes how a database is watched.
type DBOption func(*database)

// WithProbe asks probe instead of the default whether the database answers. It runs in the background, one call at a
// time, and should return when its context ends.
func WithProbe(probe func(ctx context.Context) error) DBOption {
	return func(d *database) { d.probe = probe }
}

// WithProbeTimeout bounds one call of the probe; 5 s by default.
func WithProbeTimeout(timeout time.Duration) DBOption {
	return func(d *database) { d.timeout = timeout }
}

// Optional makes a failing probe lower readiness to warn instead of failing it.
func Optional() DBOption {
	return func(d *database) { d.required = false }
}

// database is a pool that is watched: its numbers by the tick, its connectivity by a check in the background.
type database struct {
	db       DB
	probe    func(context.Context) error
	timeout  time.Duration
	required bool

	count, maximum, utilization, waits, waitTime int // numbers in the catalog
	pool, idle, used                             labels
}

func newDatabase(name string, db DB, c *catalog, options []DBOption) (*database, error) {
	if isNothing(db) {
		return nil, errors.New("the database is nil")
	}
	pool := attribute.String(health.AttrPoolName, name)
	d := &database{
		db:          db,
		timeout:     defaultCheckTimeout,
		required:    true,
		count:       c.number(health.MetricPoolCount),
		maximum:     c.number(health.MetricPoolMax),
		utilization: c.number(health.MetricPoolUtil),
		waits:       c.number(health.MetricPoolWaits),
		waitTime:    c.number(health.MetricPoolWaitTime),
		pool:        newLabels(pool),
		idle:        newLabels(pool, attribute.String(health.AttrPoolState, health.PoolStateIdle)),
		used:        newLabels(pool, attribute.String(health.AttrPoolState, health.PoolStateUsed)),
	}
	d.probe = newDefaultProbe(db)
	if err := applyOptions(d, options, "an otelhealth.DBOption"); err != nil {
		return nil, err
	}
	if d.probe == nil {
		return nil, errors.New("the probe is nil")
	}
	if d.timeout <= 0 {
		return nil, settingError("WithProbeTimeout", d.timeout.String(), errors.New("more than 0"))
	}
	return d, nil
}

func newLabels(attributes ...attribute.KeyValue) labels {
	return labels{metric.WithAttributeSet(attribute.NewSet(attributes...))}
}

// sample reads the pool's numbers. Stats takes the pool's lock for a moment and no context.
func (d *database) sample(context.Context) (harvest, error) {
	s := d.db.Stats()
	points := make([]numberedPoint, 0, 6)
	add := func(number int, value float64, l labels) {
		points = append(points, numberedPoint{number, point{value, l}})
	}
	add(d.count, float64(s.Idle), d.idle)
	add(d.count, float64(s.InUse), d.used)
	if s.MaxOpenConnections > 0 {
		add(d.maximum, float64(s.MaxOpenConnections), d.pool)
		add(d.utilization, float64(s.InUse)/float64(s.MaxOpenConnections), d.pool)
	}
	add(d.waits, float64(s.WaitCount), d.pool)
	add(d.waitTime, s.WaitDuration.Seconds(), d.pool)
	return harvest{points: points}, nil
}

// newDefaultProbe returns what asks db whether it answers: a ping, and for SQLite more than that.
func newDefaultProbe(db DB) func(context.Context) error {
	if probe, ok := newSQLiteProbe(db); ok {
		return probe
	}
	return db.PingContext
}

// AddDB watches a database pool: its connections and waits at each tick, and in the background, after each tick,
// whether it answers. By default that is a ping; for SQLite, where a ping on an open pool proves nothing, the first bytes
// of the file are read too, without a lock. The check is required unless [Optional] says otherwise: readiness fails while
// it fails or has not run yet. When it begins to fail, and when it passes again, is logged. The monitor neither
// opens nor closes the pool. remove ends the watch; a call that is running may still go on for a moment.
func (m *Monitor) AddDB(name string, db DB, options ...DBOption) (remove func(), err error) {
	if err := checkName("database", name); err != nil {
		return nil, err
	}
	d, err := newDatabase(name, db, m.catalog, options)
	if err != nil {
		return nil, fmt.Errorf("database %q: %w", name, err)
	}
	if m.disabled {
		return func() {}, nil
	}
	caller, err := m.sources.add(name, health.SourceDatabase, d.sample)
	if err != nil {
		return nil, fmt.Errorf("database %q: %w", name, err)
	}
	check := Check{Name: name, Kind: health.CheckDatabase, Required: d.required, Timeout: d.timeout, Probe: d.probe}
	r := m.newCheckRunner(check)
	if err := m.addRunner(r, r.afterTicks); err != nil {
		m.sources.remove(caller)
		return nil, fmt.Errorf("database %q: %w", name, err)
	}
	return sync.OnceFunc(func() {
		m.sources.remove(caller)
		m.removeRunner(r)
	}), nil
}
