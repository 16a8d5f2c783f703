//! The label set of a series of the engine.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ast::Grouping;
use crate::units::quote;

/// Labels sorted by name. A label that is empty is not the same as none: a
/// parser that was asked for a label that is not there sets it empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Labels(Vec<(String, String)>);

impl Labels {
    /// The set of these labels, in any order; of two with one name the last stays.
    pub fn new(mut labels: Vec<(String, String)>) -> Self {
        labels.sort_by(|a, b| a.0.cmp(&b.0));
        labels.reverse();
        labels.dedup_by(|a, b| a.0 == b.0);
        labels.reverse();
        Self(labels)
    }

    /// The labels by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The same as a map.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        self.0.iter().cloned().collect()
    }

    /// The value of a label.
    pub fn get(&self, name: &str) -> Option<&str> {
        let at = self.0.binary_search_by(|(other, _)| other.as_str().cmp(name)).ok()?;
        self.0.get(at).map(|(_, value)| value.as_str())
    }

    /// The labels whose names `keeps` accepts.
    pub(crate) fn filtered(&self, keeps: impl Fn(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|(name, _)| keeps(name)).cloned().collect())
    }

    /// The labels that a grouping keeps; without one, none.
    pub(crate) fn grouped(&self, grouping: Option<&Grouping>) -> Self {
        match grouping {
            Some(grouping) => self.filtered(|name| grouping.keeps(name)),
            None => Self::default(),
        }
    }

    /// With a label set; an empty value removes it.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut labels: Vec<_> = self.0.iter().filter(|(other, _)| other != name).cloned().collect();
        if !value.is_empty() {
            labels.push((name.to_owned(), value.to_owned()));
        }
        Self::new(labels)
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(labels: I) -> Self {
        Self::new(labels.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// A map from names to values.
impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::<String, String>::deserialize(deserializer).map(|labels| Self(labels.into_iter().collect()))
    }
}

impl Grouping {
    /// Whether the label stays.
    pub(crate) fn keeps(&self, name: &str) -> bool {
        match self {
            Self::By(names) => names.iter().any(|kept| kept == name),
            Self::Without(names) => !names.iter().any(|gone| gone == name),
        }
    }
}

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, (name, value)) in self.iter().enumerate() {
            let separator = if i == 0 { "" } else { ", " };
            write!(f, "{separator}{name}={}", quote(value))?;
        }
        f.write_str("}")
    }
}
