//! Records to one Parquet file: zstd, rows in the order given (by time), one row group.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use catchment_record::LogRecord;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
pub use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::ColumnPath;

use crate::schema::{COLUMNS, Column, Kind, SCHEMA_VERSION, Storage, parquet_schema};

/// Share of look-ups of a value that is not there which a bloom filter lets pass.
const BLOOM_FALSE_POSITIVES: f64 = 0.01;

/// The definition level of a value that is there, in a column that may be null.
const PRESENT: i16 = 1;

/// A column with fewer bytes than this is stored as it is, unless it holds what
/// the lines say: a zstd context costs more than it could save (ADR 0007).
const MIN_ZSTD_BYTES: usize = 2048;

/// Writes the records as one Parquet file. Errors mean a bug or no memory:
/// no record is too odd to be written.
pub fn write_parquet(records: &[LogRecord<'_>]) -> Result<Bytes, ParquetError> {
    let columns: Vec<_> = COLUMNS.iter().map(|column| Prepared::new(column, records)).collect();
    let properties = properties(&columns, records.len());
    let mut writer = SerializedFileWriter::new(Vec::new(), parquet_schema()?, Arc::new(properties))?;
    let mut row_group = writer.next_row_group()?;
    for column in &columns {
        let Some(mut column_writer) = row_group.next_column()? else {
            return Err(ParquetError::General(format!("the schema lacks the column {}", column.column.name)));
        };
        column.write(&mut column_writer)?;
        column_writer.close()?;
    }
    row_group.close()?;
    Ok(Bytes::from(writer.into_inner()?))
}

fn properties(columns: &[Prepared], rows: usize) -> WriterProperties {
    let rows = u64::try_from(rows).unwrap_or(u64::MAX).max(1);
    let mut builder = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::UNCOMPRESSED)
        .set_created_by(format!("catchment {}", env!("CARGO_PKG_VERSION")))
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_encoding(Encoding::PLAIN)
        .set_key_value_metadata(Some(vec![KeyValue::new(
            "catchment.schema_version".to_owned(),
            SCHEMA_VERSION.to_owned(),
        )]));
    for Prepared { column, bytes, .. } in columns {
        let path = ColumnPath::from(column.name);
        if *bytes >= MIN_ZSTD_BYTES || (column.storage == Storage::Unique && *bytes > 0) {
            builder = builder.set_column_compression(path.clone(), Compression::ZSTD(ZstdLevel::default()));
        }
        builder = match column.storage {
            Storage::Repetitive => builder
                .set_column_dictionary_enabled(path.clone(), true)
                .set_column_statistics_enabled(path, EnabledStatistics::Chunk),
            Storage::Compared => builder.set_column_statistics_enabled(path, EnabledStatistics::Chunk),
            Storage::LookedUp => builder
                .set_column_bloom_filter_enabled(path.clone(), true)
                .set_column_bloom_filter_fpp(path.clone(), BLOOM_FALSE_POSITIVES)
                .set_column_bloom_filter_max_ndv(path, rows),
            Storage::Unique => builder,
        };
    }
    builder.build()
}

/// A column's values, before it is known how they are stored.
struct Prepared {
    column: &'static Column,
    values: Values,
    /// For each record, whether it has a value: [`PRESENT`] or 0.
    levels: Vec<i16>,
    /// About how many bytes there are to compress.
    bytes: usize,
}

enum Values {
    Long(Vec<i64>),
    Int(Vec<i32>),
    Double(Vec<f64>),
    Text(Vec<ByteArray>),
}

impl Prepared {
    fn new(column: &'static Column, records: &[LogRecord<'_>]) -> Self {
        let mut levels = Vec::with_capacity(records.len());
        let name = column.name;
        let (values, bytes) = match column.kind {
            Kind::Timestamp | Kind::Long => {
                let values = present(records, &mut levels, |r| long(name, r));
                let bytes = size_of_val(values.as_slice());
                (Values::Long(values), bytes)
            }
            Kind::Int => {
                let values = present(records, &mut levels, |r| match name {
                    "severity_number" => r.severity_number.map(i32::from),
                    _ => r.status_code,
                });
                let bytes = size_of_val(values.as_slice());
                (Values::Int(values), bytes)
            }
            Kind::Double => {
                let values = present(records, &mut levels, |r| r.duration_ms);
                let bytes = size_of_val(values.as_slice());
                (Values::Double(values), bytes)
            }
            Kind::Text => {
                let (values, bytes) = texts(name, records, &mut levels);
                (Values::Text(values), bytes)
            }
        };
        Self { column, values, levels, bytes }
    }

    fn write(&self, writer: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let levels = Some(self.levels.as_slice());
        match &self.values {
            Values::Long(values) => writer.typed::<Int64Type>().write_batch(values, levels, None)?,
            Values::Int(values) => writer.typed::<Int32Type>().write_batch(values, levels, None)?,
            Values::Double(values) => writer.typed::<DoubleType>().write_batch(values, levels, None)?,
            Values::Text(values) => writer.typed::<ByteArrayType>().write_batch(values, levels, None)?,
        };
        Ok(())
    }
}

fn present<'r, 'a, T>(
    records: &'r [LogRecord<'a>],
    levels: &mut Vec<i16>,
    value: impl Fn(&'r LogRecord<'a>) -> Option<T>,
) -> Vec<T> {
    records
        .iter()
        .filter_map(|record| {
            let value = value(record);
            levels.push(if value.is_some() { PRESENT } else { 0 });
            value
        })
        .collect()
}

