//! The archive asked for times, classes and values.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use catchment_archive::{
    ArchiveReader, ArchiveStore, Filter, Listed, Lookup, MAX_KEYS, MemoryArchive, Merge, MergeInput,
    MergeLimits, MergedWriter, ObjectKey, ObjectReader, Order, ReadCounts, TimeRange, split_by_day,
    write_parquet,
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
const START: i64 = 1_734_480_000_000;
const HOUR: i64 = 3_600_000;

const CLASSES: [RetentionClass; 3] = [RetentionClass::Short, RetentionClass::Standard, RetentionClass::Long];

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

/// An event in the middle of its batch, as CloudWatch names it.
fn event_id(number: usize, millis: i64) -> String {
    // The time times 2^144 has these digits; the batch is 7 · 2^16, the index the number.
    let mut digits = millis.to_string().parse::<u128>().unwrap();
    let mut low = (7_u128 << 16) + number as u128;
    let mut words = Vec::new();
    // Times 2^144 in limbs of 10^18, by shifting 36 bits four times.
    let mut limbs = vec![digits % 10_u128.pow(18), digits / 10_u128.pow(18)];
    limbs.resize(4, 0);
    for _ in 0..4 {
        let mut carry = 0;
        for limb in &mut limbs {
            digits = (*limb << 36) + carry;
            *limb = digits % 10_u128.pow(18);
            carry = digits / 10_u128.pow(18);
        }
    }
    for limb in &limbs {
        low += limb;
        words.push(low % 10_u128.pow(18));
        low /= 10_u128.pow(18);
    }
    format!("{:02}{:018}{:018}{:018}", words[3], words[2], words[1], words[0])
}

#[derive(Debug, Clone)]
struct Row {
    number: usize,
    millis: i64,
    service: &'static str,
    severity: u8,
    request_id: String,
    user_id: Option<String>,
    line: String,
}

fn row(number: usize, millis: i64) -> Row {
    let request_id = format!("request-{:08x}", number / 2);
    let user_id = (!number.is_multiple_of(3)).then(|| format!("u-{}", number % 17));
    let line = format!(
        r#"{{"level":"info","request_id":"{request_id}","n":{number},"user":"{}","odd{}":"ä"}}"#,
        user_id.as_deref().unwrap_or("-"),
        '\u{1a}'
    );
    Row {
        number,
        millis,
        service: ["cart", "pay", "ship"][number % 3],
        severity: [5, 9, 9, 17][number % 4],
        request_id,
        user_id,
        line,
    }
}

fn put(store: &MemoryArchive, class: RetentionClass, rows: &[Row]) -> Vec<ObjectKey> {
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| row.millis);
    let ids: Vec<_> = rows.iter().map(|row| event_id(row.number, row.millis)).collect();
    let records: Vec<_> = rows
        .iter()
        .zip(&ids)
        .map(|(row, id)| {
            let mut record = LogRecord::parse(&EMPTY, &SOURCE, id, EventTime::Arrived(row.millis));
            record.line = &row.line;
            record.message = Cow::Borrowed("m");
            record.service = row.service.into();
            record.severity_number = Some(row.severity);
            record.request_id = Cow::Borrowed(&row.request_id);
            record.user_id = row.user_id.as_deref().map(Cow::Borrowed);
            record.trace_id = Some(format!("{:032x}", row.number / 5).into());
            record
        })
        .collect();
    let batch = BatchId::of_payload(ids.concat().as_bytes());
    let parts = split_by_day(&records).map(|(day, part)| {
        let key = ObjectKey::of_batch(class, day, part, &batch);
        block_on(store.put_if_absent(&key, write_parquet(part).unwrap())).unwrap();
        key
    });
    parts.collect()
}

fn listed(store: &MemoryArchive, keys: &[ObjectKey]) -> Vec<Listed> {
    let mut all = block_on(store.list("logs/", None)).unwrap();
    while let Some(last) = all.last().filter(|_| all.len().is_multiple_of(MAX_KEYS)) {
        let page = block_on(store.list("logs/", Some(last.key.as_str()))).unwrap();
        all.extend(page);
    }
    all.retain(|listed| keys.contains(&listed.key));
    all
}

/// Merges objects of one partition into one that replaces them, and leaves them there.
fn merge(store: &MemoryArchive, keys: &[ObjectKey]) -> ObjectKey {
    merge_replacing(store, keys, keys)
}

