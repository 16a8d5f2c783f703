//! Lines inside the wrappers of container runtimes and log routers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use catchment_record::{EventTime, LogGroup, LogRecord, LogStream, Redacted, Redactions, Source};
use serde_json::{Value, json};

/// 2024-12-19T10:30:20Z in milliseconds.
const EVENT: i64 = 1_734_604_220_000;

fn parsed_at(line: &str, time: EventTime) -> Value {
    let source = Source::new("1", "eu-west-1", LogGroup::new("/ecs/shop"), LogStream::new("s"), "prod");
    let redacted = Redacted { text: line.into(), redactions: Redactions::default() };
    serde_json::to_value(LogRecord::parse(&redacted, &source, "id", time)).unwrap()
}

/// Holds the named columns against the line's record; `attributes` as a whole.
#[track_caller]
fn check(line: &str, expected: Value) {
    let record = parsed_at(line, EventTime::Arrived(EVENT));
    assert_eq!(record["line"], line);
    for (column, value) in expected.as_object().unwrap() {
        assert_eq!(&record[column], value, "{column} of {line}");
    }
}

fn docker(log: &str) -> String {
    json!({"log": log, "stream": "stderr", "time": "2024-12-19T10:30:16.000000000Z"}).to_string()
}

#[test]
fn cri() {
    check(
        "2024-12-19T10:30:15.669794202Z stdout F hello there",
        json!({
            "format": "text", "message": "hello there", "timestamp": "2024-12-19T10:30:15.669Z",
            "time_unix_nano": 1_734_604_215_669_794_202_i64, "attributes": {"stream": "stdout"},
        }),
    );
    // The line's own time and level stand before the wrapper's.
    check(
        r#"2024-12-19T10:30:16Z stderr F {"level":"error","msg":"no","ts":"2024-12-19T10:30:15Z","a":{"b":1}}"#,
        json!({
            "format": "json", "message": "no", "severity_number": 17, "timestamp": "2024-12-19T10:30:15.000Z",
            "attributes": {"stream": "stderr", "level": "error", "msg": "no", "ts": "2024-12-19T10:30:15Z", "a": {"b": 1}},
        }),
    );
    check("2024-12-19T10:30:15+01:00 stdout P:x part", json!({"message": "part"}));
    check("2024-12-19T10:30:15Z stdout F", json!({"message": "", "attributes": {"stream": "stdout"}}));
    for line in [
        "2024-12-19T10:30:15Z stdout X hello",
        "2024-12-19T10:30:15Z stdin F hello",
        "2024-12-19T10:30:15Z stdout Full",
        "99 stdout F hello",
    ] {
        assert_eq!(parsed_at(line, EventTime::Arrived(EVENT))["attributes"]["stream"], Value::Null, "{line}");
    }
}

#[test]
fn docker_json_file() {
    check(
        &docker("plain text\n"),
        json!({
            "format": "text", "message": "plain text", "timestamp": "2024-12-19T10:30:16.000Z",
            "attributes": {"stream": "stderr"},
        }),
    );
    // Quotes, line breaks and colours inside, as they were before they were wrapped.
    check(
        &docker("\u{1b}[31mERROR\u{1b}[0m say \"hi\"\nthen \\ this\r\n"),
        json!({"severity_text": "ERROR", "message": "say \"hi\"\nthen \\ this"}),
    );
    check(
        &docker(
            "{\"level\":\"warn\",\"msg\":\"slow \\\"x\\\"\",\"request_id\":\"r\",\"user_id\":7,\"stream\":\"of mine\"}\n",
        ),
        json!({
            "format": "json", "severity_number": 13, "message": "slow \"x\"", "request_id": "r", "user_id": "7",
            "timestamp": "2024-12-19T10:30:16.000Z",
            "attributes": {"level": "warn", "msg": "slow \"x\"", "request_id": "r", "user_id": 7, "stream": "of mine"},
        }),
    );
    check(&docker("\n"), json!({"message": "", "attributes": {"stream": "stderr"}}));
    // A wrapper is no time bound: a line far from it has the wrapper's time.
    check(
        &docker("2023-01-01 00:00:00 INFO old\n"),
        json!({"message": "old", "timestamp": "2024-12-19T10:30:16.000Z"}),
    );
}

