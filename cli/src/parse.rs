//! `catchment parse`: what would become of log lines, or of a payload.
//!
//! The same code runs as in `functions/ingest`; nothing leaves the machine.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

use catchment_aws::clock::{Clock, SystemClock};
use catchment_record::{
    Envelope, LogEvent, LogGroup, LogRecord, LogStream, MessageType, Pipeline, Source, gunzip,
};
use serde::Deserialize;

use crate::args::ParseArgs;
use crate::config;
use crate::explain::explain;
use crate::failure::Failure;

/// The largest payload that is read; Lambda's events have 6 MB at most.
const MAX_PAYLOAD_BYTES: u64 = 16 << 20;
/// The longest line of a file that is read.
const MAX_FILE_LINE_BYTES: u64 = 16 << 20;
/// How many lines of a file are looked at together: what was one line once is
/// stitched within them.
const WINDOW_LINES: usize = 10_000;
/// How many bytes of a file are looked at together, where its lines are long.
const WINDOW_BYTES: usize = 32 << 20;
/// How the base64 of a gzip stream begins: 1f 8b 08.
const GZIP_IN_BASE64: &[u8] = b"H4sI";

/// Runs the command.
pub fn run(args: &ParseArgs) -> Result<(), Failure> {
    let pipeline = args.config.as_deref().map_or_else(|| Ok(Pipeline::embedded(None)), config::pipeline)?;
    let session = Session { args, pipeline };
    let mut sink = BufWriter::new(io::stdout().lock());
    if args.file == Path::new("-") {
        session.read(BufReader::new(io::stdin().lock()), "stdin", &mut sink)?;
    } else {
        let file = File::open(&args.file).map_err(|err| Failure::reading(&args.file, err))?;
        let name = args.file.file_name().unwrap_or_default().to_string_lossy();
        session.read(BufReader::new(file), &name, &mut sink)?;
    }
    sink.flush().map_err(Failure::writing)
}

/// Whether this begins as a subscription payload: the event `{"awslogs": ...}` or
/// its base64. A log line can begin so only by intent.
fn is_payload(start: &[u8]) -> bool {
    let start = start.trim_ascii_start();
    let key = start.strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
    start.starts_with(GZIP_IN_BASE64) || key.is_some_and(|key| key.starts_with(b"\"awslogs\""))
}

struct Session<'s> {
    args: &'s ParseArgs,
    pipeline: Pipeline,
}

