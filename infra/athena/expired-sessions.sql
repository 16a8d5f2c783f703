-- Expired sessions
-- What the authentication service said of sessions that expired, newest first.
-- LogQL: {service="auth-service"} |= "session" |= "expired"
SELECT "timestamp", detected_level, user_id, message, line
FROM records
WHERE dt >= current_date - INTERVAL '1' DAY
  AND service = 'auth-service'
  AND strpos(line, 'session') > 0
  AND strpos(line, 'expired') > 0
ORDER BY time_unix_nano DESC
LIMIT 1000
