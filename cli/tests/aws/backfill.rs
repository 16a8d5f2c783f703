//! `catchment backfill` as CloudWatch Logs and ingest see it: pages, throttles,
//! envelopes, and what is written down in between.

use std::path::PathBuf;
use std::process::Output;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::stand_in::{Answer, Aws, ok, refusal, taken_in};
use catchment_record::{Envelope, gunzip};
use serde_json::{Value, json};

/// 2026-11-01T00:00:00Z.
const FROM: i64 = 1_793_491_200_000;
const HOUR: i64 = 3_600_000;
const RANGE: [&str; 4] = ["--from", "2026-11-01", "--to", "2026-11-01T02:00:00Z"];

fn event(number: i64, stream: &str, at: i64) -> Value {
    json!({ "eventId": format!("{number:056}"), "logStreamName": stream, "timestamp": at, "ingestionTime": at,
        "message": format!("line {number}") })
}

/// Two hours of two streams, on three pages, one of them empty.
fn pages() -> Vec<Vec<Value>> {
    let first = vec![event(0, "a", FROM), event(1, "b", FROM + 1), event(2, "a", FROM + HOUR - 1)];
    vec![first, vec![], vec![event(3, "b", FROM + HOUR), event(4, "a", FROM + 2 * HOUR - 1)]]
}

/// CloudWatch Logs with one group, throttled now and then, and a function.
fn logs(retention: Option<i64>, mut invoke: impl FnMut(&Value) -> Answer + Send + 'static) -> Aws {
    let mut requests = 0;
    Aws::start(move |operation, body| match operation {
        "DescribeLogGroups" => {
            ok(&json!({ "logGroups": [{ "logGroupName": "/ecs/a", "creationTime": FROM - HOUR,
            "arn": "arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/a:*", "storedBytes": 1000,
            "retentionInDays": retention, "logGroupClass": "STANDARD" }] }))
        }
        "FilterLogEvents" => {
            requests += 1;
            if requests == 3 {
                return refusal(400, "ThrottlingException", "Rate exceeded");
            }
            let page: usize = body["nextToken"].as_str().map_or(0, |token| token.parse().unwrap());
            let (from, to) = (body["startTime"].as_i64().unwrap(), body["endTime"].as_i64().unwrap());
            let asked = |event: &&Value| (from..=to).contains(&event["timestamp"].as_i64().unwrap());
            let events: Vec<Value> = pages()[page].iter().filter(asked).cloned().collect();
            let next = (page < 2).then(|| (page + 1).to_string());
            ok(&json!({ "events": events, "nextToken": next, "searchedLogStreams": [] }))
        }
        "Invoke" => invoke(body),
        other => panic!("{other}"),
    })
}

struct Run {
    checkpoint: PathBuf,
    args: Vec<String>,
}

impl Run {
    fn new(name: &str, more: &[&str]) -> Self {
        let checkpoint = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("backfill-{name}.json"));
        std::fs::remove_file(&checkpoint).ok();
        let args = ["backfill", "--log-group", "/ecs/a", "--rate", "100", "--checkpoint"];
        let mut args: Vec<_> = [&args[..], &RANGE, more].concat().into_iter().map(str::to_owned).collect();
        args.insert(6, checkpoint.to_str().unwrap().to_owned());
        Self { args, checkpoint }
    }

    fn against(&self, aws: &Aws) -> Output {
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        aws.catchment(&args).output().unwrap()
    }

    fn checkpoint(&self) -> Value {
        serde_json::from_slice(&std::fs::read(&self.checkpoint).unwrap()).unwrap()
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn pages_become_payloads_of_a_stream_and_an_hour() {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let written = sent.clone();
    let aws = logs(None, move |event| {
        assert_eq!(event["history"], true, "alert rules must not see it");
        let data = event["awslogs"]["data"].as_str().unwrap();
        let json = gunzip(data).unwrap();
        let envelope = Envelope::parse(&json).unwrap();
        let ids: Vec<_> = envelope.log_events.iter().map(|event| event.id.parse::<u64>().unwrap()).collect();
        let address = format!("{} {} {}", envelope.owner, envelope.log_group, envelope.log_stream);
        assert!(envelope.log_events.iter().all(|event| event.id.len() == 56));
        written.lock().unwrap().push((address, ids.clone(), data.to_owned()));
        taken_in(ids.len() as u64)
    });
    let run = Run::new("pages", &["--yes"]);
    let output = run.against(&aws);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let mut first: Vec<_> = sent.lock().unwrap().drain(..).collect();
    first.sort();
    let address = |stream: &str| format!("123456789012 /ecs/a {stream}");
    let told: Vec<_> = first.iter().map(|(address, ids, _)| (address.clone(), ids.clone())).collect();
    assert_eq!(
        told,
        [
            (address("a"), vec![0, 2]),
            (address("a"), vec![4]),
            (address("b"), vec![1]),
            (address("b"), vec![3])
        ]
    );
    let span = &run.checkpoint()["log_groups"]["/ecs/a"];
    assert_eq!(*span, json!({ "from": FROM, "reached": FROM + 2 * HOUR }));
    // The first hour, then the second one: no millisecond twice, none left out.
    let mut asked: Vec<_> = aws
        .calls("FilterLogEvents")
        .iter()
        .map(|call| (call["startTime"].clone(), call["endTime"].clone()))
        .collect();
    asked.dedup();
    assert_eq!(
        asked[1..],
        [(json!(FROM), json!(FROM + HOUR - 1)), (json!(FROM + HOUR), json!(FROM + 2 * HOUR - 1))]
    );

    // Done is done; and what is done again is the same, byte for byte.
    let again = run.against(&aws);
    assert!(stdout(&again).contains("in the archive already"), "{}", stdout(&again));
    std::fs::remove_file(&run.checkpoint).unwrap();
    assert_eq!(run.against(&aws).status.code(), Some(0));
    let mut second: Vec<_> = sent.lock().unwrap().drain(..).collect();
    second.sort();
    assert_eq!(first, second);
}

#[test]
fn nothing_begins_unless_somebody_says_so() {
    let aws = logs(None, |_| panic!("nothing was confirmed"));
    let run = Run::new("unconfirmed", &[]);
    let output = run.against(&aws);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("--yes") && stderr(&output).contains("--estimate"),
        "{}",
        stderr(&output)
    );
    let estimate = Run::new("estimate", &["--estimate"]).against(&aws);
    assert_eq!(estimate.status.code(), Some(0), "{}", stderr(&estimate));
    assert!(
        stdout(&estimate).contains("/ecs/a") && stdout(&estimate).contains("list"),
        "{}",
        stdout(&estimate)
    );
    assert!(!run.checkpoint.exists());
}