impl Session<'_> {
    fn read(&self, mut input: impl BufRead, name: &str, sink: &mut impl Write) -> Result<(), Failure> {
        let start = input.fill_buf().map_err(|err| self.unreadable(err))?;
        if is_payload(start) {
            let mut payload = String::new();
            let limited = input.take(MAX_PAYLOAD_BYTES).read_to_string(&mut payload);
            limited.map_err(|err| self.unreadable(err))?;
            self.payload_records(&payload, sink)
        } else {
            self.file_records(input, name, sink)
        }
    }

    fn payload_records(&self, payload: &str, sink: &mut impl Write) -> Result<(), Failure> {
        let rejected = |reason: String| {
            Failure::Rejected(format!("{reason}; Catchment would keep it whole under quarantine/"))
        };
        let data = if payload.trim_ascii_start().starts_with('{') {
            let event: Event = serde_json::from_str(payload)
                .map_err(|err| rejected(format!("the event is not a subscription's: {err}")))?;
            event.awslogs.data
        } else {
            payload.to_owned()
        };
        let json = gunzip(&data).map_err(|err| rejected(err.to_string()))?;
        let envelope = Envelope::parse(&json).map_err(|err| rejected(err.to_string()))?;
        if envelope.message_type != MessageType::Data {
            writeln!(io::stderr(), "a control message: Catchment acknowledges it and keeps nothing").ok();
            return Ok(());
        }
        let log_group = self.args.log_group.clone().unwrap_or_else(|| envelope.log_group.to_string());
        let source = self.source(&envelope.owner, log_group, &envelope.log_stream);
        let lines = self.pipeline.lines(&envelope);
        lines.parse(&source).into_iter().try_for_each(|record| self.print(record, sink))
    }

    /// The lines of a file, as if they were the events of one log stream whose
    /// ids are the lines' numbers.
    fn file_records(
        &self,
        mut input: impl BufRead,
        name: &str,
        sink: &mut impl Write,
    ) -> Result<(), Failure> {
        let log_group = self.args.log_group.clone().unwrap_or_else(|| name.to_owned());
        let source = self.source("", log_group, &self.args.log_stream);
        let read_millis = SystemClock.now_millis();
        let mut window: Vec<(usize, String)> = Vec::new();
        let mut number = 0;
        loop {
            let more = self.fill(&mut input, &mut number, &mut window)?;
            let envelope = envelope(&source, &window);
            let lines = self.pipeline.lines(&envelope);
            let records: Vec<_> = lines.parse_file(&source, read_millis).collect();
            let open = if more { first_open(&records) } else { usize::MAX };
            for record in records {
                if line_number(record.event_id) < open {
                    self.print(record, sink)?;
                }
            }
            if !more {
                return Ok(());
            }
            drop(lines);
            window.retain(|(number, _)| *number >= open);
        }
    }

    /// Reads lines until the window is full; false at the end of the file.
    fn fill(
        &self,
        input: &mut impl BufRead,
        number: &mut usize,
        window: &mut Vec<(usize, String)>,
    ) -> Result<bool, Failure> {
        let (full, mut bytes) = (window.len() + WINDOW_LINES, 0);
        while window.len() < full && bytes < WINDOW_BYTES {
            let mut line = Vec::new();
            let read = input.by_ref().take(MAX_FILE_LINE_BYTES).read_until(b'\n', &mut line);
            if read.map_err(|err| self.unreadable(err))? == 0 {
                return Ok(false);
            }
            *number += 1;
            bytes += line.len();
            if line.len() as u64 == MAX_FILE_LINE_BYTES && line.last() != Some(&b'\n') {
                return Err(Failure::Rejected(format!(
                    "line {number} is longer than {} MiB; a log event has 1 MiB at most",
                    MAX_FILE_LINE_BYTES >> 20
                )));
            }
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end_matches(['\r', '\n']);
            // CloudWatch has no empty log events.
            if !text.is_empty() {
                window.push((*number, text.to_owned()));
            }
        }
        Ok(true)
    }

    fn source(&self, account: &str, log_group: String, log_stream: &str) -> Source {
        let (group, stream) = (LogGroup::new(log_group), LogStream::new(log_stream));
        let mut source = Source::new(account, &self.args.region, group, stream, &self.args.environment);
        self.pipeline.enrich(&mut source);
        source
    }

    fn print(&self, record: LogRecord<'_>, sink: &mut impl Write) -> Result<(), Failure> {
        if self.args.explain {
            return explain(&self.pipeline, record, sink).map_err(Failure::writing);
        }
        serde_json::to_writer(&mut *sink, &record).map_err(|err| Failure::writing(err.into()))?;
        sink.write_all(b"\n").map_err(Failure::writing)
    }

    fn unreadable(&self, err: io::Error) -> Failure {
        Failure::reading(&self.args.file, err)
    }
}

#[derive(Deserialize)]
struct Event {
    awslogs: Data,
}

#[derive(Deserialize)]
struct Data {
    data: String,
}

fn envelope<'a>(source: &'a Source, window: &'a [(usize, String)]) -> Envelope<'a> {
    let events = window.iter().map(|(number, line)| LogEvent {
        id: Cow::Owned(number.to_string()),
        timestamp: 0,
        message: Cow::Borrowed(line),
    });
    Envelope {
        message_type: MessageType::Data,
        owner: Cow::Borrowed(&source.account_id),
        log_group: Cow::Borrowed(source.log_group.as_str()),
        log_stream: Cow::Borrowed(source.log_stream.as_str()),
        log_events: events.collect(),
    }
}

/// The number of the line from which on records may still grow by what the file
/// has next: where the last one begins, or one that reaches past its beginning.
fn first_open(records: &[LogRecord<'_>]) -> usize {
    let first = |record: &LogRecord<'_>| line_number(record.event_id);
    let Some((earliest, latest)) = records.first().map(first).zip(records.last().map(first)) else {
        return usize::MAX;
    };
    let last_line = |record: &LogRecord<'_>| record.more_event_ids.last().map_or(0, |id| line_number(id));
    let open = records.iter().filter(|record| last_line(record) >= latest).map(first).min();
    match open.unwrap_or(latest) {
        // One record fills the window: it is let go, or the window would never end.
        open if open == earliest => usize::MAX,
        open => open,
    }
}

fn line_number(id: &str) -> usize {
    id.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_told_from_lines_by_its_beginning() {
        for payload in ["{ \n \"awslogs\": {\"data\": \"H4sI\"}}", "  H4sIAAAAAAAA/", "{\"awslogs\":1"] {
            assert!(is_payload(payload.as_bytes()), "{payload}");
        }
        for lines in ["", "{\"level\":\"info\",\"awslogs\":1}", "INFO H4sI", "{", "{}"] {
            assert!(!is_payload(lines.as_bytes()), "{lines}");
        }
    }
}
