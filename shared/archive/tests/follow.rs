//! Rows as they come: each once, whatever is found how often.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use catchment_archive::{
    ArchiveStore, ColumnSet, Filter, Follower, MemoryArchive, MergedWriter, ObjectKey, StoredRow, Sweep,
    split_by_day, write_parquet,
};
use catchment_record::{BatchId, EventTime, LogGroup, LogRecord, LogStream, RetentionClass, Source, redact};

const CLASS: RetentionClass = RetentionClass::Standard;
/// 2024-12-19T10:30:15.123Z.
const NOW: i64 = 1_734_604_215_123;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// Puts an object of lines a millisecond apart; their ids are made of the lines.
async fn put(store: &MemoryArchive, first_millis: i64, lines: &[&str]) {
    let source = Source::new("1", "r", LogGroup::new("/ecs/web"), LogStream::new("s"), "prod");
    let redacted: Vec<_> = lines.iter().map(|line| redact(line)).collect();
    let records: Vec<_> = (0..)
        .zip(&redacted)
        .zip(lines)
        .map(|((n, line), id)| LogRecord::parse(line, &source, id, EventTime::Arrived(first_millis + n)))
        .collect();
    for (day, part) in split_by_day(&records) {
        let batch = BatchId::of_payload(format!("{first_millis} {lines:?}").as_bytes());
        let key = ObjectKey::of_batch(CLASS, day, part, &batch);
        store.put_if_absent(&key, write_parquet(part).unwrap()).await.unwrap();
    }
}

async fn start(store: &MemoryArchive, since: i64) -> Follower<'_, MemoryArchive> {
    Follower::start(store, &[CLASS], Filter::default(), ColumnSet::ALL, since, NOW).await.unwrap()
}

async fn all(follower: &mut Follower<'_, MemoryArchive>) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(row) = follower.next().await.unwrap() {
        lines.push(row.line().into_owned());
    }
    lines
}

#[tokio::test]
async fn what_was_there_comes_first_then_what_is_new_each_once() {
    let store = MemoryArchive::default();
    put(&store, NOW - HOUR, &["long ago"]).await;
    put(&store, NOW - MINUTE, &["a", "b"]).await;
    let mut follower = start(&store, NOW - 5 * MINUTE).await;
    assert_eq!(all(&mut follower).await, ["a", "b"]);
    assert_eq!(follower.poll(Sweep::Recent, NOW).await.unwrap(), 0);
    assert_eq!(follower.poll(Sweep::Whole, NOW).await.unwrap(), 0, "it was seen when it began");

    put(&store, NOW + 1000, &["d", "e"]).await;
    put(&store, NOW + 500, &["c"]).await;
    assert_eq!(follower.poll(Sweep::Recent, NOW + 2000).await.unwrap(), 2);
    assert_eq!(all(&mut follower).await, ["c", "d", "e"], "by time, of whatever object");
    assert_eq!(follower.poll(Sweep::Recent, NOW + 4000).await.unwrap(), 0);
    // Another batch repeats events.
    put(&store, NOW + 1000, &["d", "f"]).await;
    assert_eq!(follower.poll(Sweep::Recent, NOW + 4000).await.unwrap(), 1);
    assert_eq!(all(&mut follower).await, ["f"]);
}

#[tokio::test]
async fn what_is_late_is_found_by_a_whole_sweep() {
    let store = MemoryArchive::default();
    let mut follower = start(&store, NOW).await;
    assert_eq!(all(&mut follower).await, [""; 0]);
    put(&store, NOW - 3 * HOUR, &["late"]).await;
    put(&store, NOW - 24 * HOUR, &["of yesterday"]).await;
    put(&store, NOW - 9 * MINUTE, &["nearly late"]).await;
    assert_eq!(follower.poll(Sweep::Recent, NOW).await.unwrap(), 1);
    assert_eq!(all(&mut follower).await, ["nearly late"]);
    assert_eq!(follower.poll(Sweep::Whole, NOW).await.unwrap(), 2);
    assert_eq!(all(&mut follower).await, ["of yesterday", "late"]);
    assert_eq!(follower.poll(Sweep::Whole, NOW).await.unwrap(), 0);
}

#[tokio::test]
async fn midnight_is_no_end() {
    let store = MemoryArchive::default();
    // 2024-12-20T00:00:00Z.
    let midnight = 1_734_652_800_000;
    let classes = [CLASS];
    let all_columns = ColumnSet::ALL;
    let begun = midnight - MINUTE;
    let mut follower =
        Follower::start(&store, &classes, Filter::default(), all_columns, begun, begun).await.unwrap();
    put(&store, midnight - 1, &["before", "after"]).await;
    assert_eq!(follower.poll(Sweep::Recent, midnight + MINUTE).await.unwrap(), 2, "an object a day");
    assert_eq!(all(&mut follower).await, ["before", "after"]);
    put(&store, midnight + MINUTE, &["ahead of the clock"]).await;
    assert_eq!(follower.poll(Sweep::Recent, midnight - MINUTE).await.unwrap(), 1);
}

#[tokio::test]
async fn merged_objects_hold_nothing_new() {
    let store = MemoryArchive::default();
    let mut follower = start(&store, NOW).await;
    let mut file = Vec::new();
    let mut writer = MergedWriter::new(&mut file).unwrap();
    writer.push(&StoredRow { timestamp: Some(NOW), line: Some("known"), ..StoredRow::default() }).unwrap();
    let written = writer.finish(&[]).unwrap();
    let day = jiff::civil::date(2024, 12, 19);
    let key = ObjectKey::of_merged(CLASS, day, NOW, NOW, &written.id_hex);
    store.put_if_absent(&key, file.into()).await.unwrap();
    assert_eq!(follower.poll(Sweep::Whole, NOW).await.unwrap(), 0);
}
