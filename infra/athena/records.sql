-- The view "records": one row a log event, as people think of it.
--
-- The table "logs" is what lies in the Parquet files, which store no value twice
-- (infra/adr/0017-merged-files-fold-lines.md); this puts together again:
--
--   time_unix_nano, observed_timestamp   stored only where "timestamp" does not say the same
--   event_id         observed time in ms * 2^144 + event_batch + event_index, in 56 digits
--   line             U+001A and a letter stand for what another column holds, U+001A and 0 for a U+001A
--   attributes       the JSON of the parsed fields: the column, or the line where that is the JSON
--
-- and adds what is computed: detected_level (the severity's name, whatever the line
-- called it) and hour. class and dt are the table's: a bound on dt prunes through the view.
-- A query pays for the columns that it names: line, event_id and attributes are made of
-- several, the others of one.
SELECT
  "timestamp",
  coalesce(time_unix_nano, 1000000 * date_diff('millisecond', TIMESTAMP '1970-01-01 00:00:00', "timestamp")) AS time_unix_nano,
  coalesce(observed_timestamp, "timestamp") AS observed_timestamp,
  coalesce(event_id, lpad(
    -- The upper 34 digits, with what the lower 22 carry, and the lower 22.
    CAST(id_upper + CAST(substr(lpad(CAST(id_lower AS varchar), 38, '0'), 1, 16) AS decimal(38, 0)) AS varchar), 34, '0')
    || substr(lpad(CAST(id_lower AS varchar), 38, '0'), 17)) AS event_id,
  account_id,
  region,
  log_group,
  log_stream,
  service,
  environment,
  cluster,
  workload,
  instance,
  container,
  format,
  severity_number,
  severity_text,
  whole_message AS message,
  trace_id,
  span_id,
  request_id,
  user_id,
  event_name,
  http_method,
  path,
  status_code,
  duration_ms,
  whole_line AS line,
  -- Whatever else a JSON line is called by its fields (emf, cloudtrail ...), it is JSON.
  coalesce(attributes, CASE WHEN format IN ('json', 'emf', 'cloudtrail', 'kubernetes_audit', 'lambda')
    AND substr(whole_line, 1, 1) = '{' THEN whole_line END) AS attributes,
  redactions,
  parse_error,
  more_event_ids,
  CASE
    WHEN severity_number BETWEEN 1 AND 4 THEN 'trace'
    WHEN severity_number BETWEEN 5 AND 8 THEN 'debug'
    WHEN severity_number BETWEEN 9 AND 12 THEN 'info'
    WHEN severity_number BETWEEN 13 AND 16 THEN 'warn'
    WHEN severity_number BETWEEN 17 AND 20 THEN 'error'
    WHEN severity_number >= 21 THEN 'fatal'
  END AS detected_level,
  date_trunc('hour', "timestamp") AS hour,
  class,
  dt
