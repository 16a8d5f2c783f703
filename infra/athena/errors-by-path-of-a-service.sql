-- Errors of the last hour by path, of a service
-- How many lines with the level ERROR each path had. level is the level as the line
-- wrote it; where services differ in that, ask for severity_number >= 17, as
-- error-counts-by-path.sql does.
-- LogQL: sum by (path) (count_over_time({service="gremlins-api", level="ERROR"} [1h]))
SELECT path, count(*) AS errors
FROM records
WHERE dt >= current_date - INTERVAL '1' DAY
  AND "timestamp" > now() - INTERVAL '1' HOUR
  AND service = 'gremlins-api'
  AND severity_text = 'ERROR'
GROUP BY path
ORDER BY errors DESC, path
