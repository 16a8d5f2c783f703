//! JSON lines: one pass, straight into the columns.

mod scan;

use super::fields::Fields;
use crate::record::{Format, LogRecord};

/// Fills the record from a line that is one JSON object, and returns true. One
/// that only begins like one gets the reason as its `parse_error`, and what was
/// found in it before the fault.
pub(crate) fn parse<'a>(line: &'a str, record: &mut LogRecord<'a>) -> bool {
    if !line.starts_with('{') {
        return false;
    }
    let mut fields = Fields::new();
    match scan::object(line, &mut fields) {
        Ok(()) => {
            record.format = Format::Json;
            fields.fill(record);
            true
        }
        Err(reason) => {
            record.parse_error = Some(reason);
            false
        }
    }
}
