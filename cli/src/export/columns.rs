//! The columns of an exported row: literally what the archive was given, however
//! it is stored.

use std::borrow::Cow;
use std::io::{self, Write};

use catchment_archive::StoredRow;
use jiff::Timestamp;

/// A column's value in a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// There is none.
    Null,
    /// Milliseconds since the epoch.
    Time(i64),
    /// A whole number.
    Long(i64),
    /// Any number.
    Double(f64),
    /// A text.
    Text(Cow<'a, str>),
}

impl<'a> Value<'a> {
    fn text(value: Option<&'a str>) -> Self {
        value.map_or(Self::Null, |text| Self::Text(Cow::Borrowed(text)))
    }

    fn cow(value: Option<Cow<'a, str>>) -> Self {
        value.map_or(Self::Null, Self::Text)
    }

    fn time(value: Option<i64>) -> Self {
        value.map_or(Self::Null, Self::Time)
    }

    fn long(value: Option<impl Into<i64>>) -> Self {
        value.map_or(Self::Null, |number| Self::Long(number.into()))
    }

    fn double(value: Option<f64>) -> Self {
        // What is no number has no form in JSON.
        value.filter(|number| number.is_finite()).map_or(Self::Null, Self::Double)
    }

    /// Writes it as JSON.
    pub fn to_json(&self, sink: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Null => sink.write_all(b"null"),
            Self::Time(millis) => match rfc3339(*millis) {
                Some(time) => write!(sink, "\"{time:.3}\""),
                None => write!(sink, "{millis}"),
            },
            Self::Long(number) => write!(sink, "{number}"),
            Self::Double(number) => Ok(serde_json::to_writer(sink, number)?),
            Self::Text(text) => Ok(serde_json::to_writer(sink, text)?),
        }
    }

    /// The text of a CSV field.
    pub fn to_field(&self) -> Cow<'_, str> {
        match self {
            Self::Null => Cow::Borrowed(""),
            Self::Time(millis) => match rfc3339(*millis) {
                Some(time) => Cow::Owned(format!("{time:.3}")),
                None => Cow::Owned(millis.to_string()),
            },
            Self::Long(number) => Cow::Owned(number.to_string()),
            Self::Double(number) => Cow::Owned(number.to_string()),
            Self::Text(text) => Cow::Borrowed(text),
        }
    }
}

/// `None` outside of the years −9999 to 9999.
fn rfc3339(millis: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(millis).ok()
}

