//! `|= "a" or "b"` and its like: whether one of the alternatives is in the line.

use super::{IpMatcher, LinePattern};
use crate::pattern::{Needle, Pattern};

/// A line filter.
#[derive(Debug, Clone, PartialEq)]
pub struct LineFilter {
    /// Whether lines with an alternative are dropped, not kept.
    pub negated: bool,
    /// What is looked for: all of one kind, but that an `ip(..)` may stand
    /// among texts.
    pub alternatives: Vec<LineMatch>,
}

/// What is looked for in a line.
#[derive(Debug, Clone, PartialEq)]
pub enum LineMatch {
    /// The text.
    Text(Needle),
    /// A match of the regular expression.
    Regex(Pattern),
    /// The whole line has this shape.
    Shape(LinePattern),
    /// An address of the network.
    Ip(IpMatcher),
}

impl LineFilter {
    /// Whether the line passes. A negated filter passes a line that has none of
    /// the alternatives.
    pub fn matches(&self, line: &str) -> bool {
        self.alternatives.iter().any(|alternative| alternative.is_in(line)) != self.negated
    }

    /// The operator as it is written.
    pub(crate) fn operator(&self) -> &'static str {
        let shape = self.alternatives.first();
        match (shape, self.negated) {
            (Some(LineMatch::Regex(_)), false) => "|~",
            (Some(LineMatch::Regex(_)), true) => "!~",
            (Some(LineMatch::Shape(_)), false) => "|>",
            (Some(LineMatch::Shape(_)), true) => "!>",
            (_, false) => "|=",
            (_, true) => "!=",
        }
    }
}

impl LineMatch {
    fn is_in(&self, line: &str) -> bool {
        match self {
            Self::Text(needle) => needle.find(line).is_some(),
            Self::Regex(pattern) => pattern.is_match(line),
            Self::Shape(pattern) => pattern.matches(line),
            Self::Ip(ip) => ip.is_in(line),
        }
    }
}
