-- One request across services
-- Every record of a request, in order. Put the request id in the place of REQUEST_ID.
SELECT "timestamp", service, detected_level, http_method, path, status_code, duration_ms, message
FROM records
WHERE dt >= current_date - INTERVAL '7' DAY
  AND request_id = 'REQUEST_ID'
ORDER BY time_unix_nano
