//! The files, read back by the crate's own reader.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use std::borrow::Cow;
use std::sync::LazyLock;

use bytes::Bytes;
use catchment_archive::{ParquetEncoder, SCHEMA_VERSION, StoredRow, write_parquet};
use catchment_record::{EventTime, Format, LogGroup, LogRecord, LogStream, Redacted, Source, redact};
use parquet::basic::{Compression, Encoding};
use parquet::bloom_filter::Sbbf;
use parquet::file::properties::ReaderProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::serialized_reader::ReadOptionsBuilder;
use parquet::file::statistics::Statistics;
use proptest::prelude::*;
use serde_json::{Value, json};

static SOURCE: LazyLock<Source> = LazyLock::new(|| {
    Source::new(
        "123456789012",
        "eu-west-1",
        LogGroup::new("/ecs/shop"),
        LogStream::new("ecs/web/0123456789abcdef0123456789abcdef"),
        "prod",
    )
});

static EMPTY: LazyLock<Redacted<'static>> = LazyLock::new(|| redact(""));

/// A record of the line `text`, otherwise bare.
fn record<'a>(event_id: &'a str, text: &'a str) -> LogRecord<'a> {
    let mut record = LogRecord::parse(&EMPTY, &SOURCE, event_id, EventTime::Arrived(0));
    record.line = text;
    record.message = Cow::Borrowed(text);
    record
}

fn reader(file: Bytes) -> SerializedFileReader<Bytes> {
    SerializedFileReader::new(file).unwrap()
}

fn rows(file: Bytes) -> Vec<Value> {
    reader(file).get_row_iter(None).unwrap().map(|row| row.unwrap().to_json_value()).collect()
}

/// The record as a row: its own JSON, but numbers of milliseconds for times and
/// text for `attributes`.
fn expected(record: &LogRecord<'_>) -> Value {
    let mut row = serde_json::to_value(record).unwrap();
    let millis = |millis: Option<i64>| {
        let time = millis.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
        time.map(|time| time.strftime("%Y-%m-%d %H:%M:%S%.3f +00:00").to_string())
    };
    row["timestamp"] = json!(millis(record.time_unix_nano.map(|_| record.time_millis())));
    row["observed_timestamp"] = json!(millis(record.observed_millis));
    row["attributes"] = json!(record.attributes);
    row
}

/// A row that was found, for what is put together of its columns.
fn stored<'f>(found: &'f Value, record: &LogRecord<'_>) -> StoredRow<'f> {
    let text = |column: &str| found[column].as_str();
    let int = |column: &str| found[column].as_i64().map(|number| number as i32);
    let observed = record.observed_millis.filter(|_| !found["observed_timestamp"].is_null());
    StoredRow {
        timestamp: record.time_unix_nano.map(|_| record.time_millis()),
        time_unix_nano: found["time_unix_nano"].as_i64(),
        observed_timestamp: observed,
        event_id: text("event_id"),
        severity_text: text("severity_text"),
        message: text("message"),
        trace_id: text("trace_id"),
        span_id: text("span_id"),
        request_id: text("request_id"),
        user_id: text("user_id"),
        event_name: text("event_name"),
        http_method: text("http_method"),
        path: text("path"),
        status_code: int("status_code"),
        line: text("line"),
        attributes: text("attributes"),
        more_event_ids: text("more_event_ids"),
        event_batch: text("event_batch"),
        event_index: int("event_index"),
        ..StoredRow::default()
    }
}

