//! What Lambda itself writes: platform events as text and as JSON, and the
//! frame that its runtimes put around an application's line.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-view.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html>

use std::borrow::Cow;

use super::attributes::Attributes;
use super::convert::{milliseconds, trace_id};
use super::fields::{Field, Fields};
use super::{json, severity_number, swar, timestamp};
use crate::record::{Format, LogRecord};

/// The longest time or level that the frame of a runtime begins with, in bytes.
const MAX_FIRST_COLUMN_BYTES: usize = 32;

/// How far into a line `Task timed out` and the like are looked for: behind a
/// time and a request id, in bytes.
const MAX_FRAME_BYTES: usize = 80;

/// OpenTelemetry's number of ERROR and of INFO.
const ERROR: u8 = 17;
const INFO: u8 = 9;

/// Fills the record from a line of Lambda's, and returns true; or leaves it as it was.
pub(crate) fn parse<'a>(text: &'a str, record: &mut LogRecord<'a>) -> bool {
    match text.as_bytes().first() {
        Some(b'S' | b'E' | b'I' | b'R' | b'X' | b'T' | b'L') => platform_line(text, record),
        Some(b'0'..=b'9' | b'a'..=b'f' | b'[') => runtime_line(text, record) || timeout_line(text, record),
        _ => false,
    }
}

/// What a platform event reports.
#[derive(Debug, Default)]
struct Report<'a> {
    request_id: Option<&'a str>,
    trace_id: Option<&'a str>,
    duration_ms: Option<f64>,
    billed_duration_ms: Option<&'a str>,
    memory_size_mb: Option<&'a str>,
    max_memory_used_mb: Option<&'a str>,
    init_duration_ms: Option<&'a str>,
    restore_duration_ms: Option<&'a str>,
    runtime_version: Option<&'a str>,
    status: Option<&'a str>,
    error_type: Option<&'a str>,
}

impl<'a> Report<'a> {
    /// A field of a text line, `Memory Size: 128 MB`.
    fn take(&mut self, name: &str, value: &'a str) {
        let number = value.split_once(' ').map_or(value, |(number, _unit)| number);
        match name {
            "RequestId" => self.request_id = Some(number),
            "XRAY TraceId" => self.trace_id = Some(value),
            "Duration" => self.duration_ms = milliseconds(value),
            "Billed Duration" => self.billed_duration_ms = Some(number),
            "Memory Size" => self.memory_size_mb = Some(number),
            "Max Memory Used" => self.max_memory_used_mb = Some(number),
            "Init Duration" => self.init_duration_ms = Some(number),
            "Restore Duration" => self.restore_duration_ms = Some(number),
            "Runtime Version" => self.runtime_version = Some(value),
            "Status" => self.status = Some(value),
            "Error Type" => self.error_type = Some(value),
            _ => {}
        }
    }

    fn is_error(&self) -> bool {
        self.error_type.is_some() || matches!(self.status, Some("error" | "failure" | "timeout"))
    }

    fn attributes(&self) -> Attributes {
        let mut attributes = Attributes::default();
        for (name, value) in [
            ("billed_duration_ms", self.billed_duration_ms),
            ("memory_size_mb", self.memory_size_mb),
            ("max_memory_used_mb", self.max_memory_used_mb),
            ("init_duration_ms", self.init_duration_ms),
            ("restore_duration_ms", self.restore_duration_ms),
        ] {
            if let Some(value) = value {
                attributes.bare(name, value);
            }
        }
        if self.init_duration_ms.is_some() {
            attributes.json("cold_start", "true");
        }
        attributes.some_text("runtime_version", self.runtime_version);
        attributes.some_text("status", self.status);
        attributes.some_text("error_type", self.error_type);
        if self.status == Some("timeout") {
            attributes.json("timeout", "true");
        }
        attributes
    }
}

/// `START RequestId: …`, `REPORT RequestId: …\tDuration: …`, `INIT_START …` and the rest.
fn platform_line<'a>(text: &'a str, record: &mut LogRecord<'a>) -> bool {
    let word_len = text.bytes().take(16).position(|b| !(b.is_ascii_uppercase() || b == b'_')).unwrap_or(0);
    let Some((word, rest)) = text.split_at_checked(word_len) else { return false };
    if word == "R" && rest.starts_with("equestId: ") {
        return crash_line(text, record);
    }
    let (event, first) = match word {
        "START" => ("platform.start", " RequestId: "),
        "END" => ("platform.end", " RequestId: "),
        "REPORT" => ("platform.report", " RequestId: "),
        "INIT_START" => ("platform.initStart", " Runtime Version: "),
        "INIT_REPORT" => ("platform.initReport", " Init Duration: "),
        "RESTORE_START" => ("platform.restoreStart", " Runtime Version: "),
        "RESTORE_REPORT" => ("platform.restoreReport", " Restore Duration: "),
        "XRAY" => ("platform.report", " TraceId: "),
        "EXTENSION" => ("platform.extension", "\tName: "),
        "TELEMETRY" => ("platform.telemetrySubscription", "\tName: "),
        "LOGS" => ("platform.logsSubscription", "\tName: "),
        _ => return false,
    };
    if !rest.starts_with(first) {
        return false;
    }
    let mut report = Report::default();
    let fields = if word == "XRAY" { text } else { rest };
    for field in fields.split(['\t', '\n']) {
        if let Some((name, value)) = field.split_once(": ") {
            report.take(name.trim_ascii(), value.trim_ascii());
        }
    }
    record.format = Format::Lambda;
    record.event_name = Some(Cow::Borrowed(event));
    record.message = Cow::Borrowed(text);
    record.severity_number = Some(if report.is_error() { ERROR } else { INFO });
    record.duration_ms = report.duration_ms;
    if let Some(id) = report.request_id {
        record.request_id = Cow::Borrowed(id);
    }
    record.trace_id = report.trace_id.map(|id| trace_id(Cow::Borrowed(id)));
    record.attributes = report.attributes().finish();
    true
}

