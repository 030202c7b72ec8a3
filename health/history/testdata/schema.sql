CREATE INDEX alerts_held ON alerts (id) WHERE held = 1;

CREATE INDEX alerts_open ON alerts (id) WHERE state <> 'resolved';

CREATE INDEX alerts_resolved ON alerts (resolved_at) WHERE resolved_at IS NOT NULL;

CREATE INDEX deliveries_of_alert ON deliveries (alert_id, number);

CREATE INDEX deliveries_pending ON deliveries (destination, alert_id, id) WHERE state = 'pending';

CREATE INDEX layouts_until ON layouts (until) WHERE until IS NOT NULL;

CREATE INDEX series_used ON series (used);

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

CREATE TABLE last_alert (id INTEGER NOT NULL) STRICT;

CREATE TABLE layouts (
    layout INTEGER PRIMARY KEY,
    series TEXT NOT NULL, -- JSON array: the id of the series by position
    until  INTEGER        -- the newest row that uses it; NULL: it is in use
) STRICT;

CREATE TABLE resolutions (
    seconds      INTEGER PRIMARY KEY, -- 0: samples; else the width of a bucket
    name         TEXT NOT NULL,       -- of the table
    open_time    INTEGER,             -- the bucket that is being filled: not to be relied on, ask a finer table; of
                                      -- samples the last one, where it is not the latest: the clock was set back
    pruned_until INTEGER NOT NULL     -- what is older than this has been deleted
) STRICT;

CREATE TABLE rollup_15m ( -- a quarter of an hour a row
    time       INTEGER PRIMARY KEY, -- the bucket's start, Unix milliseconds
    samples    INTEGER NOT NULL,    -- how many it holds
    covered_ms INTEGER NOT NULL,    -- the sum of their intervals
    up_ms      INTEGER NOT NULL,    -- of those whose overall status was not fail
    fd_count_min ANY, fd_count_mean ANY, fd_count_max ANY,
    fd_limit_min ANY, fd_limit_mean ANY, fd_limit_max ANY,
    memory_rss_min ANY, memory_rss_mean ANY, memory_rss_max ANY,
    memory_vms_min ANY, memory_vms_mean ANY, memory_vms_max ANY,
    memory_swap_min ANY, memory_swap_mean ANY, memory_swap_max ANY,
    memory_limit_min ANY, memory_limit_mean ANY, memory_limit_max ANY,
    memory_working_set_min ANY, memory_working_set_mean ANY, memory_working_set_max ANY,
    memory_available_min ANY, memory_available_mean ANY, memory_available_max ANY,
    threads_min ANY, threads_mean ANY, threads_max ANY,
    stuck_min ANY, stuck_mean ANY, stuck_max ANY,
    goroutines_min ANY, goroutines_mean ANY, goroutines_max ANY,
    cpu_utilization_min ANY, cpu_utilization_mean ANY, cpu_utilization_max ANY,
    db_connections_min ANY, db_connections_mean ANY, db_connections_max ANY,
    ws_connections_min ANY, ws_connections_mean ANY, ws_connections_max ANY,
    ws_symbols_min ANY, ws_symbols_mean ANY, ws_symbols_max ANY,
    -- How many samples had each status; the rest passed.
    overall_unknown INTEGER, overall_warn INTEGER, overall_fail INTEGER,
    liveness_unknown INTEGER, liveness_warn INTEGER, liveness_fail INTEGER,
    readiness_unknown INTEGER, readiness_warn INTEGER, readiness_fail INTEGER,
    fd_unknown INTEGER, fd_warn INTEGER, fd_fail INTEGER,
    memory_unknown INTEGER, memory_warn INTEGER, memory_fail INTEGER,
    database_unknown INTEGER, database_warn INTEGER, database_fail INTEGER,
    websocket_unknown INTEGER, websocket_warn INTEGER, websocket_fail INTEGER,
    thread_unknown INTEGER, thread_warn INTEGER, thread_fail INTEGER,
    goroutine_unknown INTEGER, goroutine_warn INTEGER, goroutine_fail INTEGER,
    missing  TEXT,    -- JSON: how many samples lacked a reading, by column; NULL: none did
    readings TEXT     -- JSON object by series: value, [min, max] of a total, [min, mean, max], or with the count behind
) STRICT;