/// The rows of some objects in a merged one, which says that it replaces others.
fn merge_replacing(store: &MemoryArchive, keys: &[ObjectKey], replaced: &[ObjectKey]) -> ObjectKey {
    let objects = listed(store, keys);
    block_on(async {
        let inputs = objects.into_iter().map(|listed| MergeInput { listed, known: false });
        let mut merge = Merge::new(store, inputs.collect(), Order::OldestFirst, MergeLimits::default());
        let mut file = Vec::new();
        let mut writer = MergedWriter::new(&mut file).unwrap();
        while let Some(row) = merge.next().await.unwrap() {
            writer.push(&row).unwrap();
        }
        let written = writer.finish(replaced).unwrap();
        assert!(merge.finish().foreign.is_empty());
        let of = keys[0].parse().unwrap();
        let (first, last) = (written.first_millis, written.last_millis);
        let key = ObjectKey::of_merged(of.class, of.day, first, last, &written.id_hex);
        store.put_if_absent(&key, Bytes::from(file)).await.unwrap();
        key
    })
}

fn ask(
    store: &MemoryArchive,
    range: TimeRange,
    classes: &[RetentionClass],
    filter: Filter,
    order: Order,
) -> (Vec<String>, ReadCounts) {
    block_on(async {
        let mut rows = ArchiveReader::new(store).read(range, classes, filter, order).await.unwrap();
        let mut found = Vec::new();
        while let Some(row) = rows.next().await.unwrap() {
            assert!(row.service.is_some() && row.trace_id.is_some(), "all columns are there");
            found.push(row.line().into_owned());
        }
        (found, rows.counts())
    })
}

fn lines<'r>(rows: impl IntoIterator<Item = &'r Row>) -> Vec<String> {
    rows.into_iter().map(|row| row.line.clone()).collect()
}

/// Two days of rows in small objects, each row once or twice; the first day merged.
fn two_days() -> (MemoryArchive, Vec<Row>) {
    let store = MemoryArchive::default();
    let rows: Vec<_> = (0..960).map(|i| row(i, START + i as i64 * 180_000)).collect();
    let mut keys = Vec::new();
    for part in rows.chunks(40) {
        keys.extend(put(&store, RetentionClass::Standard, part));
        keys.extend(put(&store, RetentionClass::Standard, &part[10..30]));
    }
    let day = keys[0].parse().unwrap().day;
    keys.retain(|key| key.parse().unwrap().day == day);
    merge(&store, &keys);
    (store, rows)
}

fn standard(store: &MemoryArchive, filter: Filter) -> (Vec<String>, ReadCounts) {
    ask(store, TimeRange::ALL, &[RetentionClass::Standard], filter, Order::OldestFirst)
}

#[test]
fn what_a_merged_object_replaces_is_left_out_unread() {
    let (store, rows) = two_days();
    let (found, counts) = standard(&store, Filter::default());
    assert_eq!(found, lines(&rows));
    assert_eq!(counts.objects_listed, 24 * 2 + 1);
    assert_eq!(counts.objects_replaced, 24);
    assert_eq!(counts.objects_read, 25, "one merged object and the next day's 24");
    assert_eq!(counts.repeated_rows, 480 / 2, "of the day that is not merged");
    assert!(counts.bytes_read < counts.bytes_listed);
}

/// Shows the first page of its first listing as it was before a merge, the rest as after.
struct MergedMeanwhile {
    before: MemoryArchive,
    after: MemoryArchive,
    pages: AtomicUsize,
}

impl ObjectReader for MergedMeanwhile {
    type Error = <MemoryArchive as ObjectReader>::Error;

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<Listed>, Self::Error> {
        match self.pages.fetch_add(1, Ordering::Relaxed) {
            0 => self.before.list(prefix, after).await,
            _ => self.after.list(prefix, after).await,
        }
    }

    async fn folders(&self, prefix: &str) -> Result<Vec<String>, Self::Error> {
        self.after.folders(prefix).await
    }

    async fn get(&self, key: &ObjectKey) -> Result<Option<Bytes>, Self::Error> {
        self.after.get(key).await
    }

    async fn get_range(&self, key: &ObjectKey, range: Range<u64>) -> Result<Option<Bytes>, Self::Error> {
        self.after.get_range(key, range).await
    }
}