#[test]
fn a_file_of_wrapped_lines_has_the_wrappers_times() {
    let read =
        |line: &str| parsed_at(line, EventTime::ReadAt(EVENT + 1_000_000_000_000))["timestamp"].clone();
    assert_eq!(read(&docker("no time\n")), "2024-12-19T10:30:16.000Z");
    assert_eq!(read(&docker("2024-12-19 10:30:15 INFO x\n")), "2024-12-19T10:30:15.000Z");
}

#[test]
fn firelens() {
    check(
        r#"{"container_id":"abc-1","container_name":"/ecs-checkout-7-web-d0","ecs_cluster":"arn:aws:ecs:eu-west-1:1:cluster/live","ecs_task_arn":"arn:aws:ecs:eu-west-1:1:task/live/0f8fad5bd9cb469fa16570867728950e","ecs_task_definition":"checkout:7","log":"[WARN] cart late","source":"stdout"}"#,
        json!({
            "message": "cart late", "severity_number": 13, "cluster": "live", "workload": "checkout",
            "instance": "0f8fad5bd9cb469fa16570867728950e", "container": "ecs-checkout-7-web-d0",
            "service": "checkout", "attributes": {"stream": "stdout"},
        }),
    );
    // The line's own service stands before the task's.
    check(
        r#"{"container_id":"a","container_name":"web","ecs_cluster":"live","ecs_task_definition":"checkout:7","log":"{\"service\":\"cart\",\"message\":\"hi\"}","source":"stderr"}"#,
        json!({"service": "cart", "message": "hi", "container": "web", "workload": "checkout", "format": "json"}),
    );
    // Merged by the router: the line is the JSON itself.
    check(
        r#"{"container_name":"web","container_id":"a","ecs_cluster":"live","level":"error","message":"no","source":"stdout"}"#,
        json!({"format": "json", "severity_number": 17, "message": "no", "cluster": "live", "attributes": null}),
    );
}

#[test]
fn fluent_bit_on_kubernetes() {
    let kubernetes = r#""kubernetes":{"pod_name":"api-7d4b9c6f5d-x2x4z","namespace_name":"shop","container_name":"app","host":"ip-10-0-0-1","labels":{"app":"old","app.kubernetes.io/name":"api-server"}}"#;
    let placed = json!({
        "service": "api-server", "workload": "api", "instance": "api-7d4b9c6f5d-x2x4z", "container": "app",
    });
    let plain =
        format!(r#"{{"log":"I am up\n","stream":"stdout","time":"2024-12-19T10:30:15Z",{kubernetes}}}"#);
    check(&plain, placed.clone());
    check(
        &plain,
        json!({"message": "I am up", "attributes": {"stream": "stdout", "namespace": "shop"}, "timestamp": "2024-12-19T10:30:15.000Z"}),
    );
    let merged = format!(
        r#"{{"log":"{{\"level\":\"error\"}}","log_processed":{{"level":"error","msg":"down","order":7}},"stream":"stdout",{kubernetes}}}"#
    );
    check(&merged, placed);
    check(
        &merged,
        json!({
            "format": "json", "severity_text": "error", "message": "down",
            "attributes": {"stream": "stdout", "namespace": "shop", "level": "error", "msg": "down", "order": 7},
        }),
    );
    let unlabelled = r#"{"log":"x","stream":"stdout","kubernetes":{"pod_name":"db-0","namespace_name":"n"}}"#;
    check(unlabelled, json!({"service": "db", "workload": "db", "instance": "db-0", "container": null}));
}

#[test]
fn what_only_looks_like_a_wrapper_is_a_line() {
    check(r#"{"log":"a message","level":"info"}"#, json!({"message": "a message", "attributes": null}));
    check(r#"{"log":"a message","stream":"orders"}"#, json!({"message": "a message", "attributes": null}));
    check(
        r#"{"stream":"stdout","message":"x"}"#,
        json!({"message": "x", "attributes": null, "format": "json"}),
    );
}

#[test]
fn the_bound_on_wrappers_holds_at_its_edge() {
    let wrapped = |times: usize| (0..times).fold("ERROR core".to_owned(), |line, _| docker(&line));
    check(
        &wrapped(3),
        json!({"message": "core", "severity_text": "ERROR", "attributes": {"stream": "stderr"}}),
    );
    let beyond = parsed_at(&wrapped(4), EventTime::Arrived(EVENT));
    assert_eq!((&beyond["message"], &beyond["severity_text"]), (&json!("ERROR core"), &Value::Null));
}