CREATE TABLE rollup_1m ( -- a minute a row
    time       INTEGER PRIMARY KEY, -- the bucket's start, Unix milliseconds
    samples    INTEGER NOT NULL,    -- how many it holds
    covered_ms INTEGER NOT NULL,    -- the sum of their intervals
    up_ms      INTEGER NOT NULL,    -- of those whose overall status was not fail
    fd_count_min ANY, fd_count_mean ANY, fd_count_max ANY,
    fd_limit_min ANY, fd_limit_mean ANY, fd_limit_max ANY,
    memory_rss_min ANY, memory_rss_mean ANY, memory_rss_max ANY,
    memory_vms_min ANY, memory_vms_mean ANY, memory_vms_max ANY,
    memory_swap_min ANY, memory_swap_mean ANY, memory_swap_max ANY,
    memory_limit_min ANY, memory_limit_mean ANY, memory_limit_max ANY,
    memory_working_set_min ANY, memory_working_set_mean ANY, memory_working_set_max ANY,
    memory_available_min ANY, memory_available_mean ANY, memory_available_max ANY,
    threads_min ANY, threads_mean ANY, threads_max ANY,
    stuck_min ANY, stuck_mean ANY, stuck_max ANY,
    goroutines_min ANY, goroutines_mean ANY, goroutines_max ANY,
    cpu_utilization_min ANY, cpu_utilization_mean ANY, cpu_utilization_max ANY,
    db_connections_min ANY, db_connections_mean ANY, db_connections_max ANY,
    ws_connections_min ANY, ws_connections_mean ANY, ws_connections_max ANY,
    ws_symbols_min ANY, ws_symbols_mean ANY, ws_symbols_max ANY,
    -- How many samples had each status; the rest passed.
    overall_unknown INTEGER, overall_warn INTEGER, overall_fail INTEGER,
    liveness_unknown INTEGER, liveness_warn INTEGER, liveness_fail INTEGER,
    readiness_unknown INTEGER, readiness_warn INTEGER, readiness_fail INTEGER,
    fd_unknown INTEGER, fd_warn INTEGER, fd_fail INTEGER,
    memory_unknown INTEGER, memory_warn INTEGER, memory_fail INTEGER,
    database_unknown INTEGER, database_warn INTEGER, database_fail INTEGER,
    websocket_unknown INTEGER, websocket_warn INTEGER, websocket_fail INTEGER,
    thread_unknown INTEGER, thread_warn INTEGER, thread_fail INTEGER,
    goroutine_unknown INTEGER, goroutine_warn INTEGER, goroutine_fail INTEGER,
    missing  TEXT,    -- JSON: how many samples lacked a reading, by column; NULL: none did
    layout   INTEGER,
    readings TEXT,    -- JSON array by position in the layout: value, [min, max] of a total, [min, mean, max], or with the count behind
    others   TEXT     -- JSON object by series, likewise
) STRICT;

CREATE TABLE rollup_4h ( -- four hours a row
    time       INTEGER PRIMARY KEY, -- the bucket's start, Unix milliseconds
    samples    INTEGER NOT NULL,    -- how many it holds
    covered_ms INTEGER NOT NULL,    -- the sum of their intervals
    up_ms      INTEGER NOT NULL,    -- of those whose overall status was not fail
    fd_count_min ANY, fd_count_mean ANY, fd_count_max ANY,
    fd_limit_min ANY, fd_limit_mean ANY, fd_limit_max ANY,
    memory_rss_min ANY, memory_rss_mean ANY, memory_rss_max ANY,
    memory_vms_min ANY, memory_vms_mean ANY, memory_vms_max ANY,
    memory_swap_min ANY, memory_swap_mean ANY, memory_swap_max ANY,
    memory_limit_min ANY, memory_limit_mean ANY, memory_limit_max ANY,
    memory_working_set_min ANY, memory_working_set_mean ANY, memory_working_set_max ANY,
    memory_available_min ANY, memory_available_mean ANY, memory_available_max ANY,
    threads_min ANY, threads_mean ANY, threads_max ANY,
    stuck_min ANY, stuck_mean ANY, stuck_max ANY,
    goroutines_min ANY, goroutines_mean ANY, goroutines_max ANY,
    cpu_utilization_min ANY, cpu_utilization_mean ANY, cpu_utilization_max ANY,
    db_connections_min ANY, db_connections_mean ANY, db_connections_max ANY,
    ws_connections_min ANY, ws_connections_mean ANY, ws_connections_max ANY,
    ws_symbols_min ANY, ws_symbols_mean ANY, ws_symbols_max ANY,
    -- How many samples had each status; the rest passed.
    overall_unknown INTEGER, overall_warn INTEGER, overall_fail INTEGER,
    liveness_unknown INTEGER, liveness_warn INTEGER, liveness_fail INTEGER,
    readiness_unknown INTEGER, readiness_warn INTEGER, readiness_fail INTEGER,
    fd_unknown INTEGER, fd_warn INTEGER, fd_fail INTEGER,
    memory_unknown INTEGER, memory_warn INTEGER, memory_fail INTEGER,
    database_unknown INTEGER, database_warn INTEGER, database_fail INTEGER,
    websocket_unknown INTEGER, websocket_warn INTEGER, websocket_fail INTEGER,
    thread_unknown INTEGER, thread_warn INTEGER, thread_fail INTEGER,
    goroutine_unknown INTEGER, goroutine_warn INTEGER, goroutine_fail INTEGER,
    missing  TEXT,    -- JSON: how many samples lacked a reading, by column; NULL: none did
    readings TEXT     -- JSON object by series: value, [min, max] of a total, [min, mean, max], or with the count behind
) STRICT;