#[test]
fn a_merge_between_two_pages_of_a_listing_hides_no_row() {
    let (before, after) = (MemoryArchive::default(), MemoryArchive::default());
    let rows: Vec<_> = (0..MAX_KEYS + 200).map(|i| row(i, START + i as i64 * 60_000)).collect();
    let put_each = |store| rows.chunks(1).flat_map(|row| put(store, RetentionClass::Standard, row)).collect();
    let keys: Vec<ObjectKey> = put_each(&before);
    put_each(&after);
    // The first part is on the first page, which was read before; the last is on the second.
    let first = merge_replacing(&after, &keys[..MAX_KEYS + 100], &[]);
    let last = merge_replacing(&after, &keys[MAX_KEYS + 100..], &keys);
    assert!(first < keys[MAX_KEYS - 1] && last > keys[MAX_KEYS - 1]);
    let store = MergedMeanwhile { before, after, pages: AtomicUsize::new(0) };
    block_on(async {
        let reader = ArchiveReader::new(&store);
        let classes = [RetentionClass::Standard];
        let mut found =
            reader.read(TimeRange::ALL, &classes, Filter::default(), Order::OldestFirst).await.unwrap();
        let mut lines_found = Vec::new();
        while let Some(row) = found.next().await.unwrap() {
            lines_found.push(row.line().into_owned());
        }
        assert_eq!(lines_found, lines(&rows));
    });
}

#[test]
fn a_time_range_reads_what_it_meets() {
    let (store, rows) = two_days();
    let range = TimeRange { first_millis: START + 5 * HOUR, last_millis: START + 30 * HOUR - 1 };
    let expected = lines(rows.iter().filter(|row| range.has(row.millis)));
    assert_eq!(expected.len(), 25 * 20);
    let (found, counts) = ask(&store, range, &CLASSES, Filter::default(), Order::OldestFirst);
    assert_eq!(found, expected);
    // Of the second day, six hours are in three objects of 40 rows, and three of repeats.
    assert_eq!(counts.objects_pruned, 24 - 6);
    let (found, _) = ask(&store, range, &CLASSES, Filter::default(), Order::NewestFirst);
    assert_eq!(found, expected.into_iter().rev().collect::<Vec<_>>());
    let none = ask(&store, range, &[RetentionClass::Short], Filter::default(), Order::OldestFirst);
    assert_eq!(none, (vec![], ReadCounts::default()));
}

#[test]
fn each_condition_finds_its_rows_and_only_those() {
    let (store, rows) = two_days();
    let lookup = |lookup: Lookup| Filter { lookups: vec![lookup], ..Filter::default() };
    let contains = |text: &str| Filter { contains: vec![text.to_owned()], ..Filter::default() };
    type Test = Box<dyn Fn(&Row) -> bool>;
    let tests: Vec<(Filter, Test)> = vec![
        (
            Filter { services: vec!["pay".to_owned(), "none".to_owned()], ..Filter::default() },
            Box::new(|row| row.service == "pay"),
        ),
        (Filter { severity: Some(13..=24), ..Filter::default() }, Box::new(|row| row.severity == 17)),
        (lookup(Lookup::RequestId("request-00000007".to_owned())), Box::new(|row| row.number / 2 == 7)),
        (lookup(Lookup::TraceId(format!("{:032x}", 3))), Box::new(|row| row.number / 5 == 3)),
        (lookup(Lookup::UserId("u-5".to_owned())), Box::new(|row| row.user_id.as_deref() == Some("u-5"))),
        (lookup(Lookup::EventId(event_id(33, rows[33].millis))), Box::new(|row| row.number == 33)),
        (lookup(Lookup::EventId(event_id(700, rows[700].millis))), Box::new(|row| row.number == 700)),
        (lookup(Lookup::EventId(event_id(33, rows[34].millis))), Box::new(|_| false)),
        (lookup(Lookup::RequestId("request-none".to_owned())), Box::new(|_| false)),
        // Of a value that is folded away, across its edge, beside it, over the line's own U+001A.
        (contains("est-0000000"), Box::new(|row| row.number < 32)),
        (contains("id\":\"request-00000007\""), Box::new(|row| row.number / 2 == 7)),
        (contains("\"n\":95"), Box::new(|row| row.line.contains("\"n\":95"))),
        (contains("odd\u{1a}\":\"ä"), Box::new(|_| true)),
        (contains("no such text"), Box::new(|_| false)),
        (
            Filter {
                services: vec!["cart".to_owned()],
                severity: Some(9..=9),
                lookups: vec![Lookup::UserId("u-4".to_owned()), Lookup::TraceId(format!("{:032x}", 4))],
                contains: vec!["\"n\":".to_owned(), "request".to_owned()],
            },
            Box::new(|row| {
                row.service == "cart"
                    && row.severity == 9
                    && row.user_id.as_deref() == Some("u-4")
                    && row.number / 5 == 4
            }),
        ),
    ];
    for (filter, test) in tests {
        let expected = lines(rows.iter().filter(|row| test(row)));
        assert_eq!(standard(&store, filter.clone()).0, expected, "{filter:?}");
    }
}

