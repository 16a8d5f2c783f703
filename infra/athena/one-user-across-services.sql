-- One user across services
-- The lines of two services that name a user, newest first. LogQL's regular
-- expression is a list here. Where it is the column user_id that counts, ask for
-- user_id = '123': that is found without reading lines.
-- LogQL: {service=~"auth-service|backend"} |= "user_id=123"
SELECT "timestamp", service, detected_level, message, line
FROM records
WHERE dt >= current_date - INTERVAL '1' DAY
  AND service IN ('auth-service', 'backend')
  AND strpos(line, 'user_id=123') > 0
ORDER BY time_unix_nano DESC
LIMIT 1000
