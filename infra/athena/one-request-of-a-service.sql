-- One request of a service
-- What one service did for a request, newest first.
-- LogQL: {service="gremlins-api"} | json | request_id="req_abc123"
SELECT "timestamp", detected_level, http_method, path, status_code, duration_ms, message, line
FROM records
WHERE dt >= current_date - INTERVAL '1' DAY
  AND service = 'gremlins-api'
  AND request_id = 'req_abc123'
ORDER BY time_unix_nano DESC
LIMIT 1000
