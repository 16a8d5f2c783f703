//! Which rows are wanted.

use std::ops::RangeInclusive;

/// A value that is looked up by bloom filters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// The correlation id.
    RequestId(String),
    /// The trace.
    TraceId(String),
    /// The user.
    UserId(String),
    /// One log event, by CloudWatch's id.
    EventId(String),
}

/// Which rows are wanted: those that all conditions hold for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of one of these services; of any where there is none.
    pub services: Vec<String>,
    /// OpenTelemetry severity numbers.
    pub severity: Option<RangeInclusive<i32>>,
    /// Values that are equal.
    pub lookups: Vec<Lookup>,
    /// Texts that the line contains, as it was before it was stored.
    pub contains: Vec<String>,
}
