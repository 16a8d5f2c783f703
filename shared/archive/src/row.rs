//! A row as files hold it, of whatever origin and version.

use std::borrow::Cow;
use std::rc::Rc;

use catchment_record::LogRecord;
use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use crate::event_id::{EventIds, Parts};
use crate::fold::{escape_line, without_message};

/// What every kind of row says of each column, named as the column is.
pub(crate) trait Row {
    fn timestamp(&self) -> Option<i64>;
    fn time_unix_nano(&self) -> Option<i64>;
    fn observed_timestamp(&self) -> Option<i64>;
    fn event_id(&self) -> Option<&str>;
    fn account_id(&self) -> Option<&str>;
    fn region(&self) -> Option<&str>;
    fn log_group(&self) -> Option<&str>;
    fn log_stream(&self) -> Option<&str>;
    fn service(&self) -> Option<&str>;
    fn environment(&self) -> Option<&str>;
    fn cluster(&self) -> Option<&str>;
    fn workload(&self) -> Option<&str>;
    fn instance(&self) -> Option<&str>;
    fn container(&self) -> Option<&str>;
    fn format(&self) -> Option<&str>;
    fn severity_number(&self) -> Option<i32>;
    fn severity_text(&self) -> Option<&str>;
    fn message(&self) -> Option<Cow<'_, str>>;
    fn trace_id(&self) -> Option<&str>;
    fn span_id(&self) -> Option<&str>;
    fn request_id(&self) -> Option<&str>;
    fn user_id(&self) -> Option<&str>;
    fn event_name(&self) -> Option<&str>;
    fn http_method(&self) -> Option<&str>;
    fn path(&self) -> Option<&str>;
    fn status_code(&self) -> Option<i32>;
    fn duration_ms(&self) -> Option<f64>;
    fn line(&self) -> Option<Cow<'_, str>>;
    fn attributes(&self) -> Option<&str>;
    fn redactions(&self) -> Option<Cow<'_, str>>;
    fn parse_error(&self) -> Option<&str>;
    fn more_event_ids(&self) -> Option<Cow<'_, str>>;
    fn event_batch(&self) -> Option<&str>;
    fn event_index(&self) -> Option<i32>;
}

/// A row as it is stored: literally, as files of old versions hold it, without
/// the message in the line, as `ingest` writes it, or folded, as merged files do.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoredRow<'a> {
    /// When it happened, in milliseconds since the epoch.
    pub timestamp: Option<i64>,
    /// The same in nanoseconds; null in a merged file where it is the same to the nanosecond.
    pub time_unix_nano: Option<i64>,
    /// When CloudWatch was given the event, in milliseconds since the epoch; null in a merged file where `timestamp` is the same.
    pub observed_timestamp: Option<i64>,
    /// CloudWatch's id of the event; null where `event_batch` and `event_index` are it.
    pub event_id: Option<&'a str>,
    /// The account that the log group is of.
    pub account_id: Option<&'a str>,
    /// Its region.
    pub region: Option<&'a str>,
    /// The log group.
    pub log_group: Option<&'a str>,
    /// The log stream.
    pub log_stream: Option<&'a str>,
    /// The service that wrote it.
    pub service: Option<&'a str>,
    /// The environment (`prod`, `staging` …).
    pub environment: Option<&'a str>,
    /// The ECS or EKS cluster.
    pub cluster: Option<&'a str>,
    /// The task definition, deployment or function.
    pub workload: Option<&'a str>,
    /// The task id, pod or execution environment.
    pub instance: Option<&'a str>,
    /// The container.
    pub container: Option<&'a str>,
    /// How the line was understood.
    pub format: Option<&'a str>,
    /// OpenTelemetry severity number, 1 to 24.
    pub severity_number: Option<i32>,
    /// The level as the line wrote it.
    pub severity_text: Option<&'a str>,
    /// What the line says, as stored: a U+001A begins a placeholder ([`StoredRow::message`]).
    pub message: Option<&'a str>,
    /// Trace id.
    pub trace_id: Option<&'a str>,
    /// Span id.
    pub span_id: Option<&'a str>,
    /// The correlation id.
    pub request_id: Option<&'a str>,
    /// Who it is about.
    pub user_id: Option<&'a str>,
    /// What happened, by name.
    pub event_name: Option<&'a str>,
    /// HTTP method.
    pub http_method: Option<&'a str>,
    /// HTTP path.
    pub path: Option<&'a str>,
    /// HTTP status.
    pub status_code: Option<i32>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<f64>,
    /// The line as stored, redacted: a U+001A begins a placeholder ([`StoredRow::line`]).
    pub line: Option<&'a str>,
    /// Parsed fields that have no column, as a JSON object.
    pub attributes: Option<&'a str>,
    /// What was redacted, by rule.
    pub redactions: Option<&'a str>,
    /// Why the line could not be parsed as what it looks like.
    pub parse_error: Option<&'a str>,
    /// The log events that were stitched to the first ([`StoredRow::more_event_ids`]).
    pub more_event_ids: Option<&'a str>,
    /// What the ids of a batch share ([`StoredRow::event_id`]).
    pub event_batch: Option<&'a str>,
    /// The event's place in its batch.
    pub event_index: Option<i32>,
}

