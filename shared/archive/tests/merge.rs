//! Merging loses nothing and doubles nothing.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use bytes::Bytes;
use catchment_archive::{
    ArchiveStore, Listed, MemoryArchive, Merge, MergeInput, MergeLimits, Merged, ObjectKey, ObjectReader,
    Order, ReadError, split_by_day, write_parquet,
};
use catchment_record::{
    BatchId, EventTime, LogGroup, LogRecord, LogStream, Redacted, RetentionClass, Source, redact,
};
use proptest::prelude::*;

static SOURCE: LazyLock<Source> = LazyLock::new(|| {
    Source::new("123456789012", "eu-west-1", LogGroup::new("/ecs/shop"), LogStream::new("a/b/c"), "prod")
});

static EMPTY: LazyLock<Redacted<'static>> = LazyLock::new(|| redact(""));

/// 2024-12-18T00:00:00Z.
const DAY: i64 = 1_734_480_000_000;

/// A record: its time within the day, and its events.
type Row = (i64, Vec<u64>);

fn id(event: u64) -> String {
    format!("{event:056}")
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

/// Puts rows as an object, as ingest would; where it stands.
fn put(store: &MemoryArchive, rows: &[Row], name: &str) -> ObjectKey {
    let mut rows = rows.to_vec();
    // Sorted by time alone.
    rows.sort_by_key(|(time, _)| *time);
    let ids: Vec<Vec<String>> =
        rows.iter().map(|(_, events)| events.iter().map(|e| id(*e)).collect()).collect();
    let records: Vec<_> = rows
        .iter()
        .zip(&ids)
        .map(|((time, _), ids)| {
            let mut record = LogRecord::parse(&EMPTY, &SOURCE, &ids[0], EventTime::Arrived(DAY + time));
            record.more_event_ids = ids[1..].iter().map(String::as_str).collect();
            record.message = Cow::Borrowed(&ids[0]);
            record
        })
        .collect();
    let (day, part) = split_by_day(&records).next().unwrap();
    assert_eq!(part.len(), records.len());
    let batch = BatchId::of_payload(name.as_bytes());
    let key = ObjectKey::of_batch(RetentionClass::Standard, day, part, &batch);
    block_on(store.put_if_absent(&key, write_parquet(part).unwrap())).unwrap();
    key
}

fn listed(store: &MemoryArchive) -> BTreeMap<ObjectKey, Listed> {
    let page = block_on(store.list("logs/", None)).unwrap();
    page.into_iter().map(|listed| (listed.key.clone(), listed)).collect()
}

fn merge(store: &MemoryArchive, inputs: Vec<MergeInput>, order: Order) -> (Vec<Row>, Merged) {
    block_on(async {
        let mut merge = Merge::new(store, inputs, order, MergeLimits::default());
        let mut rows = Vec::new();
        while let Some(row) = merge.next().await.unwrap() {
            let first = row.event_id().unwrap().into_owned();
            let more = row.more_event_ids.into_iter().flat_map(|ids| ids.split(','));
            let events = std::iter::once(first.as_str()).chain(more).map(|id| id.parse().unwrap());
            rows.push((row.timestamp.unwrap() - DAY, events.collect()));
        }
        (rows, merge.finish())
    })
}

/// The rows of all inputs in the order of the merge, without those whose events
/// all came before or are known by then.
fn expected(inputs: &[(Vec<Row>, bool)], order: Order) -> Vec<Row> {
    let all = inputs.iter().flat_map(|(rows, known)| rows.iter().map(move |row| (row, known)));
    let mut all: Vec<_> = all.collect();
    all.sort_by_key(|((time, events), known)| {
        let time = if order == Order::OldestFirst { *time } else { -*time };
        (time, events[0], std::cmp::Reverse(events.len()), !**known)
    });
    let mut seen: BTreeSet<u64> = BTreeSet::new();
    all.retain(|((_, events), known)| {
        let is_new = events.iter().any(|event| !seen.contains(event));
        seen.extend(events);
        is_new && !**known
    });
    all.into_iter().map(|(row, _)| row.clone()).collect()
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    // Few times and few events, so that they meet; what an event's rows say is the
    // same everywhere but for what is stitched to it.
    let row = (0_u64..40, 0_u64..3)
        .prop_map(|(event, more)| ((event / 4 * 60_000) as i64, (event..=event + more).collect::<Vec<_>>()));
    proptest::collection::vec(row, 1..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 64 } else { 2000 }))]
    #[test]
    fn a_merge_loses_nothing_and_doubles_nothing(
        inputs in proptest::collection::vec((rows(), proptest::bool::weighted(0.2)), 1..7),
        newest in any::<bool>(),
        turn in any::<usize>(),
    ) {
        let store = MemoryArchive::default();
        let order = if newest { Order::NewestFirst } else { Order::OldestFirst };
        let keys: Vec<_> = inputs.iter().enumerate().map(|(i, (rows, _))| put(&store, rows, &i.to_string())).collect();
        let listed = listed(&store);
        let mut all: Vec<_> = keys.iter().zip(&inputs).map(|(key, (_, known))| MergeInput { listed: listed[key].clone(), known: *known }).collect();
        let (found, result) = merge(&store, all.clone(), order);

        prop_assert_eq!(&found, &expected(&inputs, order));
        // By other words than the reference's: sorted; nothing lost.
        let times = found.iter().map(|(time, _)| if newest { -*time } else { *time });
        prop_assert!(times.is_sorted());
        let events = |rows: &[Row]| rows.iter().flat_map(|(_, events)| events.clone()).collect::<BTreeSet<_>>();
        let mut given = events(&found);
        inputs.iter().filter(|(_, known)| *known).for_each(|(rows, _)| given.extend(events(rows)));
        inputs.iter().for_each(|(rows, _)| assert!(events(rows).is_subset(&given)));
        let rows: u64 = inputs.iter().map(|(rows, _)| rows.len() as u64).sum();
        prop_assert_eq!(result.rows, found.len() as u64);
        prop_assert_eq!(result.rows + result.repeated_rows + result.known_rows, rows);
        prop_assert!(result.foreign.is_empty());

        let length = all.len();
        all.rotate_left(turn % length);
        prop_assert_eq!(merge(&store, all, order).0, found, "the order of inputs does not matter");
    }
}

