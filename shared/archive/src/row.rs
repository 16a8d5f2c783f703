//! A row as files hold it, of whatever origin and version.

mod new;

use std::borrow::Cow;

use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

pub(crate) use new::{NewRow, NewRows};

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
    fn message(&self) -> Option<&str>;
    fn trace_id(&self) -> Option<&str>;
    fn span_id(&self) -> Option<&str>;
    fn request_id(&self) -> Option<&str>;
    fn user_id(&self) -> Option<&str>;
    fn event_name(&self) -> Option<&str>;
    fn http_method(&self) -> Option<&str>;
    fn path(&self) -> Option<&str>;
    fn status_code(&self) -> Option<i32>;
    fn duration_ms(&self) -> Option<f64>;
    fn line(&self) -> Option<&str>;
    fn attributes(&self) -> Option<&str>;
    fn redactions(&self) -> Option<Cow<'_, str>>;
    fn parse_error(&self) -> Option<&str>;
    fn more_event_ids(&self) -> Option<Cow<'_, str>>;
    fn event_batch(&self) -> Option<&str>;
    fn event_index(&self) -> Option<i32>;
}

/// A row as it is stored: folded, or literally, as files of old versions hold it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoredRow<'a> {
    /// When it happened, in milliseconds since the epoch.
    pub timestamp: Option<i64>,
    /// The same in nanoseconds; null where it is the same to the nanosecond.
    pub time_unix_nano: Option<i64>,
    /// When CloudWatch was given the event, in milliseconds since the epoch; null where `timestamp` is the same.
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
    fn message(&self) -> Option<&str> {
        self.message
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
    fn line(&self) -> Option<&str> {
        self.line
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
