//! `catchment parse`: what would become of log lines, or of a payload.
//!
//! The same code runs as in `functions/ingest`; nothing leaves the machine.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

use catchment_record::{
    Envelope, EventTime, LogGroup, LogRecord, LogStream, MessageType, Pipeline, Source, gunzip, redact,
};
use serde::Deserialize;

use crate::args::ParseArgs;
use crate::failure::Failure;

/// The largest payload that is read; Lambda's events have 6 MB at most.
const MAX_PAYLOAD_BYTES: u64 = 16 << 20;
/// How the base64 of a gzip stream begins: 1f 8b 08.
const GZIP_IN_BASE64: &[u8] = b"H4sI";

/// Runs the command.
pub fn run(args: &ParseArgs) -> Result<(), Failure> {
    let mut sink = BufWriter::new(io::stdout().lock());
    if args.file == Path::new("-") {
        read(BufReader::new(io::stdin().lock()), args, "stdin", &mut sink)?;
    } else {
        let file = File::open(&args.file).map_err(|err| Failure::reading(&args.file, err))?;
        let name = args.file.file_name().unwrap_or_default().to_string_lossy();
        read(BufReader::new(file), args, &name, &mut sink)?;
    }
    sink.flush().map_err(Failure::writing)
}

fn read(mut input: impl BufRead, args: &ParseArgs, name: &str, sink: &mut impl Write) -> Result<(), Failure> {
    let start = input.fill_buf().map_err(|err| Failure::reading(&args.file, err))?;
    if is_payload(start) {
        let mut payload = String::new();
        let limited = input.take(MAX_PAYLOAD_BYTES).read_to_string(&mut payload);
        limited.map_err(|err| Failure::reading(&args.file, err))?;
        payload_records(&payload, args, sink)
    } else {
        line_records(input, args, name, sink)
    }
}

/// Whether this begins as a subscription payload: the event `{"awslogs": ...}` or
/// its base64. A log line can begin so only by intent.
fn is_payload(start: &[u8]) -> bool {
    let start = start.trim_ascii_start();
    let key = start.strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
    start.starts_with(GZIP_IN_BASE64) || key.is_some_and(|key| key.starts_with(b"\"awslogs\""))
}

fn payload_records(payload: &str, args: &ParseArgs, sink: &mut impl Write) -> Result<(), Failure> {
    #[derive(Deserialize)]
    struct Event {
        awslogs: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        data: String,
    }
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
    let log_group = args.log_group.clone().unwrap_or_else(|| envelope.log_group.to_string());
    let source = source(&envelope.owner, args, log_group, &envelope.log_stream);
    let lines = Pipeline::default().lines(&envelope);
    for record in lines.parse(&source) {
        print(&record, sink)?;
    }
    Ok(())
}

fn line_records(
    mut input: impl BufRead,
    args: &ParseArgs,
    name: &str,
    sink: &mut impl Write,
) -> Result<(), Failure> {
    let log_group = args.log_group.clone().unwrap_or_else(|| name.to_owned());
    let source = source("", args, log_group, &args.log_stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = input.read_until(b'\n', &mut line);
        if read.map_err(|err| Failure::reading(&args.file, err))? == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\r', '\n']);
        // CloudWatch has no empty log events.
        if !text.is_empty() {
            print(&LogRecord::parse(&redact(text), &source, "", EventTime::ReadAt(0)), sink)?;
        }
    }
}

fn source(account: &str, args: &ParseArgs, log_group: String, log_stream: &str) -> Source {
    let (group, stream) = (LogGroup::new(log_group), LogStream::new(log_stream));
    Source::new(account, &args.region, group, stream, &args.environment)
}

fn print(record: &LogRecord<'_>, sink: &mut impl Write) -> Result<(), Failure> {
    serde_json::to_writer(&mut *sink, record).map_err(|err| Failure::writing(err.into()))?;
    sink.write_all(b"\n").map_err(Failure::writing)
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