#[test]
fn what_is_foreign_is_reported_and_does_not_stop_the_rest() {
    let store = MemoryArchive::default();
    let good = put(&store, &[(0, vec![1]), (5, vec![2])], "good");
    let cut = put(&store, &[(3, vec![3])], "cut");
    let whole = store.objects()[&cut].clone();
    let broken = ObjectKey::new("logs/class=standard/dt=2024-12-18/notes.txt");
    let torn =
        ObjectKey::of_merged(RetentionClass::Standard, good.parse().unwrap().day, DAY, DAY, &"0".repeat(32));
    block_on(async {
        store.put_if_absent(&broken, Bytes::from_static(b"hello, this is no parquet")).await.unwrap();
        store.put_if_absent(&torn, whole.slice(..whole.len() / 2)).await.unwrap();
    });
    let inputs = listed(&store).into_values().map(|listed| MergeInput { listed, known: false }).collect();
    let (rows, result) = merge(&store, inputs, Order::OldestFirst);
    assert_eq!(rows, [(0, vec![1]), (3, vec![3]), (5, vec![2])]);
    let foreign: BTreeSet<_> = result.foreign.iter().map(|skipped| &skipped.key).collect();
    assert_eq!(foreign, BTreeSet::from([&broken, &torn]));
}

#[test]
fn an_object_that_is_gone_is_an_error_that_says_so() {
    let store = MemoryArchive::default();
    let key = ObjectKey::new("logs/class=standard/dt=2024-12-18/gone.parquet");
    let listed = Listed { key, bytes: 1000, modified_millis: 0 };
    let mut merge = Merge::new(
        &store,
        vec![MergeInput { listed, known: false }],
        Order::OldestFirst,
        MergeLimits::default(),
    );
    let error = block_on(merge.next()).unwrap_err();
    assert!(matches!(error, ReadError::Gone { .. }), "{error}");
}

#[test]
fn an_object_is_opened_when_its_time_comes_and_let_go_afterwards() {
    let store = MemoryArchive::default();
    for i in 0..200 {
        let rows: Vec<Row> = (0..50).map(|j| (i * 1000 + j * 10, vec![(i * 50 + j) as u64])).collect();
        put(&store, &rows, &i.to_string());
    }
    let inputs: Vec<_> =
        listed(&store).into_values().map(|listed| MergeInput { listed, known: false }).collect();
    let peak = |inputs: &[MergeInput]| {
        let (rows, result) = merge(&store, inputs.to_vec(), Order::OldestFirst);
        assert_eq!(rows.len(), inputs.len() * 50);
        result.peak_held_bytes
    };
    // They do not overlap: one is held at a time.
    assert!(peak(&inputs) < 2 * peak(&inputs[..1]));
}

#[test]
fn repeats_at_another_time_are_found_within_the_window() {
    let store = MemoryArchive::default();
    let half_an_hour = MergeLimits::default().window_millis;
    put(&store, &[(0, vec![1])], "first");
    put(&store, &[(half_an_hour, vec![1])], "again");
    let inputs = || listed(&store).into_values().map(|listed| MergeInput { listed, known: false }).collect();
    let (rows, result) = merge(&store, inputs(), Order::OldestFirst);
    assert_eq!((rows.as_slice(), result.repeated_rows), (&[(0, vec![1])][..], 1));
    let (rows, _) = merge(&store, inputs(), Order::NewestFirst);
    assert_eq!(rows, [(half_an_hour, vec![1])]);
}
