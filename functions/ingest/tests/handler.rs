//! The handler over in-memory stores: what a payload leaves behind, also when
//! it comes twice, broken, empty, or when a store fails half-way.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use catchment_alert::{Accumulator, MemoryPartials, PartialStore, RuleFile, RuleSet};
use catchment_archive::{ArchiveStore, MemoryArchive, ObjectKey, Put};
use catchment_audit::MemoryAudit;
use catchment_ingest::{Ingest, IngestError, Report, config::Settings};
use catchment_record::{Config, Counts, Globs, Pipeline, Routing};
use libdeflater::{CompressionLvl, Compressor};
use serde_json::{Value, json};

/// 2024-12-19T10:30:15Z in milliseconds.
const NOW: i64 = 1_734_604_215_000;

type MemoryIngest<A = MemoryArchive> = Ingest<A, MemoryAudit, MemoryPartials>;

fn settings() -> Settings {
    Settings { region: "eu-west-1".into(), environment: "prod".into() }
}

fn pipeline() -> Pipeline {
    let long = Globs::new(&["/ecs/billing*".into()]).unwrap();
    Pipeline::embedded(None).with_routing(Routing { long, ..Routing::default() })
}

fn ingest() -> MemoryIngest {
    Ingest::new(MemoryArchive::default(), MemoryAudit::default(), MemoryPartials::default(), settings())
}

fn rules() -> RuleSet {
    let text = r#"
groups:
  - name: test
    rules:
      - alert: Errors
        expr: count_over_time({environment="prod"} |= "ERROR" [5m]) > 1
"#;
    RuleSet::parse(&[RuleFile { name: "test.yaml".into(), text: text.into() }]).unwrap()
}

fn encode(json: &[u8]) -> String {
    let mut compressor = Compressor::new(CompressionLvl::fastest());
    let mut out = vec![0; compressor.gzip_compress_bound(json.len())];
    let size = compressor.gzip_compress(json, &mut out).unwrap();
    out.truncate(size);
    base64_simd::STANDARD.encode_to_string(out)
}

fn event(log_group: &str, messages: &[&str]) -> Value {
    let events: Vec<Value> = messages
        .iter()
        .enumerate()
        .map(|(i, message)| json!({ "id": format!("{i:056}"), "timestamp": NOW + i as i64, "message": message }))
        .collect();
    envelope(&json!({
        "messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": log_group,
        "logStream": "ecs/web/0123456789abcdef0123456789abcdef", "subscriptionFilters": ["f"], "logEvents": events,
    }))
}

fn envelope(json: &Value) -> Value {
    json!({ "awslogs": { "data": encode(json.to_string().as_bytes()) } })
}

/// What the rule has counted so far.
async fn matches(ingest: &MemoryIngest) -> u64 {
    let rules = rules();
    let rule = rules.rules().next().unwrap();
    let stored = ingest.partials().window(&rule.leaves[0].id, 0, i64::MAX).await.unwrap();
    let count = |accumulator: &Accumulator| match accumulator {
        Accumulator::Count(count) => *count,
        other => panic!("{other}"),
    };
    stored.window.series.values().map(count).sum()
}

async fn handle(ingest: &MemoryIngest, event: Value) -> Report {
    handle_with(ingest, event, &pipeline()).await
}

async fn handle_with(ingest: &MemoryIngest, event: Value, pipeline: &Pipeline) -> Report {
    let report = ingest.handle(event, &rules(), pipeline).await.unwrap();
    assert!(report.counts.are_conserved(), "{report:?}");
    report
}

