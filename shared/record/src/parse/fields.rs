//! The one table of field names: what loggers call a thing, and what we call it.
//!
//! It serves every format that names its fields: JSON, logfmt, audit events.

mod columns;
mod index;
mod value;

pub(crate) use columns::Fields;
pub(crate) use index::{Index, Name, Path};
pub(crate) use value::Value;

/// What a named field means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Timestamp,
    /// By name, or by number on any scale but OpenTelemetry's.
    Level,
    /// On OpenTelemetry's scale, 1 to 24.
    SeverityNumber,
    Message,
    /// Serilog's message before its values are put in.
    MessageTemplate,
    SerilogEventId,
    /// The message of structlog, the event's name where there is a message as well.
    Event,
    /// The message of some, the whole line inside a wrapper of others.
    Log,
    /// What went wrong; the message where there is no other.
    Error,
    /// Level, time and message of zap in development, which are those only together.
    InitialLevel,
    InitialTime,
    InitialMessage,
    Service,
    /// The program for bunyan and pino, the logger for others.
    Name,
    Hostname,
    Environment,
    TraceId,
    SpanId,
    RequestId,
    UserId,
    EventName,
    HttpMethod,
    Path,
    /// `GET /a HTTP/1.1`.
    RequestLine,
    StatusCode,
    DurationMs,
    DurationSeconds,
    DurationMicros,
    DurationNanos,
    /// In the unit that its text states, else in milliseconds, or in seconds beside a time in seconds.
    Duration,
    /// nginx: how long it took, in seconds; API Gateway: when it came.
    RequestTime,
    /// The embedded metric format's marker.
    Emf,
    /// Kubernetes.
    ApiVersion,
    AuditVerb,
    /// CloudTrail.
    EventSource,
    ErrorCode,
    /// Lambda's platform events.
    PlatformType,
    PlatformStatus,
    PlatformErrorType,
    BilledDurationMs,
    MemorySizeMb,
    MaxMemoryUsedMb,
    InitDurationMs,
    /// Wrappers of log routers.
    Stream,
    StreamSource,
    ContainerId,
    ContainerName,
    EcsCluster,
    EcsTaskArn,
    EcsTaskDefinition,
    PodName,
    Namespace,
    /// The service, as Kubernetes' labels name it.
    LabelledService,
    LogProcessed,
}

/// How many fields there are.
pub(crate) const FIELDS: usize = Field::LogProcessed as usize + 1;

/// What a rank grows by where the name was found in one of [`OPEN`].
pub(crate) const OPEN_RANK: u8 = 8;

