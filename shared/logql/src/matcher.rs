//! The matchers of selectors, and of the stages that name labels.

use crate::entry::Entry;
use crate::pattern::Pattern;

/// `name="value"` and its like. A label that is absent counts as empty.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelMatcher {
    /// The label's name.
    pub name: String,
    /// Whether the matcher holds when the value does not match.
    pub negated: bool,
    /// What the value is compared with.
    pub value: MatchValue,
}

/// What a label is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum MatchValue {
    /// The same text, in the same case.
    Text(String),
    /// A pattern that matches the whole value.
    Regex(Pattern),
}

impl LabelMatcher {
    /// `=`, or `!=` when negated.
    pub(crate) fn text(name: String, negated: bool, value: String) -> Self {
        Self { name, negated, value: MatchValue::Text(value) }
    }

    /// `=~`, or `!~` when negated: the pattern must match the whole value.
    pub(crate) fn regex(name: String, negated: bool, pattern: &str) -> Result<Self, String> {
        Ok(Self { name, negated, value: MatchValue::Regex(Pattern::anchored(pattern)?) })
    }

    /// Whether the entry's label satisfies the matcher, which is one of a selector.
    pub fn matches<E: Entry + ?Sized>(&self, entry: &E) -> bool {
        self.accepts(entry.selector_label(&self.name).as_deref().unwrap_or_default())
    }

    /// Whether a label of this value satisfies the matcher.
    pub fn accepts(&self, value: &str) -> bool {
        let found = match &self.value {
            MatchValue::Text(text) => text == value,
            MatchValue::Regex(pattern) => pattern.is_match(value),
        };
        found != self.negated
    }

    /// The operator as it is written.
    pub(crate) fn operator(&self) -> &'static str {
        match (&self.value, self.negated) {
            (MatchValue::Text(_), false) => "=",
            (MatchValue::Text(_), true) => "!=",
            (MatchValue::Regex(_), false) => "=~",
            (MatchValue::Regex(_), true) => "!~",
        }
    }

    /// The value as it was written, without quotes.
    pub fn source(&self) -> &str {
        match &self.value {
            MatchValue::Text(text) => text,
            MatchValue::Regex(pattern) => pattern.source(),
        }
    }
}