#[tokio::test]
async fn a_batch_becomes_one_object_audit_entries_and_partials() {
    let ingest = ingest();
    let lines = [
        r#"{"level":"ERROR","message":"boom","password":"hunter2"}"#,
        r#"{"event_type":"user.login","user_id":"u1"}"#,
        "ERROR plain",
    ];
    let report = handle(&ingest, event("/ecs/auth", &lines)).await;
    assert_eq!(report.counts, Counts { received: 3, archived: 3, filtered: 0, quarantined: 0 });
    assert_eq!((report.objects_created, report.audit_entries_created), (1, 1));
    assert_eq!((report.alert_lines_matched, report.partials_recorded, report.secrets_redacted), (2, 1, 1));
    assert_eq!(report.redacted, [("named_field".to_owned(), 1)].into());
    let objects = ingest.archive().objects();
    let (key, body) = objects.first_key_value().unwrap();
    assert!(
        key.as_str().starts_with(&format!("logs/class=standard/dt=2024-12-19/10-{NOW}-{}-", NOW + 2)),
        "{key}"
    );
    assert!(body.starts_with(b"PAR1") && body.ends_with(b"PAR1"));
}

#[tokio::test]
async fn the_same_event_again_changes_nothing_and_succeeds() {
    let ingest = ingest();
    let lines = ["ERROR one", r#"{"audit":true,"action":"x"}"#];
    handle(&ingest, event("/ecs/billing", &lines)).await;
    let before = (ingest.archive().objects(), ingest.audit().entries(), matches(&ingest).await);
    assert_eq!(before.2, 1, "one line matches the rule");
    let again = handle(&ingest, event("/ecs/billing", &lines)).await;
    assert_eq!((again.objects_created, again.objects_already_there, again.audit_entries_created), (0, 1, 0));
    assert_eq!(again.counts.archived, 2);
    assert_eq!(before, (ingest.archive().objects(), ingest.audit().entries(), matches(&ingest).await));
    assert!(before.0.keys().all(|key| key.as_str().starts_with("logs/class=long/")));
}

#[tokio::test]
async fn what_cannot_be_decoded_is_set_aside_whole_with_the_reason() {
    let truncated = {
        let data = encode(&[b'x'; 4096]);
        json!({ "awslogs": { "data": data.get(..data.len() / 4 / 2 * 4).unwrap() } })
    };
    for (event, reason) in [
        (json!({ "awslogs": { "data": "%%%" } }), "the payload is not base64"),
        // What is taken for the trailer is chance: it may as well name a size too large.
        (truncated, "the payload"),
        (envelope(&json!({ "messageType": "DATA_MESSAGE" })), "not a CloudWatch Logs subscription message"),
        (json!({ "Records": [] }), "not a CloudWatch Logs subscription event"),
        (json!({ "awslogs": { "data": 5 } }), "not a CloudWatch Logs subscription event"),
        (Value::Null, "not a CloudWatch Logs subscription event"),
    ] {
        let ingest = ingest();
        let report = handle(&ingest, event.clone()).await;
        assert_eq!(report.counts, Counts { received: 1, archived: 0, filtered: 0, quarantined: 1 });
        assert_eq!(report.payloads_quarantined, 1);
        let objects: Vec<(ObjectKey, Bytes)> = ingest.archive().objects().into_iter().collect();
        let note: Value = serde_json::from_slice(&objects[1].1).unwrap();
        assert!(note["reason"].as_str().unwrap().contains(reason), "{note} for {event}");
        assert_eq!(note["payload_key"], objects[0].0.as_str());
        let as_it_came = event.pointer("/awslogs/data").and_then(Value::as_str);
        assert_eq!(objects[0].1, as_it_came.map_or_else(|| event.to_string(), str::to_owned));
        let answer = report.answer();
        assert_eq!(answer["quarantine"]["key"], objects[0].0.as_str());
        assert!(answer["quarantine"]["reason"].as_str().unwrap().contains(reason), "{answer}");
        handle(&ingest, event).await;
        assert_eq!(ingest.archive().objects().len(), 2, "set aside once");
    }
}

#[tokio::test]
async fn history_is_archived_and_calls_nobody() {
    let ingest = ingest();
    let mut history = event("/ecs/auth", &["ERROR one", "ERROR two"]);
    history["history"] = json!(true);
    let report = handle(&ingest, history.clone()).await;
    assert_eq!((report.counts.archived, report.partials_recorded), (2, 0));
    let again = handle(&ingest, history).await.answer();
    assert_eq!(
        again,
        json!({"received": 2, "archived": 2, "filtered": 0, "quarantined": 0,
            "objects_created": 0, "objects_already_there": 1, "quarantine": null})
    );
    assert_eq!(matches(&ingest).await, 0);
    // The same events by subscription: the same object, and now the rules see them.
    let live = handle(&ingest, event("/ecs/auth", &["ERROR one", "ERROR two"])).await;
    assert_eq!((live.objects_already_there, live.partials_recorded), (1, 1));
    assert_eq!(matches(&ingest).await, 2);
}

#[tokio::test]
async fn control_messages_empty_batches_and_own_log_groups_leave_nothing_behind() {
    let ingest = ingest();
    let control = envelope(&json!({
        "messageType": "CONTROL_MESSAGE", "owner": "CloudwatchLogs", "logGroup": "", "logStream": "", "subscriptionFilters": [],
        "logEvents": [{ "id": "", "timestamp": NOW, "message": "CWL CONTROL MESSAGE: Checking health of destination" }],
    }));
    assert_eq!(handle(&ingest, control).await, Report { control_messages: 1, ..Report::default() });
    assert_eq!(handle(&ingest, event("/ecs/auth", &[])).await, Report::default());
    let own = handle(&ingest, event("/catchment/another-stack/ingest", &["x", "y"])).await;
    assert_eq!(own.counts, Counts { received: 2, archived: 0, filtered: 2, quarantined: 0 });
    assert_eq!(own.own_events_refused, 2);
    assert!(ingest.archive().objects().is_empty());
}

/// An archive that fails a number of times before it works.
struct Flaky {
    failures_left: AtomicU32,
    inner: MemoryArchive,
}

impl ArchiveStore for Flaky {
    type Error = std::io::Error;

    async fn put_if_absent(&self, key: &ObjectKey, body: Bytes) -> Result<Put, Self::Error> {
        let left = self.failures_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        match left {
            Ok(_) => Err(std::io::Error::other("slow down")),
            Err(_) => Ok(self.inner.put_if_absent(key, body).await.unwrap()),
        }
    }
}

#[tokio::test]
async fn a_failed_archive_write_fails_the_invocation_before_anything_else_is_written() {
    let archive = Flaky { failures_left: AtomicU32::new(1), inner: MemoryArchive::default() };
    let ingest = Ingest::new(archive, MemoryAudit::default(), MemoryPartials::default(), settings());
    let event = event("/ecs/auth", &[r#"{"audit":true}"#, "ERROR x"]);
    let err = ingest.handle(event.clone(), &rules(), &pipeline()).await.unwrap_err();
    assert!(matches!(err, IngestError::Archive(_)));
    assert!(err.to_string().contains("slow down"), "{err}");
    assert!(ingest.audit().entries().is_empty());
    let report = ingest.handle(event, &rules(), &pipeline()).await.unwrap();
    assert_eq!((report.counts.archived, report.audit_entries_created), (2, 1));
    assert!(report.counts.are_conserved());
}

#[tokio::test]
async fn an_event_of_1_mb_is_archived_whole() {
    let ingest = ingest();
    let line = format!("ERROR {}", "0123456789abcdef".repeat((1 << 20) / 16 - 1));
    let report = handle(&ingest, event("/ecs/auth", &[&line])).await;
    assert_eq!(report.counts.archived, 1);
    assert_eq!(report.parse_errors, 0);
}

fn configured(route: &str) -> Pipeline {
    let config = Config::parse(&format!("version: 1\nroute:\n{route}")).unwrap();
    Pipeline::new(&config, None).unwrap()
}

fn keys(ingest: &MemoryIngest) -> Vec<String> {
    ingest.archive().objects().keys().map(|key| key.as_str().to_owned()).collect()
}

#[tokio::test]
async fn what_is_filtered_and_sampled_is_counted_in_events_by_name() {
    let pipeline = configured(
        r#"
  filters:
  - name: health-checks
    when: { selector: '{service="auth"} |= "/health"' }
  samplers:
  - name: chatty
    when: { levels: [debug, info, unknown] }
    keep_percent: 25
"#,
    );
    let ingest = ingest();
    // By another implementation of the sampler's hash: req-1 lies at 14 %, req-0 at 73 %.
    let lines = [
        r#"{"level":"error","message":"GET /health ERROR","audit":true,"event_type":"user.login","user_id":"u"}"#,
        r#"{"level":"info","message":"one","request_id":"req-1"}"#,
        r#"{"level":"info","message":"no ERROR","request_id":"req-0"}"#,
        r#"{"level":"debug","message":"two","request_id":"req-1"}"#,
        r#"{"level":"debug","message":"two","request_id":"req-0"}"#,
        r#"{"level":"error","message":"ERROR","request_id":"req-0"}"#,
        "Exception in thread \"main\" java.lang.IllegalStateException: no stock",
        "\tat com.shop.Stock.take(Stock.java:42)",
        "\tat com.shop.Shop.main(Shop.java:7)",
    ];
    let report = handle_with(&ingest, event("/ecs/auth", &lines), &pipeline).await;
    assert_eq!(report.counts, Counts { received: 9, archived: 6, filtered: 3, quarantined: 0 });
    assert_eq!(report.filtered, [("chatty".to_owned(), 2), ("health-checks".to_owned(), 1)].into());
    assert_eq!(report.events_stitched, 2, "the trace is one record of three events");
    assert_eq!(report.audit_entries_created, 1, "no filter hides from the audit trail");
    // What was sampled out happened all the same; what was filtered did not.
    assert_eq!(matches(&ingest).await, 2);
}

#[tokio::test]
async fn a_batch_of_two_classes_is_two_objects_and_again_the_same_two() {
    let pipeline = configured("  classes:\n  - class: short\n    when: { levels: [debug] }\n");
    let ingest = ingest();
    let lines = [r#"{"level":"debug","message":"a"}"#, r#"{"level":"info","message":"b"}"#];
    for (created, there) in [(2, 0), (0, 2)] {
        let report = handle_with(&ingest, event("/ecs/auth", &lines), &pipeline).await;
        assert_eq!((report.objects_created, report.objects_already_there), (created, there));
        assert_eq!(report.counts, Counts { received: 2, archived: 2, filtered: 0, quarantined: 0 });
    }
    let (short, standard) = (&keys(&ingest)[0], &keys(&ingest)[1]);
    assert!(short.starts_with(&format!("logs/class=short/dt=2024-12-19/10-{NOW}-{NOW}-")), "{short}");
    let later = NOW + 1;
    assert!(
        standard.starts_with(&format!("logs/class=standard/dt=2024-12-19/10-{later}-{later}-")),
        "{standard}"
    );
}

/// A retry may find another configuration. What it writes must not be taken for
/// what is there already, or the difference would be lost.
#[tokio::test]
async fn a_retry_under_another_configuration_hides_nothing() {
    let ingest = ingest();
    let lines = ["first", "the middle of it", "last"];
    let filtering = configured(
        "  filters:\n  - name: noise\n    when: { selector: '{service=~\".+\"} |= \"middle\"' }\n",
    );
    let report = handle_with(&ingest, event("/ecs/auth", &lines), &filtering).await;
    assert_eq!(report.counts, Counts { received: 3, archived: 2, filtered: 1, quarantined: 0 });
    let again = handle(&ingest, event("/ecs/auth", &lines)).await;
    assert_eq!((again.objects_created, again.counts.archived), (1, 3));
    let keys = keys(&ingest);
    let (first, second) = (keys[0].rsplit_once('-').unwrap(), keys[1].rsplit_once('-').unwrap());
    assert_eq!(first.0, second.0, "the same class, day, hour, first and last millisecond");
}
