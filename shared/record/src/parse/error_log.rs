//! Error logs of nginx and Apache.

use crate::record::LogRecord;

/// Fills the record and returns true, or leaves it as it was.
pub(crate) fn parse<'a>(_text: &'a str, _record: &mut LogRecord<'a>) -> bool {
    false
}
