//! A range of times.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::key::{Day, ObjectKey};

/// Milliseconds since the epoch, the last included. Rows without a time count as 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRange {
    /// The first millisecond.
    pub first_millis: i64,
    /// The last millisecond.
    pub last_millis: i64,
}

impl TimeRange {
    /// All times.
    pub const ALL: Self = Self { first_millis: i64::MIN, last_millis: i64::MAX };

    /// Whether a time is within.
    pub fn has(self, millis: i64) -> bool {
        (self.first_millis..=self.last_millis).contains(&millis)
    }

    /// Whether a span of times and this one have a time in common.
    pub(super) fn overlaps(self, first: i64, last: i64) -> bool {
        first <= self.last_millis && last >= self.first_millis
    }

    /// Whether rows of the partition of a day can be within. The first of 1970
    /// also has what is of no time that a calendar shows.
    pub(super) fn meets(self, day: Day) -> bool {
        const DAY_MILLIS: i64 = 86_400_000;
        let first = day.to_zoned(TimeZone::UTC).map(|start| start.timestamp().as_millisecond());
        let Ok(first) = first else { return true };
        let shown = Timestamp::MIN.as_millisecond()..=Timestamp::MAX.as_millisecond();
        self.overlaps(first, first.saturating_add(DAY_MILLIS - 1))
            || (first == 0 && !(shown.contains(&self.first_millis) && shown.contains(&self.last_millis)))
    }

    /// Whether the key of an object leaves hope for a row.
    pub(super) fn meets_key(self, key: &ObjectKey) -> bool {
        key.parse().is_none_or(|key| self.overlaps(key.first_millis, key.last_millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_range_meets_the_days_that_it_touches() {
        // The last millisecond of 2024-12-18 and the first of the next day.
        let midnight = 1_734_566_400_000;
        let range = TimeRange { first_millis: midnight - 1, last_millis: midnight };
        let met = |range: TimeRange| (17..21).map(|day| range.meets(date(2024, 12, day))).collect::<Vec<_>>();
        assert_eq!(met(range), [false, true, true, false]);
        assert_eq!(met(TimeRange { first_millis: midnight, ..range }), [false, false, true, false]);
        assert!(!range.meets(date(1970, 1, 1)));
        assert!(TimeRange { last_millis: i64::MAX, ..range }.meets(date(1970, 1, 1)));
        assert_eq!(met(TimeRange::ALL), [true; 4]);
    }
}
