//! What every implementation of the ports must do. The in-memory twins and the
//! AWS adapters run the same functions, on stores of their own.

#![allow(clippy::expect_used)]

use catchment_logql::{Accumulator, Labels, LineErrors};

use crate::delivery::DeliveryStore;
use crate::leaf::LeafId;
use crate::partial::{Partial, SampleLine};
use crate::ports::PartialStore;

const MINUTE_MS: i64 = 60_000;
/// A time with as many digits as today's.
const START_MS: i64 = 1_700_000_040_000;

fn series(service: &str) -> Labels {
    Labels::from_iter([("service", service)])
}

fn partial(leaf: &LeafId, minute: i64, counts: &[(&str, u64)]) -> Partial {
    let bucket_end_ms = START_MS + minute * MINUTE_MS;
    let count = |(service, n): &(&str, u64)| (series(service), Accumulator::Count(*n));
    Partial {
        leaf: leaf.clone(),
        bucket_end_ms,
        series: counts.iter().map(count).collect(),
        errors: None,
        cut_series: 0,
        samples: Vec::new(),
        expires_at_s: i64::from(i32::MAX) * 2,
    }
}

/// Partials: windows are `(from, to]`, batches add up, a replay changes nothing.
/// `salt` keeps runs on one table apart.
pub async fn partial_store<S: PartialStore>(store: &S, salt: &str) {
    let leaf = |name: &str| LeafId::from_text(format!("{salt}-{name}"));
    let (one, other) = (leaf("a"), leaf("b"));
    let stored = async |leaf: &LeafId, from: i64, to: i64| {
        let (from, to) = (START_MS + from * MINUTE_MS, START_MS + to * MINUTE_MS);
        store.window(leaf, from, to).await.expect("the store answers")
    };
    let counts = async |leaf: &LeafId, from: i64, to: i64| {
        let series = stored(leaf, from, to).await.window.series.into_iter();
        let count = |(labels, accumulator)| match accumulator {
            Accumulator::Count(count) => (labels, count),
            other => unreachable!("{other} was not recorded"),
        };
        series.map(count).collect::<Vec<(Labels, u64)>>()
    };
    assert_eq!(counts(&one, 0, 5).await, [], "nothing is recorded yet");

    let first = [
        partial(&one, 1, &[("api", 2)]),
        partial(&one, 2, &[("api", 3), ("auth", 1)]),
        partial(&other, 2, &[("api", 100)]),
    ];
    for batch in ["batch-1", "batch-1", "batch-2"] {
        store.record(batch, &first).await.expect("the store records");
    }
    let expected = [(series("api"), 10), (series("auth"), 2)];
    assert_eq!(counts(&one, 0, 2).await, expected, "two batches, the replay not counted");
    assert_eq!(counts(&one, 1, 2).await, [(series("api"), 6), (series("auth"), 2)]);
    assert_eq!(counts(&one, 0, 1).await, [(series("api"), 4)], "the end is included");
    assert_eq!(counts(&one, 2, 9).await, [], "the start is not");
    assert_eq!(counts(&other, 0, 9).await, [(series("api"), 200)], "leaves are apart");

    // More than one write request.
    let many: Vec<Partial> = (0..60).map(|n| partial(&one, 20 + n, &[("api", 1)])).collect();
    store.record("batch-3", &many).await.expect("the store records");
    assert_eq!(counts(&one, 19, 79).await, [(series("api"), 60)]);
    store.record("batch-4", &[]).await.expect("an empty batch is fine");

    everything_comes_back(store, &leaf("c")).await;
    large_partials(store, &leaf("d")).await;
}

async fn everything_comes_back<S: PartialStore>(store: &S, leaf: &LeafId) {
    let line = |n: i64| SampleLine {
        at_nanos: n,
        line: format!("\"line\" {n} ü"),
        log_group: Some("/ecs/a".into()),
    };
    let errors = |lines, service| {
        Some(LineErrors { lines, error: "JSONParserErr".to_owned(), series: series(service) })
    };
    let recorded = Partial {
        series: vec![
            (Labels::default(), Accumulator::Sum(0.1)),
            (series("\"x\"\n"), Accumulator::Max(f64::INFINITY)),
        ],
        errors: errors(2, "b"),
        cut_series: 7,
        samples: vec![line(3), line(1)],
        ..partial(leaf, 1, &[])
    };
    let other = Partial { errors: errors(1, "a"), samples: vec![line(4), line(2)], ..partial(leaf, 2, &[]) };
    store.record("batch", &[recorded.clone(), other]).await.expect("the store records");
    let stored = store.window(leaf, START_MS, START_MS + 2 * MINUTE_MS).await.expect("the store answers");
    assert_eq!(stored.window.series.into_iter().collect::<Vec<_>>(), recorded.series);
    assert_eq!(stored.window.errors, errors(3, "a"), "the example is the one that comes first");
    assert_eq!(stored.cut_series, 7);
    assert_eq!(stored.samples, [line(4), line(3), line(2)], "the latest");
}

/// A partial that is longer than a store's items may be.
async fn large_partials<S: PartialStore>(store: &S, leaf: &LeafId) {
    let service = |n: usize| format!("{n:03}{}", "x".repeat(1024));
    let services: Vec<String> = (0..crate::MAX_SERIES).map(service).collect();
    let counts: Vec<(&str, u64)> = services.iter().map(|service| (service.as_str(), 1)).collect();
    for _ in 0..2 {
        store.record("batch", &[partial(leaf, 1, &counts)]).await.expect("the store records");
    }
    let stored = store.window(leaf, START_MS, START_MS + MINUTE_MS).await.expect("the store answers");
    assert_eq!(stored.window.series.len(), crate::MAX_SERIES);
    assert!(stored.window.series.values().all(|count| *count == Accumulator::Count(1)));
}

/// What went out: by message and channel; threads by alert. `salt` keeps runs on
/// one table apart.
pub async fn delivery_store<S: DeliveryStore>(store: &S, salt: &str) {
    let told = async |channel| store.is_delivered(salt, channel).await.expect("the store answers");
    assert!(!told("slack").await);
    store.note_delivered(salt, "slack", START_MS).await.expect("the store notes");
    store.note_delivered(salt, "slack", START_MS).await.expect("twice is fine");
    assert!(told("slack").await && !told("webhook").await, "channels are apart");

    let thread = async |place| store.thread(salt, place).await.expect("the store answers");
    let keep = async |place, thread| {
        store.keep_thread(salt, place, thread, START_MS).await.expect("the store keeps")
    };
    assert_eq!(thread("C1").await, None);
    keep("C1", "1700000000.000100").await;
    keep("C1", "1700000000.000200").await;
    assert_eq!(thread("C1").await.as_deref(), Some("1700000000.000200"), "the last one stands");
    assert_eq!(thread("C2").await, None, "places are apart");
}
