//! Objects of every kind and version, read as rows; damaged ones, too.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use std::borrow::Cow;
use std::sync::LazyLock;

use bytes::Bytes;
use catchment_archive::{
    ArchiveStore, ColumnSet, Listed, MemoryArchive, MergedWriter, ObjectKey, ObjectReader, OpenFile, Order,
    ReadError, StoredRow, write_parquet,
};
use catchment_record::{EventTime, LogGroup, LogRecord, LogStream, Redacted, Source, redact};
use proptest::prelude::*;

static SOURCE: LazyLock<Source> = LazyLock::new(|| {
    Source::new("123456789012", "eu-west-1", LogGroup::new("/ecs/shop"), LogStream::new("a/b/c"), "prod")
});

static EMPTY: LazyLock<Redacted<'static>> = LazyLock::new(|| redact(""));

fn record<'a>(event_id: &'a str, text: &'a str) -> LogRecord<'a> {
    let mut record = LogRecord::parse(&EMPTY, &SOURCE, event_id, EventTime::Arrived(0));
    record.line = text;
    record.message = Cow::Borrowed(text);
    record
}

/// What is read of a file, or why it is foreign.
fn read(file: Bytes, order: Order, columns: ColumnSet) -> Result<Vec<String>, String> {
    let store = MemoryArchive::default();
    let key = ObjectKey::new("logs/x.parquet");
    block_on(async {
        store.put_if_absent(&key, file).await.unwrap();
        let listed: Listed = store.list("logs/", None).await.unwrap().remove(0);
        let mut found = Vec::new();
        let foreign = |error| match error {
            ReadError::Foreign { reason, .. } => reason,
            other => panic!("{other}"),
        };
        let file = OpenFile::open(&store, &listed).await.map_err(foreign)?;
        let mut rows = file.rows(&store, order, columns);
        while let Some(batch) = rows.next_batch().await.map_err(foreign)? {
            found.extend(batch.rows().map(|row| literal(&row)));
        }
        Ok(found)
    })
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

/// A row as it was before it was stored.
fn literal(row: &StoredRow<'_>) -> String {
    let whole = StoredRow {
        time_unix_nano: row.time_unix_nano(),
        observed_timestamp: row.observed_millis(),
        event_id: None,
        line: None,
        event_batch: None,
        event_index: None,
        ..row.clone()
    };
    format!("{:?} {:?} {whole:?}", row.event_id(), row.line())
}

fn of_record(record: &LogRecord<'_>) -> String {
    let (redactions, more) = (record.redactions.to_column(), record.more_event_ids_column());
    literal(&StoredRow {
        timestamp: record.time_unix_nano.map(|_| record.time_millis()),
        time_unix_nano: record.time_unix_nano,
        observed_timestamp: record.observed_millis,
        event_id: Some(record.event_id),
        account_id: Some(&record.source.account_id),
        region: Some(&record.source.region),
        log_group: Some(record.source.log_group.as_str()),
        log_stream: Some(record.source.log_stream.as_str()),
        service: Some(&record.service),
        environment: Some(&record.environment),
        cluster: record.cluster(),
        workload: record.workload(),
        instance: record.instance(),
        container: record.container(),
        format: Some(record.format.as_str()),
        severity_number: record.severity_number.map(i32::from),
        severity_text: record.severity_text.as_deref(),
        message: Some(&record.message),
        trace_id: record.trace_id.as_deref(),
        span_id: record.span_id.as_deref(),
        request_id: Some(&record.request_id),
        user_id: record.user_id.as_deref(),
        event_name: record.event_name.as_deref(),
        http_method: record.http_method.as_deref(),
        path: record.path.as_deref(),
        status_code: record.status_code,
        duration_ms: record.duration_ms,
        line: Some(&catchment_archive::escape_line(record.line)),
        attributes: record.attributes.as_deref(),
        redactions: redactions.as_deref(),
        parse_error: record.parse_error,
        more_event_ids: more.as_deref(),
        ..StoredRow::default()
    })
}

/// Rewrites a file as a merged one.
fn merged(records: &[LogRecord<'_>]) -> Bytes {
    let store = MemoryArchive::default();
    let key = ObjectKey::new("logs/x.parquet");
    block_on(async {
        store.put_if_absent(&key, write_parquet(records).unwrap()).await.unwrap();
        let listed = store.list("logs/", None).await.unwrap().remove(0);
        let file = OpenFile::open(&store, &listed).await.unwrap();
        let mut rows = file.rows(&store, Order::OldestFirst, ColumnSet::ALL);
        let mut out = Vec::new();
        let mut writer = MergedWriter::new(&mut out).unwrap();
        while let Some(batch) = rows.next_batch().await.unwrap() {
            batch.rows().for_each(|row| writer.push(&row).unwrap());
        }
        writer.finish(&[]).unwrap();
        Bytes::from(out)
    })
}

fn check(records: &[LogRecord<'_>]) {
    let mut expected: Vec<_> = records.iter().map(of_record).collect();
    let files = [write_parquet(records).unwrap(), merged(records)];
    for (file, kind) in files.iter().zip(["ingested", "merged"]) {
        assert_eq!(read(file.clone(), Order::OldestFirst, ColumnSet::ALL).unwrap(), expected, "{kind}");
    }
    expected.reverse();
    for (file, kind) in files.into_iter().zip(["ingested", "merged"]) {
        assert_eq!(read(file, Order::NewestFirst, ColumnSet::ALL).unwrap(), expected, "{kind}, newest first");
    }
}

#[test]
fn any_number_of_rows_and_pages_reads_back_in_both_orders() {
    let ids: Vec<String> = (0..45_000).map(|i| format!("{}{i:056}", "7".repeat(i % 3))).collect();
    // Lines of which one fills more than a page, so that every column has several.
    let long = "é\u{1a}".repeat(700_000);
    for count in [0, 1, 2, 7, 8, 9, 31, 32, 33, 128, 129, 130, 200, 201, 257, 45_000] {
        let mut records: Vec<_> = ids.iter().take(count).map(|id| record(id, id)).collect();
        for (i, record) in records.iter_mut().enumerate() {
            record.time_unix_nano = (i % 11 > 0).then_some(i as i64 * 1_000_003 % 77_777_777);
            record.status_code = (i % 3 > 0).then_some(i as i32 % 1000);
            record.severity_number = (i % 5 > 0).then_some(i as u8 % 24);
            record.duration_ms = (i % 7 > 0).then_some(i as f64 / 3.0);
            record.path = (i % 2 > 0).then(|| format!("/{}", i % 190).into());
            record.user_id = (i % 4 > 0).then(|| format!("{i}").into());
            if i == count / 2 && count > 200 {
                record.line = &long;
            }
        }
        check(&records);
    }
}

#[test]
fn a_file_of_version_1_has_the_defaults_of_later_columns() {
    let file = Bytes::from_static(include_bytes!("fixtures/v1.parquet"));
    let rows = read(file, Order::OldestFirst, ColumnSet::ALL).unwrap();
    assert_eq!(rows.len(), 3);
    for (row, text) in rows.iter().zip(["é failed", "2024-12-19 10:30:15 - app.core - INFO - ok", "broken"])
    {
        assert!(row.contains(text), "{row}");
        assert!(row.contains("more_event_ids: None"), "{row}");
    }
    assert!(rows[0].contains("trace_id: Some(\"0af7651916cd43dd8448eb211c80319c\")"));
}

/// A file of a few pages whose columns have every encoding.
fn sample() -> Vec<u8> {
    let ids: Vec<String> = (0..500).map(|i| format!("{i:056}")).collect();
    let mut records: Vec<_> = ids.iter().map(|id| record(id, id)).collect();
    for (i, record) in records.iter_mut().enumerate() {
        record.time_unix_nano = Some(i as i64 * 1_000_000);
        record.status_code = (i % 3 > 0).then_some(i as i32 % 1000);
        record.path = (i % 2 > 0).then(|| format!("/{}", i % 190).into());
        record.user_id = (i % 4 > 0).then(|| format!("{i}").into());
    }
    merged(&records).to_vec()
}

#[test]
fn an_object_that_is_cut_is_foreign() {
    let file = sample();
    for end in (0..file.len()).step_by(331).chain(file.len() - 9..file.len()) {
        let reason = read(Bytes::copy_from_slice(&file[..end]), Order::OldestFirst, ColumnSet::ALL);
        assert!(reason.is_err(), "cut at {end}");
    }
}

#[test]
fn objects_that_are_none_of_ours_are_foreign() {
    let mut other_version = sample();
    let at = memchr::memmem::find(&other_version, b"catchment.schema_version").unwrap();
    // The value follows: a field header, its length, "4".
    assert_eq!(other_version[at + 26], b'4');
    other_version[at + 26] = b'9';
    for (file, reason) in [
        (Vec::new(), "too short"),
        (b"{\"not\": \"parquet\"}".to_vec(), "does not end as a Parquet file"),
        (b"PAR1\0\0\0\0PAR1".to_vec(), "ends within its metadata"),
        (b"PAR1\xff\xff\xff\x7fPAR1".to_vec(), "footer has 2147483647 bytes"),
        (other_version, "schema version is \"9\""),
    ] {
        let found = read(Bytes::from(file), Order::OldestFirst, ColumnSet::ALL).unwrap_err();
        assert!(found.contains(reason), "{found}");
    }
}

#[test]
fn a_large_file_is_read_in_ranges_of_what_is_asked_for() {
    let random = |i: u64| format!("{:016x}", (i ^ i << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let texts: Vec<String> = (0..12_000_u64).map(|i| (0..12).map(|j| random(i * 12 + j)).collect()).collect();
    let ids: Vec<String> = (0..12_000).map(|i| format!("{i:056}")).collect();
    let records: Vec<_> = ids.iter().zip(&texts).map(|(id, text)| record(id, text)).collect();
    let store = MemoryArchive::default();
    let key = ObjectKey::new("logs/class=long/dt=2024-12-18/x.parquet");
    // So many keys that the footer does not fit into what is read of the end.
    let beside = |i| ObjectKey::new(format!("logs/class=long/dt=2024-12-18/{i:0100}.parquet"));
    let replaced: Vec<_> = (0..4000).map(beside).collect();
    let elsewhere = ObjectKey::new("logs/class=long/dt=2024-12-19/other.parquet");
    block_on(async {
        let mut file = Vec::new();
        let mut writer = MergedWriter::new(&mut file).unwrap();
        for record in &records {
            let row = StoredRow {
                event_id: Some(record.event_id),
                message: Some(record.line),
                timestamp: Some(1),
                ..StoredRow::default()
            };
            writer.push(&row).unwrap();
        }
        let keys: Vec<_> = replaced.iter().cloned().chain([elsewhere, key.clone()]).collect();
        writer.finish(&keys).unwrap();
        let size = file.len() as u64;
        assert!(size > 1 << 20, "{size}");
        store.put_if_absent(&key, Bytes::from(file)).await.unwrap();
        let listed = store.list("logs/", None).await.unwrap().remove(0);
        let file = OpenFile::open(&store, &listed).await.unwrap();
        assert_eq!(file.replaces(), replaced, "an object has no say over other partitions, nor itself");
        assert_eq!((file.rows_in_file(), file.schema_version()), (12_000, 4));
        let keys_bytes = 4000 * (replaced[0].as_str().len() as u64 + 1);
        assert!((keys_bytes..size / 2).contains(&file.bytes_read()), "{} of {size}", file.bytes_read());

        let mut rows = file.rows(&store, Order::OldestFirst, ColumnSet::IDENTITY);
        let mut found = 0;
        while let Some(batch) = rows.next_batch().await.unwrap() {
            assert!(batch.rows().all(|row| row.timestamp == Some(1) && row.message.is_none()));
            found += batch.len();
        }
        assert_eq!(found, 12_000);
        assert!(rows.bytes_read() < size * 3 / 4, "{} of {size}", rows.bytes_read());
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 150 } else { 20_000 }))]
    #[test]
    fn flipped_bits_read_or_are_foreign(flips in proptest::collection::vec((any::<u32>(), 0_u8..8), 1..6), newest in any::<bool>(), in_footer in any::<bool>()) {
        static SAMPLE: LazyLock<Vec<u8>> = LazyLock::new(sample);
        let mut file = SAMPLE.clone();
        for (at, bit) in flips {
            // The footer decides most; it is a small part of the file.
            let range = if in_footer { 6000 } else { file.len() };
            let at = file.len() - 1 - at as usize % range;
            file[at] ^= 1 << bit;
        }
        let order = if newest { Order::NewestFirst } else { Order::OldestFirst };
        drop(read(Bytes::from(file), order, ColumnSet::ALL));
    }
}
