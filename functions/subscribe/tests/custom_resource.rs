//! CloudFormation is always answered: what it would read at its `ResponseURL`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use catchment_aws::clock::FixedClock;
use catchment_aws::config::{ConfigErrors, Vars};
use catchment_aws::log_groups::InMemoryLogGroups;
use catchment_aws::webhook::WebhookClient;
use catchment_subscribe::config::Config;
use catchment_subscribe::custom_resource::Request;
use catchment_subscribe::handler::Handler;
use catchment_subscribe::reconcile::Summary;
use serde_json::{Value, json};

const NOW: i64 = 1_760_000_000_000;
const DEADLINE: i64 = NOW + 60_000;

fn config() -> Result<Config, ConfigErrors> {
    Config::from_vars(&Vars::from_pairs([
        ("LOG_GROUP_PATTERNS", "/ecs/*"),
        ("INGEST_FUNCTION_ARN", "arn:aws:lambda:eu-west-1:1:function:ingest"),
        ("FILTER_NAME", "catchment-catchment"),
        ("METRICS_NAMESPACE", "Catchment"),
    ]))
}

fn handler(
    groups: InMemoryLogGroups,
    config: Result<Config, ConfigErrors>,
) -> Handler<InMemoryLogGroups, FixedClock> {
    Handler { groups, config, client: WebhookClient::default(), clock: FixedClock(NOW) }
}

