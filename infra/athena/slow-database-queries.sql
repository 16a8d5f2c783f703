-- Slow database queries
-- What the backend said of slow queries, newest first.
-- LogQL: {service="backend"} |= "slow query"
SELECT "timestamp", detected_level, duration_ms, request_id, message, line
FROM records
WHERE dt >= current_date - INTERVAL '1' DAY
  AND service = 'backend'
  AND strpos(line, 'slow query') > 0
ORDER BY time_unix_nano DESC
LIMIT 1000
