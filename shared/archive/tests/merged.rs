//! Merged files, read back by the crate's own reader.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use bytes::Bytes;
use catchment_archive::{
    ArchiveStore, ColumnSet, Listed, MemoryArchive, MergedWriter, ObjectKey, OpenFile, Order, REPLACES_KEY,
    SCHEMA_VERSION, StoredRow, Written,
};
use catchment_record::RetentionClass;
use parquet::file::reader::{FileReader, SerializedFileReader};
use proptest::prelude::*;
use serde_json::{Value, json};

/// 2026-03-13T00:00:00Z.
const DAY: i64 = 1_773_360_000_000;

fn written(rows: &[StoredRow<'_>]) -> (Vec<u8>, Written) {
    let mut file = Vec::new();
    let mut writer = MergedWriter::new(&mut file).unwrap();
    rows.iter().for_each(|row| writer.push(row).unwrap());
    let written = writer.finish(&[]).unwrap();
    (file, written)
}

/// The rows as people know them, as the archive's own reader gives them; what
/// it reads is held against what the crate `parquet` reads.
fn read_back(rows: &[StoredRow<'_>]) -> Vec<Value> {
    let (file, written) = written(rows);
    let file = Bytes::from(file);
    let reader = SerializedFileReader::new(file.clone()).unwrap();
    let theirs: Vec<_> = reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_json_value()).collect();
    assert_eq!(theirs.len(), rows.len());
    let key = ObjectKey::of_merged(
        RetentionClass::Standard,
        "2026-03-13".parse().unwrap(),
        written.first_millis,
        written.last_millis,
        &written.id_hex,
    );
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = MemoryArchive::default();
        let bytes = file.len() as u64;
        store.put_if_absent(&key, file).await.unwrap();
        let listed = Listed { key, bytes, modified_millis: 0 };
        let open = OpenFile::open(&store, &listed).await.unwrap();
        let mut batches = open.rows(&store, Order::OldestFirst, ColumnSet::ALL);
        let mut found = Vec::new();
        while let Some(batch) = batches.next_batch().await.unwrap() {
            for row in batch.rows() {
                let theirs = &theirs[found.len()];
                for (name, ours) in [
                    ("line", json!(row.line)),
                    ("message", json!(row.message)),
                    ("path", json!(row.path)),
                    ("user_id", json!(row.user_id)),
                    ("event_batch", json!(row.event_batch)),
                    ("event_index", json!(row.event_index)),
                    ("status_code", json!(row.status_code)),
                    ("duration_ms", json!(row.duration_ms)),
                    ("time_unix_nano", json!(row.time_unix_nano)),
                ] {
                    assert_eq!(theirs[name], ours, "{name}");
                }
                found.push(serde_json::to_value(&row).unwrap());
            }
        }
        found
    })
}

