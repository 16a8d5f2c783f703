//! Space-separated logs of AWS: load balancers, VPC flow logs.

use crate::record::LogRecord;

/// Fills the record and returns true, or leaves it as it was.
pub(crate) fn parse<'a>(_text: &'a str, _record: &mut LogRecord<'a>) -> bool {
    false
}
