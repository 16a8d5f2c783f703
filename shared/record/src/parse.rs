//! From a redacted line to a record.

use std::borrow::Cow;

mod access;
mod attributes;
mod aws;
mod convert;
mod database;
mod error_log;
mod fields;
mod http;
mod json;
mod klog;
mod lambda;
mod logfmt;
mod proxy;
mod rails;
mod scan;
mod severity;
mod swar;
mod syslog;
#[cfg(test)]
mod testing;
mod text;
mod timestamp;
mod wrapper;

pub use severity::{severity_name, severity_number};

use crate::record::{Format, LogRecord};
use crate::redact::Redacted;
use crate::source::Source;
use convert::{milliseconds, trace_id};
use timestamp::LineTime;

/// A longer line is kept whole as plain text and not looked into, in bytes.
/// CloudWatch takes events of up to 1 MB.
pub const MAX_LINE_BYTES: usize = 1 << 20;

/// How far a line's own time may lie from its event's before it is not
/// believed, in nanoseconds. Fifteen minutes is the smallest step between time
/// zones: a line that writes local time without saying so must not be moved by hours.
pub const MAX_CLOCK_DRIFT_NANOS: i64 = 15 * 60 * 1_000_000_000 - 1;

const NANOS_PER_MILLI: i64 = 1_000_000;

/// What is known of a line's time beside what the line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventTime {
    /// CloudWatch's time of the event, in milliseconds since the epoch.
    Arrived(i64),
    /// The line was read from a file: it has no time but its own. A time of day
    /// or a date without a year is taken as the latest one that is not after
    /// this, in milliseconds since the epoch.
    ReadAt(i64),
}

impl<'a> LogRecord<'a> {
    /// Parses one line.
    pub fn parse(redacted: &'a Redacted<'_>, source: &'a Source, event_id: &'a str, time: EventTime) -> Self {
        let line: &'a str = &redacted.text;
        let arrived = match time {
            EventTime::Arrived(millis) => Some(millis),
            EventTime::ReadAt(_) => None,
        };
        let mut record = Self {
            source,
            event_time: time,
            time_unix_nano: arrived.map(|ms| ms.saturating_mul(NANOS_PER_MILLI)),
            observed_millis: arrived,
            event_id,
            more_event_ids: Vec::new(),
            service: Cow::Borrowed(&source.service),
            environment: Cow::Borrowed(&source.environment),
            place: None,
            unwrappings: 0,
            format: Format::Text,
            severity_number: None,
            severity_text: None,
            message: Cow::Borrowed(line),
            trace_id: None,
            span_id: None,
            request_id: Cow::Borrowed(&source.derived_request_id),
            user_id: None,
            event_name: None,
            http_method: None,
            path: None,
            status_code: None,
            duration_ms: None,
            line,
            attributes: None,
            redactions: redacted.redactions.clone(),
            parse_error: None,
        };
        if line.len() > MAX_LINE_BYTES {
            record.parse_error = Some("the line is longer than MAX_LINE_BYTES");
            return record;
        }
        understand(line, &mut record);
        crate::enrich::keep_fixed_fields(&mut record);
        record
    }

    /// Takes the line's own time where it is near enough to the event's.
    fn believe(&mut self, time: LineTime) {
        let Some(line_nanos) = time.to_nanos(self.event_time) else { return };
        let near = |event: i64| line_nanos.abs_diff(event) <= MAX_CLOCK_DRIFT_NANOS.unsigned_abs();
        if self.time_unix_nano.is_none_or(near) {
            self.time_unix_nano = Some(line_nanos);
        }
    }
}

/// Finds out what a line is, and fills the record from it. Every parser either
/// fills the record or leaves it as it was; the last one takes anything.
fn understand<'a>(text: &'a str, record: &mut LogRecord<'a>) {
    let trimmed = text.trim_ascii();
    // Half of all plain text begins with a date: most formats need not be asked.
    let is_dated = matches!(
        trimmed.as_bytes(),
        [b'1' | b'2', _, _, _, b'-' | b'/', _, _, b'-' | b'/', _, _, b' ' | b'T', ..]
    );
    let is_understood = if is_dated && trimmed.as_bytes().get(10) == Some(&b' ') {
        // Wrappers, daemons and load balancers write `T` there.
        lambda::parse(trimmed, record)
            || error_log::parse(trimmed, record)
            || database::parse(trimmed, record)
    } else if is_dated {
        wrapper::parse(trimmed, record)
            || lambda::parse(trimmed, record)
            || error_log::parse(trimmed, record)
            || syslog::parse(trimmed, record)
            || database::parse(trimmed, record)
            || aws::parse(trimmed, record)
    } else {
        wrapper::parse(trimmed, record)
            || json::parse(trimmed, record)
            || lambda::parse(trimmed, record)
            || access::parse(trimmed, record)
            || error_log::parse(trimmed, record)
            || syslog::parse(trimmed, record)
            || klog::parse(trimmed, record)
            || rails::parse(trimmed, record)
            || database::parse(trimmed, record)
            || proxy::parse(trimmed, record)
            || aws::parse(trimmed, record)
            || logfmt::parse(trimmed, record)
    };
    if !is_understood {
        text::parse(text, record);
        json::parse_end(trimmed, record);
    }
}

