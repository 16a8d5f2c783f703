//! What Lambda writes: platform events as text and as JSON, and its runtimes' frames.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use catchment_record::{EventTime, LogGroup, LogRecord, LogStream, Redacted, Redactions, Source};
use serde_json::{Value, json};

/// 2024-12-19T10:30:20Z in milliseconds.
const EVENT: i64 = 1_734_604_220_000;
const ID: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

fn parsed(line: &str) -> Value {
    let source = Source::new("1", "r", LogGroup::new("/aws/lambda/pay"), LogStream::new("s"), "prod");
    let redacted = Redacted { text: line.into(), redactions: Redactions::default() };
    serde_json::to_value(LogRecord::parse(&redacted, &source, "id", EventTime::Arrived(EVENT))).unwrap()
}

/// Holds the named columns against the line's record; `attributes` as a whole.
#[track_caller]
fn check(line: &str, expected: Value) {
    let record = parsed(line);
    for (column, value) in expected.as_object().unwrap() {
        assert_eq!(&record[column], value, "{column} of {line}");
    }
}

#[test]
fn platform_lines() {
    for (line, event, attributes) in [
        (format!("START RequestId: {ID} Version: $LATEST\n"), "platform.start", Value::Null),
        (format!("END RequestId: {ID}"), "platform.end", Value::Null),
    ] {
        check(
            &line,
            json!({
                "format": "lambda", "request_id": ID, "event_name": event, "attributes": attributes,
                "severity_number": 9, "severity_text": null, "message": line.trim_end(),
            }),
        );
    }
    check(
        &format!(
            "REPORT RequestId: {ID}\tDuration: 46.84 ms\tBilled Duration: 47 ms\tMemory Size: 128 MB\tMax Memory Used: 90 MB\tInit Duration: 120.50 ms\t\nXRAY TraceId: 1-0af76519-16cd43dd8448eb211c80319c\tSegmentId: b7ad6b7169203331\tSampled: true\t\n"
        ),
        json!({
            "format": "lambda", "request_id": ID, "event_name": "platform.report", "duration_ms": 46.84,
            "trace_id": "0af7651916cd43dd8448eb211c80319c", "severity_number": 9,
            "attributes": {
                "billed_duration_ms": 47, "memory_size_mb": 128, "max_memory_used_mb": 90,
                "init_duration_ms": 120.50, "cold_start": true,
            },
        }),
    );
    check(
        &format!(
            "REPORT RequestId: {ID}\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\tMemory Size: 128 MB\tMax Memory Used: 30 MB\tStatus: timeout"
        ),
        json!({
            "duration_ms": 3000.0, "severity_number": 17,
            "attributes": {
                "billed_duration_ms": 3000, "memory_size_mb": 128, "max_memory_used_mb": 30,
                "status": "timeout", "timeout": true,
            },
        }),
    );
    check(
        &format!("REPORT RequestId: {ID}\tDuration: 3.00 ms\tStatus: error\tError Type: Runtime.ExitError"),
        json!({"severity_number": 17, "attributes": {"status": "error", "error_type": "Runtime.ExitError"}}),
    );
    check(
        "INIT_START Runtime Version: python:3.13.v7\tRuntime Version ARN: arn:aws:lambda:eu-west-1::runtime:a",
        json!({
            "format": "lambda", "event_name": "platform.initStart",
            "attributes": {"runtime_version": "python:3.13.v7"},
        }),
    );
    check(
        "INIT_REPORT Init Duration: 9999.00 ms\tPhase: init\tStatus: timeout",
        json!({"event_name": "platform.initReport", "severity_number": 17}),
    );
    check(
        "RESTORE_REPORT Restore Duration: 412.50 ms",
        json!({"event_name": "platform.restoreReport", "attributes": {"restore_duration_ms": 412.50}}),
    );
}

#[test]
fn timeouts_and_crashes() {
    check(
        &format!("2024-12-19T10:30:15.000Z {ID} Task timed out after 3.00 seconds\n\n"),
        json!({
            "format": "lambda", "severity_number": 17, "request_id": ID, "duration_ms": 3000.0,
            "timestamp": "2024-12-19T10:30:15.000Z", "message": "Task timed out after 3.00 seconds",
            "attributes": {"timeout": true},
        }),
    );
    check(
        &format!("RequestId: {ID} Error: Runtime exited with error: exit status 1\nRuntime.ExitError"),
        json!({
            "format": "lambda", "severity_number": 17, "request_id": ID,
            "message": "Error: Runtime exited with error: exit status 1\nRuntime.ExitError",
        }),
    );
}