fn check(records: &[LogRecord<'_>]) {
    let found = rows(write_parquet(records).unwrap());
    assert_eq!(found.len(), records.len());
    for (row, (found, record)) in found.iter().zip(records).enumerate() {
        let mut expected = expected(record);
        let stored = stored(found, record);
        for (column, value) in [
            ("event_id", json!(stored.event_id())),
            ("more_event_ids", json!(stored.more_event_ids())),
            ("message", json!(stored.message())),
            ("line", json!(stored.line())),
            ("time_unix_nano", json!(stored.time_unix_nano())),
        ] {
            assert_eq!(value, expected[column], "row {row}, {column}");
            expected.as_object_mut().unwrap().remove(column);
        }
        assert_eq!(stored.observed_millis(), record.observed_millis, "row {row}");
        if found["observed_timestamp"].is_null() {
            expected["observed_timestamp"] = Value::Null;
        }
        for (column, value) in expected.as_object().unwrap() {
            assert_eq!(found[column], *value, "row {row}, {column}");
        }
    }
}

const LINES: [&str; 3] = [
    r#"{"level":"ERROR","message":"é failed","request_id":"r1","user_id":7,"status":500,"duration_ms":12.5,"password":"hunter2"}"#,
    "2024-12-19 10:30:15 - app.core - INFO - ok",
    r#"{"broken"#,
];

#[test]
fn rows_read_back_as_the_lines_were_understood() {
    let lines = LINES.map(redact);
    let records: Vec<_> = (0..)
        .zip(&lines)
        .map(|(i, line)| LogRecord::parse(line, &SOURCE, "e", EventTime::Arrived(1_734_604_215_000 + i)))
        .collect();
    check(&records);
    let file = write_parquet(&records).unwrap();
    assert!(!String::from_utf8_lossy(&file).contains("hunter2"));
    let row = &rows(file)[0];
    for (column, value) in [
        ("message", json!("é failed")),
        ("severity_number", json!(17)),
        ("status_code", json!(500)),
        ("duration_ms", json!(12.5)),
        ("service", json!("shop")),
        ("redactions", json!("named_field:1")),
        ("cluster", json!(null)),
        ("time_unix_nano", json!(null)),
        ("observed_timestamp", json!(null)),
    ] {
        assert_eq!(row[column], value, "{column}");
    }
}

#[test]
fn a_marker_in_a_line_is_escaped() {
    let lines = ["\u{1a}", "a\u{1a}0b", "plain"];
    let records = lines.map(|line| record("e", line));
    let found = rows(write_parquet(&records).unwrap());
    let stored: Vec<_> = found.iter().map(|row| row["line"].as_str().unwrap()).collect();
    assert_eq!(stored, ["\u{1a}0", "a\u{1a}00b", "\u{1a}m"]);
    for (stored, line) in stored.iter().zip(lines) {
        let row = StoredRow { line: Some(stored), message: Some(line), ..StoredRow::default() };
        assert_eq!(row.line(), line);
    }
}

#[test]
fn what_another_column_says_is_stored_once() {
    let lines = LINES.map(redact);
    let records: Vec<_> =
        lines.iter().map(|line| LogRecord::parse(line, &SOURCE, "e", EventTime::Arrived(0))).collect();
    let found = rows(write_parquet(&records).unwrap());
    let stored: Vec<_> =
        found.iter().map(|row| row["line"].as_str().unwrap().replace('\u{1a}', "^")).collect();
    let json = r#"{"level":"^l","message":"^m","request_id":"r1","user_id":7,"status":^c,"duration_ms":12.5,"password":"***"}"#;
    // Of two bytes, `r1`, `7` and `ok` are not searched for.
    assert_eq!(stored, [json, "2024-12-19 10:30:15 - ^D - ^l - ok", "^m"]);
}

#[test]
fn ids_of_cloudwatch_are_in_parts() {
    // From AWS's documentation, and the two that follow it in its batch.
    let id = |n: u64| format!("3195310660696698337880902507980421114328961542429822{}", 1568 + n);
    let (first, second, third) = (id(0), id(1), id(2));
    let parse = |id| LogRecord::parse(&EMPTY, &SOURCE, id, EventTime::Arrived(1_432_826_855_000));
    let mut records = [parse(first.as_str()), parse(second.as_str())];
    records[1].more_event_ids = vec![&third, "of another form"];
    check(&records);
    let found = rows(write_parquet(&records).unwrap());
    for (index, row) in found.iter().enumerate() {
        assert_eq!((&row["event_id"], &row["event_index"]), (&Value::Null, &json!(index)));
        assert_eq!(row["event_batch"], "1732181997039426805772632275426541568");
    }
    assert_eq!(found[1]["more_event_ids"], "+1,of another form");
    // What would be read as an offset keeps all of them whole.
    records[1].more_event_ids = vec![&third, "+1"];
    check(&records);
}

#[test]
fn files_of_old_versions_are_still_read() {
    let rows = check_old(include_bytes!("fixtures/v1.parquet"), "1");
    assert_eq!(rows[0]["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    let rows = check_old(include_bytes!("fixtures/v2.parquet"), "2");
    let id = |i| format!("395486731234567890123456789012345678901234567890123{i:05}");
    assert_eq!(rows[1]["event_id"], id(1));
    assert_eq!(rows[2]["more_event_ids"], format!("{},{}", id(3), id(4)));
    let rows = check_old(include_bytes!("fixtures/v3.parquet"), "3");
    assert_eq!((&rows[1]["event_index"], &rows[2]["event_id"]), (&json!(1), &json!("of another form")));
}

/// The lines are the same in each.
fn check_old(file: &'static [u8], version: &str) -> Vec<Value> {
    let file = reader(Bytes::from_static(file));
    let pairs = file.metadata().file_metadata().key_value_metadata().unwrap();
    assert_eq!(pairs[0].value.as_deref(), Some(version));
    let rows: Vec<_> = file.get_row_iter(None).unwrap().map(|row| row.unwrap().to_json_value()).collect();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0]["message"], "é failed");
    assert_eq!(rows[1]["line"], "2024-12-19 10:30:15 - app.core - INFO - ok");
    assert_eq!(rows[2]["severity_number"], Value::Null);
    rows
}

#[test]
fn the_file_is_as_the_architecture_says() {
    let ids = ["a", "b", "b2"];
    let texts = ["one", "two", "three"];
    let records: Vec<_> = (0..3).map(|i| record(ids[i], texts[i])).collect();
    let file = reader(write_parquet(&records).unwrap());
    let metadata = file.metadata().file_metadata();
    assert_eq!(metadata.version(), 1);
    assert_eq!(metadata.created_by(), Some(concat!("catchment version ", env!("CARGO_PKG_VERSION"))));
    assert_eq!(metadata.key_value_metadata().unwrap()[0].value.as_deref(), Some(SCHEMA_VERSION));
    let row_group = file.metadata().row_group(0);
    assert_eq!(row_group.columns().last().unwrap().column_path().string(), "event_index");
    for chunk in row_group.columns() {
        let name = chunk.column_path().string();
        let nulls = match chunk.statistics() {
            Some(statistics) => statistics.null_count_opt(),
            None => None,
        };
        let codec = match name.as_str() {
            // Every line is its message: what stands for it is the same in all rows.
            "message" => Compression::ZSTD(parquet::basic::ZstdLevel::try_new(1).unwrap()),
            _ => Compression::UNCOMPRESSED,
        };
        assert_eq!(chunk.compression(), codec, "{name}");
        match name.as_str() {
            "event_id" => {
                assert_eq!(chunk.encodings().collect::<Vec<_>>(), [Encoding::RLE, Encoding::DELTA_BYTE_ARRAY])
            }
            "service" => {
                assert!(chunk.dictionary_page_offset().unwrap() < chunk.data_page_offset());
                assert!(chunk.encodings().any(|encoding| encoding == Encoding::RLE_DICTIONARY));
                assert_eq!(chunk.statistics().unwrap().min_bytes_opt(), Some(&b"shop"[..]));
            }
            "trace_id" | "cluster" | "more_event_ids" => assert_eq!(nulls, Some(3), "{name}"),
            "timestamp" => assert_eq!(nulls, Some(0)),
            _ => {}
        }
        let has_bloom = chunk.bloom_filter_offset().is_some();
        assert_eq!(has_bloom, ["event_id", "request_id"].contains(&name.as_str()), "{name}");
    }
}

#[test]
fn statistics_are_the_least_and_the_greatest() {
    let mut records: Vec<_> = ["5", "6", "7", "8"].iter().map(|id| record(id, "x")).collect();
    for (record, (time, status, took, path)) in records.iter_mut().zip([
        (Some(-5), Some(404), Some(0.0), Some("/b".to_owned())),
        (Some(7_000_001), Some(200), None, Some("/é".to_owned())),
        (None, None, Some(-2.5), Some("x".repeat(65))),
        (Some(6_000_002), Some(500), Some(1e9), None),
    ]) {
        (record.time_unix_nano, record.status_code, record.duration_ms) = (time, status, took);
        record.path = path.map(Cow::Owned);
    }
    let statistics = |records: &[LogRecord<'_>], name: &str| {
        let file = reader(write_parquet(records).unwrap());
        let columns = file.metadata().row_group(0).columns();
        columns.iter().find(|c| c.column_path().string() == name).unwrap().statistics().unwrap().clone()
    };
    let nulls = Some(1);
    assert_eq!(
        statistics(&records, "time_unix_nano"),
        Statistics::int64(Some(-5), Some(7_000_001), None, nulls, false)
    );
    assert_eq!(statistics(&records, "timestamp"), Statistics::int64(Some(-1), Some(7), None, nulls, false));
    assert_eq!(
        statistics(&records, "status_code"),
        Statistics::int32(Some(200), Some(500), None, nulls, false)
    );
    assert_eq!(
        statistics(&records, "duration_ms"),
        Statistics::double(Some(-2.5), Some(1e9), None, nulls, false)
    );
    // A longer value than statistics repeat: there is a least one, but no greatest.
    let path = statistics(&records, "path");
    assert_eq!((path.min_bytes_opt(), path.max_bytes_opt()), (Some(&b"/b"[..]), None));
    records[0].duration_ms = Some(f64::NAN);
    let took = statistics(&records, "duration_ms");
    assert_eq!((took.min_bytes_opt(), took.max_bytes_opt(), took.null_count_opt()), (None, None, nulls));
}

#[test]
fn bloom_filters_know_every_value_and_hardly_another() {
    let ids: Vec<String> = (0..1000).map(|i| format!("id {i}")).collect();
    let mut records: Vec<_> = ids.iter().map(|id| record(id, "x")).collect();
    for (i, record) in records.iter_mut().enumerate() {
        record.user_id = Some(format!("u-{}", i / 20).into());
        record.trace_id = Some(format!("{i:032x}").into());
    }
    let options = ReadOptionsBuilder::new()
        .with_reader_properties(ReaderProperties::builder().set_read_bloom_filter(true).build())
        .build();
    let file = SerializedFileReader::new_with_options(write_parquet(&records).unwrap(), options).unwrap();
    let row_group = file.get_row_group(0).unwrap();
    let bloom = |name: &str| -> &Sbbf {
        let columns = row_group.metadata().columns();
        let index = columns.iter().position(|column| column.column_path().string() == name).unwrap();
        row_group.get_column_bloom_filter(index).unwrap()
    };
    for (name, known, unknown) in [
        ("event_id", ids.clone(), "event-"),
        ("trace_id", (0..1000).map(|i| format!("{i:032x}")).collect(), "trace-"),
        ("user_id", (0..50).map(|i| format!("u-{i}")).collect(), "user-"),
        ("request_id", vec![SOURCE.derived_request_id.clone()], "request-"),
    ] {
        let bloom = bloom(name);
        assert!(known.iter().all(|value| bloom.check(value.as_str())), "{name}");
        let false_alarms = (0..1000).filter(|i| bloom.check(format!("{unknown}{i}").as_str())).count();
        assert!(false_alarms < 30, "{name}: {false_alarms}");
    }
    // Sized to the values: 10 bits each, a power of two.
    assert_eq!(bloom("event_id").num_blocks() * 32, 2048);
    assert_eq!(bloom("user_id").num_blocks() * 32, 64);
    assert_eq!(bloom("request_id").num_blocks() * 32, 32);
}

#[test]
fn any_number_of_rows_and_pages_reads_back() {
    assert_eq!(reader(write_parquet(&[]).unwrap()).metadata().file_metadata().num_rows(), 0);
    assert_eq!(
        reader(write_parquet(&[]).unwrap()).metadata().file_metadata().schema_descr().num_columns(),
        34
    );
    let ids: Vec<String> = (0..45_000).map(|i| format!("{}{i:056}", "7".repeat(i % 3))).collect();
    // Lines of which one fills more than a page, so that every column has several.
    let long = "é".repeat(700_000);
    for count in [1, 2, 7, 8, 9, 31, 32, 33, 128, 129, 130, 200, 201, 257, 45_000] {
        let mut records: Vec<_> = ids.iter().take(count).map(|id| record(id, id)).collect();
        for (i, record) in records.iter_mut().enumerate() {
            record.time_unix_nano = Some(i as i64 * 1_000_003 % 77_777_777);
            record.status_code = (i % 3 > 0).then_some(i as i32 % 1000);
            record.severity_number = (i % 5 > 0).then_some(i as u8 % 24);
            record.duration_ms = (i % 7 > 0).then_some(i as f64 / 3.0);
            record.path = (i % 2 > 0).then(|| format!("/{}", i % 190).into());
            record.user_id = (i % 4 > 0).then(|| format!("{i}").into());
            if i == count / 2 {
                record.line = &long;
            }
        }
        check(&records);
    }
}

#[test]
fn an_encoder_writes_the_same_file_whatever_it_wrote_before() {
    let mut encoder = ParquetEncoder::new().unwrap();
    let of_user = |id, line, user| {
        let mut record = record(id, line);
        record.user_id = Some(Cow::Borrowed(user));
        record
    };
    let many: Vec<_> = (0..500).map(|_| of_user("1", "welcome alice", "alice")).collect();
    // Too short to be searched for, and where the other stood.
    let few = [of_user("2", "welcome bo", "bo")];
    let first = encoder.encode(&few).unwrap();
    encoder.encode(&many).unwrap();
    assert_eq!(encoder.encode(&few).unwrap(), first);
}

fn text() -> impl Strategy<Value = Option<String>> {
    proptest::option::of(prop_oneof!["[a-c]{0,2}", ".{0,12}", "[0-9a-f]{32}"])
}

/// What a row may hold beside its line.
type Fields = (Option<i64>, Option<u8>, Option<i32>, Option<f64>, Vec<Option<String>>, String);

fn fields() -> impl Strategy<Value = Fields> {
    (
        proptest::option::of(any::<i64>()),
        proptest::option::of(1_u8..25),
        proptest::option::of(any::<i32>()),
        proptest::option::of(-1e15..1e15),
        proptest::collection::vec(text(), 10),
        ".{0,40}",
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn rows_read_back_as_the_records_were(all in proptest::collection::vec(fields(), 1..300)) {
        let records: Vec<_> = all
            .iter()
            .map(|(nanos, severity, status, took, texts, line)| {
                let text = |i: usize| texts[i].as_deref().map(Cow::Borrowed);
                let mut record = record(line, line);
                // Years that RFC 3339 can show.
                record.time_unix_nano = nanos.map(|nanos| nanos / 4);
                record.severity_number = *severity;
                record.status_code = *status;
                record.duration_ms = *took;
                record.severity_text = text(0);
                record.trace_id = text(1);
                record.span_id = text(2);
                record.user_id = text(3);
                record.event_name = text(4);
                record.http_method = text(5);
                record.path = text(6);
                record.attributes = texts[7].clone();
                record.service = text(8).unwrap_or(Cow::Borrowed("shop"));
                record.request_id = text(9).unwrap_or(Cow::Borrowed(&SOURCE.derived_request_id));
                record.more_event_ids = texts[0].iter().map(String::as_str).collect();
                record.format = if status.is_some() { Format::Json } else { Format::Text };
                record
            })
            .collect();
        check(&records);
    }
}
