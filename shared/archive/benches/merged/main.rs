//! What a merged file costs, in bytes and in time:
//! `cargo bench -p catchment-archive --bench merged -- [corpus …] [columns] [payloads [rounds]]`.
//!
//! Payloads of several streams go through ingest; their rows, sorted by time,
//! become one merged file, whose size stands beside zstd-3 of the same lines
//! joined with newlines. `columns` prints the bytes a row of each column.
//! MB/s are of raw line bytes, of pushing and writing alone, the fastest of some rounds.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::string_slice
)]

// The other bench uses the rest of it.
#[allow(dead_code)]
#[path = "../chain/corpora.rs"]
mod corpora;

use std::time::Duration;

use bytes::Bytes;
use catchment_archive::{MergedWriter, StoredRow, escape_line, write_parquet};
use catchment_record::{Envelope, LogGroup, LogRecord, LogStream, Pipeline, Source, gunzip};
use corpora::Corpus;
use parquet::file::reader::{FileReader, SerializedFileReader};

/// Payloads of a corpus: about 110,000 lines.
const PAYLOADS: usize = 200;

const ROUNDS: usize = 8;

fn main() {
    // Cargo passes `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_said = |name: &str| words.iter().any(|word| word == name);
    let mut numbers = words.iter().filter_map(|word| word.parse().ok());
    let (payloads, rounds) = (numbers.next().unwrap_or(PAYLOADS), numbers.next().unwrap_or(ROUNDS));
    let all = Corpus::ALL.iter().all(|corpus| !is_said(corpus.name()));
    println!("bytes/row    raw  zstd-3  ingest  merged | ingest merged | merge MB/s");
    for corpus in Corpus::ALL.into_iter().filter(|corpus| all || is_said(corpus.name())) {
        measure(corpus, payloads, rounds, is_said("columns"));
    }
}

fn measure(corpus: Corpus, payloads: usize, rounds: usize, has_columns: bool) {
    let pipeline = Pipeline::default();
    let mut rows = Vec::new();
    let mut ingest = 0;
    for payload in corpus.streams(payloads) {
        let json = gunzip(&payload.data).unwrap().to_vec().leak();
        let envelope = Box::leak(Box::new(Envelope::parse(json).unwrap()));
        let (group, stream) = (LogGroup::new(&*envelope.log_group), LogStream::new(&*envelope.log_stream));
        let source = Box::leak(Box::new(Source::new(&envelope.owner, "eu-west-1", group, stream, "prod")));
        pipeline.enrich(source);
        let lines = Box::leak(Box::new(pipeline.lines(envelope)));
        let routed = Box::leak(Box::new(pipeline.route(lines.parse(source))));
        for (_, records) in &routed.kept {
            ingest += write_parquet(records).unwrap().len();
            rows.extend(records.iter().map(stored));
        }
    }
    rows.sort_by_key(|row| (row.timestamp, row.event_id));
    let mut joined = String::new();
    for row in &rows {
        joined.push_str(&row.line());
        joined.push('\n');
    }
    let zstd = zstd::bulk::compress(joined.as_bytes(), 3).unwrap().len();
    let (mut best, mut file) = (Duration::MAX, Vec::new());
    for _ in 0..rounds {
        file.clear();
        let start = cpu();
        let mut writer = MergedWriter::new(&mut file).unwrap();
        rows.iter().for_each(|row| writer.push(row).unwrap());
        writer.finish(&[]).unwrap();
        best = best.min(cpu() - start);
    }
    let a_row = |bytes: usize| bytes as f64 / rows.len() as f64;
    println!(
        "{:8}{:8.1}{:8.1}{:8.1}{:8.1} |{:7.3}{:7.3} |{:7.0}",
        corpus.name(),
        a_row(joined.len()),
        a_row(zstd),
        a_row(ingest),
        a_row(file.len()),
        ingest as f64 / zstd as f64,
        file.len() as f64 / zstd as f64,
        joined.len() as f64 / 1e6 / best.as_secs_f64(),
    );
    if has_columns {
        columns(file, rows.len());
    }
}

/// The time that this thread has run, whatever else the machine does.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

fn columns(file: Vec<u8>, rows: usize) {
    let total = file.len();
    let reader = SerializedFileReader::new(Bytes::from(file)).unwrap();
    let groups = reader.metadata().row_groups();
    let (mut rest, mut shown) = (total as f64, Vec::new());
    for column in 0..groups[0].num_columns() {
        let chunks: Vec<_> = groups.iter().map(|group| group.column(column)).collect();
        let data: i64 = chunks.iter().map(|chunk| chunk.compressed_size()).sum();
        let bloom: i32 = chunks.iter().filter_map(|chunk| chunk.bloom_filter_length()).sum();
        let encodings: Vec<_> = chunks[0].encodings().map(|encoding| encoding.to_string()).collect();
        rest -= data as f64 + f64::from(bloom);
        shown.push((
            data as f64 / rows as f64,
            f64::from(bloom) / rows as f64,
            chunks[0],
            encodings.join(" "),
        ));
    }
    shown.sort_by(|a, b| (b.0 + b.1).total_cmp(&(a.0 + a.1)));
    for (data, bloom, chunk, encodings) in shown {
        println!(
            "  {:20}{data:8.2}{bloom:8.2}  {:?} {encodings}",
            chunk.column_path().string(),
            chunk.compression()
        );
    }
    println!("  {:20}{:8.2}   {} row groups", "metadata", rest / rows as f64, groups.len());
}

fn stored<'a>(record: &'a LogRecord<'_>) -> StoredRow<'a> {
    fn keep(text: impl Into<String>) -> &'static str {
        text.into().leak()
    }
    StoredRow {
        timestamp: record.time_unix_nano.map(|_| record.time_millis()),
        time_unix_nano: record.time_unix_nano,
        observed_timestamp: record.observed_millis,
        event_id: Some(record.event_id),
        account_id: Some(&*record.source.account_id),
        region: Some(&*record.source.region),
        log_group: Some(record.source.log_group.as_str()),
        log_stream: Some(record.source.log_stream.as_str()),
        service: Some(&*record.service),
        environment: Some(&*record.environment),
        cluster: record.cluster(),
        workload: record.workload(),
        instance: record.instance(),
        container: record.container(),
        format: Some(record.format.as_str()),
        severity_number: record.severity_number.map(i32::from),
        severity_text: record.severity_text.as_deref(),
        message: Some(&*record.message),
        trace_id: record.trace_id.as_deref(),
        span_id: record.span_id.as_deref(),
        request_id: Some(&*record.request_id),
        user_id: record.user_id.as_deref(),
        event_name: record.event_name.as_deref(),
        http_method: record.http_method.as_deref(),
        path: record.path.as_deref(),
        status_code: record.status_code,
        duration_ms: record.duration_ms,
        line: Some(keep(escape_line(record.line))),
        attributes: record.attributes.as_deref(),
        redactions: record.redactions.to_column().map(keep),
        parse_error: record.parse_error,
        more_event_ids: record.more_event_ids_column().map(keep),
        ..StoredRow::default()
    }
}
