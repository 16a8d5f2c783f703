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
//! to T1 forward|backward` expects lines, each with its stream, `[metadata ..]`
//! and `[parsed ..]`; `clear` forgets all lines; `flush` begins new chunks; `#`
//! begins a comment. `{{.i}}` in a line is the number of its repetition. What
//! Loki says about one of its ways of execution (`expect values-toleration`,
//! `skip values-comparison`) counts where it is the direct one. promqltest's
//! `expect no_warn`, `eval_fail`, `eval_ordered` and their like are known, and
//! what is unknown is a failure with its line.

mod check;
mod expect;
mod load;
mod read;
mod run;

pub use run::{CaseFailure, Report, run};

/// The most lines that a `load` line repeats to.
pub const MAX_REPEATS: usize = 1_000_000;
