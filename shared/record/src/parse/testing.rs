//! What the parsers' tests share: a line in, the record as JSON out.

use serde_json::Value;

use super::EventTime;
use crate::record::{Format, LogRecord};
use crate::redact::Redacted;
use crate::source::{LogGroup, LogStream, Source};

/// 2024-12-19T10:30:20Z in milliseconds: when the tests' lines are read.
pub(super) const READ_AT: i64 = 1_734_604_220_000;

/// The record of a line, as JSON. Nothing is redacted.
pub(super) fn parsed(line: &str) -> Value {
    let source = Source::new("1", "eu-west-1", LogGroup::new("/ecs/shop"), LogStream::new("s"), "prod");
    let redacted = Redacted { text: line.into(), redactions: crate::redact::Redactions::default() };
    serde_json::to_value(LogRecord::parse(&redacted, &source, "id", EventTime::ReadAt(READ_AT))).unwrap()
}

/// The record of a line that must be of this format.
pub(super) fn parsed_as(line: &str, format: Format) -> Value {
    let record = parsed(line);
    assert_eq!(record.get("format").unwrap(), format.as_str(), "{line}");
    record
}

/// Checks the columns that `expected` (a JSON object) names; `attributes` must
/// be equal as a whole.
pub(super) fn check(line: &str, format: Format, expected: &str) {
    let record = parsed_as(line, format);
    let Value::Object(columns) = value(expected) else { panic!("expected an object: {expected}") };
    for (column, expected) in columns {
        assert_eq!(record.get(&column).unwrap(), &expected, "{column} of {line}");
    }
}

/// The attributes of a record; an empty object where it has none.
pub(super) fn attributes(record: &Value) -> &Value {
    record.get("attributes").unwrap_or(&Value::Null)
}

/// A JSON text, read.
pub(super) fn value(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

/// A parser's entry, as the dispatch calls it.
type Parse = for<'a> fn(&'a str, &mut LogRecord<'a>) -> bool;

/// Checks that a parser leaves lines alone that only look a little like its own.
pub(super) fn not_mine(parse: Parse, lines: &[&str]) {
    for line in lines {
        assert!(!takes(parse, line), "{line}");
    }
}

/// Whether a parser takes a line; one that does not must leave the record as it was.
pub(super) fn takes(parse: Parse, line: &str) -> bool {
    let source = Source::new("1", "eu-west-1", LogGroup::new("g"), LogStream::new("s"), "prod");
    let empty = Redacted { text: "".into(), redactions: crate::redact::Redactions::default() };
    let mut record = LogRecord::parse(&empty, &source, "id", EventTime::ReadAt(READ_AT));
    let before = format!("{record:?}");
    let is_taken = parse(line, &mut record);
    if !is_taken {
        assert_eq!(format!("{record:?}"), before, "{line}");
    }
    is_taken
}
