-- Frontend timeouts
-- What the frontend said of errors that were timeouts, newest first.
-- LogQL: {service="frontend"} |= "error" |= "timeout"
SELECT "timestamp", detected_level, path, request_id, message, line
FROM records
WHERE dt >= current_date - INTERVAL '1' DAY
  AND service = 'frontend'
  AND strpos(line, 'error') > 0
  AND strpos(line, 'timeout') > 0
ORDER BY time_unix_nano DESC
LIMIT 1000
