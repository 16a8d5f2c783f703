-- Slow requests
-- The slowest requests of the last day, over one second.
SELECT duration_ms, "timestamp", service, http_method, path, status_code, request_id, user_id
FROM records
WHERE dt >= current_date - INTERVAL '1' DAY
  AND duration_ms > 1000
ORDER BY duration_ms DESC
LIMIT 100
