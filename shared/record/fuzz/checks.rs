//! What must hold for any bytes, stage by stage. The fuzz targets call these,
//! and so does the test that goes through the corpus kept from fuzzing.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::borrow::Cow;

use catchment_logql::{
    AlertSubject, AlertTemplate, Entry, Expr, LeafWindow, LineErrors, LogExpr, MetricQuery, PipelineContext,
    ProcessedLine, QueryTimes, Scan, SharedLine, StreamedExpr, StreamedLeaf,
};
use catchment_record::{
    Envelope, EventTime, LogEvent, LogGroup, LogRecord, LogStream, Pipeline, Source, Stitcher, gunzip,
    redact as redact_line,
};
use libdeflater::{CompressionLvl, Compressor};
use serde::de::IgnoredAny;
use serde_json::Value;

/// 2024-12-19T10:30:15Z in milliseconds.
const EVENT_MILLIS: i64 = 1_734_604_215_000;

fn source() -> Source {
    let (group, stream) = (LogGroup::new("/ecs/shop"), LogStream::new("ecs/web/0"));
    Source::new("123456789012", "eu-west-1", group, stream, "prod")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut compressor = Compressor::new(CompressionLvl::fastest());
    let mut out = vec![0; compressor.gzip_compress_bound(bytes.len())];
    let size = compressor.gzip_compress(bytes, &mut out).unwrap();
    out.truncate(size);
    out
}

/// Decoding never panics; what was encoded comes back; a payload that lost its
/// last byte is an error; an envelope that parses has records for all its events.
pub fn decode(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        drop(gunzip(text));
    }
    drop(gunzip(&base64_simd::STANDARD.encode_to_string(bytes)));
    let compressed = gzip(bytes);
    assert_eq!(gunzip(&base64_simd::STANDARD.encode_to_string(&compressed)).unwrap(), bytes);
    let cut = &compressed[..compressed.len() - 1];
    assert!(gunzip(&base64_simd::STANDARD.encode_to_string(cut)).is_err());
    if let Ok(envelope) = Envelope::parse(bytes) {
        let pipeline = Pipeline::default();
        let (lines, source) = (pipeline.lines(&envelope), source());
        let records = lines.parse(&source);
        let events: u64 = records.iter().map(LogRecord::events).sum();
        assert_eq!(events, envelope.log_events.len() as u64);
    }
}

/// Every event is in exactly one line, in order; the lines hold no more than the events.
pub fn stitch(bytes: &[u8]) {
    // The first byte of each event tells how long after the one before it came.
    let text = String::from_utf8_lossy(bytes);
    let mut timestamp = EVENT_MILLIS;
    let events: Vec<LogEvent<'_>> = text
        .split('\u{0}')
        .map(|message| {
            timestamp += message.bytes().next().map_or(0, i64::from) % 3;
            LogEvent { id: "1".into(), timestamp, message: message.into() }
        })
        .collect();
    let lines = Stitcher::default().stitch("/ecs/a", &events);
    let mut seen: Vec<usize> = Vec::new();
    for line in &lines {
        assert!(line.more.windows(2).all(|pair| pair[0] < pair[1]), "in order");
        assert!(line.more.first().is_none_or(|next| *next > line.first), "in order");
        seen.push(line.first);
        seen.extend(&line.more);
    }
    assert!(lines.windows(2).all(|pair| pair[0].first < pair[1].first), "in order");
    seen.sort_unstable();
    assert_eq!(seen, (0..events.len()).collect::<Vec<_>>());
}

/// Every line is a record that keeps it whole, and its attributes are a JSON object.
pub fn parse(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (redacted, source) = (redact_line(&text), source());
    for time in [EventTime::Arrived(EVENT_MILLIS), EventTime::ReadAt(EVENT_MILLIS)] {
        let record = LogRecord::parse(&redacted, &source, "id", time);
        assert_eq!(record.line, redacted.text);
        assert!(record.severity_number.is_none_or(|number| (1..=24).contains(&number)));
        assert!(record.duration_ms.is_none_or(f64::is_finite));
        if let Some(attributes) = &record.attributes {
            assert!(attributes.starts_with('{'), "{attributes}");
            assert!(serde_json::from_str::<IgnoredAny>(attributes).is_ok(), "{attributes}");
        }
        // Not into a `Value`: numbers as lines have them may be larger than that holds.
        let row = serde_json::to_string(&record).unwrap();
        let Row { line } = serde_json::from_str(&row).unwrap();
        assert_eq!(line, redacted.text);
    }
}

#[derive(serde::Deserialize)]
struct Row {
    line: String,
}

