//! Messages on their way to Slack and to a webhook, against stand-ins on loopback.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod server;

use std::sync::{Arc, Mutex};

use catchment_alert::message::AlertMessage;
use catchment_alert::webhook::WebhookKey;
use catchment_alert::{DeliveryStore, MemoryDeliveries};
use catchment_aws::AwsError;
use catchment_aws::clock::FixedClock;
use catchment_aws::config::Secret;
use catchment_aws::secrets::SecretSource;
use catchment_aws::webhook::{WebhookClient, WebhookUrl};
use catchment_notify::handler::{Handler, Summary};
use catchment_notify::slack::Slack;
use catchment_notify::webhook::Webhook;
use serde_json::{Value, json};

use server::{web_api, webhook};

const NOW: i64 = 1_760_000_000_000;
const DEADLINE: i64 = NOW + 60_000;
const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

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

/// A store that outlives a handler.
#[derive(Clone, Default)]
struct Store(Arc<MemoryDeliveries>);

impl DeliveryStore for Store {
    type Error = std::convert::Infallible;
    async fn is_delivered(&self, id: &str, channel: &str) -> Result<bool, Self::Error> {
        self.0.is_delivered(id, channel).await
    }
    async fn note_delivered(&self, id: &str, channel: &str, now_ms: i64) -> Result<(), Self::Error> {
        self.0.note_delivered(id, channel, now_ms).await
    }
    async fn thread(&self, alert: &str, place: &str) -> Result<Option<String>, Self::Error> {
        self.0.thread(alert, place).await
    }
    async fn keep_thread(&self, alert: &str, place: &str, ts: &str, now_ms: i64) -> Result<(), Self::Error> {
        self.0.keep_thread(alert, place, ts, now_ms).await
    }
}

fn handler(slack: &[&str]) -> Handler<Secrets, Store, FixedClock> {
    Handler {
        slack: Some(Slack::new(Secrets::new(slack), WebhookClient::default())),
        webhook: None,
        amazon_q: None,
        store: Store::default(),
        metrics_namespace: "Catchment".to_owned(),
        clock: FixedClock(NOW),
    }
}

fn bot(url: &str, channel: &str) -> String {
    json!({"token": "xoxb-topsecret", "channel": channel, "api_url": url}).to_string()
}

fn alert_of(id: &str, name: &str, status: &str) -> String {
    json!({"id": id, "name": name, "description": "5 errors", "summary": "Database errors",
        "severity": "critical", "status": status, "condition": "count > 5", "threshold": 5.0,
        "current_value": 6.0, "labels": {"service": "gremlins-api"}, "annotations": {},
        "triggered_at": "2026-11-21T04:00:00Z", "resolved_at": null, "stack": "catchment"})
    .to_string()
}

fn alert(name: &str) -> String {
    alert_of("a1", name, "firing")
}

