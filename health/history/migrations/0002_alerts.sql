-- Alerts as they are now, or were when they ended.
CREATE TABLE alerts (
    id              INTEGER PRIMARY KEY,
    rule            TEXT NOT NULL,
    attributes      TEXT NOT NULL,    -- JSON array of [key, value]: the judged series
    instance        TEXT NOT NULL,    -- the same in short
    metric          TEXT NOT NULL,
    unit            TEXT NOT NULL,
    below           INTEGER NOT NULL, -- 1: it breaches at or below its thresholds
    state           TEXT NOT NULL,    -- pending, firing, resolved
    severity        INTEGER NOT NULL, -- 2 warn, 3 fail
    threshold       REAL,
    value           REAL,
    peak            REAL,
    lowest          REAL,
    breaches        INTEGER NOT NULL, -- samples that breached
    no_data         INTEGER NOT NULL,
    began           INTEGER NOT NULL,
    failing_since   INTEGER,
    fired_at        INTEGER,
    updated         INTEGER NOT NULL,
    resolved_at     INTEGER,
    lasted_ns       INTEGER NOT NULL, -- from began to updated
    failing_ns      INTEGER NOT NULL, -- from failing_since to updated
    acknowledged_at INTEGER,
    acknowledged_by TEXT NOT NULL,
    note            TEXT NOT NULL,
    silenced_until  INTEGER,
    cause           TEXT NOT NULL,    -- why it is resolved
    resolved_by     TEXT NOT NULL,
    held            INTEGER NOT NULL, -- 1: resolved by a person, and not healthy since
    changes         INTEGER NOT NULL, -- the number of its last transition
    pruned          INTEGER NOT NULL DEFAULT 0, -- how many of its transitions were deleted
    carried         INTEGER NOT NULL DEFAULT 0  -- 1: from a file that was lost; nobody knows what was told of it
) STRICT;
CREATE INDEX alerts_open ON alerts (id) WHERE state <> 'resolved';
CREATE INDEX alerts_held ON alerts (id) WHERE held = 1;
CREATE INDEX alerts_resolved ON alerts (resolved_at) WHERE resolved_at IS NOT NULL;

-- What happened to them.
CREATE TABLE transitions (
    alert_id INTEGER NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
    number   INTEGER NOT NULL, -- counts those of one alert from 1
    kind     TEXT NOT NULL,
    time     INTEGER NOT NULL,
    by       TEXT NOT NULL,    -- the person, where one acted
    note     TEXT NOT NULL,
    alert    TEXT NOT NULL,    -- JSON: the alert's row as it was afterwards
    PRIMARY KEY (alert_id, number)
) STRICT, WITHOUT ROWID;

-- The outbox: one message about one transition to one destination.
CREATE TABLE deliveries (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    key         TEXT NOT NULL UNIQUE,
    destination TEXT NOT NULL,
    alert_id    INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    kind        TEXT NOT NULL,    -- firing, resolved
    severity    INTEGER NOT NULL,
    state       TEXT NOT NULL,    -- pending, sent, canceled, given_up
    attempts    INTEGER NOT NULL, -- begun
    created     INTEGER NOT NULL,
    next_try    INTEGER NOT NULL,
    settled     INTEGER,
    error       TEXT NOT NULL,
    FOREIGN KEY (alert_id, number) REFERENCES transitions (alert_id, number) ON DELETE CASCADE
) STRICT;
CREATE INDEX deliveries_pending ON deliveries (destination, alert_id, id) WHERE state = 'pending';
CREATE INDEX deliveries_of_alert ON deliveries (alert_id, number);

CREATE TABLE silences (
    rule  TEXT PRIMARY KEY,
    until INTEGER NOT NULL,
    by    TEXT NOT NULL,
    at    INTEGER NOT NULL
) STRICT;

-- The highest id that an alert ever had; it outlives the alert.
CREATE TABLE last_alert (id INTEGER NOT NULL) STRICT;
INSERT INTO last_alert VALUES (0);
