//! A record as LogQL sees it: its columns are its labels.

use std::borrow::Cow;

use catchment_logql::Entry;

use crate::record::LogRecord;

impl Entry for LogRecord<'_> {
    fn timestamp_nanos(&self) -> i64 {
        self.time_unix_nano.unwrap_or_default()
    }

    fn line(&self) -> &str {
        self.line
    }

    fn label(&self, name: &str) -> Option<Cow<'_, str>> {
        LogRecord::label(self, name)
    }
}