fn event(messages: &[&str]) -> Value {
    let records = messages.iter().enumerate().map(|(n, message)| {
        json!({"EventSource": "aws:sns", "Sns": {
            "MessageId": format!("m{n}"), "Subject": "Somebody <else>", "Message": message}})
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
    let (url, served) = webhook(&["429 x\r\nretry-after: 2", "500 x", "200 OK", "200 OK", "200 OK"]);
    let handler = handler(&[&url]);
    let (first, second) = (alert("DatabaseErrors"), alert("HighErrorRate"));
    let event = event(&[&first, &second, "a note of <somebody>"]);
    let summary = handler.handle(event, DEADLINE).await.unwrap();
    assert_eq!(summary, Summary { sent: 3, retries: 2, ..Summary::default() });
    let bodies: Vec<Value> = served.join().unwrap().iter().map(server::Request::json).collect();
    assert_eq!(bodies[0], bodies[2], "the same message until it is taken");
    assert!(bodies[2].to_string().contains("DatabaseErrors"), "{}", bodies[2]);
    assert!(bodies[2]["attachments"].is_array() && bodies[2].get("channel").is_none());
    assert!(bodies[3].to_string().contains("HighErrorRate"));
    assert_eq!(bodies[4], json!({"text": "*Somebody &lt;else&gt;*\na note of &lt;somebody&gt;"}));
}

#[tokio::test]
async fn what_is_told_of_one_alert_by_a_bot_is_one_thread() {
    let posted =
        |ts: &str| json!({"ok": true, "channel": "C1", "ts": ts, "message": {"text": "x".repeat(9_000)}});
    let (url, served) = web_api(vec![posted("1.1"), posted("1.2"), posted("1.3")]);
    let handler = handler(&[&bot(&url, "C1")]);
    let (on, over) = (alert_of("a1", "A", "firing"), alert_of("a1", "A", "resolved"));
    let other = alert_of("a2", "B", "firing");
    handler.handle(event(&[&on, &over, &other]), DEADLINE).await.unwrap();
    let requests = served.join().unwrap();
    assert!(requests.iter().all(|it| it.header("authorization") == "Bearer xoxb-topsecret"));
    let bodies: Vec<Value> = requests.iter().map(server::Request::json).collect();
    assert!(bodies.iter().all(|body| body["channel"] == "C1"));
    let threads: Vec<&Value> = bodies.iter().map(|body| &body["thread_ts"]).collect();
    assert_eq!(threads, [&Value::Null, &json!("1.1"), &Value::Null]);
    assert!(bodies[1].to_string().contains("RESOLVED"));
}

#[tokio::test]
async fn a_thread_whose_beginning_is_gone_begins_again() {
    let (url, served) = web_api(vec![
        json!({"ok": false, "error": "thread_not_found"}),
        json!({"ok": true, "ts": "2.1", "channel": "C1"}),
    ]);
    let handler = handler(&[&bot(&url, "C1")]);
    handler.store.keep_thread("a1", "slack#C1", "1.1", NOW).await.unwrap();
    let summary = handler.handle(event(&[&alert("A")]), DEADLINE).await.unwrap();
    assert_eq!((summary.sent, summary.retries), (1, 1));
    let bodies: Vec<Value> = served.join().unwrap().iter().map(server::Request::json).collect();
    assert_eq!((&bodies[0]["thread_ts"], &bodies[1]["thread_ts"]), (&json!("1.1"), &Value::Null));
    assert_eq!(handler.store.thread("a1", "slack#C1").await.unwrap().as_deref(), Some("2.1"));
}

#[tokio::test(start_paused = true)]
async fn what_the_web_api_says_is_waited_for_renewed_or_told() {
    for (first, sent, requests) in
        [("ratelimited", 1, 2), ("internal_error", 1, 2), ("channel_not_found", 0, 1)]
    {
        let answers = [json!({"ok": false, "error": first}), json!({"ok": true, "ts": "1.1"})];
        let (url, served) = web_api(answers[..requests].to_vec());
        let outcome = handler(&[&bot(&url, "C1")]).handle(event(&[&alert("A")]), DEADLINE).await;
        match outcome {
            Ok(summary) => assert_eq!(summary.sent, sent, "{first}"),
            Err(err) => {
                assert!(sent == 0 && err.to_string().contains("slack: refused: channel_not_found"), "{err}")
            }
        }
        assert_eq!(served.join().unwrap().len(), requests, "{first}");
    }
    let (old, old_served) = web_api(vec![json!({"ok": false, "error": "token_revoked"})]);
    let (new, new_served) = web_api(vec![json!({"ok": true, "ts": "1.1"})]);
    let summary =
        handler(&[&bot(&old, "C1"), &bot(&new, "C1")]).handle(event(&[&alert("A")]), DEADLINE).await;
    assert_eq!(summary.unwrap().sent, 1);
    assert_eq!((old_served.join().unwrap().len(), new_served.join().unwrap().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_pause_longer_than_we_have_is_left_to_a_retry() {
    for (answer, deadline) in
        [("429 x\r\nretry-after: 3600", DEADLINE), ("429 x\r\nretry-after: 10", NOW + 5_000)]
    {
        let (url, served) = webhook(&[answer]);
        let err = handler(&[&url]).handle(event(&[&alert("A")]), deadline).await.unwrap_err();
        assert!(err.to_string().starts_with("1 of 1 notifications did not arrive: slack: "), "{err}");
        assert_eq!(served.join().unwrap().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slack_that_stays_down_fails_the_invocation() {
    let (url, served) = webhook(&["503 x"; 5]);
    let err = handler(&[&url]).handle(event(&[&alert("A")]), DEADLINE).await.unwrap_err();
    assert!(err.to_string().contains("in 5 attempts: HTTP status 503"), "{err}");
    assert!(!err.to_string().contains("topsecret"));
    assert_eq!(served.join().unwrap().len(), 5);
    // Nobody listens there any more.
    let err = handler(&[&url]).handle(event(&[&alert("A")]), DEADLINE).await.unwrap_err();
    assert!(!err.to_string().contains("topsecret"), "{err}");
}

#[tokio::test]
async fn what_is_refused_is_tried_once_and_fails_the_invocation_after_the_others() {
    let (url, served) = webhook(&["400 x", "200 OK"]);
    let handler = handler(&[&url]);
    let event = event(&[&alert("A"), &alert("B")]);
    let err = handler.handle(event.clone(), DEADLINE).await.unwrap_err();
    assert_eq!(
        err.to_string(),
        "1 of 2 notifications did not arrive: slack: refused: HTTP status 400, no_service"
    );
    assert_eq!(served.join().unwrap().len(), 2);
}

#[tokio::test]
async fn a_retry_of_the_event_does_not_repeat_what_arrived() {
    let (url, served) = webhook(&["400 x", "200 OK", "200 OK"]);
    let handler = handler(&[&url]);
    let event = event(&[&alert("A"), &alert("B")]);
    handler.handle(event.clone(), DEADLINE).await.unwrap_err();
    let summary = handler.handle(event, DEADLINE).await.unwrap();
    assert_eq!(summary, Summary { sent: 1, repeated: 1, ..Summary::default() });
    let names: Vec<bool> = served.join().unwrap().iter().map(|it| it.text.contains("*Alert*\\nB")).collect();
    assert_eq!(names, [false, true, false]);
}

#[tokio::test]
async fn an_address_that_is_no_longer_good_is_read_again() {
    let (old, old_served) = webhook(&["404 x"]);
    let (new, new_served) = webhook(&["200 OK", "200 OK"]);
    let handler = handler(&[&old, &json!({"url": new}).to_string()]);
    let summary = handler.handle(event(&[&alert("A"), &alert("B")]), DEADLINE).await.unwrap();
    assert_eq!((summary.sent, summary.retries), (2, 1));
    assert_eq!((old_served.join().unwrap().len(), new_served.join().unwrap().len()), (1, 2));
}

#[tokio::test]
async fn an_address_that_is_gone_for_good_is_tried_once() {
    let (url, served) = webhook(&["410 x"]);
    let err = handler(&[&url]).handle(event(&[&alert("A")]), DEADLINE).await.unwrap_err();
    assert!(err.to_string().contains("HTTP status 410"), "{err}");
    assert_eq!(served.join().unwrap().len(), 1);
}

#[tokio::test]
async fn an_unusable_secret_or_event_is_told() {
    let err = handler(&["not an address"]).handle(event(&[&alert("A")]), DEADLINE).await.unwrap_err();
    assert!(err.to_string().contains("the Slack secret is unusable"), "{err}");
    let err = handler(&[]).handle(json!({"hello": "there"}), DEADLINE).await.unwrap_err();
    assert!(err.to_string().contains("the event is not one of SNS"), "{err}");
}

#[tokio::test(start_paused = true)]
async fn the_webhooks_body_is_signed_and_slack_does_not_hold_it_up() {
    let (url, served) = webhook(&["503 x", "204 No Content"]);
    let handler = Handler {
        slack: Some(Slack::new(Secrets::new(&["not an address"]), WebhookClient::default())),
        webhook: Some(Webhook {
            url: WebhookUrl::parse(&url).unwrap(),
            secret: Secrets::new(&[KEY]),
            client: WebhookClient::default(),
        }),
        ..handler(&[])
    };
    let err = handler.handle(event(&[&alert("A")]), DEADLINE).await.unwrap_err();
    assert!(err.to_string().starts_with("1 of 2 notifications did not arrive: slack: "), "{err}");
    let requests = served.join().unwrap();
    let key = WebhookKey::parse(KEY).unwrap();
    for request in &requests {
        assert_eq!(request.header("webhook-id"), "msg_m0");
        assert_eq!(request.header("webhook-timestamp"), "1760000000");
        let signature = key.sign("msg_m0", 1_760_000_000, &request.text).unwrap();
        assert_eq!(request.header("webhook-signature"), signature);
    }
    let body = requests[1].json();
    assert_eq!((&body["type"], &body["timestamp"]), (&json!("alert.firing"), &json!("2025-10-09T08:53:20Z")));
    assert_eq!((&body["data"]["name"], &body["data"]["series"][0]["value"]), (&json!("A"), &json!(6.0)));
}

#[test]
fn the_metrics() {
    let metrics = Summary { sent: 1, failed: 2, retries: 3, repeated: 4 }.metrics("Catchment");
    let line: Value = serde_json::from_str(&metrics.to_line(NOW)).unwrap();
    for (name, value) in [("NotificationsSent", 1), ("NotificationsFailed", 2), ("DeliveryRetries", 3)] {
        assert_eq!(line[name], value);
    }
}