/// A column's texts, all in one buffer, so that a value costs no allocation of
/// its own, and the size of that buffer; a value that repeats the one before
/// shares its bytes.
fn texts(name: &str, records: &[LogRecord<'_>], levels: &mut Vec<i16>) -> (Vec<ByteArray>, usize) {
    let mut buffer = Vec::new();
    let mut previous = 0..0;
    let ranges: Vec<_> = present(records, levels, |record| text(name, record))
        .into_iter()
        .map(|value| {
            let value = value.as_bytes();
            if buffer.get(previous.clone()) != Some(value) {
                let start = buffer.len();
                buffer.extend_from_slice(value);
                previous = start..buffer.len();
            }
            previous.clone()
        })
        .collect();
    let buffer = Bytes::from(buffer);
    let bytes = buffer.len();
    (ranges.into_iter().map(|range| ByteArray::from(buffer.slice(range))).collect(), bytes)
}

fn long(name: &str, record: &LogRecord<'_>) -> Option<i64> {
    match name {
        "timestamp" => record.time_unix_nano.map(|_| record.time_millis()),
        "time_unix_nano" => record.time_unix_nano,
        _ => record.observed_millis,
    }
}

fn text<'r>(name: &str, record: &'r LogRecord<'_>) -> Option<Cow<'r, str>> {
    let text = match name {
        "event_id" => record.event_id,
        "message" => &record.message,
        "line" => record.line,
        "attributes" => record.attributes.as_deref()?,
        "redactions" => return record.redactions.to_column().map(Cow::Owned),
        "parse_error" => record.parse_error?,
        _ => return record.label(name),
    };
    Some(Cow::Borrowed(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use catchment_record::{EventTime, LogGroup, LogStream, Source, redact};
    use parquet::basic::Compression;
    use parquet::file::reader::{FileReader, SerializedFileReader};

    fn source() -> Source {
        Source::new(
            "123456789012",
            "eu-west-1",
            LogGroup::new("/ecs/shop"),
            LogStream::new("s/web/t"),
            "prod",
        )
    }

    const LINES: [&str; 3] = [
        r#"{"level":"ERROR","message":"é failed","request_id":"r1","user_id":7,"status":500,"duration_ms":12.5,"password":"hunter2"}"#,
        "2024-12-19 10:30:15 - app.core - INFO - ok",
        r#"{"broken"#,
    ];

    fn file() -> Bytes {
        let source = source();
        let lines: Vec<_> = LINES.iter().map(|line| redact(line)).collect();
        let records: Vec<_> = lines
            .iter()
            .enumerate()
            .map(|(i, line)| {
                LogRecord::parse(line, &source, "e", EventTime::Arrived(1_734_604_215_000 + i as i64))
            })
            .collect();
        write_parquet(&records).unwrap()
    }

    #[test]
    fn rows_read_back_as_the_records_were() {
        let reader = SerializedFileReader::new(file()).unwrap();
        let rows: Vec<_> =
            reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_json_value()).collect();
        assert_eq!(rows.len(), 3);
        let expected = [
            ("message", ["é failed", "ok", r#"{"broken"#].map(serde_json::Value::from)),
            ("severity_number", [17.into(), 9.into(), serde_json::Value::Null]),
            ("status_code", [500.into(), serde_json::Value::Null, serde_json::Value::Null]),
            ("service", ["shop"; 3].map(serde_json::Value::from)),
            ("format", ["json", "text", "text"].map(serde_json::Value::from)),
            ("redactions", ["named_field:1".into(), serde_json::Value::Null, serde_json::Value::Null]),
            (
                "time_unix_nano",
                [1_734_604_215_000_000_000_i64, 1_734_604_215_000_000_000, 1_734_604_215_002_000_000]
                    .map(serde_json::Value::from),
            ),
        ];
        for (column, values) in expected {
            for (row, value) in rows.iter().zip(values) {
                assert_eq!(row[column], value, "{column}");
            }
        }
        assert!(!String::from_utf8_lossy(&file()).contains("hunter2"));
    }

    #[test]
    fn the_file_is_as_the_architecture_says() {
        let reader = SerializedFileReader::new(file()).unwrap();
        let metadata = reader.metadata();
        let pairs = metadata.file_metadata().key_value_metadata().unwrap();
        assert_eq!(pairs[0].value.as_deref(), Some(SCHEMA_VERSION));
        let row_group = metadata.row_group(0);
        for (index, column) in COLUMNS.iter().enumerate() {
            let chunk = row_group.column(index);
            assert_eq!(chunk.column_path().string(), column.name);
            let is_looked_up = ["trace_id", "request_id", "user_id", "event_id"].contains(&column.name);
            assert_eq!(chunk.bloom_filter_offset().is_some(), is_looked_up, "{}", column.name);
        }
    }

    #[test]
    fn columns_are_compressed_from_the_named_size_on_and_lines_always() {
        let source = source();
        let line = redact("x");
        let codec = |column: &str, bytes: usize| {
            let event_id = "1".repeat(bytes);
            let record = LogRecord::parse(&line, &source, &event_id, EventTime::Arrived(0));
            let file = SerializedFileReader::new(write_parquet(&[record]).unwrap()).unwrap();
            let index = COLUMNS.iter().position(|c| c.name == column).unwrap();
            file.metadata().row_group(0).column(index).compression()
        };
        assert_eq!(codec("event_id", MIN_ZSTD_BYTES - 1), Compression::UNCOMPRESSED);
        assert!(matches!(codec("event_id", MIN_ZSTD_BYTES), Compression::ZSTD(_)));
        assert!(matches!(codec("line", 1), Compression::ZSTD(_)));
    }

    #[test]
    fn no_records_are_a_file_with_no_rows() {
        let reader = SerializedFileReader::new(write_parquet(&[]).unwrap()).unwrap();
        assert_eq!(reader.metadata().file_metadata().num_rows(), 0);
    }
}
