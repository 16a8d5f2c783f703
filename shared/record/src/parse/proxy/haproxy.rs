//! Access lines of HAProxy.

use crate::record::LogRecord;

/// Fills the record, or leaves it as it was.
pub(in crate::parse) fn parse<'a>(_text: &'a str, _record: &mut LogRecord<'a>) -> Option<()> {
    None
}
