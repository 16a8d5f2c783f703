//! A record as alert rules see it: its columns are its labels.

use std::borrow::Cow;

use catchment_logql::Entry;
use catchment_record::LogRecord;

/// Wraps a record for the rule engine, which knows nothing of records.
#[derive(Debug, Clone, Copy)]
pub struct RecordEntry<'r, 'a>(pub &'r LogRecord<'a>);

impl Entry for RecordEntry<'_, '_> {
    fn timestamp_nanos(&self) -> i64 {
        self.0.time_unix_nano.unwrap_or_default()
    }

    fn line(&self) -> &str {
        self.0.line
    }

    fn label(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0.label(name)
    }
}
