-- Errors of the last hour by service
-- How many errors each service had, when the last one was, and what it said.
SELECT service,
       count(*) AS errors,
       max("timestamp") AS last_seen,
       max_by(message, time_unix_nano) AS last_message
FROM records
WHERE dt >= current_date - INTERVAL '1' DAY
  AND "timestamp" > now() - INTERVAL '1' HOUR
  AND severity_number >= 17
GROUP BY service
ORDER BY errors DESC, service
