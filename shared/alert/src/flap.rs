//! Flap damping: an alert that comes and goes is told once as flapping, and then
//! held until it stays as it is.

use serde::{Deserialize, Serialize};

/// The longest span over which ends are counted, and so how long they are kept.
pub const MAX_FLAP_SPAN_MS: i64 = 24 * 3_600_000;
/// The most ends that are counted.
pub const MAX_ENDS: usize = 20;

/// When an alert counts as flapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flapping {
    /// It was over more often than this,
    pub more_than: usize,
    /// within this time, in milliseconds;
    pub within_ms: i64,
    /// and it counts as flapping until it has stayed as it is for this long.
    pub quiet_for_ms: i64,
}

impl Default for Flapping {
    fn default() -> Self {
        Self { more_than: 3, within_ms: 30 * 60_000, quiet_for_ms: 10 * 60_000 }
    }
}

impl Flapping {
    /// Whether ends at these times are too many by `at_ms`.
    pub fn is_met(&self, ends_ms: &[i64], at_ms: i64) -> bool {
        ends_ms.iter().filter(|end| **end > at_ms - self.within_ms).count() > self.more_than
    }

    /// Whether it has been quiet since its last change.
    pub fn is_quiet(&self, changed_ms: i64, at_ms: i64) -> bool {
        at_ms - changed_ms >= self.quiet_for_ms
    }
}

/// Takes note of an end; the oldest of too many are forgotten.
pub(crate) fn note_end(ends_ms: &mut Vec<i64>, at_ms: i64) {
    ends_ms.push(at_ms);
    let surplus = ends_ms.len().saturating_sub(MAX_ENDS + 1);
    ends_ms.drain(..surplus);
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_MS: i64 = 60_000;

    #[test]
    fn the_fourth_end_within_half_an_hour_is_one_too_many() {
        let flapping = Flapping::default();
        let ends: Vec<i64> = [0, 5, 10, 29].map(|minute| minute * MINUTE_MS).to_vec();
        assert!(!flapping.is_met(&ends[..3], 29 * MINUTE_MS), "three are allowed");
        assert!(flapping.is_met(&ends, 29 * MINUTE_MS));
        assert!(!flapping.is_met(&ends, 30 * MINUTE_MS), "the first is half an hour ago");
        assert!(!flapping.is_quiet(0, 10 * MINUTE_MS - 1));
        assert!(flapping.is_quiet(0, 10 * MINUTE_MS));
    }

    #[test]
    fn no_more_ends_are_kept_than_can_count() {
        let mut ends = Vec::new();
        (0..100).for_each(|at| note_end(&mut ends, at));
        assert_eq!((ends.len(), ends.last()), (MAX_ENDS + 1, Some(&99)));
    }
}
