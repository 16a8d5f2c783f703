//! Our parsed form of a log event: OpenTelemetry's log data model, flat.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use crate::fingerprint::error_fingerprint;
use crate::parse::{EventTime, severity_name};
use crate::redact::Redactions;
use crate::source::Source;

/// How a line was understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// One JSON object of an application.
    Json,
    /// An embedded metric: JSON with `_aws.CloudWatchMetrics`.
    Emf,
    /// A CloudTrail record.
    CloudTrail,
    /// An audit event of Kubernetes.
    KubernetesAudit,
    /// A platform event of Lambda, as JSON or as text (`START`, `END`, `REPORT`).
    Lambda,
    /// `key=value` pairs.
    Logfmt,
    /// Common or Combined access log.
    Access,
    /// Error log of nginx.
    NginxError,
    /// Error log of Apache.
    ApacheError,
    /// Syslog, RFC 3164 or RFC 5424.
    Syslog,
    /// klog, glog.
    Klog,
    /// Ruby on Rails.
    Rails,
    /// PostgreSQL.
    Postgres,
    /// MySQL.
    Mysql,
    /// Redis.
    Redis,
    /// HAProxy.
    Haproxy,
    /// Envoy's access log.
    Envoy,
    /// Traefik's access log.
    Traefik,
    /// Access log of an Elastic Load Balancer.
    Alb,
    /// VPC flow log.
    VpcFlow,
    /// Anything else; a level and a timestamp are found where they stand out.
    #[default]
    Text,
}

impl Format {
    /// The value of the column `format`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Emf => "emf",
            Self::CloudTrail => "cloudtrail",
            Self::KubernetesAudit => "kubernetes_audit",
            Self::Lambda => "lambda",
            Self::Logfmt => "logfmt",
            Self::Access => "access",
            Self::NginxError => "nginx_error",
            Self::ApacheError => "apache_error",
            Self::Syslog => "syslog",
            Self::Klog => "klog",
            Self::Rails => "rails",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Redis => "redis",
            Self::Haproxy => "haproxy",
            Self::Envoy => "envoy",
            Self::Traefik => "traefik",
            Self::Alb => "alb",
            Self::VpcFlow => "vpc_flow",
            Self::Text => "text",
        }
    }

    /// By what a line is known to be of this format, for people.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Json => "one JSON object",
            Self::Emf => "a JSON object with `_aws.CloudWatchMetrics`",
            Self::CloudTrail => "a JSON object with `eventVersion`, `eventSource` and `eventName`",
            Self::KubernetesAudit => "a JSON object whose `apiVersion` begins with `audit.k8s.io/`",
            Self::Lambda => "a platform event of Lambda's (START, END, REPORT …, or its JSON)",
            Self::Logfmt => "nothing but `key=value` pairs",
            Self::Access => "a client, a quoted request and a status",
            Self::NginxError => "`yyyy/mm/dd hh:mm:ss [level] pid#tid:`",
            Self::ApacheError => "`[time] [level]` or `[time] [module:level]`",
            Self::Syslog => "`<priority>`, or a syslog time, a host and a tag",
            Self::Klog => "a level's letter, month and day, time, thread and `file:line]`",
            Self::Rails => "Rails' tags and request lines",
            Self::Postgres => "PostgreSQL's time, process and level",
            Self::Mysql => "MySQL's time, thread and `[level]`",
            Self::Redis => "`pid:role`, a time and a level's sign",
            Self::Haproxy => "HAProxy's timers, counters and queues",
            Self::Envoy => "a time in brackets, a quoted request, a status and response flags",
            Self::Traefik => "an access line with Traefik's router, server and duration",
            Self::Alb => "the fields of a load balancer's access log",
            Self::VpcFlow => "the 14 fields of a flow log",
            Self::Text => "no other format's sign; time and level where they stand out",
        }
    }
}

/// Where one line comes from, as the wrapper that a log router put around it
/// says; each stands before what the [`Source`] says of the whole batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    pub(crate) cluster: Option<Cow<'a, str>>,
    pub(crate) workload: Option<Cow<'a, str>>,
    pub(crate) instance: Option<Cow<'a, str>>,
    pub(crate) container: Option<Cow<'a, str>>,
}

