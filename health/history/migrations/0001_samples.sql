-- History of one process's health. Times are Unix milliseconds, UTC; sizes are bytes; statuses are 0 unknown, 1 pass,
-- 2 warn, 3 fail; NULL is "no reading". Begin with the views at the end: they speak in words and dates.

CREATE TABLE statuses (
    status INTEGER PRIMARY KEY,
    name   TEXT NOT NULL
) STRICT;
INSERT INTO statuses VALUES (0, 'unknown'), (1, 'pass'), (2, 'warn'), (3, 'fail');

-- One row for each sample.
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

-- The dictionary of what is in readings and others: one metric with one set of attributes.
CREATE TABLE series (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,
    unit       TEXT NOT NULL,
    scope      TEXT NOT NULL,    -- the instrumentation scope that emits it
    attributes TEXT NOT NULL,    -- JSON object
    used       INTEGER NOT NULL, -- the start of the newest four hours that hold it
    UNIQUE (name, scope, attributes)
) STRICT;
CREATE INDEX series_used ON series (used);

-- Which series the positions of readings are. Another layout begins when too many readings have no place in this one.
CREATE TABLE layouts (
    layout INTEGER PRIMARY KEY,
    series TEXT NOT NULL, -- JSON array: the id of the series by position
    until  INTEGER        -- the newest row that uses it; NULL: it is in use
) STRICT;
CREATE INDEX layouts_until ON layouts (until) WHERE until IS NOT NULL;

-- Samples and their rollups: how far each reaches.
CREATE TABLE resolutions (
    seconds      INTEGER PRIMARY KEY, -- 0: samples; else the width of a bucket
    name         TEXT NOT NULL,       -- of the table
    open_time    INTEGER,             -- the bucket that is being filled: not to be relied on, ask a finer table; of
                                      -- samples the last one, where it is not the latest: the clock was set back
    pruned_until INTEGER NOT NULL     -- what is older than this has been deleted
) STRICT;
INSERT INTO resolutions VALUES
    (0, 'samples', NULL, 0), (60, 'rollup_1m', NULL, 0), (900, 'rollup_15m', NULL, 0), (14400, 'rollup_4h', NULL, 0);

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

-- Quantile sketches (DDSketch, 1 %) of the buckets' values, where those differ: of the columns by number, and, where the
-- bucket is long enough, of the readings by series.
CREATE TABLE sketches_1m (
    time             INTEGER PRIMARY KEY REFERENCES rollup_1m (time) ON DELETE CASCADE,
    sketches         BLOB,
    reading_sketches BLOB
) STRICT;
CREATE TABLE sketches_15m (
    time             INTEGER PRIMARY KEY REFERENCES rollup_15m (time) ON DELETE CASCADE,
    sketches         BLOB,
    reading_sketches BLOB
) STRICT;
CREATE TABLE sketches_4h (
    time             INTEGER PRIMARY KEY REFERENCES rollup_4h (time) ON DELETE CASCADE,
    sketches         BLOB,
    reading_sketches BLOB
) STRICT;
