//! What bounds the compactor: sizes, memory, time.

use std::time::Duration;

use crate::read::MergeLimits;

const MB: u64 = 1_000_000;
const HOUR_MILLIS: i64 = 3_600_000;
const DAY_MILLIS: i64 = 24 * HOUR_MILLIS;

/// A partition whose day ended longer ago is not rewritten: S3 counts an object's
/// lifetime from when it was written, so a merge renews it.
pub const MERGE_WINDOW_DAYS: i64 = 7;

/// What bounds the compactor. Sizes are those of objects, compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompactLimits {
    /// Outputs are cut at about this size …
    pub target_bytes: u64,
    /// … none is larger than this, unless a single row group is …
    pub max_bytes: u64,
    /// … and one smaller than this is joined with its neighbour once the day is over.
    pub small_bytes: u64,
    /// Neighbours are joined up to this size: more would be cut again.
    pub max_joined_bytes: u64,
    /// The most that one step takes in, so that it ends in time: at least two of `max_bytes`.
    pub max_step_bytes: u64,
    /// The most inputs of a step: each is a key in the metadata of what replaces it. At least 2.
    pub max_inputs: usize,
    /// The most memory that the inputs of a step which are open at once may take, by estimate.
    pub max_open_bytes: u64,
    /// The most objects of a partition that are looked at in one go, by key.
    pub max_listed: usize,
    /// An hour is closed so long after its end.
    pub hour_grace_millis: i64,
    /// A day is closed so long after its end.
    pub day_grace_millis: i64,
    /// A partition is rewritten up to so long after its end.
    pub merge_window_millis: i64,
    /// In an older one, merged objects are rewritten only if they were written this
    /// short a time ago: by this run, or by another at the same time.
    pub rewrite_window_millis: i64,
    /// How far apart and how many events may be that are found to be the same.
    pub merge: MergeLimits,
    /// No step begins or goes on with less time left.
    pub reserve: Duration,
}

impl Default for CompactLimits {
    fn default() -> Self {
        Self {
            target_bytes: 256 * MB,
            max_bytes: 512 * MB,
            small_bytes: 128 * MB,
            max_joined_bytes: 384 * MB,
            max_step_bytes: 1_200 * MB,
            max_inputs: 4096,
            max_open_bytes: 80 * MB,
            max_listed: 50_000,
            hour_grace_millis: HOUR_MILLIS / 3,
            day_grace_millis: 2 * HOUR_MILLIS,
            merge_window_millis: MERGE_WINDOW_DAYS * DAY_MILLIS,
            rewrite_window_millis: 2 * HOUR_MILLIS,
            merge: MergeLimits::default(),
            reserve: Duration::from_secs(60),
        }
    }
}
