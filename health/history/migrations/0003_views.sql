-- For people with the sqlite3 shell.

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

CREATE VIEW alert_history AS -- alerts in words, newest first
SELECT a.id, a.rule, a.instance, a.state, s.name AS severity, a.value, a.threshold, a.peak, a.unit,
       strftime('%Y-%m-%dT%H:%M:%fZ', a.began / 1000.0, 'unixepoch') AS began,
       strftime('%Y-%m-%dT%H:%M:%fZ', a.resolved_at / 1000.0, 'unixepoch') AS resolved,
       a.cause, a.acknowledged_by, a.note
FROM alerts a JOIN statuses s ON s.status = a.severity
ORDER BY a.id DESC;
