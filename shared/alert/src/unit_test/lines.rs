//! The lines of a unit test, as entries.

use std::borrow::Cow;
use std::collections::BTreeMap;

use catchment_logql::Entry;
use catchment_record::{
    Envelope, LABELS, LogEvent, LogGroup, LogStream, MessageType, Pipeline, Source, error_fingerprint,
    severity_name, severity_number,
};

use super::file::{InputLines, MAX_TEST_LINES, Millis, UnitTest};
use crate::simulate::OwnedEntry;

/// What stands for the number of a repetition.
const REPETITION: &str = "{{.i}}";

/// The lines of a test in the order of time; an error where they are too many.
pub(crate) fn lines_of(
    test: &UnitTest,
    every: Millis,
    pipeline: &Pipeline,
) -> Result<Vec<OwnedEntry>, String> {
    let every = test.interval.unwrap_or(every);
    let inputs = test.input_lines.iter().flat_map(|input| &input.lines);
    let count: u64 = inputs.map(|line| line.repeat.map_or(1, |repeat| repeat.times.into())).sum();
    if count > MAX_TEST_LINES {
        return Err(format!("the test has {count} lines; the limit MAX_TEST_LINES is {MAX_TEST_LINES}"));
    }
    let mut all = Vec::new();
    for input in &test.input_lines {
        let written = written(input, every);
        if input.log_group.is_some() || input.service.is_some() {
            all.extend(ingested(input, &written, pipeline));
        } else {
            all.extend(written.into_iter().map(|(millis, line)| labelled(&input.labels.0, millis, line)));
        }
    }
    all.sort_by_key(Entry::timestamp_nanos);
    Ok(all)
}

/// When which lines are written, in milliseconds, in order.
fn written(input: &InputLines, every: Millis) -> Vec<(i64, String)> {
    let mut written = Vec::new();
    for line in &input.lines {
        let (times, step) = match line.repeat {
            Some(repeat) => (repeat.times, repeat.every.unwrap_or(every).0),
            None => (1, 0),
        };
        written.extend((0..times).map(|i| {
            let millis = line.at.0.saturating_add(step.saturating_mul(i.into()));
            (millis, line.line.replace(REPETITION, &i.to_string()))
        }));
    }
    written.sort_by_key(|(millis, _)| *millis);
    written
}

/// A line whose labels are given: with those that Catchment makes of others.
fn labelled(given: &BTreeMap<String, String>, millis: i64, line: String) -> OwnedEntry {
    let mut labels = given.clone();
    let level = labels.get("level").or(labels.get("severity_text"));
    if let Some(severity) = level.and_then(|level| severity_number(level)) {
        labels.entry("detected_level".to_owned()).or_insert_with(|| severity_name(severity).to_owned());
        if let Some(kind) = error_fingerprint(Some(severity), &line) {
            labels.entry("error_fingerprint".to_owned()).or_insert(kind);
        }
    }
    OwnedEntry::new(millis.saturating_mul(1_000_000), line, labels)
}

/// The lines as ingest makes records of them: stitched, redacted, parsed. Labels
/// that are given stand before those of the record.
fn ingested(input: &InputLines, written: &[(i64, String)], pipeline: &Pipeline) -> Vec<OwnedEntry> {
    let service = input.service.as_deref().unwrap_or_default();
    let group = input.log_group.clone().unwrap_or_else(|| format!("/ecs/{service}"));
    let stream = input.log_stream.clone().unwrap_or_else(|| "test".to_owned());
    let mut source =
        Source::new("123456789012", "eu-west-1", LogGroup::new(group), LogStream::new(stream), "test");
    pipeline.enrich(&mut source);
    if !service.is_empty() {
        source.service = service.to_owned();
    }
    let events = written.iter().enumerate().map(|(number, (millis, line))| LogEvent {
        id: Cow::Owned(number.to_string()),
        timestamp: *millis,
        message: Cow::Borrowed(line),
    });
    let envelope = Envelope {
        message_type: MessageType::Data,
        owner: Cow::Borrowed(&source.account_id),
        log_group: Cow::Borrowed(source.log_group.as_str()),
        log_stream: Cow::Borrowed(source.log_stream.as_str()),
        log_events: events.collect(),
    };
    let lines = pipeline.lines(&envelope);
    let records = lines.parse(&source);
    let mut entries = Vec::with_capacity(records.len());
    for record in &records {
        let mut labels: BTreeMap<String, String> = LABELS
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), record.label(name)?.into_owned())))
            .collect();
        labels.extend(input.labels.0.clone());
        entries.push(OwnedEntry::new(record.timestamp_nanos(), record.line.to_owned(), labels));
    }
    entries
}
