//! Why a record is what it is, for people.

use std::borrow::Cow;
use std::io::{self, Write};

use catchment_record::{EventTime, LogRecord, Pipeline, Redacted, Redactions};

use crate::output::printable;

/// A new line of a value, below its first.
const CONTINUED: &str = "\n            ";

/// Writes what became of one line, and why. Control characters are shown, not obeyed.
pub fn explain(pipeline: &Pipeline, record: LogRecord<'_>, sink: &mut impl Write) -> io::Result<()> {
    let mut fact = |name: &str, value: &str| {
        let value = printable(value).replace('\n', CONTINUED);
        writeln!(sink, "{name:<12}{value}")
    };
    match record.event_id {
        "" => {}
        id if record.more_event_ids.is_empty() => fact("event", id)?,
        id => {
            let (events, more) = (record.events(), record.more_event_ids.join(", "));
            fact("events", &format!("{events} stitched together: {id}, {more}"))?;
        }
    }
    fact("line", record.line)?;
    fact("format", &format!("{}: {}", record.format.as_str(), record.format.sign()))?;
    if let Some(error) = record.parse_error {
        fact("parse error", error)?;
    }
    fact("time", &time(&record))?;
    fact("level", &level(&record))?;
    let own_or = |own: bool| if own { "of the line" } else { "of the log group or the configuration" };
    let source = record.source;
    let service = record.service.as_ref();
    fact("service", &format!("{service}, {}", own_or(service != source.service)))?;
    let environment = record.environment.as_ref();
    fact("environment", &format!("{environment}, {}", own_or(environment != source.environment)))?;
    let request_id = if record.has_own_request_id() { "of the line" } else { "derived from the log stream" };
    fact("request_id", &format!("{}, {request_id}", record.request_id))?;
    for name in [
        "cluster",
        "workload",
        "instance",
        "container",
        "trace_id",
        "span_id",
        "user_id",
        "event_name",
        "http_method",
        "path",
        "status_code",
        "duration_ms",
    ] {
        if let Some(value) = record.label(name) {
            fact(name, &value)?;
        }
    }
    if record.message != record.line {
        fact("message", &record.message)?;
    }
    if let Some(attributes) = &record.attributes {
        fact("attributes", attributes)?;
    }
    let redacted = record.redactions.to_column();
    fact("redacted", redacted.as_deref().unwrap_or("nothing"))?;
    let routed = pipeline.route(vec![record]);
    for name in routed.filtered.keys() {
        fact("removed", &format!("by \"{name}\" of the configuration: it is counted, and not archived"))?;
    }
    for (class, _) in &routed.kept {
        fact("kept", &format!("in the retention class {}", class.as_str()))?;
    }
    writeln!(sink)
}

/// The record's time, and whose it is.
fn time(record: &LogRecord<'_>) -> String {
    let shown = |nanos: Option<i64>| {
        let time = nanos.and_then(|nanos| jiff::Timestamp::from_nanosecond(nanos.into()).ok());
        time.map_or_else(|| "none".to_owned(), |time| format!("{time:.3}"))
    };
    let stands = shown(record.time_unix_nano);
    let Some(arrived) = record.observed_millis else {
        return match record.time_unix_nano {
            Some(_) => format!("{stands}, of the line"),
            None => "none: the line states none, and a file's lines have no other".to_owned(),
        };
    };
    // What the line says by itself: read again as if it came from a file.
    let line = Redacted { text: Cow::Borrowed(record.line), redactions: Redactions::default() };
    let own = LogRecord::parse(&line, record.source, "", EventTime::ReadAt(arrived)).time_unix_nano;
    match own {
        Some(_) if own == record.time_unix_nano => format!("{stands}, of the line"),
        Some(_) => format!(
            "{stands}, of the event: the line says {}, more than 15 minutes away, and is not believed",
            shown(own)
        ),
        None => format!("{stands}, of the event: the line states none"),
    }
}

/// The level as written, and what it counts as.
fn level(record: &LogRecord<'_>) -> String {
    let number = record.severity_number.zip(record.detected_level());
    match (&record.severity_text, number) {
        (Some(text), Some((number, name))) => format!("{text}: severity {number}, {name}"),
        (Some(text), None) => format!("{text}: no level that is known"),
        (None, Some((number, name))) => format!("severity {number}, {name}; the line writes none"),
        (None, None) => "none".to_owned(),
    }
}