/// A column's name, and its value in a row.
pub type Column = (&'static str, for<'r> fn(&'r StoredRow<'_>) -> Value<'r>);

/// Every column, in the order of the archive's schema; what only says how a row
/// is stored is left out.
pub const COLUMNS: &[Column] = &[
    ("timestamp", |row| Value::time(row.timestamp)),
    ("time_unix_nano", |row| Value::long(row.time_unix_nano())),
    ("observed_timestamp", |row| Value::time(row.observed_millis())),
    ("event_id", |row| Value::cow(row.event_id())),
    ("account_id", |row| Value::text(row.account_id)),
    ("region", |row| Value::text(row.region)),
    ("log_group", |row| Value::text(row.log_group)),
    ("log_stream", |row| Value::text(row.log_stream)),
    ("service", |row| Value::text(row.service)),
    ("environment", |row| Value::text(row.environment)),
    ("cluster", |row| Value::text(row.cluster)),
    ("workload", |row| Value::text(row.workload)),
    ("instance", |row| Value::text(row.instance)),
    ("container", |row| Value::text(row.container)),
    ("format", |row| Value::text(row.format)),
    ("severity_number", |row| Value::long(row.severity_number)),
    ("severity_text", |row| Value::text(row.severity_text)),
    ("message", |row| if row.message.is_some() { Value::Text(row.message()) } else { Value::Null }),
    ("trace_id", |row| Value::text(row.trace_id)),
    ("span_id", |row| Value::text(row.span_id)),
    ("request_id", |row| Value::text(row.request_id)),
    ("user_id", |row| Value::text(row.user_id)),
    ("event_name", |row| Value::text(row.event_name)),
    ("http_method", |row| Value::text(row.http_method)),
    ("path", |row| Value::text(row.path)),
    ("status_code", |row| Value::long(row.status_code)),
    ("duration_ms", |row| Value::double(row.duration_ms)),
    ("line", |row| if row.line.is_some() { Value::Text(row.line()) } else { Value::Null }),
    ("attributes", |row| Value::text(row.attributes)),
    ("redactions", |row| Value::text(row.redactions)),
    ("parse_error", |row| Value::text(row.parse_error)),
    ("more_event_ids", |row| Value::cow(row.more_event_ids())),
];

/// Writes a row as a JSON object and a line feed; columns without a value are left out.
pub fn write_ndjson(sink: &mut impl Write, row: &StoredRow<'_>) -> io::Result<()> {
    let mut separator = "{";
    for (name, value) in COLUMNS {
        let value = value(row);
        if value != Value::Null {
            write!(sink, "{separator}\"{name}\":")?;
            value.to_json(sink)?;
            separator = ",";
        }
    }
    sink.write_all(if separator == "{" { b"{}\n" } else { b"}\n" })
}

/// Writes the line that names the columns.
pub fn write_csv_header(sink: &mut impl Write) -> io::Result<()> {
    let names: Vec<_> = COLUMNS.iter().map(|(name, _)| *name).collect();
    writeln!(sink, "{}", names.join(","))
}

/// Writes a row as RFC 4180 has it, but for the line feed alone at its end, which every reader takes.
pub fn write_csv(sink: &mut impl Write, row: &StoredRow<'_>) -> io::Result<()> {
    for (at, (_, value)) in COLUMNS.iter().enumerate() {
        if at > 0 {
            sink.write_all(b",")?;
        }
        let value = value(row);
        let field = value.to_field();
        if field.contains(['"', ',', '\n', '\r']) {
            write!(sink, "\"{}\"", field.replace('"', "\"\""))?;
        } else {
            sink.write_all(field.as_bytes())?;
        }
    }
    sink.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_quotes_what_must_be() {
        let row = StoredRow {
            timestamp: Some(0),
            message: Some("a,\"b\"\nc"),
            status_code: Some(200),
            line: Some("plain"),
            ..StoredRow::default()
        };
        let mut text = Vec::new();
        write_csv(&mut text, &row).unwrap();
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_slice());
        let record = reader.records().next().unwrap().unwrap();
        let field = |name| record.get(COLUMNS.iter().position(|(known, _)| *known == name).unwrap()).unwrap();
        assert_eq!(record.len(), COLUMNS.len());
        assert_eq!(field("timestamp"), "1970-01-01T00:00:00.000Z");
        assert_eq!((field("message"), field("status_code")), ("a,\"b\"\nc", "200"));
        assert_eq!((field("line"), field("service")), ("plain", ""));
        assert!(text.ends_with(b",plain,,,,\n"));
    }

    #[test]
    fn a_row_is_a_json_object_of_what_it_has() {
        let row = StoredRow {
            timestamp: Some(1_734_604_215_123),
            event_id: Some("e1"),
            severity_number: Some(17),
            duration_ms: Some(1.5),
            line: Some("say \"hi\"\n\u{1a}0"),
            more_event_ids: Some("e2,e3"),
            ..StoredRow::default()
        };
        let mut text = Vec::new();
        write_ndjson(&mut text, &row).unwrap();
        write_ndjson(&mut text, &StoredRow { duration_ms: Some(f64::NAN), ..StoredRow::default() }).unwrap();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "{\"timestamp\":\"2024-12-19T10:30:15.123Z\",\"time_unix_nano\":1734604215123000000,\
             \"observed_timestamp\":\"2024-12-19T10:30:15.123Z\",\"event_id\":\"e1\",\"severity_number\":17,\
             \"duration_ms\":1.5,\"line\":\"say \\\"hi\\\"\\n\\u001a\",\"more_event_ids\":\"e2,e3\"}\n{}\n"
        );
    }
}
