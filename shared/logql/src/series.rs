//! A series: the label set that one value of a metric expression belongs to.

use std::collections::BTreeMap;
use std::fmt;

use crate::entry::Entry;

/// How many bytes of a label's value tell series apart; what is longer is cut. A
/// label comes from a log line, and must not make a stored series too large to store.
pub const MAX_LABEL_BYTES: usize = 1024;

/// Labels sorted by name, none of them empty: in LogQL a label that is empty is
/// a label that is not there, so equal series compare equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Series(BTreeMap<String, String>);

impl Series {
    /// The series of these labels; empty values are left out.
    pub fn new<K: Into<String>, V: Into<String>>(labels: impl IntoIterator<Item = (K, V)>) -> Self {
        let labels = labels.into_iter().map(|(k, v)| (k.into(), v.into()));
        Self(labels.filter(|(_, value): &(String, String)| !value.is_empty()).collect())
    }

    /// The series an entry belongs to when `labels` tell series apart.
    pub fn of<E: Entry + ?Sized>(entry: &E, labels: &[String]) -> Self {
        Self::new(labels.iter().filter_map(|name| {
            let value = entry.label(name)?;
            let kept = value.get(..value.floor_char_boundary(MAX_LABEL_BYTES))?;
            Some((name.as_str(), kept.to_owned()))
        }))
    }

    /// The labels by name.
    pub fn labels(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, (name, value)) in self.0.iter().enumerate() {
            let separator = if i == 0 { "" } else { ", " };
            write!(f, "{separator}{name}={value:?}")?;
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    struct Service(String);

    impl Entry for Service {
        fn timestamp_nanos(&self) -> i64 {
            0
        }

        fn line(&self) -> &str {
            ""
        }

        fn label(&self, _name: &str) -> Option<Cow<'_, str>> {
            Some(Cow::Borrowed(&self.0))
        }

        fn visit_labels(&self, visit: &mut dyn FnMut(&str, &str)) {
            visit("service", &self.0);
        }
    }

    #[test]
    fn labels_are_cut_at_the_limit() {
        let of = |len: usize| Series::of(&Service("x".repeat(len)), &["service".to_owned()]);
        let kept = |len: usize| of(len).labels().get("service").map(String::len);
        assert_eq!(kept(MAX_LABEL_BYTES), Some(MAX_LABEL_BYTES));
        assert_eq!(kept(MAX_LABEL_BYTES + 1), Some(MAX_LABEL_BYTES));
    }
}