CREATE TABLE samples (
    time               INTEGER PRIMARY KEY,
    interval_ms        INTEGER NOT NULL, -- to the next sample
    fd_count           ANY,              -- open file descriptors
    fd_limit           ANY,              -- their soft limit
    memory_rss         ANY,              -- resident memory
    memory_vms         ANY,              -- virtual memory
    memory_swap        ANY,              -- swapped out
    memory_limit       ANY,              -- effective limit: the cgroup's or the system's
    memory_working_set ANY,              -- of the cgroup
    memory_available   ANY,              -- of the system
    threads            ANY,              -- OS threads
    stuck              ANY,              -- overdue heartbeats and stuck threads
    goroutines         ANY,
    cpu_utilization    ANY,              -- 0 to 1
    db_connections     ANY,              -- of all pools
    ws_connections     ANY,              -- of all WebSocket sources
    ws_symbols         ANY,
    cpu_user_ms        INTEGER,          -- CPU time used since the process started
    cpu_system_ms      INTEGER,
    uptime_ms          INTEGER,
    overall_status     INTEGER NOT NULL,
    liveness_status    INTEGER NOT NULL,
    readiness_status   INTEGER NOT NULL,
    fd_status          INTEGER NOT NULL,
    memory_status      INTEGER NOT NULL,
    database_status    INTEGER NOT NULL,
    websocket_status   INTEGER NOT NULL,
    thread_status      INTEGER NOT NULL,
    goroutine_status   INTEGER NOT NULL,
    layout             INTEGER,          -- says which series each position of readings is
    readings           TEXT,             -- JSON array: every other reading, by position in the layout
    others             TEXT              -- JSON object: those of series that the layout does not name, by series
) STRICT;

CREATE TABLE series (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,
    unit       TEXT NOT NULL,
    scope      TEXT NOT NULL,    -- the instrumentation scope that emits it
    attributes TEXT NOT NULL,    -- JSON object
    used       INTEGER NOT NULL, -- the start of the newest four hours that hold it
    UNIQUE (name, scope, attributes)
) STRICT;

CREATE TABLE silences (
    rule  TEXT PRIMARY KEY,
    until INTEGER NOT NULL,
    by    TEXT NOT NULL,
    at    INTEGER NOT NULL
) STRICT;

CREATE TABLE sketches_15m (
    time             INTEGER PRIMARY KEY REFERENCES rollup_15m (time) ON DELETE CASCADE,
    sketches         BLOB,
    reading_sketches BLOB
) STRICT;

CREATE TABLE sketches_1m (
    time             INTEGER PRIMARY KEY REFERENCES rollup_1m (time) ON DELETE CASCADE,
    sketches         BLOB,
    reading_sketches BLOB
) STRICT;

CREATE TABLE sketches_4h (
    time             INTEGER PRIMARY KEY REFERENCES rollup_4h (time) ON DELETE CASCADE,
    sketches         BLOB,
    reading_sketches BLOB
) STRICT;

CREATE TABLE sqlite_sequence(name,seq);

CREATE TABLE statuses (
    status INTEGER PRIMARY KEY,
    name   TEXT NOT NULL
) STRICT;

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

CREATE VIEW alert_history AS -- alerts in words, newest first
SELECT a.id, a.rule, a.instance, a.state, s.name AS severity, a.value, a.threshold, a.peak, a.unit,
       strftime('%Y-%m-%dT%H:%M:%fZ', a.began / 1000.0, 'unixepoch') AS began,
       strftime('%Y-%m-%dT%H:%M:%fZ', a.resolved_at / 1000.0, 'unixepoch') AS resolved,
       a.cause, a.acknowledged_by, a.note
FROM alerts a JOIN statuses s ON s.status = a.severity
ORDER BY a.id DESC;

CREATE VIEW history AS -- samples in words, newest first
SELECT strftime('%Y-%m-%dT%H:%M:%fZ', s.time / 1000.0, 'unixepoch') AS at,
       s.fd_count, s.fd_limit, round(s.memory_rss / 1048576.0, 1) AS memory_rss_mb,
       s.db_connections, s.ws_connections, s.threads, s.goroutines, s.cpu_utilization,
       o.name AS overall, f.name AS fd, m.name AS memory, d.name AS "database", w.name AS websocket, t.name AS thread
FROM samples s
JOIN statuses o ON o.status = s.overall_status
JOIN statuses f ON f.status = s.fd_status
JOIN statuses m ON m.status = s.memory_status
JOIN statuses d ON d.status = s.database_status
JOIN statuses w ON w.status = s.websocket_status
JOIN statuses t ON t.status = s.thread_status
ORDER BY s.time DESC;

CREATE VIEW series_readings AS -- every other reading of every sample
SELECT r.time, strftime('%Y-%m-%dT%H:%M:%fZ', r.time / 1000.0, 'unixepoch') AS at,
       d.name, d.attributes, d.unit, r.value
FROM (
    SELECT s.time, l.series ->> j.key AS series, j.value
    FROM samples s JOIN layouts l USING (layout), json_each(s.readings) j
    WHERE j.value IS NOT NULL
    UNION ALL
    SELECT s.time, CAST(j.key AS INTEGER), j.value FROM samples s, json_each(s.others) j
) r JOIN series d ON d.id = r.series;