/// Names by field. Where a line has several names for one field the lowest rank
/// wins, and among equals the first.
///
/// - Case does not matter; `_` stands for itself, for `-` and for nothing:
///   `request_id` is also `requestId`, `RequestID`, `REQUEST-ID`. Underscores
///   at the front of a line's own name are passed over (GELF, journald).
/// - A dot stands for itself (`{"log.level":…}`) and for nesting (`{"log":{"level":…}}`).
#[rustfmt::skip]
const NAMES: &[(Field, u8, &[&str])] = { use Field::*; &[
    (Timestamp, 0, &["timestamp", "@timestamp", "ts", "time", "@t", "date_time", "event_time", "asctime", "time_millis",
                     "timestamp_ms", "time_unix_nano", "time_iso8601", "event_timestamp", "log_time", "stage_timestamp",
                     "realtime_timestamp", "t.$date", "record.time.timestamp", "log.timestamp"]),
    (Timestamp, 1, &["date", "time_local", "request_time_epoch", "start_time", "timestamp.seconds", "instant.epoch_second",
                     "aws.timestamp"]),
    (Timestamp, 2, &["observed_timestamp", "observed_time_unix_nano", "created", "created_at", "start_utc"]),

    (Level, 0, &["level_name", "severity_text", "log_level", "log.level", "@l", "@level", "level.name", "record.level.name"]),
    (Level, 1, &["level", "severity", "lvl", "severity_label", "syslog.severity.name"]),
    (Level, 2, &["fields.level", "priority", "pri", "s"]),
    (SeverityNumber, 0, &["severity_number"]),

    (Message, 0, &["message", "msg", "@m", "@message", "rendered_message", "short_message", "log_message", "body.string_value",
                   "record.message"]),
    (MessageTemplate, 0, &["@mt", "message_template"]),
    (SerilogEventId, 0, &["@i"]),
    (Message, 1, &["fields.message", "fields.msg", "body", "json_payload.message", "text_payload"]),
    (Message, 3, &["text", "content", "description", "full_message"]),
    (InitialLevel, 0, &["l"]),
    (InitialTime, 0, &["t"]),
    (InitialMessage, 0, &["m"]),
    (Event, 0, &["event"]),
    (Log, 0, &["log"]),
    (Error, 0, &["error.message", "err.message", "err.msg", "error_message", "exception.message", "@x"]),
    (Error, 1, &["error", "err", "exception", "reason"]),

    (Service, 0, &["service", "service.name", "service_name", "dd.service", "service_context.service"]),
    (Service, 1, &["app", "app_name", "app.name", "application", "application_name", "application.name"]),
    (Service, 2, &["function_name", "faas.name", "syslog_identifier"]),
    (Name, 0, &["name"]),
    (Hostname, 0, &["hostname"]),

    (Environment, 0, &["environment", "env", "deployment.environment", "deployment.environment.name",
                       "deployment_environment", "service.environment", "dd.env"]),

    (TraceId, 0, &["trace_id", "trace.id", "trace.trace_id", "span.trace_id", "otel_trace_id", "xray_trace_id", "x_ray_trace_id",
                   "x_b3_trace_id", "trace_context.trace_id", "span_context.trace_id", "logging.googleapis.com/trace"]),
    (TraceId, 1, &["trace_parent", "x_amzn_trace_id", "headers.trace_parent", "headers.x_amzn_trace_id",
                   "headers.x_b3_trace_id", "record.tracing.value"]),
    // The lower half of the id, as a decimal number.
    (TraceId, 2, &["dd.trace_id"]),

    (SpanId, 0, &["span_id", "span.id", "span.span_id", "trace.span_id", "otel_span_id", "x_b3_span_id", "trace_context.span_id",
                  "span_context.span_id", "logging.googleapis.com/spanid", "headers.x_b3_span_id", "record.tracing.span_id"]),
    (SpanId, 1, &["dd.span_id"]),

    (RequestId, 0, &["request_id", "request.id", "req.id", "req_id", "x_request_id", "http.request.id", "http.request_id",
                     "aws_request_id", "lambda_request_id", "function_request_id", "x_amzn_request_id",
                     "request.request_id", "req.request_id", "request_context.request_id", "headers.x_request_id",
                     "headers.x_amzn_request_id", "faas.invocation_id", "faas.execution", "record.request_id", "audit_id"]),
    (RequestId, 1, &["correlation_id", "x_correlation_id", "headers.x_correlation_id", "correlation.id"]),
    (RequestId, 2, &["transaction.id", "transaction_id"]),

    (UserId, 0, &["user_id", "uid", "user.id", "user.uid", "enduser.id", "usr.id", "actor.user_id", "actor.id", "actor_id",
                  "principal_id", "user_identity.arn"]),
    (UserId, 1, &["user", "user_name", "user.name", "user.user_name", "user.email", "usr.name", "actor", "actor.name",
                  "principal", "remote_user", "user_identity.user_name"]),
    (UserId, 2, &["user_identity.principal_id", "user_identity.invoked_by"]),

    (EventName, 0, &["event_name", "event.name", "event_type", "event.action"]),

    (HttpMethod, 0, &["http_method", "method", "http.method", "req.method", "request.method", "http.request.method",
                      "request_method", "http_request.request_method", "http.request_method"]),
    (Path, 0, &["path", "http.path", "url.path", "req.path", "request.path", "request_path", "http.target", "http.route",
                "route", "raw_path", "http.request.path"]),
    (Path, 1, &["url", "uri", "req.url", "request.url", "request.uri", "request_uri", "http.url", "http.uri", "url.original",
                "url.full", "request_url", "http_request.request_url", "http.request.url", "resource_path"]),
    (RequestLine, 0, &["request", "request_line", "http_request"]),
    (StatusCode, 0, &["status_code", "status", "http.status_code", "http.status", "http.response.status_code", "res.status_code",
                      "res.status", "response.status", "response.status_code", "response_code", "http_status",
                      "http_status_code", "downstream_status", "http_request.status", "response_status.code"]),

    (DurationMs, 0, &["duration_ms", "duration_millis", "elapsed_ms", "elapsed_millis", "latency_ms", "took_ms", "time_taken_ms",
                      "response_time_ms", "request_duration_ms", "request_time_ms", "elapsed_time_ms", "execution_time_ms",
                      "processing_time_ms", "total_time_ms", "http.duration_ms", "record.metrics.duration_ms"]),
    (DurationSeconds, 0, &["duration_s", "duration_sec", "duration_secs", "duration_seconds", "elapsed_s", "elapsed_sec",
                           "elapsed_secs", "elapsed_seconds", "latency_s", "latency_seconds", "took_s", "response_time_s",
                           "response_time_seconds", "request_duration_seconds", "http.server.request.duration"]),
    (DurationMicros, 0, &["duration_us", "duration_micros", "elapsed_us", "elapsed_micros", "latency_us", "response_time_us"]),
    (DurationNanos, 0, &["duration_ns", "duration_nanos", "elapsed_ns", "elapsed_nanos", "latency_ns", "event.duration"]),
    (Duration, 0, &["latency_human", "duration", "http.duration", "http_request.latency"]),
    (Duration, 1, &["latency", "elapsed", "elapsed_time", "took", "response_time", "response_latency", "time_taken"]),
    (RequestTime, 0, &["request_time"]),

    (Emf, 0, &["aws.cloud_watch_metrics"]),
    (ApiVersion, 0, &["api_version"]),
    (AuditVerb, 0, &["verb"]),
    (EventSource, 0, &["event_source"]),
    (ErrorCode, 0, &["error_code"]),
    (PlatformType, 0, &["type"]),
    (PlatformStatus, 0, &["record.status"]),
    (PlatformErrorType, 0, &["record.error_type"]),
    (BilledDurationMs, 0, &["record.metrics.billed_duration_ms"]),
    (MemorySizeMb, 0, &["record.metrics.memory_size_mb"]),
    (MaxMemoryUsedMb, 0, &["record.metrics.max_memory_used_mb"]),
    (InitDurationMs, 0, &["record.metrics.init_duration_ms"]),

    (Stream, 0, &["stream"]),
    (StreamSource, 0, &["source"]),
    (ContainerId, 0, &["container_id"]),
    (ContainerName, 0, &["container_name", "kubernetes.container_name", "kubernetes.container.name"]),
    (EcsCluster, 0, &["ecs_cluster"]),
    (EcsTaskArn, 0, &["ecs_task_arn"]),
    (EcsTaskDefinition, 0, &["ecs_task_definition"]),
    (PodName, 0, &["kubernetes.pod_name", "kubernetes.pod.name"]),
    (Namespace, 0, &["kubernetes.namespace_name", "kubernetes.namespace"]),
    (LabelledService, 0, &["kubernetes.labels.app.kubernetes.io/name", "kubernetes.labels.app_kubernetes_io/name"]),
    (LabelledService, 1, &["kubernetes.labels.app", "kubernetes.labels.k8s_app"]),
    (LogProcessed, 0, &["log_processed"]),
] };

/// Objects whose members count as if they stood at the top, behind every name
/// that does stand there. Never a line's time, level or message: those of an
/// order or of a job are not the line's.
const OPEN: &[&str] = &[
    "attributes",
    "properties",
    "fields",
    "@fields",
    "extra",
    "context",
    "ctx",
    "context_map",
    "mdc",
    "metadata",
    "meta",
    "labels",
    "tags",
    "data",
    "span",
    "resource",
    "message",
    "msg",
    "params",
    "details",
    "payload",
    "json_payload",
    "scope",
    "state",
];

impl Field {
    /// Whether a member of an object of [`OPEN`] may give the field.
    pub(crate) fn is_open(self) -> bool {
        (Field::Service as usize..=Field::Duration as usize).contains(&(self as usize))
            && !matches!(self, Field::Name | Field::Hostname)
    }
}
