//! Lines as the loggers of many languages write JSON, and what they become.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use catchment_record::{EventTime, LogGroup, LogRecord, LogStream, Redacted, Redactions, Source};
use serde_json::{Value, json};

/// 2024-12-19T10:30:20Z in milliseconds: five seconds after the lines' own time.
const EVENT: i64 = 1_734_604_220_000;

fn parsed(line: &str) -> Value {
    let source = Source::new("1", "eu-west-1", LogGroup::new("/ecs/shop"), LogStream::new("s"), "prod");
    let redacted = Redacted { text: line.into(), redactions: Redactions::default() };
    serde_json::to_value(LogRecord::parse(&redacted, &source, "id", EventTime::Arrived(EVENT))).unwrap()
}

/// Holds the columns that `expected` names against the line's record. Columns
/// that are not named are not looked at, but `attributes`, which must be empty.
#[track_caller]
fn check(line: &str, expected: Value) {
    let record = parsed(line);
    assert_eq!(record["parse_error"], Value::Null, "{line}");
    for (column, value) in expected.as_object().unwrap() {
        assert_eq!(&record[column], value, "{column} of {line}");
    }
    if expected.get("attributes").is_none() {
        assert_eq!(record["attributes"], Value::Null, "{line}");
    }
}

/// Time, severity and message of a line of format `json`.
#[track_caller]
fn frame(line: &str, severity_number: u8, severity_text: &str, message: &str) {
    check(
        line,
        json!({
            "format": "json", "timestamp": "2024-12-19T10:30:15.000Z", "message": message,
            "severity_number": severity_number, "severity_text": severity_text,
        }),
    );
}

#[test]
fn python() {
    // structlog
    frame(
        r#"{"event": "order placed", "order_id": 7, "level": "warning", "timestamp": "2024-12-19T10:30:15.000000Z", "logger": "shop.orders"}"#,
        13,
        "warning",
        "order placed",
    );
    // python-json-logger
    frame(
        r#"{"asctime": "2024-12-19 10:30:15,000", "levelname": "ERROR", "name": "shop", "message": "no stock", "exc_info": "Traceback…"}"#,
        17,
        "ERROR",
        "no stock",
    );
    // loguru, serialize=True
    frame(
        r#"{"text": "2024-12-19 10:30:15 | INFO | m:f:1 - hi\n", "record": {"elapsed": {"repr": "0:00:01", "seconds": 1.0}, "level": {"icon": "i", "name": "INFO", "no": 20}, "message": "hi", "name": "m", "time": {"repr": "2024-12-19 10:30:15+00:00", "timestamp": 1734604215.0}}}"#,
        9,
        "INFO",
        "hi",
    );
    // AWS Lambda Powertools
    check(
        r#"{"level":"INFO","location":"handler:10","message":"collected","timestamp":"2024-12-19 10:30:15,000+0000","service":"payment","cold_start":true,"function_name":"pay","function_request_id":"0f8fad5b-d9cb-469f-a165-70867728950e","xray_trace_id":"1-0af76519-16cd43dd8448eb211c80319c"}"#,
        json!({
            "service": "payment", "request_id": "0f8fad5b-d9cb-469f-a165-70867728950e",
            "trace_id": "0af7651916cd43dd8448eb211c80319c", "timestamp": "2024-12-19T10:30:15.000Z",
        }),
    );
    // OpenTelemetry's logging instrumentation outside of a span
    check(
        r#"{"message":"x","otelTraceID":"0","otelSpanID":"0","otelServiceName":"y"}"#,
        json!({"trace_id": null, "span_id": null}),
    );
}

