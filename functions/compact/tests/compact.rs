//! The function's handler over an archive in memory.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use bytes::Bytes;
use catchment_archive::compact::{CompactLimits, CompactReport, Compactor};
use catchment_archive::{ArchiveStore, MemoryArchive, ObjectKey, ObjectReader, split_by_day, write_parquet};
use catchment_aws::clock::FixedClock;
use catchment_compact::{handler, report};
use catchment_record::{BatchId, EventTime, LogGroup, LogRecord, LogStream, RetentionClass, Source, redact};
use serde_json::{Value, json};

/// 2024-12-18T00:00:00Z.
const DAY: i64 = 1_734_480_000_000;
const HOUR: i64 = 3_600_000;

/// Two batches of a class.
async fn batches(store: &MemoryArchive, class: RetentionClass) {
    let source = Source::new("1", "r", LogGroup::new("g"), LogStream::new("s"), "prod");
    let line = redact("hello");
    for id in ["1", "2"] {
        let records = [LogRecord::parse(&line, &source, id, EventTime::Arrived(DAY))];
        let (day, part) = split_by_day(&records).next().unwrap();
        let key = ObjectKey::of_batch(class, day, part, &BatchId::of_payload(id.as_bytes()));
        store.put_if_absent(&key, write_parquet(part).unwrap()).await.unwrap();
    }
}

async fn invoke(store: &MemoryArchive, event: Value, minutes_left: i64) -> Result<CompactReport, String> {
    let scratch = tempfile::tempdir().unwrap();
    let compactor = Compactor::new(store, scratch.path(), CompactLimits::default());
    let now = DAY + 30 * HOUR;
    let deadline = now + minutes_left * 60_000;
    handler::handle(&compactor, event, &FixedClock(now), deadline).await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_tick_compacts_every_class_and_an_operator_chooses() {
    for (event, expected) in [
        (json!({}), 2),
        (json!({"class": "long"}), 1),
        (json!({"class": "short"}), 0),
        (json!({"day": "2024-12-18"}), 2),
        (json!({"class": "standard", "day": "2024-12-18"}), 1),
        (json!({"day": "2024-12-17"}), 0),
    ] {
        let store = MemoryArchive::default();
        batches(&store, RetentionClass::Standard).await;
        batches(&store, RetentionClass::Long).await;
        let report = invoke(&store, event.clone(), 15).await.unwrap();
        assert_eq!((report.steps, report.rows_out), (expected, 2 * expected), "{event}");
        assert_eq!(store.list("logs/", None).await.unwrap().len() as u64, 4 - expected, "{event}");
    }
}

#[tokio::test]
async fn a_wrong_event_is_refused_with_the_right_form() {
    for event in [json!({"dya": "2024-12-18"}), json!({"class": "weekly"}), json!({"day": "yesterday"})] {
        let error = invoke(&MemoryArchive::default(), event.clone(), 15).await.unwrap_err();
        assert!(error.contains(r#"{"class": "standard", "day": "2026-01-31"}"#), "{event}: {error}");
    }
}

#[tokio::test]
async fn without_a_minute_left_nothing_is_begun() {
    let store = MemoryArchive::default();
    batches(&store, RetentionClass::Short).await;
    let report = invoke(&store, json!({}), 0).await.unwrap();
    assert_eq!((report.steps, report.steps_left), (0, 1));
    assert_eq!(invoke(&store, json!({}), 2).await.unwrap().steps, 1);
}

#[tokio::test]
async fn what_was_done_is_in_the_metrics_and_in_the_answer() {
    let store = MemoryArchive::default();
    batches(&store, RetentionClass::Short).await;
    store.put_if_absent(&ObjectKey::new("logs/x"), Bytes::new()).await.unwrap();
    let report = invoke(&store, json!({}), 15).await.unwrap();
    let line: Value =
        serde_json::from_str(&report::to_metrics(&report, "Catchment/test").to_line(0)).unwrap();
    for (name, value) in [
        ("StepsDone", 1),
        ("StepsLeft", 0),
        ("ObjectsReplaced", 2),
        ("ObjectsWritten", 1),
        ("RowsRead", 2),
        ("RowsWritten", 2),
        ("DuplicatesRemoved", 0),
        ("ForeignObjects", 1),
        ("ConservationViolated", 0),
    ] {
        assert_eq!(line[name], value, "{name}");
    }
    assert_eq!(report::answer(&report)["objects_written"], 1);
}