#[test]
fn runtimes_frames() {
    check(
        &format!("2024-12-19T10:30:15.000Z\t{ID}\tERROR\tpayment failed\twith a tab"),
        json!({
            "format": "text", "severity_text": "ERROR", "request_id": ID, "message": "payment failed\twith a tab",
            "timestamp": "2024-12-19T10:30:15.000Z", "attributes": null,
        }),
    );
    check(
        &format!("[WARNING]\t2024-12-19T10:30:15.000Z\t{ID}\tlow\n"),
        json!({
            "severity_text": "WARNING", "severity_number": 13, "request_id": ID, "message": "low",
            "timestamp": "2024-12-19T10:30:15.000Z",
        }),
    );
    // console.log(JSON.stringify(…)): the runtime says INFO, the application knows better.
    check(
        &format!(
            "2024-12-19T10:30:15.000Z\t{ID}\tINFO\t{{\"level\":\"error\",\"message\":\"no\",\"userId\":\"u\"}}"
        ),
        json!({
            "format": "json", "severity_text": "error", "severity_number": 17, "message": "no", "user_id": "u",
            "request_id": ID, "attributes": {"level": "error", "message": "no", "userId": "u"},
        }),
    );
    check(
        &format!("2024-12-19T10:30:15.000Z\t{ID}\tINFO\t{{\"orders\":[1,2]}}"),
        json!({"severity_text": "INFO", "message": "{\"orders\":[1,2]}", "attributes": {"orders": [1, 2]}}),
    );
    check(
        &format!(
            "2024-12-19T10:30:15.000Z\t{ID}\tERROR\tInvoke Error \t{{\"errorType\":\"Error\",\"errorMessage\":\"x\"}}"
        ),
        json!({
            "severity_text": "ERROR", "format": "text", "attributes": {"errorType": "Error", "errorMessage": "x"},
        }),
    );
    let before = parsed("2024-12-19T10:30:15.000Z\tundefined\tINFO\tloading");
    assert_eq!(before["message"], "loading");
    assert!(before["request_id"].as_str().unwrap().starts_with("derived-"));
}

#[test]
fn platform_events_as_json() {
    check(
        &format!(
            r#"{{"time":"2024-12-19T10:30:15.000Z","type":"platform.report","record":{{"requestId":"{ID}","metrics":{{"durationMs":101.51,"billedDurationMs":300,"memorySizeMB":512,"maxMemoryUsedMB":33,"initDurationMs":116.67}},"status":"success","tracing":{{"spanId":"b7ad6b7169203331","type":"X-Amzn-Trace-Id","value":"Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331;Sampled=1"}}}}}}"#
        ),
        json!({
            "format": "lambda", "event_name": "platform.report", "request_id": ID, "duration_ms": 101.51,
            "timestamp": "2024-12-19T10:30:15.000Z", "severity_number": 9, "message": "platform.report: success",
            "trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331",
            "attributes": {
                "billed_duration_ms": 300, "memory_size_mb": 512, "max_memory_used_mb": 33,
                "init_duration_ms": 116.67, "cold_start": true, "status": "success",
            },
        }),
    );
    check(
        &format!(
            r#"{{"time":"2024-12-19T10:30:15.000Z","type":"platform.runtimeDone","record":{{"requestId":"{ID}","status":"timeout","errorType":"Sandbox.Timedout"}}}}"#
        ),
        json!({
            "event_name": "platform.runtimeDone", "severity_number": 17,
            "attributes": {"status": "timeout", "error_type": "Sandbox.Timedout", "timeout": true},
        }),
    );
    check(
        r#"{"time":"2024-12-19T10:30:15.000Z","type":"platform.initStart","record":{"initializationType":"on-demand","phase":"init","runtimeVersion":"python:3.13.v7"}}"#,
        json!({
            "format": "lambda", "event_name": "platform.initStart", "severity_number": 9, "attributes": null,
            "message": "platform.initStart",
        }),
    );
}

#[test]
fn what_only_looks_like_lambdas_is_not() {
    for line in [
        "START of the day",
        "REPORT: all fine",
        "END",
        "Error: x\ty\tz\tw",
        "a\tb\tc\td",
        "[ERROR] plain",
        "RequestId: short Error: x",
        "2024-12-19T10:30:15.000Z x Task timed out after 3.00 seconds",
    ] {
        assert_ne!(parsed(line)["format"], "lambda", "{line}");
    }
}