impl Row for StoredRow<'_> {
    fn timestamp(&self) -> Option<i64> {
        self.timestamp
    }
    fn time_unix_nano(&self) -> Option<i64> {
        self.time_unix_nano
    }
    fn observed_timestamp(&self) -> Option<i64> {
        self.observed_timestamp
    }
    fn event_id(&self) -> Option<&str> {
        self.event_id
    }
    fn account_id(&self) -> Option<&str> {
        self.account_id
    }
    fn region(&self) -> Option<&str> {
        self.region
    }
    fn log_group(&self) -> Option<&str> {
        self.log_group
    }
    fn log_stream(&self) -> Option<&str> {
        self.log_stream
    }
    fn service(&self) -> Option<&str> {
        self.service
    }
    fn environment(&self) -> Option<&str> {
        self.environment
    }
    fn cluster(&self) -> Option<&str> {
        self.cluster
    }
    fn workload(&self) -> Option<&str> {
        self.workload
    }
    fn instance(&self) -> Option<&str> {
        self.instance
    }
    fn container(&self) -> Option<&str> {
        self.container
    }
    fn format(&self) -> Option<&str> {
        self.format
    }
    fn severity_number(&self) -> Option<i32> {
        self.severity_number
    }
    fn severity_text(&self) -> Option<&str> {
        self.severity_text
    }
    fn message(&self) -> Option<Cow<'_, str>> {
        self.message.map(Cow::Borrowed)
    }
    fn trace_id(&self) -> Option<&str> {
        self.trace_id
    }
    fn span_id(&self) -> Option<&str> {
        self.span_id
    }
    fn request_id(&self) -> Option<&str> {
        self.request_id
    }
    fn user_id(&self) -> Option<&str> {
        self.user_id
    }
    fn event_name(&self) -> Option<&str> {
        self.event_name
    }
    fn http_method(&self) -> Option<&str> {
        self.http_method
    }
    fn path(&self) -> Option<&str> {
        self.path
    }
    fn status_code(&self) -> Option<i32> {
        self.status_code
    }
    fn duration_ms(&self) -> Option<f64> {
        self.duration_ms
    }
    fn line(&self) -> Option<Cow<'_, str>> {
        self.line.map(Cow::Borrowed)
    }
    fn attributes(&self) -> Option<&str> {
        self.attributes
    }
    fn redactions(&self) -> Option<Cow<'_, str>> {
        self.redactions.map(Cow::Borrowed)
    }
    fn parse_error(&self) -> Option<&str> {
        self.parse_error
    }
    fn more_event_ids(&self) -> Option<Cow<'_, str>> {
        self.more_event_ids.map(Cow::Borrowed)
    }
    fn event_batch(&self) -> Option<&str> {
        self.event_batch
    }
    fn event_index(&self) -> Option<i32> {
        self.event_index
    }
}

/// A record as `ingest` writes it: its event's id in parts, its line without the message.
#[derive(Debug)]
pub(crate) struct NewRow<'r> {
    pub record: &'r LogRecord<'r>,
    event: Option<NewEvent>,
}

#[derive(Debug)]
struct NewEvent {
    /// Shared by the events of a batch.
    batch: Rc<str>,
    index: i32,
    more: Option<String>,
}

impl<'r> NewRow<'r> {
    /// The records as rows.
    pub fn all(records: &'r [LogRecord<'_>], ids: &mut EventIds) -> Vec<Self> {
        let mut last: Rc<str> = "".into();
        let mut event_of = |record: &LogRecord<'_>| {
            let millis = record.observed_millis.or(record.time_unix_nano.map(|_| record.time_millis()))?;
            let more = record.more_event_ids_column();
            let Parts { batch, index, more } =
                ids.take_apart((record.event_id, None), more.as_deref(), millis)?;
            if *last != *batch {
                last = batch.into();
            }
            Some(NewEvent { batch: Rc::clone(&last), index, more: more.map(str::to_owned) })
        };
        records.iter().map(|record| Self { record, event: event_of(record) }).collect()
    }
}