#[test]
fn a_checkpoint_that_cannot_be_written_is_known_before_the_work() {
    let aws = logs(None, |_| panic!("nothing was begun"));
    let run = Run::new("unwritable", &["--yes"]);
    let args: Vec<&str> =
        run.args.iter().map(|arg| if arg.ends_with(".json") { "/nowhere/x.json" } else { arg }).collect();
    let output = aws.catchment(&args).output().unwrap();
    assert_eq!(output.status.code(), Some(6), "{}", stderr(&output));
    assert!(stderr(&output).contains("--checkpoint"), "{}", stderr(&output));
}

#[test]
fn a_failure_says_how_far_it_has_come_and_the_next_run_goes_on() {
    let mended = Arc::new(Mutex::new(false));
    let is_mended = mended.clone();
    let aws = logs(None, move |event| {
        let json = gunzip(event["awslogs"]["data"].as_str().unwrap()).unwrap();
        let second_hour = Envelope::parse(&json).unwrap().log_events[0].timestamp >= FROM + HOUR;
        if second_hour && !*is_mended.lock().unwrap() {
            return ok(&json!({ "errorMessage": "the archive was not written" })).of_failed_function();
        }
        taken_in(1)
    });
    let run = Run::new("failure", &["--yes"]);
    let output = run.against(&aws);
    assert_eq!(output.status.code(), Some(1));
    let told = stderr(&output);
    for words in ["failed 3 times", "the archive was not written", "up to 2026-11-01T01:00:00Z"] {
        assert!(told.contains(words), "{words} in {told}");
    }
    assert_eq!(run.checkpoint()["log_groups"]["/ecs/a"]["reached"], FROM + HOUR);
    *mended.lock().unwrap() = true;
    let before = aws.calls("FilterLogEvents").len();
    assert_eq!(run.against(&aws).status.code(), Some(0));
    assert!(aws.calls("FilterLogEvents")[before..].iter().all(|call| call["startTime"] == FROM + HOUR));
}

#[test]
fn what_ingest_sets_aside_is_not_a_success() {
    let aws = logs(None, |_| {
        ok(&json!({ "received": 1, "objects_created": 0, "objects_already_there": 0,
            "quarantine": { "key": "quarantine/x.payload", "reason": "cannot be written as Parquet" } }))
    });
    let output = Run::new("aside", &["--yes"]).against(&aws);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("catchment replay --stack prod --quarantine"), "{}", stderr(&output));
    assert!(stdout(&output).contains("set aside: cannot be written as Parquet"), "{}", stdout(&output));
}

#[test]
fn requests_keep_to_the_rate() {
    let aws = logs(None, |_| taken_in(1));
    let run = Run::new("rate", &["--yes"]);
    let args: Vec<&str> = run.args.iter().map(|arg| if arg == "100" { "5" } else { arg }).collect();
    let start = Instant::now();
    assert_eq!(aws.catchment(&args).output().unwrap().status.code(), Some(0));
    // A sample, three pages for each of two hours: seven requests and six pauses.
    assert!(start.elapsed().as_millis() >= 6 * 200, "{:?}", start.elapsed());
    assert!(aws.calls("FilterLogEvents").len() >= 7);
}

#[test]
fn what_retention_has_removed_is_said() {
    let aws = logs(Some(1), |_| taken_in(1));
    let output = Run::new("retention", &["--estimate"]).against(&aws);
    let told = stderr(&output);
    assert!(told.contains("/ecs/a keeps events for 1 days") && told.contains("not there any more"), "{told}");
}
