//! JSON lines: one pass, straight into the columns.

mod kind;
mod scan;

use std::borrow::Cow;

use memchr::memmem;
use serde_json::value::RawValue;

use super::fields::{Field, Fields};
use super::{attributes, wrapper};
use crate::record::LogRecord;

/// Fills the record from a line that is one JSON object, and returns true. One
/// that only begins like one gets the reason as its `parse_error`; where time or
/// level stood before the fault they are taken all the same.
pub(crate) fn parse<'a>(line: &'a str, record: &mut LogRecord<'a>) -> bool {
    if !line.starts_with('{') {
        record.parse_error = record.parse_error.or_else(|| other_json(line));
        return false;
    }
    let mut fields = Fields::new();
    if let Err(fault) = scan::object(line, &mut fields) {
        record.parse_error = Some(fault.reason());
        let is_of_use = fields.has(Field::Level) || fields.has(Field::Timestamp);
        if is_of_use {
            fields.fill(record);
        }
        return is_of_use;
    }
    if !wrapper::unwrap(&fields, record) {
        kind::fill(&fields, record);
        if record.unwrappings > 0 {
            record.attributes = Some(merged(record.attributes.take(), line));
        }
    }
    true
}

/// Fills the record from a JSON object that is the whole of what a line says
/// behind its frame (of Lambda's runtimes, of syslog); the object's own level
/// and time stand before the frame's.
pub(crate) fn parse_message<'a>(text: &'a str, record: &mut LogRecord<'a>) -> bool {
    // rsyslog marks such messages, <https://www.rsyslog.com/json-elasticsearch/>.
    let text = text.strip_prefix("@cee:").unwrap_or(text).trim_ascii();
    let mut fields = Fields::new();
    if !text.starts_with('{') || scan::object(text, &mut fields).is_err() {
        return false;
    }
    let request_id = own_request_id(record);
    record.message = Cow::Borrowed(text);
    kind::fill(&fields, record);
    record.request_id = request_id.unwrap_or_else(|| record.request_id.clone());
    record.attributes = Some(merged(record.attributes.take(), text));
    true
}

/// Adds what a JSON object at the end of a text line says (`… order placed
/// {"order_id":7}`, as console encoders write their fields). The text before it
/// is the message, and its level and time stand; where there is no such text,
/// the object is the message.
pub(crate) fn parse_end<'a>(text: &'a str, record: &mut LogRecord<'a>) {
    if !text.ends_with('}') {
        return;
    }
    let Some(object) = memmem::find(text.as_bytes(), b"{\"").and_then(|at| text.get(at..)) else { return };
    if object.len() < text.len() && record.message.trim_ascii() == object {
        parse_message(object, record);
        return;
    }
    let mut fields = Fields::new();
    if scan::object(object, &mut fields).is_err() {
        return;
    }
    let (level, number) = (record.severity_text.take(), record.severity_number.take());
    let (message, request_id) = (record.message.clone(), own_request_id(record));
    let (time, format) = (record.time_unix_nano, record.format);
    fields.fill(record);
    record.format = format;
    if number.is_some() {
        (record.severity_text, record.severity_number) = (level, number);
    }
    if time != record.observed_millis.map(|ms| ms.saturating_mul(1_000_000)) {
        record.time_unix_nano = time;
    }
    record.request_id = request_id.unwrap_or_else(|| record.request_id.clone());
    record.message = message;
    record.attributes = Some(merged(record.attributes.take(), object));
}

/// The request id that the text around an object states; it joins the line with
/// its neighbours, which have no object.
fn own_request_id<'a>(record: &LogRecord<'a>) -> Option<Cow<'a, str>> {
    record.has_own_request_id().then(|| record.request_id.clone())
}

/// The members of an object, behind those of `own` that it does not have itself.
pub(crate) fn merged(own: Option<String>, object: &str) -> String {
    let Some(own) = own else { return object.to_owned() };
    let members = object.trim_ascii().get(1..).unwrap_or_default().trim_ascii_start();
    let own: std::collections::BTreeMap<Cow<'_, str>, &RawValue> =
        serde_json::from_str(&own).unwrap_or_default();
    let mut merged = String::from("{");
    for (name, value) in own {
        let mut key = String::new();
        attributes::push_json_string(&mut key, &name);
        if memmem::find(members.as_bytes(), key.as_bytes()).is_none() {
            merged.extend([&key, ":", value.get(), ","]);
        }
    }
    if members == "}" && merged.len() > 1 {
        merged.pop();
    }
    merged + members
}

/// Why a line that is JSON, and no object, is text.
fn other_json(line: &str) -> Option<&'static str> {
    let reason = match (line.as_bytes().first()?, line.as_bytes().last()?) {
        (b'[', b']') => "the line is a JSON array, not an object",
        (b'"', b'"') => "the line is a JSON string, not an object",
        _ => return None,
    };
    scan::value(line).is_ok().then_some(reason)
}