#[test]
fn node() {
    // pino
    check(
        r#"{"level":50,"time":1734604215000,"pid":42,"hostname":"web-1","name":"shop-api","reqId":"req-9","err":{"type":"Error","message":"boom","stack":"Error: boom\n    at x.js:1:1"},"msg":"payment failed"}"#,
        json!({
            "severity_number": 17, "severity_text": "50", "message": "payment failed", "request_id": "req-9",
            "service": "shop-api", "timestamp": "2024-12-19T10:30:15.000Z",
        }),
    );
    // pino-http
    check(
        r#"{"level":30,"time":1734604215000,"req":{"id":5,"method":"GET","url":"/a/b?c=d","headers":{"host":"h","x-correlation-id":"c-1"}},"res":{"statusCode":404},"responseTime":12.5,"msg":"request completed"}"#,
        json!({
            "http_method": "GET", "path": "/a/b", "status_code": 404, "duration_ms": 12.5, "request_id": "5",
            "severity_number": 9,
        }),
    );
    // an error that has no message beside it
    frame(
        r#"{"level":60,"time":1734604215000,"err":{"type":"TypeError","message":"x is undefined"}}"#,
        21,
        "60",
        "x is undefined",
    );
    // winston, colours and all
    frame(
        r#"{"level":"\u001b[33mwarn\u001b[39m","message":"\u001b[1mslow\u001b[22m query","timestamp":"2024-12-19T10:30:15.000Z"}"#,
        13,
        "warn",
        "slow query",
    );
    // bunyan
    check(
        r#"{"name":"shop","hostname":"h","pid":1,"level":20,"msg":"cache hit","time":"2024-12-19T10:30:15.000Z","v":0}"#,
        json!({"service": "shop", "severity_number": 5, "message": "cache hit"}),
    );
}