impl Row for NewRow<'_> {
    fn timestamp(&self) -> Option<i64> {
        self.record.time_unix_nano.map(|_| self.record.time_millis())
    }
    fn time_unix_nano(&self) -> Option<i64> {
        self.record.time_unix_nano
    }
    fn observed_timestamp(&self) -> Option<i64> {
        self.record.observed_millis
    }
    fn event_id(&self) -> Option<&str> {
        if self.event.is_none() { Some(self.record.event_id) } else { None }
    }
    fn account_id(&self) -> Option<&str> {
        Some(&self.record.source.account_id)
    }
    fn region(&self) -> Option<&str> {
        Some(&self.record.source.region)
    }
    fn log_group(&self) -> Option<&str> {
        Some(self.record.source.log_group.as_str())
    }
    fn log_stream(&self) -> Option<&str> {
        Some(self.record.source.log_stream.as_str())
    }
    fn service(&self) -> Option<&str> {
        Some(&self.record.service)
    }
    fn environment(&self) -> Option<&str> {
        Some(&self.record.environment)
    }
    fn cluster(&self) -> Option<&str> {
        self.record.cluster()
    }
    fn workload(&self) -> Option<&str> {
        self.record.workload()
    }
    fn instance(&self) -> Option<&str> {
        self.record.instance()
    }
    fn container(&self) -> Option<&str> {
        self.record.container()
    }
    fn format(&self) -> Option<&str> {
        Some(self.record.format.as_str())
    }
    fn severity_number(&self) -> Option<i32> {
        self.record.severity_number.map(i32::from)
    }
    fn severity_text(&self) -> Option<&str> {
        self.record.severity_text.as_deref()
    }
    fn message(&self) -> Option<Cow<'_, str>> {
        Some(escape_line(&self.record.message))
    }
    fn trace_id(&self) -> Option<&str> {
        self.record.trace_id.as_deref()
    }
    fn span_id(&self) -> Option<&str> {
        self.record.span_id.as_deref()
    }
    fn request_id(&self) -> Option<&str> {
        Some(&self.record.request_id)
    }
    fn user_id(&self) -> Option<&str> {
        self.record.user_id.as_deref()
    }
    fn event_name(&self) -> Option<&str> {
        self.record.event_name.as_deref()
    }
    fn http_method(&self) -> Option<&str> {
        self.record.http_method.as_deref()
    }
    fn path(&self) -> Option<&str> {
        self.record.path.as_deref()
    }
    fn status_code(&self) -> Option<i32> {
        self.record.status_code
    }
    fn duration_ms(&self) -> Option<f64> {
        self.record.duration_ms
    }
    fn line(&self) -> Option<Cow<'_, str>> {
        Some(without_message(self.record.line, &self.record.message))
    }
    fn attributes(&self) -> Option<&str> {
        self.record.attributes.as_deref()
    }
    fn redactions(&self) -> Option<Cow<'_, str>> {
        self.record.redactions.to_column().map(Cow::Owned)
    }
    fn parse_error(&self) -> Option<&str> {
        self.record.parse_error
    }
    fn more_event_ids(&self) -> Option<Cow<'_, str>> {
        match &self.event {
            Some(event) => event.more.as_deref().map(Cow::Borrowed),
            None => self.record.more_event_ids_column().map(Cow::Owned),
        }
    }
    fn event_batch(&self) -> Option<&str> {
        self.event.as_ref().map(|event| &*event.batch)
    }
    fn event_index(&self) -> Option<i32> {
        self.event.as_ref().map(|event| event.index)
    }
}

/// The row as people know it: the object that the [`LogRecord`] of the line
/// serializes to, whether the row is folded or not.
impl Serialize for StoredRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("timestamp", &self.timestamp.and_then(rfc3339))?;
        map.serialize_entry("time_unix_nano", &self.time_unix_nano())?;
        map.serialize_entry("observed_timestamp", &self.observed_millis().and_then(rfc3339))?;
        map.serialize_entry("event_id", &self.event_id())?;
        map.serialize_entry("account_id", &self.account_id)?;
        map.serialize_entry("region", &self.region)?;
        map.serialize_entry("log_group", &self.log_group)?;
        map.serialize_entry("log_stream", &self.log_stream)?;
        map.serialize_entry("service", &self.service)?;
        map.serialize_entry("environment", &self.environment)?;
        map.serialize_entry("cluster", &self.cluster)?;
        map.serialize_entry("workload", &self.workload)?;
        map.serialize_entry("instance", &self.instance)?;
        map.serialize_entry("container", &self.container)?;
        map.serialize_entry("format", &self.format)?;
        map.serialize_entry("severity_number", &self.severity_number)?;
        map.serialize_entry("severity_text", &self.severity_text)?;
        map.serialize_entry("message", &self.message.map(|_| self.message()))?;
        map.serialize_entry("trace_id", &self.trace_id)?;
        map.serialize_entry("span_id", &self.span_id)?;
        map.serialize_entry("request_id", &self.request_id)?;
        map.serialize_entry("user_id", &self.user_id)?;
        map.serialize_entry("event_name", &self.event_name)?;
        map.serialize_entry("http_method", &self.http_method)?;
        map.serialize_entry("path", &self.path)?;
        map.serialize_entry("status_code", &self.status_code)?;
        map.serialize_entry("duration_ms", &self.duration_ms)?;
        map.serialize_entry("line", &self.line.map(|_| self.line()))?;
        let attributes = self.attributes.map(serde_json::from_str::<&RawValue>).and_then(Result::ok);
        map.serialize_entry("attributes", &attributes)?;
        map.serialize_entry("redactions", &self.redactions)?;
        map.serialize_entry("parse_error", &self.parse_error)?;
        map.serialize_entry("more_event_ids", &self.more_event_ids())?;
        map.end()
    }
}

/// `2026-11-21T04:05:06.789Z`; `None` beyond what a calendar can show.
fn rfc3339(millis: i64) -> Option<String> {
    Timestamp::from_millisecond(millis).ok().map(|time| format!("{time:.3}"))
}
