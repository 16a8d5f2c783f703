//! A batch: what one invocation got from one log stream.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use crate::config::{Config, ConfigFault};
use crate::decode::{Envelope, LogEvent};
use crate::enrich::Enricher;
use crate::parse::EventTime;
use crate::record::LogRecord;
use crate::redact::{HashKey, Redacted, Redactor};
use crate::route::{Routed, Router, Routing};
use crate::source::Source;
use crate::stitch::Stitcher;

/// Bytes of the SHA-256 that a batch id shows; 128 bits do not collide by chance.
const BATCH_ID_BYTES: usize = 16;

/// Names a batch by its content: the same events, delivered again, have the
/// same id. 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BatchId(String);

impl BatchId {
    /// The id of the events of `envelope`, delivered in `region`.
    pub fn of(envelope: &Envelope<'_>, region: &str) -> Self {
        let ids = envelope.log_events.iter().map(|event| event.id.as_bytes());
        let address = [&*envelope.owner, region, &*envelope.log_group, &*envelope.log_stream];
        Self::hash(address.map(str::as_bytes).into_iter().chain(ids))
    }

    /// The id of a payload that could not be decoded.
    pub fn of_payload(payload: &[u8]) -> Self {
        Self::hash([payload].into_iter())
    }

    /// The id of some of the batch's records, where they get an object for
    /// themselves: other records, another id. What a retry under a changed
    /// configuration writes never hides behind an object that holds less.
    pub fn of_part(&self, records: &[LogRecord<'_>]) -> Self {
        let ids = records
            .iter()
            .flat_map(|record| std::iter::once(record.event_id).chain(record.more_event_ids.iter().copied()));
        Self::hash(std::iter::once(self.0.as_bytes()).chain(ids.map(str::as_bytes)))
    }

    /// The id as 32 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Hashes the parts, each closed by a byte that none of them holds, so that
    /// moving text from one part to the next is another batch.
    fn hash<'p>(parts: impl Iterator<Item = &'p [u8]>) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update(part);
            hasher.update([0]);
        }
        let digest = hasher.finalize();
        Self(digest.iter().take(BATCH_ID_BYTES).map(|byte| format!("{byte:02x}")).collect())
    }
}

/// Every stage that has settings, compiled; built once, used for every batch.
#[derive(Debug, Clone, Default)]
pub struct Pipeline {
    stitcher: Stitcher,
    redactor: Redactor,
    enricher: Enricher,
    router: Router,
}

impl Pipeline {
    /// Compiles the settings; every fault is in the list, with its place.
    /// Without a key, what should be hashed is masked.
    pub fn new(config: &Config, key: Option<HashKey>) -> Result<Self, Vec<ConfigFault>> {
        let mut faults = Vec::new();
        let pipeline = Self {
            stitcher: Stitcher::new(&config.stitch, &mut faults),
            redactor: Redactor::new(&config.redact, key, &mut faults),
            enricher: Enricher::new(&config.enrich, &mut faults),
            router: Router::new(&config.route, &mut faults),
        };
        if faults.is_empty() { Ok(pipeline) } else { Err(faults) }
    }

    /// The pipeline of the configuration that comes with Catchment.
    pub fn embedded(key: Option<HashKey>) -> Self {
        Self::new(&Config::embedded(), key).unwrap_or_default()
    }

    /// The same with retention classes for the log groups about which the
    /// configuration says nothing.
    pub fn with_routing(mut self, routing: Routing) -> Self {
        self.router.set_routing(routing);
        self
    }

    /// Sets what the configuration knows of a source.
    pub fn enrich(&self, source: &mut Source) {
        self.enricher.enrich(source);
    }

    /// Stitches and redacts: everything that is kept of a batch is in these lines.
    pub fn lines<'a>(&self, envelope: &'a Envelope<'a>) -> BatchLines<'a> {
        let stitched = self.stitcher.stitch(&envelope.log_group, &envelope.log_events).into_iter();
        let lines = stitched
            .map(|line| Line {
                text: self.redact(line.text),
                first: line.first,
                more: line.more,
                incomplete: line.incomplete,
            })
            .collect();
        BatchLines { envelope, lines }
    }

