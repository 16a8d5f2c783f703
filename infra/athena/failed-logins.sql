-- Failed logins
-- What the authentication service said of logins that failed, newest first.
-- LogQL: {service="auth-service"} |= "failed" |= "login"
SELECT "timestamp", detected_level, user_id, message, line
FROM records
WHERE dt >= current_date - INTERVAL '1' DAY
  AND service = 'auth-service'
  AND strpos(line, 'failed') > 0
  AND strpos(line, 'login') > 0
ORDER BY time_unix_nano DESC
LIMIT 1000
