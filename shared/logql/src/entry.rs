//! A log line as the engine sees it.

use std::borrow::Cow;

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
    /// What kind of label this is; asked only for labels that the entry has.
    fn label_kind(&self, _name: &str) -> LabelKind {
        LabelKind::Stream
    }
    /// Calls `visit` with every label that [`Entry::label`] knows, once a name,
    /// in any order. These tell the series of a metric apart.
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
    fn label_kind(&self, name: &str) -> LabelKind {
        (**self).label_kind(name)
    }
    fn visit_labels(&self, visit: &mut dyn FnMut(&str, &str)) {
        (**self).visit_labels(visit);
    }
}