    /// The retention class of every record, and what is left out by name.
    pub fn route<'a>(&self, records: Vec<LogRecord<'a>>) -> Routed<'a> {
        self.router.route(records)
    }

    /// One line without its secrets.
    pub fn redact<'a>(&self, text: Cow<'a, str>) -> Redacted<'a> {
        match text {
            Cow::Borrowed(text) => self.redactor.redact(text),
            Cow::Owned(text) => {
                let Redacted { text: found, redactions } = self.redactor.redact(&text);
                let changed = match found {
                    Cow::Borrowed(_) => None,
                    Cow::Owned(changed) => Some(changed),
                };
                Redacted { text: Cow::Owned(changed.unwrap_or(text)), redactions }
            }
        }
    }
}

/// The redacted lines of a batch; its records borrow from them.
#[derive(Debug)]
pub struct BatchLines<'a> {
    envelope: &'a Envelope<'a>,
    lines: Vec<Line<'a>>,
}

#[derive(Debug)]
struct Line<'a> {
    text: Redacted<'a>,
    first: usize,
    more: Vec<usize>,
    incomplete: Option<&'static str>,
}

impl<'a> BatchLines<'a> {
    /// Parses every line, one record a line, sorted by time.
    pub fn parse(&'a self, source: &'a Source) -> Vec<LogRecord<'a>> {
        let mut records = Vec::with_capacity(self.lines.len());
        records.extend(self.records(source, |event| EventTime::Arrived(event.timestamp)));
        // Records are large: their times are sorted, and each record moved once.
        if !records.is_sorted_by_key(|record| record.time_unix_nano) {
            records.sort_by_cached_key(|record| record.time_unix_nano);
        }
        records
    }

    /// Parses every line of a file that is read at `millis` since the epoch, in
    /// the file's order: its events have no time of their own.
    pub fn parse_file(&'a self, source: &'a Source, millis: i64) -> impl Iterator<Item = LogRecord<'a>> {
        self.records(source, move |_| EventTime::ReadAt(millis))
    }

    fn records(
        &'a self,
        source: &'a Source,
        time: impl Fn(&LogEvent<'a>) -> EventTime,
    ) -> impl Iterator<Item = LogRecord<'a>> {
        let events = &self.envelope.log_events;
        self.lines.iter().filter_map(move |line| {
            let first = events.get(line.first)?;
            let mut record = LogRecord::parse(&line.text, source, &first.id, time(first));
            record.parse_error = line.incomplete.or(record.parse_error);
            record.more_event_ids =
                line.more.iter().filter_map(|i| events.get(*i)).map(|event| &*event.id).collect();
            Some(record)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{LogGroup, LogStream};

    fn envelope(stream: &str, ids: &[&str]) -> String {
        let events: Vec<String> = ids
            .iter()
            .enumerate()
            .map(|(i, id)| format!(r#"{{"id":"{id}","timestamp":{},"message":"m{i} password=x"}}"#, 1000 - i))
            .collect();
        format!(
            r#"{{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"g","logStream":"{stream}","logEvents":[{}]}}"#,
            events.join(",")
        )
    }

    #[test]
    fn the_id_is_the_content() {
        let id = |json: &str| BatchId::of(&Envelope::parse(json.as_bytes()).unwrap(), "eu-west-1");
        let base = id(&envelope("s", &["1", "2"]));
        assert_eq!(base, id(&envelope("s", &["1", "2"])));
        assert_eq!(base.as_str().len(), 32);
        for other in [
            envelope("t", &["1", "2"]),
            envelope("s", &["1"]),
            envelope("s", &["12"]),
            envelope("s1", &["2"]),
        ] {
            assert_ne!(base, id(&other));
        }
    }

    #[test]
    fn records_come_sorted_one_an_event_and_redacted() {
        let json = envelope("s", &["1", "2", "3"]);
        let envelope = Envelope::parse(json.as_bytes()).unwrap();
        let source = Source::new("1", "r", LogGroup::new("g"), LogStream::new("s"), "prod");
        let lines = Pipeline::default().lines(&envelope);
        let records = lines.parse(&source);
        let ids: Vec<_> = records.iter().map(|r| r.event_id).collect();
        assert_eq!(ids, ["3", "2", "1"]);
        assert!(records.iter().all(|r| r.line.ends_with("password=***")));
    }
}