/// Stands in for CloudFormation: answers with these statuses in turn, and returns
/// the request heads and the last body.
fn cloudformation(statuses: &'static [u16]) -> (String, JoinHandle<(Vec<String>, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/answer?signature=secret", listener.local_addr().unwrap());
    let served = std::thread::spawn(move || {
        let (mut heads, mut last) = (Vec::new(), Value::Null);
        for status in statuses {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
                head.push_str(&line.to_ascii_lowercase());
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            last = serde_json::from_slice(&body).unwrap();
            heads.push(head);
            write!(stream, "HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
        }
        (heads, last)
    });
    (url, served)
}

fn request(kind: &str, url: &str, physical_id: Option<&str>) -> Value {
    let mut request = json!({
        "RequestType": kind, "ResponseURL": url, "StackId": "stack", "RequestId": "request",
        "LogicalResourceId": "Subscriptions", "ResourceType": "Custom::Subscriptions",
        "ResourceProperties": {"LogGroupPatterns": "/ecs/*"}});
    if let Some(id) = physical_id {
        request["PhysicalResourceId"] = json!(id);
    }
    request
}

async fn answer_to(
    handler: &Handler<InMemoryLogGroups, FixedClock>,
    kind: &str,
    physical_id: Option<&str>,
) -> Value {
    let (url, served) = cloudformation(&[200]);
    handler.handle(request(kind, &url, physical_id), DEADLINE).await.unwrap();
    served.join().unwrap().1
}

#[tokio::test]
async fn the_life_of_a_stack() {
    let handler = handler(InMemoryLogGroups::with(&["/ecs/web", "/other"]), config());
    let created = answer_to(&handler, "Create", None).await;
    assert_eq!(created["Status"], "SUCCESS");
    assert_eq!(created["Reason"], "1 of 1 log groups subscribed, 0 left for later");
    for (name, value) in
        [("StackId", "stack"), ("RequestId", "request"), ("LogicalResourceId", "Subscriptions")]
    {
        assert_eq!(created[name], value);
    }
    let id = created["PhysicalResourceId"].as_str().unwrap();

    handler.groups.create("/ecs/new", true);
    let updated = answer_to(&handler, "Update", Some(id)).await;
    assert_eq!((&updated["Status"], updated["PhysicalResourceId"].as_str()), (&json!("SUCCESS"), Some(id)));
    assert_eq!(handler.groups.filters_of("/ecs/new").len(), 1);

    let deleted = answer_to(&handler, "Delete", Some(id)).await;
    assert_eq!(deleted["Status"], "SUCCESS");
    assert_eq!(deleted["Reason"], "2 subscription filters removed");
    assert!(handler.groups.filters_of("/ecs/web").is_empty());
}

#[tokio::test]
async fn bad_settings_are_answered_and_the_rollback_goes_through() {
    let faults = Config::from_vars(&Vars::from_pairs([("FILTER_NAME", "f")])).unwrap_err();
    let handler = handler(InMemoryLogGroups::default(), Err(faults));
    let created = answer_to(&handler, "Create", None).await;
    assert_eq!(created["Status"], "FAILED");
    let reason = created["Reason"].as_str().unwrap();
    assert!(reason.contains("LOG_GROUP_PATTERNS is not set"), "{reason}");
    assert!(reason.contains("INGEST_FUNCTION_ARN is not set"), "{reason}");
    let rolled_back = answer_to(&handler, "Delete", created["PhysicalResourceId"].as_str()).await;
    assert_eq!(rolled_back["Status"], "SUCCESS");
    assert!(handler.handle(json!({}), DEADLINE).await.is_err());
}

#[tokio::test]
async fn a_group_without_a_slot_does_not_undo_a_deployment_but_refusals_do() {
    let full = handler(InMemoryLogGroups::with(&["/ecs/full"]), config());
    full.groups.plant("/ecs/full", "a", "arn:a");
    full.groups.plant("/ecs/full", "b", "arn:b");
    let answer = answer_to(&full, "Create", None).await;
    assert_eq!(answer["Status"], "SUCCESS");
    assert!(answer["Reason"].as_str().unwrap().contains("/ecs/full: no free subscription filter"));

    let refused = handler(InMemoryLogGroups::with(&["/ecs/a"]), config());
    refused.groups.deny("/ecs/a");
    assert_eq!(answer_to(&refused, "Create", None).await["Status"], "FAILED");
}

#[tokio::test]
async fn a_removal_that_is_not_complete_has_failed() {
    let handler = handler(InMemoryLogGroups::with(&["/ecs/a", "/ecs/b"]), config());
    handler.handle(json!({}), DEADLINE).await.unwrap();
    handler.groups.deny("/ecs/a");
    let answer = answer_to(&handler, "Delete", Some("Subscriptions-subscriptions")).await;
    assert_eq!(answer["Status"], "FAILED");
    assert!(answer["Reason"].as_str().unwrap().contains("/ecs/a: "), "{answer}");
    assert!(handler.groups.filters_of("/ecs/b").is_empty());
}

#[test]
fn a_removal_does_not_wait_for_groups_that_match_nothing() {
    let delete = request("Delete", "https://example.com", Some("Subscriptions-subscriptions"));
    let delete: Request = serde_json::from_value(delete).unwrap();
    let answer = |summary: &Summary| json!(delete.outcome(summary));
    let others_left = answer(&Summary { removed: 2, left: 9, ..Summary::default() });
    assert_eq!(others_left["Status"], "SUCCESS");
    assert_eq!(
        others_left["Reason"],
        "2 subscription filters removed; 9 log groups that match no pattern were not looked at"
    );
    let matched_left = answer(&Summary { removed: 2, left: 9, matched_left: 1, ..Summary::default() });
    assert_eq!(matched_left["Status"], "FAILED");
    assert_eq!(
        matched_left["Reason"],
        "0 log groups could not be freed and 1 were not reached; delete the stack again to go on"
    );
}

#[tokio::test]
async fn the_answer_is_given_again_when_it_was_not_taken() {
    let handler = handler(InMemoryLogGroups::with(&["/ecs/a"]), config());
    let (url, served) = cloudformation(&[503, 200]);
    handler.handle(request("Create", &url, None), DEADLINE).await.unwrap();
    let (heads, body) = served.join().unwrap();
    assert_eq!((heads.len(), &body["Status"]), (2, &json!("SUCCESS")));
    assert!(heads[0].starts_with("put /answer?signature=secret http/1.1"), "{}", heads[0]);
    assert!(heads[0].contains("content-type: \r\n") || heads[0].contains("content-type:\r\n"));
}

#[tokio::test]
async fn an_address_that_is_not_encrypted_is_refused_and_not_told() {
    let handler = handler(InMemoryLogGroups::default(), config());
    let event = request("Create", "http://collector.example/secret", None);
    let err = handler.handle(event, DEADLINE).await.unwrap_err().to_string();
    assert_eq!(err, "the ResponseURL must begin with https:// (http:// is for this machine alone)");
}

#[tokio::test]
async fn a_schedule_or_an_empty_event_reconciles() {
    let handler = handler(InMemoryLogGroups::with(&["/ecs/a"]), config());
    let scheduled = json!({"source": "aws.events", "detail-type": "Scheduled Event"});
    assert_eq!(handler.handle(scheduled, DEADLINE).await.unwrap()["added"], 1);
    assert_eq!(handler.handle(json!({}), DEADLINE).await.unwrap()["kept"], 1);
}

#[tokio::test]
async fn a_run_that_had_no_time_to_list_says_so() {
    let groups = InMemoryLogGroups::with(&["/ecs/a"]).slow(std::time::Duration::from_millis(50));
    let late = handler(groups, config()).handle(json!({}), NOW + 1_000).await;
    let message = late.unwrap_err().to_string();
    assert!(message.contains("the time was up before all log groups were listed"), "{message}");
}
