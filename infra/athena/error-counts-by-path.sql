-- Error counts by path
-- Where the errors of the last day were, over all services, and how many of them the
-- server answered with 5xx.
SELECT service, path, count(*) AS errors, count_if(status_code >= 500) AS server_errors
FROM records
WHERE dt >= current_date - INTERVAL '1' DAY
  AND "timestamp" > now() - INTERVAL '24' HOUR
  AND severity_number >= 17
  AND path IS NOT NULL
GROUP BY service, path
ORDER BY errors DESC, service, path