#[test]
fn a_value_that_is_nowhere_costs_footers_and_blocks_of_bloom_filters() {
    let (store, _) = two_days();
    let lookups = vec![Lookup::RequestId("request-none".to_owned())];
    let (found, counts) = standard(&store, Filter { lookups, ..Filter::default() });
    assert_eq!(found.len(), 0);
    assert!(counts.objects_pruned >= 24, "{counts:?}");
}

#[test]
fn what_is_foreign_is_reported_and_does_not_stop_the_rest() {
    let (store, rows) = two_days();
    let day = "logs/class=standard/dt=2024-12-19";
    let foreign = [
        format!("{day}/notes.txt"),
        "logs/class=standard/backup/x.parquet".to_owned(),
        // A key of ours, with nothing of ours in it; merged, and not.
        format!("{day}/00-1734566400000-1734566400000-m{}.parquet", "0".repeat(32)),
        format!("{day}/00-1734566400000-1734566400000-{}.parquet", "0".repeat(32)),
    ];
    for key in &foreign {
        block_on(store.put_if_absent(&ObjectKey::new(key), Bytes::from_static(b"hello, world"))).unwrap();
    }
    for filter in [
        Filter::default(),
        Filter { lookups: vec![Lookup::RequestId("request-000001e0".to_owned())], ..Filter::default() },
    ] {
        let expected = lines(rows.iter().filter(|row| filter.lookups.is_empty() || row.number / 2 == 0x1e0));
        let (found, counts) = standard(&store, filter);
        assert_eq!(found, expected);
        let reported: BTreeSet<_> = counts.foreign.iter().map(|skipped| skipped.key.as_str()).collect();
        let folder = foreign[1].trim_end_matches("x.parquet");
        assert_eq!(reported, BTreeSet::from([&*foreign[0], folder, &foreign[2], &foreign[3]]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 24 } else { 500 }))]
    #[test]
    fn any_range_of_any_archive_is_every_row_once(
        objects in proptest::collection::vec((0_usize..3, proptest::collection::vec(0_usize..200, 1..25), 0_u8..4), 1..10),
        from in -20..220_i64,
        hours in 0..100_i64,
        newest in any::<bool>(),
    ) {
        let store = MemoryArchive::default();
        // A row is of one class; it may be in several objects.
        let all: Vec<_> = (0..200).map(|i| row(i, START + i as i64 * HOUR / 2)).collect();
        let mut stored = BTreeSet::new();
        for (class, numbers, kind) in &objects {
            let rows: Vec<_> = numbers.iter().filter(|i| *i % 3 == *class).map(|i| all[*i].clone()).collect();
            if rows.is_empty() {
                continue;
            }
            stored.extend(rows.iter().map(|row| row.number));
            for key in put(&store, CLASSES[*class], &rows) {
                if *kind == 0 {
                    merge(&store, &[key]);
                }
            }
        }
        let range = TimeRange { first_millis: START + from * HOUR / 2, last_millis: START + (from + hours) * HOUR / 2 - 1 };
        let order = if newest { Order::NewestFirst } else { Order::OldestFirst };
        let mut expected = lines(stored.iter().map(|i| &all[*i]).filter(|row| range.has(row.millis)));
        if newest {
            expected.reverse();
        }
        let (found, counts) = ask(&store, range, &CLASSES, Filter::default(), order);
        prop_assert_eq!(&found, &expected);
        prop_assert_eq!(counts.rows, expected.len() as u64);
    }
}
