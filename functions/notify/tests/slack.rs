//! Messages on their way to Slack, against a stand-in on loopback.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Mutex;
use std::thread::JoinHandle;

use catchment_alert::message::AlertMessage;
use catchment_aws::AwsError;
use catchment_aws::clock::FixedClock;
use catchment_aws::config::{Secret, Vars};
use catchment_aws::secrets::SecretSource;
use catchment_aws::webhook::WebhookClient;
use catchment_notify::config::Config;
use catchment_notify::handler::{Handler, Summary};
use catchment_notify::slack::Slack;
use serde_json::{Value, json};

const NOW: i64 = 1_760_000_000_000;
const DEADLINE: i64 = NOW + 60_000;

/// Answers with these status lines and headers in turn; gives back what it was sent.
fn slack(answers: &'static [&'static str]) -> (String, JoinHandle<Vec<Value>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/services/T0/B0/topsecret", listener.local_addr().unwrap());
    let served = std::thread::spawn(move || {
        let mut bodies = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut length = 0;
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            bodies.push(serde_json::from_slice(&body).unwrap());
            let rest = "content-length: 10\r\nconnection: close\r\n\r\nno_service";
            write!(stream, "HTTP/1.1 {answer}\r\n{rest}").unwrap();
        }
        bodies
    });
    (url, served)
}

/// Values of the secret, one a reading; the last stays.
struct Secrets(Mutex<Vec<String>>);

impl Secrets {
    fn new(values: &[&str]) -> Self {
        Self(Mutex::new(values.iter().rev().map(|v| (*v).to_owned()).collect()))
    }
}

impl SecretSource for Secrets {
    async fn read(&self) -> Result<Secret, AwsError> {
        let mut values = self.0.lock().unwrap();
        let value = if values.len() > 1 { values.pop() } else { values.last().cloned() };
        value.map(Secret::new).ok_or_else(|| AwsError::unexpected("reading", "no such secret"))
    }
}

fn handler(secrets: &[&str]) -> Handler<Secrets, FixedClock> {
    Handler {
        slack: Slack::new(Secrets::new(secrets), WebhookClient::default()),
        metrics_namespace: "Catchment".to_owned(),
        clock: FixedClock(NOW),
    }
}

fn alert(name: &str) -> String {
    json!({"id": "a1", "name": name, "description": "5 errors", "summary": "Database errors",
        "severity": "critical", "status": "firing", "condition": "count > 5", "threshold": 5.0,
        "current_value": 6.0, "labels": {"service": "gremlins-api"}, "annotations": {},
        "triggered_at": "2026-11-21T04:00:00Z", "resolved_at": null, "stack": "catchment"})
    .to_string()
}

fn event(messages: &[&str]) -> Value {
    let records = messages.iter().map(|message| {
        json!({"EventSource": "aws:sns", "Sns": {
            "MessageId": "m", "Subject": "Somebody <else>", "Message": message}})
    });
    json!({"Records": records.collect::<Vec<_>>()})
}

#[test]
fn the_alert_of_these_tests_is_one() {
    let alert: AlertMessage = serde_json::from_str(&alert("DatabaseErrors")).unwrap();
    assert_eq!(alert.name, "DatabaseErrors");
}

#[tokio::test(start_paused = true)]
async fn every_record_arrives_also_when_slack_is_busy() {
    let (url, served) = slack(&["429 x\r\nretry-after: 2", "500 x", "200 OK", "200 OK", "200 OK"]);
    let handler = handler(&[&url]);
    let (first, second) = (alert("DatabaseErrors"), alert("HighErrorRate"));
    let event = event(&[&first, &second, "a note of <somebody>"]);
    let summary = handler.handle(event, DEADLINE).await.unwrap();
    assert_eq!(summary, Summary { sent: 3, failed: 0, retries: 2 });
    let bodies = served.join().unwrap();
    assert_eq!(bodies[0], bodies[2], "the same message until it is taken");
    assert!(bodies[2].to_string().contains("DatabaseErrors"), "{}", bodies[2]);
    assert!(bodies[2]["blocks"].is_array() || bodies[2]["attachments"].is_array());
    assert!(bodies[3].to_string().contains("HighErrorRate"));
    assert_eq!(bodies[4], json!({"text": "*Somebody &lt;else&gt;*\na note of &lt;somebody&gt;"}));
}

