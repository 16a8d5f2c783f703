//! Records as `ingest` writes them: folded, as the rows of merged files are.

use std::borrow::Cow;
use std::ops::Range;
use std::rc::Rc;

use catchment_record::LogRecord;

use super::{Row, StoredRow};
use crate::fold::{Folder, escape_line, without_message};

/// Folds records; what it makes of texts stands in one buffer, which stays.
#[derive(Debug)]
pub(crate) struct NewRows {
    folder: Folder,
    texts: String,
    bare_line: String,
}

/// What folding left of a record.
#[derive(Debug)]
pub(crate) struct FoldedRecord {
    time_unix_nano: Option<i64>,
    observed_timestamp: Option<i64>,
    /// Where they stand among the texts; `None` where they are as in the record.
    message: Option<Range<usize>>,
    line: Option<Range<usize>>,
    event: Option<NewEvent>,
}

/// An event's id in parts.
#[derive(Debug)]
struct NewEvent {
    /// Shared by the events of a batch.
    batch: Rc<str>,
    index: i32,
    more: Option<String>,
}

/// A record, and what folding left of it.
#[derive(Debug)]
pub(crate) struct NewRow<'r> {
    pub record: &'r LogRecord<'r>,
    folded: &'r FoldedRecord,
    message: &'r str,
    line: &'r str,
}

impl NewRows {
    pub fn new() -> Self {
        Self { folder: Folder::new(), texts: String::new(), bare_line: String::new() }
    }

    /// Empties the buffers; of each, so many bytes stay allocated.
    pub fn clear(&mut self, most_bytes: usize) {
        for buffer in [&mut self.texts, &mut self.bare_line] {
            buffer.clear();
            buffer.shrink_to(most_bytes);
        }
        self.folder.forget(most_bytes);
    }

    /// Folds the records. After [`NewRows::clear`] the same records always become the
    /// same, so that a batch that is written again is the same object.
    pub fn fold(&mut self, records: &[LogRecord<'_>]) -> Vec<FoldedRecord> {
        let mut last: Rc<str> = "".into();
        records.iter().map(|record| self.fold_record(record, &mut last)).collect()
    }

    fn fold_record(&mut self, record: &LogRecord<'_>, last: &mut Rc<str>) -> FoldedRecord {
        let message = escape_line(&record.message);
        let line = without_message(record.line, &record.message, &mut self.bare_line);
        let more = record.more_event_ids_column();
        let folded = self.folder.fold(&StoredRow {
            timestamp: record.time_unix_nano.map(|_| record.time_millis()),
            time_unix_nano: record.time_unix_nano,
            observed_timestamp: record.observed_millis,
            event_id: Some(record.event_id),
            severity_text: record.severity_text.as_deref(),
            message: Some(&message),
            trace_id: record.trace_id.as_deref(),
            span_id: record.span_id.as_deref(),
            request_id: Some(&record.request_id),
            user_id: record.user_id.as_deref(),
            event_name: record.event_name.as_deref(),
            http_method: record.http_method.as_deref(),
            path: record.path.as_deref(),
            status_code: record.status_code,
            line: Some(line),
            attributes: record.attributes.as_deref(),
            more_event_ids: more.as_deref(),
            ..StoredRow::default()
        });
        let texts = &mut self.texts;
        let mut keep = |text: &str, given: &str| {
            let start = texts.len();
            (!std::ptr::eq(text, given)).then(|| {
                texts.push_str(text);
                start..texts.len()
            })
        };
        let event = folded.event_batch.zip(folded.event_index).map(|(batch, index)| {
            if **last != *batch {
                *last = batch.into();
            }
            NewEvent { batch: Rc::clone(last), index, more: folded.more_event_ids.map(str::to_owned) }
        });
        FoldedRecord {
            time_unix_nano: folded.time_unix_nano,
            observed_timestamp: folded.observed_timestamp,
            message: keep(folded.message.unwrap_or(&message), &record.message),
            line: keep(folded.line.unwrap_or(line), record.line),
            event,
        }
    }

    /// The rows of the records, which were folded since [`NewRows::clear`].
    pub fn rows<'r>(&'r self, records: &'r [LogRecord<'_>], folded: &'r [FoldedRecord]) -> Vec<NewRow<'r>> {
        let text = |place: &Option<Range<usize>>, given: &'r str| match place {
            Some(place) => self.texts.get(place.clone()).unwrap_or_default(),
            None => given,
        };
        let row = |(record, folded): (&'r LogRecord<'_>, &'r FoldedRecord)| NewRow {
            record,
            folded,
            message: text(&folded.message, &record.message),
            line: text(&folded.line, record.line),
        };
        records.iter().zip(folded).map(row).collect()
    }
}

