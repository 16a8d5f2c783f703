//! A bounded number of series.

use std::collections::btree_map::{BTreeMap, Entry};
use std::collections::{HashSet, btree_map};
use std::hash::{DefaultHasher, Hash, Hasher};

use catchment_logql::Labels;

/// The most series of a leaf, in a batch and in a window.
pub const MAX_SERIES: usize = 500;
/// The longest labels of a series, in bytes; one with longer labels is cut.
pub const MAX_SERIES_BYTES: usize = 64 * 1024;

/// The [`MAX_SERIES`] series whose labels come first, whatever the order in which
/// they arrive, and how many others there were.
///
/// A series that is among the first of a window is among the first of each of its
/// batches: cutting batches first changes no series that the window keeps.
#[derive(Debug)]
pub(crate) struct FirstSeries<T> {
    kept: BTreeMap<Labels, T>,
    cut: HashSet<u64>,
}

impl<T> Default for FirstSeries<T> {
    fn default() -> Self {
        Self { kept: BTreeMap::new(), cut: HashSet::new() }
    }
}

impl<T> FirstSeries<T> {
    /// The place of a series, unless it is cut.
    pub(crate) fn place(&mut self, labels: Labels, new: impl FnOnce() -> T) -> Option<&mut T> {
        let bytes: usize = labels.iter().map(|(name, value)| name.len() + value.len()).sum();
        let is_full = self.kept.len() >= MAX_SERIES && !self.kept.contains_key(&labels);
        let is_late = is_full && self.kept.last_key_value().is_some_and(|(last, _)| *last < labels);
        if is_late || bytes > MAX_SERIES_BYTES {
            self.cut.insert(hash(&labels));
            return None;
        }
        if is_full && let Some((last, _)) = self.kept.pop_last() {
            self.cut.insert(hash(&last));
        }
        Some(match self.kept.entry(labels) {
            Entry::Vacant(place) => place.insert(new()),
            Entry::Occupied(place) => place.into_mut(),
        })
    }

    /// How many series were cut.
    pub(crate) fn cut(&self) -> u64 {
        self.cut.len() as u64
    }

    /// The series, by labels.
    pub(crate) fn into_map(self) -> btree_map::BTreeMap<Labels, T> {
        self.kept
    }
}

fn hash(labels: &Labels) -> u64 {
    let mut hasher = DefaultHasher::new();
    labels.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(n: usize) -> Labels {
        Labels::from_iter([("n", format!("{n:04}"))])
    }

    #[test]
    fn the_first_series_stay_at_the_limit_whatever_the_order() {
        let kept = |order: &mut dyn Iterator<Item = usize>| {
            let mut set: FirstSeries<usize> = FirstSeries::default();
            for n in order {
                if let Some(count) = set.place(series(n), || 0) {
                    *count += 1;
                }
            }
            (set.cut(), set.into_map())
        };
        assert_eq!(kept(&mut (0..MAX_SERIES)).0, 0, "at the limit nothing is cut");
        let (cut, first) = kept(&mut (0..MAX_SERIES + 3));
        assert_eq!((cut, first.len()), (3, MAX_SERIES));
        assert!(!first.contains_key(&series(MAX_SERIES)));
        assert_eq!(kept(&mut (0..MAX_SERIES + 3).rev()), (3, first), "the last come first");
        let (cut, twice) = kept(&mut (0..MAX_SERIES + 3).rev().chain(0..MAX_SERIES + 3));
        assert_eq!(cut, 3, "a series that was cut is counted once");
        assert!(twice.values().all(|count| *count == 2), "one that stays counts all");
    }

    #[test]
    fn labels_that_are_too_long_are_cut() {
        let mut set: FirstSeries<()> = FirstSeries::default();
        let long = |bytes: usize| Labels::from_iter([("n", "x".repeat(bytes - 1))]);
        assert!(set.place(long(MAX_SERIES_BYTES), || ()).is_some());
        assert!(set.place(long(MAX_SERIES_BYTES + 1), || ()).is_none());
        assert_eq!(set.cut(), 1);
    }
}
