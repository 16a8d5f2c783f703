//! The one table of field names: what loggers call a thing, and what we call it.

/// A column that a parsed field can fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Timestamp,
    Level,
    Message,
    Service,
    Environment,
    TraceId,
    SpanId,
    RequestId,
    UserId,
    EventName,
    HttpMethod,
    Path,
    StatusCode,
    DurationMs,
}

/// How many kinds of field there are.
pub(crate) const FIELDS: usize = Field::DurationMs as usize + 1;

/// The field that a key names, and its rank: where a line has several names for
/// one field, the lowest rank wins, and among equals the first. A dot stands
/// for one level of nesting (`req.method` is `{"req":{"method":…}}`), and for
/// itself (`{"log.level":…}`).
#[rustfmt::skip]
pub(crate) fn field_of(key: &str) -> Option<(Field, u8)> {
    use Field::*;
    Some(match key {
        "timestamp" | "@timestamp" | "ts" | "time" | "@t" | "datetime" | "eventTime" | "asctime" | "timeMillis" => (Timestamp, 0),
        "date" => (Timestamp, 1),

        "level" | "severity" | "lvl" | "levelname" | "log.level" | "severity_text" | "severityText" | "loglevel" | "logLevel" | "@l" | "log_level" => (Level, 0),
        "priority" => (Level, 1),

        "message" | "msg" | "@m" | "body" => (Message, 0),
        "@mt" | "fields.message" => (Message, 1),
        "log" | "event" | "text" => (Message, 2),

        "service" | "service.name" | "service_name" | "serviceName" | "resource.service.name" => (Service, 0),
        "app" | "application" | "dd.service" => (Service, 1),

        "environment" | "env" | "deployment.environment" | "deployment.environment.name" | "service.environment" | "dd.env" => (Environment, 0),

        "trace_id" | "traceId" | "traceid" | "traceID" | "trace.id" | "dd.trace_id" | "otelTraceID" | "xray_trace_id" | "xrayTraceId" | "context.trace_id" => (TraceId, 0),
        "traceparent" | "X-Amzn-Trace-Id" | "x-amzn-trace-id" => (TraceId, 1),

        "span_id" | "spanId" | "spanid" | "spanID" | "span.id" | "dd.span_id" | "otelSpanID" | "context.span_id" => (SpanId, 0),

        "request_id" | "requestId" | "requestid" | "requestID" | "request.id" | "req.id" | "req_id" | "reqId" | "x-request-id" | "X-Request-Id" | "http.request.id" | "AWSRequestId" | "aws_request_id" | "awsRequestId" => (RequestId, 0),
        "correlation_id" | "correlationId" | "correlationID" | "x-correlation-id" | "X-Correlation-Id" | "context.request_id" | "context.correlation_id" => (RequestId, 1),

        "user_id" | "userId" | "userID" | "uid" | "user.id" | "enduser.id" | "actor.user_id" | "actor.id" | "context.user_id" => (UserId, 0),
        "user" | "username" | "user.name" | "user_name" | "actor.name" => (UserId, 1),

        "event_name" | "eventName" | "event.name" | "event_type" | "eventType" | "event.action" => (EventName, 0),

        "http_method" | "method" | "http.method" | "req.method" | "request.method" | "http.request.method" | "httpMethod" | "request_method" => (HttpMethod, 0),
        "path" | "http.path" | "url.path" | "req.path" | "request.path" | "http.target" | "http.route" | "route" => (Path, 0),
        "url" | "uri" | "req.url" | "request.url" | "request_uri" | "http.url" => (Path, 1),
        "status_code" | "statusCode" | "status" | "http.status_code" | "http.response.status_code" | "res.statusCode" | "response.status" | "http_status" => (StatusCode, 0),
        "duration_ms" | "durationMs" | "responseTime" | "elapsed_ms" | "latency_ms" | "took_ms" | "response_time_ms" | "request_duration_ms" => (DurationMs, 0),
        "duration" | "latency" | "elapsed" | "response_time" => (DurationMs, 1),
        _ => return None,
    })
}

/// Objects whose members may be fields: only these are descended into.
pub(crate) fn is_parent(key: &str) -> bool {
    matches!(
        key,
        "req"
            | "res"
            | "request"
            | "response"
            | "http"
            | "log"
            | "trace"
            | "span"
            | "user"
            | "actor"
            | "service"
            | "event"
            | "context"
            | "dd"
            | "url"
            | "deployment"
            | "resource"
            | "fields"
    )
}
