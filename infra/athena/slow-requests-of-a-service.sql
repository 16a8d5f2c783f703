-- Slow requests of a service
-- Lines of a service that state a duration of more than two seconds, newest first.
-- duration_ms is the line's duration, whatever it is called there, in milliseconds.
-- LogQL: {service="gremlins-api"} | json | duration > 2000
SELECT "timestamp", duration_ms, http_method, path, status_code, request_id, message, line
FROM records
WHERE dt >= current_date - INTERVAL '1' DAY
  AND service = 'gremlins-api'
  AND duration_ms > 2000
ORDER BY time_unix_nano DESC
LIMIT 1000
