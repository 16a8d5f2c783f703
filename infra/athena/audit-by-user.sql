-- Audit by user
-- What a user did, from the records that name an event. Put the user id in the place
-- of USER_ID. The audit trail itself is in DynamoDB.
SELECT "timestamp", event_name, service, message, request_id, log_group, event_id
FROM records
WHERE dt >= current_date - INTERVAL '30' DAY
  AND user_id = 'USER_ID'
  AND event_name IS NOT NULL
ORDER BY time_unix_nano
