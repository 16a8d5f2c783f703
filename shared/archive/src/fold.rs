//! What `line` repeats of other columns, and how it is left out.
//!
//! A literal U+001A in a line is stored as U+001A and `0`.

use std::borrow::Cow;

use crate::row::StoredRow;

/// Begins a placeholder in a stored line.
pub(crate) const MARK: char = '\u{1a}';

/// A line as a column of schema version 3 or later holds it literally; for
/// readers of older versions, too.
pub fn escape_line(line: &str) -> Cow<'_, str> {
    if memchr::memchr(MARK as u8, line.as_bytes()).is_none() {
        return Cow::Borrowed(line);
    }
    Cow::Owned(line.replace(MARK, "\u{1a}0"))
}

impl<'a> StoredRow<'a> {
    /// The line as it came, redacted.
    pub fn line(&self) -> Cow<'a, str> {
        let stored = self.line.unwrap_or_default();
        match memchr::memchr(MARK as u8, stored.as_bytes()) {
            None => Cow::Borrowed(stored),
            Some(_) => Cow::Owned(stored.replace("\u{1a}0", "\u{1a}")),
        }
    }

    /// CloudWatch's id of the event, whole.
    pub fn event_id(&self) -> Option<Cow<'a, str>> {
        self.event_id.map(Cow::Borrowed)
    }

    /// Nanoseconds since the epoch, whether stored or not.
    pub fn time_unix_nano(&self) -> Option<i64> {
        self.time_unix_nano.or_else(|| self.timestamp?.checked_mul(1_000_000))
    }

    /// When CloudWatch was given the event, in milliseconds since the epoch, whether stored or not.
    pub fn observed_millis(&self) -> Option<i64> {
        self.observed_timestamp.or(self.timestamp)
    }
}
