-- Error lines with their fields
-- Lines of a service that hold the word ERROR, with all their fields as JSON, newest
-- first. json_extract_scalar(attributes, '$.name') takes a field out.
-- LogQL: {service="gremlins-api"} |= "ERROR" | json
SELECT "timestamp", message, request_id, attributes, line
FROM records
WHERE dt >= current_date - INTERVAL '1' DAY
  AND service = 'gremlins-api'
  AND strpos(line, 'ERROR') > 0
ORDER BY time_unix_nano DESC
LIMIT 1000
