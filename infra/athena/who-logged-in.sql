-- Who logged in
-- When the login endpoint was called, and by whom, newest first. LogQL parses the
-- line and writes time and user as its text; here both were parsed when the line came
-- in, so they are columns.
-- LogQL: {service="auth-service"} |= "POST /api/auth/login" | logfmt | line_format "{{.timestamp}} {{.user}}"
SELECT "timestamp", coalesce(json_extract_scalar(attributes, '$.user'), user_id) AS "user"
FROM records
WHERE dt >= current_date - INTERVAL '1' DAY
  AND service = 'auth-service'
  AND strpos(line, 'POST /api/auth/login') > 0
ORDER BY time_unix_nano DESC
LIMIT 1000