#[tokio::test(start_paused = true)]
async fn a_pause_longer_than_we_have_is_left_to_a_retry() {
    for (answer, deadline) in
        [("429 x\r\nretry-after: 3600", DEADLINE), ("429 x\r\nretry-after: 10", NOW + 5_000)]
    {
        let (url, served) = slack(Box::leak(Box::new([answer])));
        let err = handler(&[&url]).handle(event(&[&alert("A")]), deadline).await.unwrap_err();
        assert!(err.to_string().starts_with("1 of 1 notifications did not reach Slack"), "{err}");
        assert_eq!(served.join().unwrap().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slack_that_stays_down_fails_the_invocation() {
    let (url, served) = slack(&["503 x"; 5]);
    let err = handler(&[&url]).handle(event(&[&alert("A")]), DEADLINE).await.unwrap_err();
    assert!(err.to_string().contains("in 5 attempts: HTTP status 503"), "{err}");
    assert!(!err.to_string().contains("topsecret"));
    assert_eq!(served.join().unwrap().len(), 5);
    // Nobody listens there any more.
    let err = handler(&[&url]).handle(event(&[&alert("A")]), DEADLINE).await.unwrap_err();
    assert!(!err.to_string().contains("topsecret"), "{err}");
}

#[tokio::test]
async fn what_slack_will_never_take_does_not_fail_the_invocation() {
    let (url, served) = slack(&["400 x", "200 OK"]);
    let event = event(&[&alert("A"), &alert("B")]);
    let summary = handler(&[&url]).handle(event, DEADLINE).await.unwrap();
    assert_eq!(summary, Summary { sent: 1, failed: 1, retries: 0 });
    assert_eq!(served.join().unwrap().len(), 2);
}

#[tokio::test]
async fn an_address_that_is_no_longer_good_is_read_again() {
    let (old, old_served) = slack(&["404 x"]);
    let (new, new_served) = slack(&["200 OK", "200 OK"]);
    let handler = handler(&[&old, &json!({"url": new}).to_string()]);
    let summary = handler.handle(event(&[&alert("A"), &alert("B")]), DEADLINE).await.unwrap();
    assert_eq!(summary, Summary { sent: 2, failed: 0, retries: 1 });
    assert_eq!((old_served.join().unwrap().len(), new_served.join().unwrap().len()), (1, 2));
}

#[tokio::test]
async fn an_address_that_is_gone_for_good_is_tried_once() {
    let (url, served) = slack(&["410 x"]);
    let summary = handler(&[&url]).handle(event(&[&alert("A")]), DEADLINE).await.unwrap();
    assert_eq!(summary, Summary { sent: 0, failed: 1, retries: 0 });
    assert_eq!(served.join().unwrap().len(), 1);
}

#[tokio::test]
async fn an_unusable_secret_or_event_is_counted() {
    let summary = handler(&["not an address"]).handle(event(&[&alert("A")]), DEADLINE).await;
    assert_eq!(summary.unwrap().failed, 1);
    let summary = handler(&[]).handle(json!({"hello": "there"}), DEADLINE).await;
    assert_eq!(summary.unwrap().failed, 1);
}

#[test]
fn settings_and_metrics() {
    let faults = Config::from_vars(&Vars::from_pairs([])).unwrap_err().to_string();
    assert!(faults.contains("SLACK_WEBHOOK_SECRET_ARN") && faults.contains("METRICS_NAMESPACE"));
    let metrics = Summary { sent: 1, failed: 2, retries: 3 }.metrics("Catchment");
    let line: Value = serde_json::from_str(&metrics.to_line(NOW)).unwrap();
    for (name, value) in [("NotificationsSent", 1), ("NotificationsFailed", 2), ("SlackRetries", 3)] {
        assert_eq!(line[name], value);
    }
}