#[cfg(test)]
mod tests_support {
    use super::EventTime;
    use crate::record::LogRecord;
    use crate::redact::redact;
    use crate::source::{LogGroup, LogStream, Source};

    /// A line's record as `catchment parse` prints it; the event's time is 2024-12-19T10:30:16Z.
    pub(crate) fn parsed(line: &str) -> serde_json::Value {
        let source = Source::new("1", "eu-west-1", LogGroup::new("g"), LogStream::new("s"), "prod");
        let redacted = redact(line);
        let record = LogRecord::parse(&redacted, &source, "id", EventTime::Arrived(1_734_604_216_000));
        serde_json::to_value(record).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::redact;
    use crate::source::{LogGroup, LogStream};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    /// 2024-12-19T10:30:15Z in milliseconds.
    const EVENT: i64 = 1_734_604_215_000;

    fn source() -> Source {
        Source::new("1", "eu-west-1", LogGroup::new("/ecs/shop"), LogStream::new("s"), "prod")
    }

    fn parsed(line: &str, event_millis: Option<i64>) -> Value {
        let (redacted, source) = (redact(line), source());
        let time = event_millis.map_or(EventTime::ReadAt(EVENT), EventTime::Arrived);
        serde_json::to_value(LogRecord::parse(&redacted, &source, "id", time)).unwrap()
    }

    #[test]
    fn the_record_of_the_requirement_document() {
        let record = parsed(
            r#"{"timestamp":"2024-12-19T10:30:15.123Z","level":"INFO","logger":"personal_assistant.core","message":"Enhanced LTM","correlation_id":"req_abc123def456","user_id":123,"operation":"ltm_initialization","service":"agent_core","metadata":{"components_initialized":4}}"#,
            Some(EVENT),
        );
        for (column, expected) in [
            ("timestamp", json!("2024-12-19T10:30:15.123Z")),
            ("observed_timestamp", json!("2024-12-19T10:30:15.000Z")),
            ("service", json!("agent_core")),
            ("environment", json!("prod")),
            ("severity_number", json!(9)),
            ("severity_text", json!("INFO")),
            ("message", json!("Enhanced LTM")),
            ("request_id", json!("req_abc123def456")),
            ("user_id", json!("123")),
            ("format", json!("json")),
            ("attributes", Value::Null),
            ("parse_error", Value::Null),
        ] {
            assert_eq!(record[column], expected, "{column}");
        }
    }

    #[test]
    fn text_lines_keep_their_logger_and_get_a_derived_correlation_id() {
        let record = parsed("2024-12-19 10:30:15 - app.core - WARNING - low disk", Some(EVENT));
        assert_eq!(record["attributes"], json!({"logger": "app.core"}));
        assert_eq!(record["severity_number"], 13);
        assert_eq!(record["message"], "low disk");
        assert!(record["request_id"].as_str().unwrap().starts_with("derived-"));
    }

    #[test]
    fn broken_json_is_text_with_a_reason() {
        let record = parsed(r#"{"level":"ERROR","message":"cut of"#, Some(EVENT));
        assert_eq!(record["format"], "text");
        assert_eq!(record["parse_error"], "the JSON object is cut short");
        assert_eq!(record["line"], r#"{"level":"ERROR","message":"cut of"#);
    }

    #[test]
    fn the_lines_time_is_believed_up_to_the_bound() {
        let at = |millis: i64| parsed("2024-12-19 10:30:15 INFO x", Some(millis))["timestamp"].clone();
        let bound_millis = MAX_CLOCK_DRIFT_NANOS / NANOS_PER_MILLI;
        assert_eq!(at(EVENT + bound_millis), "2024-12-19T10:30:15.000Z");
        assert_eq!(at(EVENT - bound_millis), "2024-12-19T10:30:15.000Z");
        assert_eq!(at(EVENT + bound_millis + 1), "2024-12-19T10:45:15.000Z");
        assert_eq!(parsed("2024-12-19 10:30:15 INFO x", None)["timestamp"], "2024-12-19T10:30:15.000Z");
        assert_eq!(parsed("no time", None)["timestamp"], Value::Null);
    }

    #[test]
    fn the_line_limit_holds_at_its_edge() {
        let line = |len: usize| format!("ERROR {}", "x".repeat(len - 6));
        assert_eq!(parsed(&line(MAX_LINE_BYTES), None)["severity_text"], "ERROR");
        let long = parsed(&line(MAX_LINE_BYTES + 1), None);
        assert_eq!(long["severity_text"], Value::Null);
        assert_eq!(long["parse_error"], "the line is longer than MAX_LINE_BYTES");
        assert_eq!(long["line"].as_str().unwrap().len(), MAX_LINE_BYTES + 1);
    }

    proptest! {
        #[test]
        fn any_line_is_a_record_and_stays_whole(line: String, json_key in "[a-z.@_]{0,12}", value: String) {
            let text = parsed(&line, Some(EVENT));
            prop_assert_eq!(text["line"].as_str().unwrap(), redact(&line).text);
            let json_line = json!({ json_key: value }).to_string();
            prop_assert_eq!(&parsed(&json_line, Some(EVENT))["format"], "json");
        }
    }
}