/// Redacting twice changes nothing and counts nothing; a JSON object stays one.
pub fn redact(bytes: &[u8]) {
    let text = &*String::from_utf8_lossy(bytes);
    let once = redact_line(text);
    let twice = redact_line(&once.text);
    assert_eq!(twice.text, once.text);
    assert_eq!(twice.redactions.total(), 0, "{}", once.text);
    let is_object = |text: &str| serde_json::from_str::<Value>(text).is_ok_and(|value| value.is_object());
    assert!(!is_object(text) || is_object(&once.text), "{}", once.text);
}

/// A line that a query is run over.
struct FuzzedLine<'a>(&'a str);

impl Entry for FuzzedLine<'_> {
    fn timestamp_nanos(&self) -> i64 {
        1
    }
    fn line(&self) -> &str {
        self.0
    }
    fn label(&self, name: &str) -> Option<Cow<'_, str>> {
        (name == "a").then_some(Cow::Borrowed("b"))
    }
    fn visit_labels(&self, visit: &mut dyn FnMut(&str, &str)) {
        visit("a", "b");
    }
}

/// What is left of a line: its text and its labels.
fn left(processed: Option<ProcessedLine<'_>>) -> Option<(String, Vec<(String, String)>)> {
    let processed = processed?;
    let mut labels = Vec::new();
    processed.labels.visit(&mut |_, name, value| labels.push((name.to_owned(), value.to_owned())));
    labels.sort_unstable();
    Some((processed.line.into_owned(), labels))
}

/// Pipelines that share a scan keep what each keeps by itself.
fn scanned(logs: &[&LogExpr], lines: &[FuzzedLine<'_>]) {
    let scan = Scan::new(logs.iter().copied());
    let mut scanning = scan.start();
    for line in lines {
        scanning.look_at(line);
        let candidates: Vec<usize> = scanning.candidates().collect();
        let shared = PipelineContext { shared: Some(scanning.line()), ..PipelineContext::default() };
        for (number, log) in logs.iter().enumerate() {
            let together =
                if candidates.contains(&number) { log.process_selected(line, shared) } else { None };
            assert_eq!(left(together), left(log.process(line, PipelineContext::default())), "{log}");
        }
    }
}

/// An expression is put together from lines that arrive one by one.
fn evaluated(streamed: &StreamedExpr, lines: &[FuzzedLine<'_>]) {
    let mut windows = Vec::new();
    for leaf in streamed.leaves() {
        let mut window = LeafWindow::default();
        for line in lines.iter().filter(|line| leaf.log().selects(line)) {
            let shared = SharedLine::default();
            let Some(sample) = leaf.sample(line, &shared) else { continue };
            match sample.error() {
                Some(error) => {
                    window.add_errors(LineErrors {
                        lines: 1,
                        error: error.to_owned(),
                        series: sample.labels(),
                    });
                }
                None => {
                    let mut accumulator = leaf.accumulator();
                    accumulator.add(line.timestamp_nanos(), sample.value());
                    window.add_series(sample.labels(), accumulator);
                }
            }
        }
        windows.push(window);
    }
    drop(streamed.evaluate(&windows));
}

/// A query is written as it is read, and runs over any lines: the first text is
/// the query (and a template of an alert), the others, after a NUL each, are lines.
pub fn logql(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut texts = text.split('\u{0}');
    let first = texts.next().unwrap();
    if let Ok(template) = AlertTemplate::new(first) {
        let labels = [("a".to_owned(), "b".to_owned())].into();
        drop(template.render(&AlertSubject { labels, value: 1e6, ..AlertSubject::default() }));
    }
    let Ok(expr) = catchment_logql::parse(first) else { return };
    let written = expr.to_string();
    assert_eq!(catchment_logql::parse(&written).expect(&written), expr, "{written}");
    let lines: Vec<FuzzedLine<'_>> = texts.map(FuzzedLine).collect();
    match &expr {
        Expr::Log(log) => scanned(&[log], &lines),
        Expr::Metric(metric) => {
            if let Ok(streamed) = StreamedExpr::new(metric.clone()) {
                let logs: Vec<&LogExpr> = streamed.leaves().iter().map(StreamedLeaf::log).collect();
                scanned(&logs, &lines);
                evaluated(&streamed, &lines);
            }
            let times = QueryTimes::Range { start: 0, end: 20, step: 5 };
            let Ok(mut query) = MetricQuery::new(metric, times, None) else { return };
            if lines.iter().all(|line| query.add(line).is_ok()) {
                drop(query.finish());
            }
        }
    }
}
