//! Conformance scripts: log lines, queries over them, and the answers that are
//! expected. The format is that of Prometheus' test scripts with lines in the
//! place of samples; times are durations since the script's beginning.
//!
//! ```text
//! load
//!   {app="web"} "status=200" @ 10s [repeat every 10s for 6] [metadata user="a"]
//!
//! eval instant at 60s sum(count_over_time({app="web"}[1m]))
//!   {} 6
//!
//! eval range from 0s to 1m step 30s count_over_time({app="web"}[30s])
//!   {app="web"} _ 3 3
//! ```
//!
//! `expect empty`, `expect fail [msg: text | regex: pattern]` and `expect
//! ordered` stand before or in the place of the series; `eval select from T0
//! to T1 forward|backward` expects lines; `clear` forgets all lines; `#` begins
//! a comment. `{{.i}}` in a line is the number of its repetition.

mod check;
mod expect;
mod load;
mod read;
mod run;

pub use run::{CaseFailure, Report, run};

/// The most lines that a `load` line repeats to.
pub const MAX_REPEATS: usize = 1_000_000;
