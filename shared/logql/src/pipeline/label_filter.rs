//! `| status >= 500 and method = "GET"`: filters on labels, those of the entry
//! and those that parsers found.
//!
//! A label that is missing fails a comparison with a number. A value that is
//! not a number keeps the line, with an error; and a line that has an error
//! passes all comparisons with numbers, so that only a filter on the error's
//! label can drop it.

use super::{IpMatcher, LineLabels};
use crate::ast::ComparisonOp;
use crate::matcher::LabelMatcher;
use crate::units;

/// A filter on labels.
#[derive(Debug, Clone, PartialEq)]
pub enum LabelFilter {
    /// `name="text"`, `name=~"pattern"`.
    Match(LabelMatcher),
    /// The value as a number.
    Number(String, ComparisonOp, f64),
    /// The value as a duration, in nanoseconds.
    Duration(String, ComparisonOp, i64),
    /// The value as a size, in bytes.
    Bytes(String, ComparisonOp, u64),
    /// The value has one of the addresses; negated when true.
    Ip(String, bool, IpMatcher),
    /// All of them hold.
    And(Vec<LabelFilter>),
    /// One of them holds.
    Or(Vec<LabelFilter>),
}

impl LabelFilter {
    pub(crate) fn process(&self, labels: &mut LineLabels<'_>) -> bool {
        match self {
            Self::Match(matcher) => matcher.accepts(labels.get(&matcher.name).as_deref().unwrap_or_default()),
            Self::Number(name, op, right) => compare(labels, name, *op, *right, units::float),
            Self::Duration(name, op, right) => compare(labels, name, *op, *right, units::go_duration),
            Self::Bytes(name, op, right) => compare(labels, name, *op, *right, units::bytes),
            Self::Ip(name, negated, ip) => {
                labels.has_error() || labels.get(name).is_some_and(|value| ip.is_in(&value) != *negated)
            }
            Self::And(filters) => filters.iter().all(|filter| filter.process(labels)),
            Self::Or(filters) => filters.iter().any(|filter| filter.process(labels)),
        }
    }

    /// The label, when it is one.
    pub(crate) fn single_name(&self) -> Option<&str> {
        let (mut names, mut single) = (0, None);
        self.visit_names(&mut |name| {
            names += usize::from(single != Some(name));
            single = Some(name);
        });
        single.filter(|_| names == 1)
    }

    /// Calls `visit` with every label that the filter looks at.
    pub(crate) fn visit_names<'a>(&'a self, visit: &mut dyn FnMut(&'a str)) {
        match self {
            Self::Match(matcher) => visit(&matcher.name),
            Self::Number(name, ..)
            | Self::Duration(name, ..)
            | Self::Bytes(name, ..)
            | Self::Ip(name, ..) => {
                visit(name);
            }
            Self::And(filters) | Self::Or(filters) => {
                filters.iter().for_each(|filter| filter.visit_names(visit));
            }
        }
    }
}

fn compare<T: PartialOrd>(
    labels: &mut LineLabels<'_>,
    name: &str,
    op: ComparisonOp,
    right: T,
    read: impl Fn(&str) -> Result<T, String>,
) -> bool {
    // The error's own labels are not there for a conversion.
    if name == super::ERROR_LABEL || name == super::DETAILS_LABEL {
        return false;
    }
    if labels.has_error() {
        return true;
    }
    let Some(value) = labels.get(name).map(|value| read(&value)) else {
        return false;
    };
    match value {
        Ok(left) => op.holds(left, right),
        Err(why) => {
            labels.set_error("LabelFilterErr", why);
            true
        }
    }
}