fn check(rows: &[StoredRow<'_>]) {
    let found = read_back(rows);
    assert_eq!(found.len(), rows.len());
    for (row, found) in rows.iter().zip(found) {
        assert_eq!(found, serde_json::to_value(row).unwrap());
    }
}

#[test]
fn any_number_of_rows_and_pages_reads_back() {
    // Long lines make pages of their own.
    let texts: Vec<_> = (0..17_000).map(|i| format!("{} value {}", i % 900, i * 7919 % 17_000)).collect();
    let long = "a line\twith é".repeat(50_000);
    for count in [0, 1, 2, 63, 64, 65, 200, 20_001] {
        let rows: Vec<_> = (0..count)
            .map(|i: usize| {
                let text = |i: usize| Some(texts[i % texts.len()].as_str());
                StoredRow {
                    timestamp: Some(DAY + i as i64 / 7),
                    time_unix_nano: Some((DAY + i as i64 / 7) * 1_000_000 + i as i64 % 2),
                    observed_timestamp: Some(DAY + i as i64 % 1000),
                    line: if i % 10_000 == 9 { Some(&long) } else { text(i) },
                    message: text(i / 2),
                    service: Some("shop"),
                    path: (!i.is_multiple_of(3)).then(|| texts[i % 170].as_str()),
                    user_id: text(i % 5_000),
                    severity_number: Some(i as i32 % 3),
                    status_code: (!i.is_multiple_of(5)).then_some(i as i32 % 500),
                    duration_ms: Some(i as f64 / 8.0),
                    event_id: text(i),
                    ..StoredRow::default()
                }
            })
            .collect();
        check(&rows);
    }
}

#[test]
fn a_row_group_is_full_at_its_limit() {
    const ROW_GROUP_ROWS: usize = 1 << 17;
    let row = StoredRow { timestamp: Some(DAY), line: Some("x"), ..StoredRow::default() };
    for (rows, groups) in [(ROW_GROUP_ROWS, 1), (ROW_GROUP_ROWS + 1, 2)] {
        let (file, written) = written(&vec![row.clone(); rows]);
        assert_eq!(written.rows, rows as u64);
        let reader = SerializedFileReader::new(Bytes::from(file)).unwrap();
        assert_eq!(reader.metadata().num_row_groups(), groups);
    }
}

/// Texts that repeat take no room in a page, until others end the dictionary.
#[test]
fn a_large_text_that_repeated_is_read_back_where_it_does_not_any_more() {
    const LARGE_BYTES: usize = 1 << 20;
    // More than a reader takes for one page.
    let mut messages = vec!["large ".repeat(LARGE_BYTES / 6); 90];
    messages.extend((0..300).map(|i| format!("small {i}")));
    let row = |message| StoredRow { timestamp: Some(DAY), message: Some(message), ..StoredRow::default() };
    let rows: Vec<_> = messages.iter().map(|message| row(message.as_str())).collect();
    let found = read_back(&rows);
    assert_eq!(found.len(), rows.len());
    assert!(found.iter().zip(&messages).all(|(row, message)| row["message"] == message.as_str()));
}

#[test]
fn the_same_rows_are_the_same_bytes() {
    let texts: Vec<_> = (0..1000).map(|i| format!("text {i}")).collect();
    let rows: Vec<_> = texts
        .iter()
        .map(|text| StoredRow {
            timestamp: Some(DAY),
            line: Some(text),
            message: Some(text),
            ..StoredRow::default()
        })
        .collect();
    let (file, first) = written(&rows);
    assert_eq!(written(&rows), (file, first.clone()));
    assert_ne!(written(&rows[1..]).1.id_hex, first.id_hex);
}

fn text() -> impl Strategy<Value = Option<String>> {
    proptest::option::of(prop_oneof![
        "[a-c]{0,2}",
        "[0-9]{56}",
        "[a\u{1a}0mr\"\\\\]{0,9}",
        ".{0,12}",
        Just("4f1d9ac0-55be-4a7b-9f3e-0d2c8b6a1e37".to_owned())
    ])
}

type Fields = (i64, Option<i32>, Option<f64>, Vec<Option<String>>);

fn fields() -> impl Strategy<Value = Fields> {
    (
        0..86_400_000_i64,
        proptest::option::of(any::<i32>()),
        proptest::option::of(-1e15..1e15),
        proptest::collection::vec(text(), 9),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_rows_read_back(all in proptest::collection::vec(fields(), 1..200)) {
        let escaped = |text: &Option<String>| text.as_ref().map(|text| text.replace('\u{1a}', "\u{1a}0"));
        let lines: Vec<_> = all
            .iter()
            .map(|(.., texts)| (escaped(&Some(texts.iter().flatten().map(String::as_str).collect())), escaped(&texts[0])))
            .collect();
        let rows: Vec<_> = all
            .iter()
            .zip(&lines)
            .map(|((millis, number, took, texts), (line, message))| StoredRow {
                timestamp: Some(DAY + millis),
                time_unix_nano: Some((DAY + millis) * 1_000_000 + i64::from(number.unwrap_or_default() % 2)),
                observed_timestamp: Some(DAY + millis * i64::from(took.is_some())),
                line: line.as_deref(),
                message: message.as_deref(),
                event_id: texts[1].as_deref(),
                request_id: texts[2].as_deref(),
                trace_id: texts[3].as_deref(),
                user_id: texts[4].as_deref(),
                path: texts[5].as_deref(),
                severity_text: texts[6].as_deref(),
                service: texts[7].as_deref(),
                more_event_ids: texts[8].as_deref().filter(|text| !text.contains('+')),
                status_code: *number,
                duration_ms: *took,
                ..StoredRow::default()
            })
            .collect();
        check(&rows);
    }
}

#[test]
fn a_merged_file_holds_its_rows_in_their_order() {
    let mut file = Vec::new();
    let mut writer = MergedWriter::new(&mut file).unwrap();
    for (millis, line) in [(5, "one"), (7, "two"), (7, "three")] {
        let row = StoredRow { timestamp: Some(millis), line: Some(line), ..StoredRow::default() };
        writer.push(&row).unwrap();
    }
    let written = writer.finish(&[]).unwrap();
    assert_eq!((written.rows, written.first_millis, written.last_millis), (3, 5, 7));
    assert_eq!(written.bytes, file.len() as u64);
    assert_eq!(written.id_hex.len(), 32);
    let reader = SerializedFileReader::new(Bytes::from(file)).unwrap();
    let pairs = reader.metadata().file_metadata().key_value_metadata().unwrap();
    assert_eq!(pairs[0].value.as_deref(), Some(SCHEMA_VERSION));
    assert!(pairs.iter().all(|pair| pair.key != REPLACES_KEY));
    let lines: Vec<_> = reader
        .get_row_iter(None)
        .unwrap()
        .map(|row| row.unwrap().to_json_value()["line"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(lines, ["one", "two", "three"]);
}