impl Row for NewRow<'_> {
    fn timestamp(&self) -> Option<i64> {
        self.record.time_unix_nano.map(|_| self.record.time_millis())
    }
    fn time_unix_nano(&self) -> Option<i64> {
        self.folded.time_unix_nano
    }
    fn observed_timestamp(&self) -> Option<i64> {
        self.folded.observed_timestamp
    }
    fn event_id(&self) -> Option<&str> {
        if self.folded.event.is_none() { Some(self.record.event_id) } else { None }
    }
    fn account_id(&self) -> Option<&str> {
        Some(&self.record.source.account_id)
    }
    fn region(&self) -> Option<&str> {
        Some(&self.record.source.region)
    }
    fn log_group(&self) -> Option<&str> {
        Some(self.record.source.log_group.as_str())
    }
    fn log_stream(&self) -> Option<&str> {
        Some(self.record.source.log_stream.as_str())
    }
    fn service(&self) -> Option<&str> {
        Some(&self.record.service)
    }
    fn environment(&self) -> Option<&str> {
        Some(&self.record.environment)
    }
    fn cluster(&self) -> Option<&str> {
        self.record.cluster()
    }
    fn workload(&self) -> Option<&str> {
        self.record.workload()
    }
    fn instance(&self) -> Option<&str> {
        self.record.instance()
    }
    fn container(&self) -> Option<&str> {
        self.record.container()
    }
    fn format(&self) -> Option<&str> {
        Some(self.record.format.as_str())
    }
    fn severity_number(&self) -> Option<i32> {
        self.record.severity_number.map(i32::from)
    }
    fn severity_text(&self) -> Option<&str> {
        self.record.severity_text.as_deref()
    }
    fn message(&self) -> Option<&str> {
        Some(self.message)
    }
    fn trace_id(&self) -> Option<&str> {
        self.record.trace_id.as_deref()
    }
    fn span_id(&self) -> Option<&str> {
        self.record.span_id.as_deref()
    }
    fn request_id(&self) -> Option<&str> {
        Some(&self.record.request_id)
    }
    fn user_id(&self) -> Option<&str> {
        self.record.user_id.as_deref()
    }
    fn event_name(&self) -> Option<&str> {
        self.record.event_name.as_deref()
    }
    fn http_method(&self) -> Option<&str> {
        self.record.http_method.as_deref()
    }
    fn path(&self) -> Option<&str> {
        self.record.path.as_deref()
    }
    fn status_code(&self) -> Option<i32> {
        self.record.status_code
    }
    fn duration_ms(&self) -> Option<f64> {
        self.record.duration_ms
    }
    fn line(&self) -> Option<&str> {
        Some(self.line)
    }
    fn attributes(&self) -> Option<&str> {
        self.record.attributes.as_deref()
    }
    fn redactions(&self) -> Option<Cow<'_, str>> {
        self.record.redactions.to_column().map(Cow::Owned)
    }
    fn parse_error(&self) -> Option<&str> {
        self.record.parse_error
    }
    fn more_event_ids(&self) -> Option<Cow<'_, str>> {
        match &self.folded.event {
            Some(event) => event.more.as_deref().map(Cow::Borrowed),
            None => self.record.more_event_ids_column().map(Cow::Owned),
        }
    }
    fn event_batch(&self) -> Option<&str> {
        self.folded.event.as_ref().map(|event| &*event.batch)
    }
    fn event_index(&self) -> Option<i32> {
        self.folded.event.as_ref().map(|event| event.index)
    }
}