/// `RequestId: … Error: Runtime exited with error: exit status 1`, `RequestId:
/// … Process exited before completing request`.
fn crash_line<'a>(text: &'a str, record: &mut LogRecord<'a>) -> bool {
    let Some(rest) = text.strip_prefix("RequestId: ") else { return false };
    let Some((id, message)) = rest.split_once(' ').filter(|(id, _)| is_request_id(id)) else { return false };
    record.format = Format::Lambda;
    record.severity_number = Some(ERROR);
    record.request_id = Cow::Borrowed(id);
    record.message = Cow::Borrowed(message.trim_ascii());
    true
}

/// `2024-12-19T10:30:18.003Z <request id> Task timed out after 3.00 seconds`.
fn timeout_line<'a>(text: &'a str, record: &mut LogRecord<'a>) -> bool {
    if text.as_bytes().get(10) != Some(&b'T') {
        return false;
    }
    let mut words = text.splitn(3, ' ');
    let (Some(time), Some(id), Some(message)) = (words.next(), words.next(), words.next()) else {
        return false;
    };
    if time.len() + id.len() > MAX_FRAME_BYTES || !is_request_id(id) {
        return false;
    }
    let Some(after) = message.strip_prefix("Task timed out after ") else { return false };
    let Some(time) = timestamp::from_field(time) else { return false };
    record.believe(time);
    record.format = Format::Lambda;
    record.severity_number = Some(ERROR);
    record.request_id = Cow::Borrowed(id);
    record.message = Cow::Borrowed(message);
    record.duration_ms = milliseconds(after.trim_ascii());
    let mut attributes = Attributes::default();
    attributes.json("timeout", "true");
    record.attributes = attributes.finish();
    true
}

/// The frame of the runtimes: `<time>\t<request id>\t<LEVEL>\t<message>` of
/// Node.js and .NET, `[LEVEL]\t<time>\t<request id>\t<message>` of Python. The
/// message may be an object, which then tells its own level.
fn runtime_line<'a>(text: &'a str, record: &mut LogRecord<'a>) -> bool {
    // Its first tab stands behind a time or a level: no need to look further.
    let first_column = text.as_bytes().get(..=MAX_FIRST_COLUMN_BYTES).unwrap_or(text.as_bytes());
    if !swar::has(first_column, |word| swar::equal(word, b'\t')) {
        return false;
    }
    let mut parts = text.splitn(4, '\t');
    let (Some(first), Some(second), Some(third), Some(message)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    if first.len() + second.len() + third.len() > MAX_FRAME_BYTES {
        return false;
    }
    let (time, id, level) = match first.strip_prefix('[').and_then(|level| level.strip_suffix(']')) {
        Some(level) => (second, third, level),
        None => (first, second, third),
    };
    let Some(number) = severity_number(level) else { return false };
    if !is_request_id(id) && !matches!(id, "undefined" | "") {
        return false;
    }
    let Some(time) = timestamp::from_field(time) else { return false };
    record.believe(time);
    record.severity_text = Some(Cow::Borrowed(level));
    record.severity_number = Some(number);
    let message = message.trim_ascii();
    record.message = Cow::Borrowed(message);
    if is_request_id(id) {
        record.request_id = Cow::Borrowed(id);
    }
    if !json::parse_message(message, record) {
        json::parse_end(message, record);
    }
    true
}

/// A UUID, as Lambda's request ids are.
fn is_request_id(text: &str) -> bool {
    text.len() == 36 && super::scan::is_request_id(text)
}

/// A platform event as JSON: `{"time":…,"type":"platform.report","record":{…}}`.
/// Its figures become the attributes that the text line's have.
pub(crate) fn fill_platform_event<'a>(fields: &Fields<'a>, record: &mut LogRecord<'a>) {
    let Some(event) = fields.plain(Field::PlatformType) else { return };
    let report = Report {
        billed_duration_ms: fields.get(Field::BilledDurationMs).map(|value| value.raw()),
        memory_size_mb: fields.get(Field::MemorySizeMb).map(|value| value.raw()),
        max_memory_used_mb: fields.get(Field::MaxMemoryUsedMb).map(|value| value.raw()),
        init_duration_ms: fields.get(Field::InitDurationMs).map(|value| value.raw()),
        status: fields.plain(Field::PlatformStatus),
        error_type: fields.plain(Field::PlatformErrorType),
        ..Report::default()
    };
    record.format = Format::Lambda;
    record.event_name = Some(Cow::Borrowed(event));
    record.severity_text = None;
    record.severity_number = Some(if report.is_error() { ERROR } else { INFO });
    record.message = match report.status {
        Some(status) => Cow::Owned(format!("{event}: {status}")),
        None => Cow::Borrowed(event),
    };
    record.attributes = report.attributes().finish();
}