/// One row of the archive. What the whole batch shares (account, log group,
/// cluster …) is in its [`Source`].
#[derive(Debug, Clone)]
pub struct LogRecord<'a> {
    /// What the batch shares.
    pub source: &'a Source,
    /// When it happened, in nanoseconds since the epoch. `None` only for a line
    /// that was read from a file and states no time.
    pub time_unix_nano: Option<i64>,
    /// When CloudWatch was given the event, in milliseconds since the epoch.
    pub observed_millis: Option<i64>,
    /// What is known of its time beside what the line says.
    pub(crate) event_time: EventTime,
    /// CloudWatch's id of the event, 56 digits; of the first one, where several
    /// were stitched together.
    pub event_id: &'a str,
    /// The ids of the other log events that were stitched to the first.
    pub more_event_ids: Vec<&'a str>,
    /// The service that wrote it.
    pub service: Cow<'a, str>,
    /// The environment (`prod`, `staging` …).
    pub environment: Cow<'a, str>,
    /// Where the line itself says it comes from; hardly any does.
    pub(crate) place: Option<Box<Place<'a>>>,
    /// How many wrappers are around the text that is being parsed.
    pub(crate) unwrappings: u8,
    /// How the line was understood.
    pub format: Format,
    /// OpenTelemetry severity number, 1 to 24.
    pub severity_number: Option<u8>,
    /// The level as the line wrote it.
    pub severity_text: Option<Cow<'a, str>>,
    /// What the line says, without its frame.
    pub message: Cow<'a, str>,
    /// Trace id, 32 hexadecimal digits where the line's form allows it.
    pub trace_id: Option<Cow<'a, str>>,
    /// Span id.
    pub span_id: Option<Cow<'a, str>>,
    /// The correlation id: the line's, else the log stream's, which begins with `derived-`.
    pub request_id: Cow<'a, str>,
    /// Who it is about.
    pub user_id: Option<Cow<'a, str>>,
    /// What happened, by name (`user.login`).
    pub event_name: Option<Cow<'a, str>>,
    /// HTTP method.
    pub http_method: Option<Cow<'a, str>>,
    /// HTTP path.
    pub path: Option<Cow<'a, str>>,
    /// HTTP status.
    pub status_code: Option<i32>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<f64>,
    /// The line, redacted.
    pub line: &'a str,
    /// Parsed fields that have no column, as a JSON object; never for a JSON
    /// line, which holds them itself.
    pub attributes: Option<String>,
    /// What was redacted, by rule.
    pub redactions: Redactions,
    /// Why the line could not be parsed as what it looks like.
    pub parse_error: Option<&'static str>,
}

impl LogRecord<'_> {
    /// When it happened, in milliseconds since the epoch (0 where it is not known).
    pub fn time_millis(&self) -> i64 {
        self.time_unix_nano.unwrap_or_default().div_euclid(1_000_000)
    }

    /// How many log events it is: one, or as many as were stitched together.
    pub fn events(&self) -> u64 {
        self.more_event_ids.len() as u64 + 1
    }

    /// Whether the correlation id stands in the line; else it is derived from the log stream.
    pub fn has_own_request_id(&self) -> bool {
        self.request_id != self.source.derived_request_id
    }

    /// The ECS or EKS cluster: the line's, else the log stream's.
    pub fn cluster(&self) -> Option<&str> {
        self.place.as_ref().and_then(|place| place.cluster.as_deref()).or(self.source.cluster.as_deref())
    }

    /// The task definition, deployment or function: the line's, else the log stream's.
    pub fn workload(&self) -> Option<&str> {
        self.place.as_ref().and_then(|place| place.workload.as_deref()).or(self.source.workload.as_deref())
    }

    /// The task id, pod or execution environment: the line's, else the log stream's.
    pub fn instance(&self) -> Option<&str> {
        self.place.as_ref().and_then(|place| place.instance.as_deref()).or(self.source.instance.as_deref())
    }

    /// The container: the line's, else the log stream's.
    pub fn container(&self) -> Option<&str> {
        self.place.as_ref().and_then(|place| place.container.as_deref()).or(self.source.container.as_deref())
    }

    /// `id,id,…` of the events that were stitched to the first; `None` where none was.
    pub fn more_event_ids_column(&self) -> Option<String> {
        (!self.more_event_ids.is_empty()).then(|| self.more_event_ids.join(","))
    }

    /// The value of a text column by its name, as queries and alert rules see
    /// it. `level` is the level as written, `detected_level` its normalised name,
    /// `error_fingerprint` the kind of an error, which is no column.
    pub fn label(&self, name: &str) -> Option<Cow<'_, str>> {
        let source = self.source;
        let text = match name {
            "account_id" => &source.account_id,
            "region" => &source.region,
            "log_group" => source.log_group.as_str(),
            "log_stream" => source.log_stream.as_str(),
            "service" => &self.service,
            "environment" => &self.environment,
            "cluster" => self.cluster()?,
            "workload" => self.workload()?,
            "instance" => self.instance()?,
            "container" => self.container()?,
            "format" => self.format.as_str(),
            "level" | "severity_text" => self.severity_text.as_deref()?,
            "detected_level" => self.detected_level()?,
            "trace_id" => self.trace_id.as_deref()?,
            "span_id" => self.span_id.as_deref()?,
            "request_id" => &self.request_id,
            "user_id" => self.user_id.as_deref()?,
            "event_name" => self.event_name.as_deref()?,
            "http_method" => self.http_method.as_deref()?,
            "path" => self.path.as_deref()?,
            "status_code" => return self.status_code.map(|code| code.to_string().into()),
            "duration_ms" => return self.duration_ms.map(|ms| ms.to_string().into()),
            "error_fingerprint" => {
                return error_fingerprint(self.severity_number, &self.message).map(Cow::Owned);
            }
            _ => return None,
        };
        Some(Cow::Borrowed(text))
    }

    /// The severity's name in lower case, whatever the line called it.
    pub fn detected_level(&self) -> Option<&'static str> {
        self.severity_number.map(severity_name)
    }
}

