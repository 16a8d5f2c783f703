//! Reading the archive: objects of every schema version as rows, merged by
//! time, each record once.
//!
//! ```text
//! Follower        asks again and again for what is new
//! ArchiveReader   lists keys, leaves replaced objects out, prunes by key
//!   └ Merge       k-way by (time, event ids), inputs opened when their time comes
//!       └ Rows    one object's rows, a set of pages at a time, filtered
//!           └ OpenFile   footer; which row groups can match; where pages are
//! ```
//!
//! What always holds: an object that is not ours, or is damaged, is
//! [`ReadError::Foreign`], never a panic; no length that an object states is
//! believed before it was held against a named limit or the bytes that are there.

mod archive;
mod bloom;
mod column;
mod encoding;
mod fetch;
mod file;
mod filter;
mod follow;
mod footer;
mod merge;
mod page;
mod range;
mod rows;
mod seen;
mod thrift;
mod together;
mod values;
mod views;

use std::borrow::Cow;
use std::fmt;

use crate::key::ObjectKey;

pub use archive::{ArchiveReader, ArchiveRows, ReadCounts};
pub use column::{Column, ColumnSet};
pub use file::OpenFile;
pub use filter::{Filter, Lookup};
pub use follow::{Follower, Sweep};
pub use merge::{Merge, MergeInput, MergeLimits, Merged, Skipped};
pub use range::TimeRange;
pub(crate) use rows::Columns;
pub use rows::{Batch, Order, Rows};
pub(crate) use together::Place;
pub(crate) use views::PageTexts;

/// Why an object could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError<E> {
    /// The store failed; asking again may help.
    #[error("object {key} could not be read")]
    Store {
        /// The object.
        key: ObjectKey,
        /// What the store said.
        #[source]
        source: E,
    },
    /// A folder could not be listed.
    #[error("the objects under {prefix} could not be listed")]
    List {
        /// What their keys begin with.
        prefix: String,
        /// What the store said.
        #[source]
        source: E,
    },
    /// The object was there when it was listed. A compactor may have replaced
    /// it: list again.
    #[error("object {key} is gone since it was listed; list again")]
    Gone {
        /// The object.
        key: ObjectKey,
    },
    /// The object is none of ours, or damaged.
    #[error("object {key} is foreign or damaged: {reason}")]
    Foreign {
        /// The object.
        key: ObjectKey,
        /// What is wrong with it.
        reason: String,
    },
}

/// What is wrong with the bytes of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Damage(Cow<'static, str>);

impl Damage {
    fn new(what: impl Into<Cow<'static, str>>) -> Self {
        Self(what.into())
    }

    fn of<E>(self, key: &ObjectKey) -> ReadError<E> {
        ReadError::Foreign { key: key.clone(), reason: self.0.into_owned() }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
