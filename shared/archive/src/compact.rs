//! The compactor: small objects become large ones, sorted by time, each record once.

mod limits;
mod plan;

pub use limits::{CompactLimits, MERGE_WINDOW_DAYS};
pub use plan::{Partition, Step, plan};