#[test]
fn go() {
    // zap
    frame(
        r#"{"level":"dpanic","ts":1734604215.0,"caller":"a/b.go:3","msg":"lost","stacktrace":"main.main\n\t/a/b.go:3"}"#,
        21,
        "dpanic",
        "lost",
    );
    // zap in development, log15
    frame(
        r#"{"L":"DPANIC","T":"2024-12-19T10:30:15.000Z","N":"shop","C":"a/b.go:3","M":"lost"}"#,
        21,
        "DPANIC",
        "lost",
    );
    frame(r#"{"lvl":"eror","msg":"lost","t":"2024-12-19T10:30:15Z"}"#, 17, "eror", "lost");
    frame(r#"{"lvl":"dbug","msg":"x","t":"2024-12-19T10:30:15Z"}"#, 5, "dbug", "x");
    frame(r#"{"lvl":"crit","msg":"x","t":"2024-12-19T10:30:15Z"}"#, 21, "crit", "x");
    // Letters alone, which may be anything.
    for line in [
        r#"{"M":"lost","T":"2024-12-19T10:30:15Z"}"#,
        r#"{"l":"error","t":"2024-12-19T10:30:15Z"}"#,
        r#"{"l":12,"m":3,"t":1734604215}"#,
    ] {
        check(line, json!({"message": line, "severity_text": null, "timestamp": "2024-12-19T10:30:20.000Z"}));
    }
    // zap counts durations in seconds, as does Caddy, which is built on it
    check(
        r#"{"level":"info","ts":1734604215.5,"logger":"http.log.access","msg":"handled request","request":{"method":"GET","uri":"/x?y","headers":{"User-Agent":["curl"]}},"duration":0.0125,"status":200}"#,
        json!({"duration_ms": 12.5, "path": "/x", "http_method": "GET", "status_code": 200}),
    );
    // zerolog
    frame(
        r#"{"level":"error","error":"EOF","time":"2024-12-19T10:30:15Z","message":"read"}"#,
        17,
        "error",
        "read",
    );
    frame(r#"{"level":"error","error":"EOF","time":1734604215}"#, 17, "error", "EOF");
    // logrus
    frame(r#"{"level":"trace","msg":"in","time":"2024-12-19T10:30:15Z","func":"main"}"#, 1, "trace", "in");
    // slog
    frame(r#"{"time":"2024-12-19T10:30:15Z","level":"INFO","msg":"m","g":{"level":"x"}}"#, 9, "INFO", "m");
}

#[test]
fn dotnet_and_java() {
    // Serilog, compact
    frame(
        r#"{"@t":"2024-12-19T10:30:15.0000000Z","@mt":"Hello {Name}","@l":"Warning","@x":"System.Exception: no","Name":"Ann"}"#,
        13,
        "Warning",
        "Hello {Name}",
    );
    // … which leaves Information out, and prefers what it rendered
    check(
        r#"{"@t":"2024-12-19T10:30:15Z","@m":"Hello Ann","@mt":"Hello {Name}","RequestId":"r","SpanId":"b7ad6b7169203331"}"#,
        json!({
            "severity_number": 9, "severity_text": null, "message": "Hello Ann", "request_id": "r",
            "span_id": "b7ad6b7169203331",
        }),
    );
    // Serilog, verbose
    check(
        r#"{"Timestamp":"2024-12-19T10:30:15.0000000+00:00","Level":"Error","MessageTemplate":"Hi {N}","RenderedMessage":"Hi 1","Properties":{"N":1,"CorrelationId":"c","StatusCode":502,"ElapsedMilliseconds":3,"Level":"x"}}"#,
        json!({
            "severity_text": "Error", "message": "Hi 1", "request_id": "c", "status_code": 502,
            "timestamp": "2024-12-19T10:30:15.000Z",
        }),
    );
    // logstash-logback-encoder
    frame(
        r#"{"@timestamp":"2024-12-19T10:30:15.000Z","@version":"1","message":"started","logger_name":"a.B","thread_name":"main","level":"INFO","level_value":20000,"stack_trace":"java.lang.X"}"#,
        9,
        "INFO",
        "started",
    );
    // log4j2 JsonTemplateLayout's instant, MDC
    check(
        r#"{"instant":{"epochSecond":1734604215,"nanoOfSecond":0},"thread":"main","level":"FATAL","loggerName":"a.B","message":"out","contextMap":{"requestId":"r1","userId":"u1"}}"#,
        json!({
            "timestamp": "2024-12-19T10:30:15.000Z", "severity_number": 21, "request_id": "r1", "user_id": "u1",
        }),
    );
}

#[test]
fn rust_php_and_others() {
    // tracing
    check(
        r#"{"timestamp":"2024-12-19T10:30:15.000000Z","level":"INFO","fields":{"message":"order","order_id":1,"request_id":"r"},"target":"shop","span":{"name":"handle","user_id":"u"}}"#,
        json!({
            "message": "order", "request_id": "r", "user_id": "u", "severity_text": "INFO",
            "timestamp": "2024-12-19T10:30:15.000Z",
        }),
    );
    // Monolog
    frame(
        r#"{"message":"gone","context":{},"level":400,"level_name":"ERROR","channel":"app","datetime":"2024-12-19T10:30:15+00:00","extra":{}}"#,
        17,
        "ERROR",
        "gone",
    );
    // GELF
    check(
        r#"{"version":"1.1","host":"h","short_message":"disk","full_message":"disk\nfull","timestamp":1734604215.0,"level":4,"_user_id":9001}"#,
        json!({"message": "disk", "severity_number": 13, "severity_text": "4", "user_id": "9001"}),
    );
    // journald
    check(
        r#"{"MESSAGE":"Started.","PRIORITY":"3","__REALTIME_TIMESTAMP":"1734604215000000","SYSLOG_IDENTIFIER":"sshd"}"#,
        json!({
            "message": "Started.", "severity_number": 17, "service": "sshd",
            "timestamp": "2024-12-19T10:30:15.000Z",
        }),
    );
    // MongoDB
    frame(
        r#"{"t":{"$date":"2024-12-19T10:30:15.000+00:00"},"s":"W","c":"NETWORK","id":1,"ctx":"listener","msg":"slow"}"#,
        13,
        "W",
        "slow",
    );
}

#[test]
fn elastic_common_schema() {
    let expected = json!({
        "severity_text": "WARN", "severity_number": 13, "service": "shop", "environment": "qa",
        "trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331", "http_method": "PUT",
        "path": "/carts/1", "status_code": 409, "duration_ms": 1.5, "user_id": "u7", "event_name": "cart-update",
        "request_id": "t1", "timestamp": "2024-12-19T10:30:15.000Z", "message": "conflict",
    });
    check(
        r#"{"@timestamp":"2024-12-19T10:30:15.000Z","log.level":"WARN","log.logger":"a","message":"conflict","service.name":"shop","service.environment":"qa","trace.id":"0af7651916cd43dd8448eb211c80319c","span.id":"b7ad6b7169203331","transaction.id":"t1","http.request.method":"PUT","url.path":"/carts/1","http.response.status_code":409,"event.duration":1500000,"event.action":"cart-update","user.id":"u7","ecs.version":"1.6"}"#,
        expected.clone(),
    );
    check(
        r#"{"@timestamp":"2024-12-19T10:30:15.000Z","log":{"level":"WARN","logger":"a"},"message":"conflict","service":{"name":"shop","environment":"qa"},"trace":{"id":"0af7651916cd43dd8448eb211c80319c"},"span":{"id":"b7ad6b7169203331"},"transaction":{"id":"t1"},"http":{"request":{"method":"PUT"},"response":{"status_code":409}},"url":{"path":"/carts/1"},"event":{"duration":1500000,"action":"cart-update"},"user":{"id":"u7"}}"#,
        expected,
    );
}

#[test]
fn opentelemetry() {
    for line in [
        r#"{"Timestamp":"1734604215000000000","SeverityText":"ERROR2","SeverityNumber":18,"Body":"no stock","TraceId":"0af7651916cd43dd8448eb211c80319c","SpanId":"b7ad6b7169203331","Attributes":{"http.request.method":"GET","url.path":"/a","user.id":"u"},"Resource":{"service.name":"shop","deployment.environment":"qa"}}"#,
        r#"{"timeUnixNano":"1734604215000000000","severityText":"ERROR2","severityNumber":18,"body":{"stringValue":"no stock"},"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","attributes":{"http":{"request":{"method":"GET"}},"url.path":"/a","user.id":"u"},"resource":{"attributes":{"service.name":"shop","deployment.environment.name":"qa"}}}"#,
    ] {
        check(
            line,
            json!({
                "timestamp": "2024-12-19T10:30:15.000Z", "severity_number": 18, "severity_text": "ERROR2",
                "message": "no stock", "trace_id": "0af7651916cd43dd8448eb211c80319c",
                "span_id": "b7ad6b7169203331", "service": "shop", "environment": "qa", "http_method": "GET",
                "path": "/a", "user_id": "u",
            }),
        );
    }
    // An exporter's batch is many lines in one: none of them is taken for all.
    let batch = r#"{"resourceLogs":[{"resource":{},"scopeLogs":[{"logRecords":[{"severityText":"ERROR","body":{"stringValue":"x"}}]}]}]}"#;
    check(batch, json!({"format": "json", "severity_text": null, "message": batch, "service": "shop"}));
}

#[test]
fn what_aws_writes() {
    check(
        r#"{"_aws":{"Timestamp":1734604215000,"CloudWatchMetrics":[{"Namespace":"n","Metrics":[{"Name":"latency"}]}]},"latency":12,"service":"shop-api"}"#,
        json!({"format": "emf", "service": "shop-api", "timestamp": "2024-12-19T10:30:15.000Z"}),
    );
    check(
        r#"{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::1:user/ann","userName":"ann"},"eventTime":"2024-12-19T10:30:15Z","eventSource":"s3.amazonaws.com","eventName":"PutBucketPolicy","awsRegion":"eu-west-1","sourceIPAddress":"10.0.0.1","errorCode":"AccessDenied","errorMessage":"no","requestID":"R1","eventID":"E1","eventType":"AwsApiCall"}"#,
        json!({
            "format": "cloudtrail", "timestamp": "2024-12-19T10:30:15.000Z", "event_name": "PutBucketPolicy",
            "user_id": "arn:aws:iam::1:user/ann", "request_id": "R1", "severity_number": 17, "severity_text": null,
            "message": "s3.amazonaws.com PutBucketPolicy: AccessDenied: no",
        }),
    );
    check(
        r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"a-1","stage":"ResponseComplete","requestURI":"/api/v1/pods?limit=5","verb":"list","user":{"username":"system:admin","groups":["g"]},"sourceIPs":["10.0.0.1"],"responseStatus":{"metadata":{},"code":403},"requestReceivedTimestamp":"2024-12-19T10:30:14.000000Z","stageTimestamp":"2024-12-19T10:30:15.000000Z"}"#,
        json!({
            "format": "kubernetes_audit", "timestamp": "2024-12-19T10:30:15.000Z", "event_name": "list",
            "request_id": "a-1", "path": "/api/v1/pods", "user_id": "system:admin", "status_code": 403,
            "severity_number": 13, "severity_text": null, "message": "list /api/v1/pods?limit=5",
        }),
    );
    // API Gateway's access log
    check(
        r#"{"requestId":"r1","ip":"10.0.0.1","requestTime":"19/Dec/2024:10:30:15 +0000","httpMethod":"GET","resourcePath":"/a/{id}","status":"502","protocol":"HTTP/1.1","responseLatency":"31"}"#,
        json!({
            "timestamp": "2024-12-19T10:30:15.000Z", "http_method": "GET", "path": "/a/{id}", "status_code": 502,
            "severity_number": 17, "message": "GET /a/{id}", "request_id": "r1", "duration_ms": 31.0,
        }),
    );
    // nginx, as people write its JSON format
    check(
        r#"{"time_iso8601":"2024-12-19T10:30:15+00:00","remote_addr":"10.0.0.1","request":"GET /a?b HTTP/1.1","status":200,"request_time":0.25}"#,
        json!({"http_method": "GET", "path": "/a", "duration_ms": 250.0, "message": "GET /a?b HTTP/1.1"}),
    );
    // an application's line in Lambda's JSON, whose message is an object
    check(
        r#"{"timestamp":"2024-12-19T10:30:15.000Z","level":"INFO","requestId":"0f8fad5b-d9cb-469f-a165-70867728950e","message":{"msg":"hi","userId":"u","level":"x"}}"#,
        json!({
            "format": "json", "message": r#"{"msg":"hi","userId":"u","level":"x"}"#, "user_id": "u",
            "severity_text": "INFO", "request_id": "0f8fad5b-d9cb-469f-a165-70867728950e",
        }),
    );
}

/// A tracer's own decimal number stands behind the id that every tracer knows.
#[test]
fn of_two_trace_ids_the_one_of_w3c_stands() {
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let both = json!({"trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331"});
    for line in [
        json!({"dd.trace_id": "9532127138774266268", "dd.span_id": "13235353014750950193", "traceparent": traceparent}),
        json!({"traceparent": traceparent, "dd": {"trace_id": "9532127138774266268", "span_id": "13235353014750950193"}}),
    ] {
        check(&line.to_string(), both.clone());
    }
    check(
        &json!({"dd.trace_id": "9532127138774266268", "dd.span_id": "7"}).to_string(),
        json!({"trace_id": "9532127138774266268", "span_id": "7"}),
    );
    check(
        &json!({"traceparent": traceparent, "span_id": "00f067aa0ba902b7"}).to_string(),
        json!({"trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "00f067aa0ba902b7"}),
    );
}

#[test]
fn names_compete_by_rank_then_by_place() {
    check(
        r#"{"level":{"name":"ERROR","no":40},"message":"x"}"#,
        json!({"severity_text": "ERROR", "severity_number": 17}),
    );
    check(r#"{"level":{"no":40},"message":"x"}"#, json!({"severity_text": null, "severity_number": null}));
    check(
        r#"{"event":"user.login","message":"ok","data":{"message":"inner","level":"fatal","status":"error","time":0,"user_id":"inner"},"user_id":"outer","status":"done"}"#,
        json!({
            "message": "ok", "event_name": "user.login", "user_id": "outer", "severity_text": null,
            "status_code": null, "timestamp": "2024-12-19T10:30:20.000Z",
        }),
    );
    check(r#"{"message":"x","status":"error"}"#, json!({"severity_text": "error", "severity_number": 17}));
    check(r#"{"message":"x","level":true,"priority":"high"}"#, json!({"severity_text": null}));
    check(
        r#"{"event":"placed","description":"of the item"}"#,
        json!({"message": "placed", "event_name": null}),
    );
    check(r#"{"description":"of what happened","error":"EOF"}"#, json!({"message": "of what happened"}));
    check(r#"{"message":["a",1]}"#, json!({"message": "[\"a\",1]"}));
    check(
        r#"{"message":"{\"level\":\"error\"}"}"#,
        json!({"message": "{\"level\":\"error\"}", "severity_text": null}),
    );
    check(r#"{"msg":"a","ts":1.734604215e9}"#, json!({"timestamp": "2024-12-19T10:30:15.000Z"}));
}

#[test]
fn durations_have_units() {
    for (member, ms) in [
        (r#""duration_ms":3"#, 3.0),
        (r#""duration":"1.5s""#, 1500.0),
        (r#""latency":"250µs""#, 0.25),
        (r#""elapsed_seconds":0.5"#, 500.0),
        (r#""duration_us":1500"#, 1.5),
        (r#""duration_ns":2000000"#, 2.0),
        (r#""latency":12345678,"latency_human":"12.5ms""#, 12.5),
    ] {
        check(&format!(r#"{{"msg":"x",{member}}}"#), json!({"duration_ms": ms}));
    }
}

#[test]
fn what_is_not_one_object_is_text_and_says_why() {
    for (line, reason) in [
        (r#"[{"level":"error"}]"#, "the line is a JSON array, not an object"),
        (r#""a text""#, "the line is a JSON string, not an object"),
        (r#"{"level":"error","x":NaN}"#, "looks like JSON and is not"),
        (r#"{"level":"error"} {"level":"error"}"#, "looks like JSON and is not"),
        (r#"{"level":"error","message":"cut of"#, "the JSON object is cut short"),
    ] {
        let record = parsed(line);
        assert_eq!((&record["format"], &record["parse_error"]), (&json!("text"), &json!(reason)), "{line}");
        assert_eq!(record["line"], line);
    }
    // What stood before the cut counts: a cut ERROR is an ERROR.
    assert_eq!(parsed(r#"{"level":"error","message":"cut of"#)["severity_number"], 17);
    for line in ["[error] [1] x", "42", "{curly} text"] {
        assert_eq!(parsed(line)["format"], "text", "{line}");
    }
}

#[test]
fn an_object_behind_text_gives_what_the_text_does_not_say() {
    let line = r#"2024-12-19T10:30:15.000Z WARN order late {"order_id":7,"level":"debug","user_id":"u","trace_id":"0af7651916cd43dd8448eb211c80319c"}"#;
    let record = parsed(line);
    assert_eq!(record["format"], "text");
    assert_eq!(record["severity_text"], "WARN");
    assert_eq!(record["user_id"], "u");
    assert_eq!(record["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(record["attributes"]["order_id"], 7);
    assert_eq!(record["timestamp"], "2024-12-19T10:30:15.000Z");
    assert_eq!(parsed(r#"INFO {"user_id":"u"}"#)["user_id"], "u");
    assert_eq!(parsed(r#"payload {"level":"error"}"#)["severity_number"], 17);
}

#[test]
fn an_object_in_a_frame_is_the_line() {
    for line in [
        r#"2024-12-19 10:30:15 INFO {"level":"error","message":"no stock","order":7}"#,
        r#"<13>Dec 19 10:30:15 web-1 shop[42]: {"level":"error","message":"no stock","order":7}"#,
        r#"<13>Dec 19 10:30:15 web-1 shop[42]: @cee: {"level":"error","message":"no stock","order":7}"#,
        r#"<13>1 2024-12-19T10:30:15Z web-1 shop 42 - - {"level":"error","message":"no stock","order":7}"#,
    ] {
        let record = parsed(line);
        assert_eq!(record["message"], "no stock", "{line}");
        assert_eq!(record["severity_text"], "error", "{line}");
        assert_eq!(record["format"], "json", "{line}");
        assert_eq!(record["attributes"]["order"], 7, "{line}");
        assert_eq!(record["timestamp"], "2024-12-19T10:30:15.000Z", "{line}");
    }
    let line = r#"<12>Dec 19 10:30:15 web-1 shop[42]: {"order":7}"#;
    assert_eq!(
        (&parsed(line)["severity_number"], &parsed(line)["attributes"]["pid"]),
        (&json!(13), &json!(42))
    );
}