FROM (
  SELECT
    *,
    -- Trino and DuckDB know no escapes between quotes: a backslash is one. What takes
    -- long to make is made only where the line has a place for it.
    replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(line_of_columns,
      chr(26) || 'm', coalesce(whole_message, '')),
      chr(26) || 'j', CASE WHEN strpos(line, chr(26) || 'j') > 0 THEN coalesce(replace(replace(replace(replace(replace(whole_message, '\', '\\'), '"', '\"'), chr(10), '\n'), chr(13), '\r'), chr(9), '\t'), '') ELSE '' END),
      chr(26) || 'r', coalesce(request_id, '')),
      chr(26) || 't', coalesce(trace_id, '')),
      chr(26) || 's', coalesce(span_id, '')),
      chr(26) || 'u', coalesce(user_id, '')),
      chr(26) || 'p', coalesce(path, '')),
      chr(26) || 'l', coalesce(severity_text, '')),
      chr(26) || 'h', coalesce(http_method, '')),
      chr(26) || 'e', coalesce(event_name, '')),
      chr(26) || 'c', coalesce(CAST(status_code AS varchar), '')),
      chr(26) || 'i', CASE WHEN strpos(line, chr(26) || 'i') > 0 THEN coalesce(substr(CAST("timestamp" AS varchar), 12, 8), '') ELSE '' END),
      chr(26) || 'f', CASE WHEN strpos(line, chr(26) || 'f') > 0 THEN coalesce(lpad(CAST(date_diff('millisecond', TIMESTAMP '1970-01-01 00:00:00', "timestamp") % 1000 AS varchar), 3, '0'), '') ELSE '' END),
      chr(26) || '0', chr(26)) AS whole_line,
    -- 2^144 = 2230074519853062314153 5718272648361505980416, in two halves of 22 digits:
    -- no product or sum of theirs has more than the 38 digits that a decimal takes.
    CASE WHEN event_batch IS NOT NULL THEN
      CAST(date_diff('millisecond', TIMESTAMP '1970-01-01 00:00:00', coalesce(observed_timestamp, "timestamp")) AS decimal(38, 0))
      * CAST('2230074519853062314153' AS decimal(38, 0))
      + CAST(substr(lpad(event_batch, 44, '0'), 1, 22) AS decimal(38, 0))
    END AS id_upper,
    CASE WHEN event_batch IS NOT NULL THEN
      CAST(date_diff('millisecond', TIMESTAMP '1970-01-01 00:00:00', coalesce(observed_timestamp, "timestamp")) AS decimal(38, 0))
      * CAST('5718272648361505980416' AS decimal(38, 0))
      + CAST(substr(lpad(event_batch, 44, '0'), 23) AS decimal(38, 0))
      + CAST(event_index AS decimal(38, 0))
    END AS id_lower
  FROM (
    SELECT
      *,
      replace(replace(replace(replace(replace(replace(replace(replace(message,
        chr(26) || 'r', coalesce(request_id, '')),
        chr(26) || 't', coalesce(trace_id, '')),
        chr(26) || 's', coalesce(span_id, '')),
        chr(26) || 'u', coalesce(user_id, '')),
        chr(26) || 'p', coalesce(path, '')),
        chr(26) || 'h', coalesce(http_method, '')),
        chr(26) || 'c', coalesce(CAST(status_code AS varchar), '')),
        chr(26) || '0', chr(26)) AS whole_message,
      -- Between quotes is a name or a text, behind them is a number among punctuation.
      replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(line,
        chr(26) || 'B', CASE WHEN strpos(line, chr(26) || 'B') > 0 THEN coalesce(split_part(attributes, '"', 2), '') ELSE '' END),
        chr(26) || 'C', CASE WHEN strpos(line, chr(26) || 'C') > 0 THEN coalesce(translate(split_part(attributes, '"', 3), ':,{}[]', ''), '') ELSE '' END),
        chr(26) || 'D', CASE WHEN strpos(line, chr(26) || 'D') > 0 THEN coalesce(split_part(attributes, '"', 4), '') ELSE '' END),
        chr(26) || 'E', CASE WHEN strpos(line, chr(26) || 'E') > 0 THEN coalesce(translate(split_part(attributes, '"', 5), ':,{}[]', ''), '') ELSE '' END),
        chr(26) || 'F', CASE WHEN strpos(line, chr(26) || 'F') > 0 THEN coalesce(split_part(attributes, '"', 6), '') ELSE '' END),
        chr(26) || 'G', CASE WHEN strpos(line, chr(26) || 'G') > 0 THEN coalesce(translate(split_part(attributes, '"', 7), ':,{}[]', ''), '') ELSE '' END),
        chr(26) || 'H', CASE WHEN strpos(line, chr(26) || 'H') > 0 THEN coalesce(split_part(attributes, '"', 8), '') ELSE '' END),
        chr(26) || 'I', CASE WHEN strpos(line, chr(26) || 'I') > 0 THEN coalesce(translate(split_part(attributes, '"', 9), ':,{}[]', ''), '') ELSE '' END),
        chr(26) || 'J', CASE WHEN strpos(line, chr(26) || 'J') > 0 THEN coalesce(split_part(attributes, '"', 10), '') ELSE '' END),
        chr(26) || 'K', CASE WHEN strpos(line, chr(26) || 'K') > 0 THEN coalesce(translate(split_part(attributes, '"', 11), ':,{}[]', ''), '') ELSE '' END),
        chr(26) || 'L', CASE WHEN strpos(line, chr(26) || 'L') > 0 THEN coalesce(split_part(attributes, '"', 12), '') ELSE '' END),
        chr(26) || 'M', CASE WHEN strpos(line, chr(26) || 'M') > 0 THEN coalesce(translate(split_part(attributes, '"', 13), ':,{}[]', ''), '') ELSE '' END),
        chr(26) || 'N', CASE WHEN strpos(line, chr(26) || 'N') > 0 THEN coalesce(split_part(attributes, '"', 14), '') ELSE '' END),
        chr(26) || 'O', CASE WHEN strpos(line, chr(26) || 'O') > 0 THEN coalesce(translate(split_part(attributes, '"', 15), ':,{}[]', ''), '') ELSE '' END),
        chr(26) || 'P', CASE WHEN strpos(line, chr(26) || 'P') > 0 THEN coalesce(split_part(attributes, '"', 16), '') ELSE '' END),
        chr(26) || 'Q', CASE WHEN strpos(line, chr(26) || 'Q') > 0 THEN coalesce(translate(split_part(attributes, '"', 17), ':,{}[]', ''), '') ELSE '' END),
        chr(26) || 'R', CASE WHEN strpos(line, chr(26) || 'R') > 0 THEN coalesce(split_part(attributes, '"', 18), '') ELSE '' END),
        chr(26) || 'S', CASE WHEN strpos(line, chr(26) || 'S') > 0 THEN coalesce(translate(split_part(attributes, '"', 19), ':,{}[]', ''), '') ELSE '' END),
        chr(26) || 'T', CASE WHEN strpos(line, chr(26) || 'T') > 0 THEN coalesce(split_part(attributes, '"', 20), '') ELSE '' END),
        chr(26) || 'U', CASE WHEN strpos(line, chr(26) || 'U') > 0 THEN coalesce(translate(split_part(attributes, '"', 21), ':,{}[]', ''), '') ELSE '' END),
        chr(26) || 'V', CASE WHEN strpos(line, chr(26) || 'V') > 0 THEN coalesce(split_part(attributes, '"', 22), '') ELSE '' END),
        chr(26) || 'W', CASE WHEN strpos(line, chr(26) || 'W') > 0 THEN coalesce(translate(split_part(attributes, '"', 23), ':,{}[]', ''), '') ELSE '' END),
        chr(26) || 'X', CASE WHEN strpos(line, chr(26) || 'X') > 0 THEN coalesce(split_part(attributes, '"', 24), '') ELSE '' END),
        chr(26) || 'Y', CASE WHEN strpos(line, chr(26) || 'Y') > 0 THEN coalesce(translate(split_part(attributes, '"', 25), ':,{}[]', ''), '') ELSE '' END),
        chr(26) || 'Z', CASE WHEN strpos(line, chr(26) || 'Z') > 0 THEN coalesce(split_part(attributes, '"', 26), '') ELSE '' END) AS line_of_columns
    FROM logs
  ) AS stored
) AS whole