/// One JSON object with the columns' names as keys, in the archive's order;
/// times as RFC 3339; columns without a value are `null`.
impl Serialize for LogRecord<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let source = self.source;
        let mut map = serializer.serialize_map(None)?;
        let time = self.time_unix_nano.and_then(|ns| Timestamp::from_nanosecond(ns.into()).ok());
        let observed = self.observed_millis.and_then(|ms| Timestamp::from_millisecond(ms).ok());
        map.serialize_entry("timestamp", &time.map(rfc3339_millis))?;
        map.serialize_entry("time_unix_nano", &self.time_unix_nano)?;
        map.serialize_entry("observed_timestamp", &observed.map(rfc3339_millis))?;
        map.serialize_entry("event_id", self.event_id)?;
        map.serialize_entry("account_id", &source.account_id)?;
        map.serialize_entry("region", &source.region)?;
        map.serialize_entry("log_group", source.log_group.as_str())?;
        map.serialize_entry("log_stream", source.log_stream.as_str())?;
        map.serialize_entry("service", &self.service)?;
        map.serialize_entry("environment", &self.environment)?;
        map.serialize_entry("cluster", &self.cluster())?;
        map.serialize_entry("workload", &self.workload())?;
        map.serialize_entry("instance", &self.instance())?;
        map.serialize_entry("container", &self.container())?;
        map.serialize_entry("format", self.format.as_str())?;
        map.serialize_entry("severity_number", &self.severity_number)?;
        map.serialize_entry("severity_text", &self.severity_text)?;
        map.serialize_entry("message", &self.message)?;
        map.serialize_entry("trace_id", &self.trace_id)?;
        map.serialize_entry("span_id", &self.span_id)?;
        map.serialize_entry("request_id", &self.request_id)?;
        map.serialize_entry("user_id", &self.user_id)?;
        map.serialize_entry("event_name", &self.event_name)?;
        map.serialize_entry("http_method", &self.http_method)?;
        map.serialize_entry("path", &self.path)?;
        map.serialize_entry("status_code", &self.status_code)?;
        map.serialize_entry("duration_ms", &self.duration_ms)?;
        map.serialize_entry("line", self.line)?;
        let attributes = self.attributes.as_deref().and_then(|a| serde_json::from_str::<&RawValue>(a).ok());
        map.serialize_entry("attributes", &attributes)?;
        map.serialize_entry("redactions", &self.redactions.to_column())?;
        map.serialize_entry("parse_error", &self.parse_error)?;
        map.serialize_entry("more_event_ids", &self.more_event_ids_column())?;
        map.end()
    }
}

/// `2026-11-21T04:05:06.789Z`.
fn rfc3339_millis(time: Timestamp) -> String {
    format!("{time:.3}")
}
