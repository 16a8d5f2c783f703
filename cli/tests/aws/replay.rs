//! `catchment replay` where AWS fails, refuses, or is interrupted: nothing that is
//! not in the archive is deleted.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::stand_in::{Answer, Aws, ok, refusal, taken_in};
use serde_json::{Value, json};

fn message(number: usize, body: &str) -> Value {
    json!({ "MessageId": format!("m{number}"), "ReceiptHandle": format!("r{number}"), "Body": body })
}

fn record(number: usize) -> String {
    json!({
        "requestContext": { "condition": "RetriesExhausted" },
        "requestPayload": { "awslogs": { "data": number.to_string() } },
        "responsePayload": { "errorMessage": "the archive was not written" },
    })
    .to_string()
}

/// A queue that gives out `bodies` once, and a function that answers by `invoke`.
fn queue(bodies: Vec<String>, mut invoke: impl FnMut(&Value) -> Answer + Send + 'static) -> Aws {
    let mut given = 0;
    Aws::start(move |operation, body| match operation {
        "GetQueueAttributes" => ok(&json!({ "Attributes": {
            "ApproximateNumberOfMessages": bodies.len().to_string(), "ApproximateNumberOfMessagesNotVisible": "0" } })),
        "ReceiveMessage" => {
            let most = usize::try_from(body["MaxNumberOfMessages"].as_u64().unwrap()).unwrap();
            let first = given;
            given = bodies.len().min(given + most);
            let messages: Vec<_> = (first..given).map(|i| message(i, &bodies[i])).collect();
            ok(&json!({ "Messages": messages }))
        }
        "DeleteMessage" => ok(&json!({})),
        "ChangeMessageVisibilityBatch" => ok(&json!({ "Successful": [], "Failed": [] })),
        "Invoke" => invoke(body),
        other => panic!("{other}"),
    })
}

fn run(aws: &Aws) -> Output {
    aws.catchment(&["replay", "--queue"]).output().unwrap()
}

fn deleted(aws: &Aws) -> Vec<String> {
    let mut deleted: Vec<_> = aws.calls("DeleteMessage").iter().map(receipt).collect();
    deleted.sort();
    deleted
}

/// The receipts of the messages that were made visible again.
fn released(aws: &Aws) -> Vec<String> {
    let calls = aws.calls("ChangeMessageVisibilityBatch");
    let entries = calls.iter().flat_map(|call| call["Entries"].as_array().unwrap());
    let mut receipts: Vec<_> =
        entries.inspect(|entry| assert_eq!(entry["VisibilityTimeout"], 0)).map(receipt).collect();
    receipts.sort();
    receipts
}

fn receipt(call: &Value) -> String {
    call["ReceiptHandle"].as_str().unwrap().to_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn only_what_ingest_has_taken_in_is_deleted() {
    let aws = queue((0..6).map(record).collect(), |event| match event["awslogs"]["data"].as_str().unwrap() {
        "1" => ok(&json!({ "errorMessage": "the archive was not written" })).of_failed_function(),
        "2" => refusal(413, "RequestTooLargeException", "Too large"),
        "3" => ok(&json!({ "received": 1, "objects_created": 0, "objects_already_there": 0,
            "quarantine": { "key": "quarantine/x.payload", "reason": "the payload is not base64" } })),
        _ => taken_in(100),
    });
    let output = run(&aws);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("3 payloads stayed"), "{}", stderr(&output));
    for row in [
        "in quarantine: the payload is not base64",
        "stays: Lambda: RequestTooLargeException: Too large",
        "stays: the archive was not written",
        "taken in",
    ] {
        assert!(stdout(&output).contains(row), "{row}\n{}", stdout(&output));
    }
    assert_eq!(deleted(&aws), ["r0", "r3", "r4", "r5"], "quarantine has what was set aside");
    assert_eq!(released(&aws), ["r1", "r2"], "the next run has them at once");
}

#[test]
fn a_dry_run_sends_and_deletes_nothing() {
    let aws = queue(vec![record(0), "{}".into()], |_| panic!("not in a dry run"));
    let output = aws.catchment(&["replay", "--queue", "--dry-run"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("waits: the archive was not written"), "{}", stdout(&output));
    assert!(stdout(&output).contains("stays: it has no requestPayload"), "{}", stdout(&output));
    assert_eq!((deleted(&aws).len(), released(&aws).len()), (0, 2));
}

#[test]
fn an_ingest_that_says_nothing_deletes_nothing() {
    let aws = queue(vec![record(0)], |_| ok(&Value::Null));
    let output = run(&aws);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("deploy this version"), "{}", stderr(&output));
    assert_eq!((deleted(&aws).len(), released(&aws)), (0, vec!["r0".to_owned()]));
}

#[test]
fn a_refused_invocation_ends_the_run() {
    let aws =
        queue((0..8).map(record).collect(), |_| refusal(403, "AccessDeniedException", "not authorized"));
    let output = run(&aws);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).contains("invoke prod-ingest"), "{}", stderr(&output));
    assert_eq!((deleted(&aws).len(), released(&aws).len()), (0, 4), "the other four were not even received");
}

#[test]
fn a_cause_that_is_not_mended_ends_the_run() {
    let failed = |_: &Value| ok(&json!({ "errorMessage": "no such bucket" })).of_failed_function();
    let aws = queue((0..100).map(record).collect(), failed);
    let output = run(&aws);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("10 payloads in a row"), "{}", stderr(&output));
    assert_eq!(aws.calls("Invoke").len(), 12, "three batches of four");
    assert_eq!(released(&aws).len(), 12);
}

#[test]
fn what_lambda_does_not_take_stays_with_the_way_out() {
    let large = json!({ "requestPayload": { "awslogs": { "data": "x".repeat(6_291_456) } } }).to_string();
    let aws = queue(vec![large], |_| panic!("it is too large"));
    let output = run(&aws);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("catchment backfill"), "{}", stdout(&output));
    assert_eq!((deleted(&aws).len(), released(&aws).len()), (0, 1));
}

#[test]
fn an_interrupted_run_lets_go_of_what_it_holds() {
    let aws = queue((0..2).map(record).collect(), |_| taken_in(1).after(Duration::from_secs(60)));
    let child =
        aws.catchment(&["replay", "--queue"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    aws.wait_for("Invoke");
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert_eq!((deleted(&aws).len(), released(&aws)), (0, vec!["r0".to_owned(), "r1".to_owned()]));
}
