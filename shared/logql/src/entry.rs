//! A log line as the engine sees it.

use std::borrow::Cow;

/// The labels that tell one stream from another: who wrote the line, not what
/// the line says. A metric that no aggregation groups has a series for each
/// combination. Instances are left out, so that a threshold counts a service.
pub const STREAM_LABELS: [&str; 6] =
    ["account_id", "cluster", "environment", "log_group", "region", "service"];

/// Where a label of an entry comes from. A name that a parser extracts from
/// the line gets the suffix `_extracted` when the entry has it already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LabelKind {
    /// A label of the stream: who wrote the line.
    Stream,
    /// Structured metadata: a fact about this line that is not in its text.
    Metadata,
    /// Extracted from the line by the query, or made by it.
    Parsed,
}

/// A log line as the engine sees it.
pub trait Entry {
    /// Event time, in nanoseconds since the Unix epoch.
    fn timestamp_nanos(&self) -> i64;
    /// The line as it was written.
    fn line(&self) -> &str;
    /// The value of a label, when the entry has it.
    fn label(&self, name: &str) -> Option<Cow<'_, str>>;
    /// The value of a label that a selector may ask for: any, unless the entries
    /// have labels that are for filters alone, as in Loki.
    fn selector_label(&self, name: &str) -> Option<Cow<'_, str>> {
        self.label(name)
    }
    /// Whether the entry has the label.
    fn has_label(&self, name: &str) -> bool {
        self.label(name).is_some()
    }
    /// What kind of label this is; asked only for labels that the entry has.
    fn label_kind(&self, _name: &str) -> LabelKind {
        LabelKind::Stream
    }
    /// Calls `visit` with the labels that tell the series of a metric apart, once a
    /// name, in any order. [`Entry::label`] knows them all, and may know more: those
    /// are found by name alone.
    fn visit_labels(&self, visit: &mut dyn FnMut(&str, &str));
}

impl<E: Entry + ?Sized> Entry for &E {
    fn timestamp_nanos(&self) -> i64 {
        (**self).timestamp_nanos()
    }
    fn line(&self) -> &str {
        (**self).line()
    }
    fn label(&self, name: &str) -> Option<Cow<'_, str>> {
        (**self).label(name)
    }
    fn selector_label(&self, name: &str) -> Option<Cow<'_, str>> {
        (**self).selector_label(name)
    }
    fn has_label(&self, name: &str) -> bool {
        (**self).has_label(name)
    }
    fn label_kind(&self, name: &str) -> LabelKind {
        (**self).label_kind(name)
    }
    fn visit_labels(&self, visit: &mut dyn FnMut(&str, &str)) {
        (**self).visit_labels(visit);
    }
}
