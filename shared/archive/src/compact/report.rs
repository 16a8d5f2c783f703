//! What a run of the compactor did.

use crate::key::ObjectKey;
use crate::read::Skipped;

/// As many objects of a kind are named; the others are counted.
pub const MAX_NAMED: usize = 100;

/// What a run did. Objects and bytes are those of steps that were ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct CompactReport {
    /// Partitions that were looked at.
    pub partitions: u64,
    /// Steps that were ended.
    pub steps: u64,
    /// Steps that are known to be left, for want of time.
    pub steps_left: u64,
    /// Steps that were given up since another compactor was faster.
    pub steps_overtaken: u64,
    /// Objects that were replaced.
    pub objects_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Objects that replace them.
    pub objects_out: u64,
    /// Their bytes.
    pub bytes_out: u64,
    /// Rows of the objects that were replaced.
    pub rows_in: u64,
    /// Rows of those that replace them.
    pub rows_out: u64,
    /// Rows that were left out, since other rows hold their events.
    pub duplicates: u64,
    /// Objects that an interrupted run had replaced and this one deleted.
    pub leftovers_deleted: u64,
    /// Objects that could not be deleted; the next run tries again.
    pub undeleted: u64,
    /// The first of them, each with the reason.
    pub undeleted_named: Vec<(ObjectKey, String)>,
    /// Steps whose numbers of rows did not come out even. Nothing of theirs was deleted.
    pub conservation_violated: u64,
    /// Objects that are not ours or are damaged. They stay as they are.
    pub foreign: u64,
    /// The first of them, each with the reason.
    pub foreign_named: Vec<Skipped>,
    /// What went wrong, and where; the rest was done nevertheless.
    pub failures: Vec<String>,
}

impl CompactReport {
    pub(super) fn is_foreign(&mut self, object: Skipped) {
        self.foreign += 1;
        if self.foreign_named.len() < MAX_NAMED {
            self.foreign_named.push(object);
        }
    }

    pub(super) fn are_undeleted(&mut self, failed: Vec<(ObjectKey, String)>) {
        self.undeleted += failed.len() as u64;
        let room = MAX_NAMED.saturating_sub(self.undeleted_named.len());
        self.undeleted_named.extend(failed.into_iter().take(room));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_foreign_objects_is_counted_and_not_remembered() {
        let mut report = CompactReport::default();
        for i in 0..=MAX_NAMED {
            report.is_foreign(Skipped { key: ObjectKey::new(format!("logs/{i}")), reason: String::new() });
        }
        assert_eq!((report.foreign, report.foreign_named.len()), (MAX_NAMED as u64 + 1, MAX_NAMED));
        for count in [MAX_NAMED - 1, 2] {
            report.are_undeleted(vec![(ObjectKey::new("logs/x"), String::new()); count]);
        }
        assert_eq!((report.undeleted, report.undeleted_named.len()), (MAX_NAMED as u64 + 1, MAX_NAMED));
    }
}
