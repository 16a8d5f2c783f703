//! What happened, kept for `catchment alerts history`: an entry a rule and
//! evaluation, written with the state that it is about.

use catchment_logql::Labels;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::group::RuleId;
use crate::stored;

/// How long entries are kept.
pub const HISTORY_DAYS: i64 = 90;
/// The most changes of one entry; the others are counted.
pub const MAX_CHANGES: usize = 200;
const DAY_MS: i64 = 24 * 3_600_000;

/// What a series, or a rule, became.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transition {
    /// The condition holds, for a shorter time than the rule's `for`.
    Pending,
    /// It did not hold long enough to fire.
    Inactive,
    /// The alert is on.
    Firing,
    /// It is over.
    Resolved,
    /// It comes and goes: nothing is told until it stays.
    Flapping,
    /// The rule cannot be evaluated as it should.
    Unhealthy,
    /// It can again.
    Healthy,
}

impl Transition {
    /// The word in lower case.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Inactive => "inactive",
            Self::Firing => "firing",
            Self::Resolved => "resolved",
            Self::Flapping => "flapping",
            Self::Unhealthy => "unhealthy",
            Self::Healthy => "healthy",
        }
    }
}

/// A change of one series; of the rule itself where it has no labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeriesChange {
    /// The alert's labels.
    pub labels: Labels,
    /// What it became.
    pub to: Transition,
    /// When, in milliseconds.
    pub at_ms: i64,
    /// The value at that time.
    #[serde(with = "stored::float")]
    pub value: f64,
}

/// The changes of one rule at one evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// The rule.
    pub rule: RuleId,
    /// The group's name.
    pub group: String,
    /// The alert's name.
    pub name: String,
    /// When, in milliseconds.
    pub at_ms: i64,
    /// The version of the state that it was written with.
    pub version: u64,
    /// The changes, at most [`MAX_CHANGES`].
    pub changes: Vec<SeriesChange>,
    /// How many more there were.
    pub more: usize,
    /// Why, where the rule itself changed.
    #[serde(default)]
    pub reason: Option<String>,
}

impl HistoryEntry {
    /// The day that it is stored under (`2026-11-21`, in UTC).
    pub fn day(&self) -> String {
        day_name(self.at_ms.div_euclid(DAY_MS))
    }

    /// The days that `from_ms` and `to_ms` are in and those between, at most
    /// [`HISTORY_DAYS`] and one, the oldest first.
    pub fn days(from_ms: i64, to_ms: i64) -> impl Iterator<Item = String> {
        let last = to_ms.div_euclid(DAY_MS);
        let first = from_ms.div_euclid(DAY_MS).max(last - HISTORY_DAYS);
        (first..=last).map(day_name)
    }

    /// When the store may forget it, in seconds since the epoch.
    pub fn expires_at_s(&self) -> i64 {
        (self.at_ms + HISTORY_DAYS * DAY_MS) / 1000
    }
}

fn day_name(day: i64) -> String {
    Timestamp::from_second(day * DAY_MS / 1000).unwrap_or_default().strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_made_of_its_days() {
        let hour = 3_600_000;
        let days = |from, to| HistoryEntry::days(from, to).collect::<Vec<_>>();
        assert_eq!(days(23 * hour, 25 * hour), ["1970-01-01", "1970-01-02"]);
        assert_eq!(days(24 * hour, 24 * hour), ["1970-01-02"]);
        assert_eq!(days(0, 400 * DAY_MS).len(), 91, "older entries are gone");
        assert_eq!(days(DAY_MS, 0), [""; 0]);
    }
}
