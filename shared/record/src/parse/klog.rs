//! klog and glog: `E0102 15:04:05.678901 1234 file.go:12] message`.

use crate::record::LogRecord;

/// Fills the record and returns true, or leaves it as it was.
pub(crate) fn parse<'a>(_text: &'a str, _record: &mut LogRecord<'a>) -> bool {
    false
}
