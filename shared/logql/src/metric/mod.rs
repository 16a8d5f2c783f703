//! Metric queries: entries in, numbers by series out, at one time or at the
//! steps of a range. Entries may come in any order.

mod aggregate;
mod binary;
mod error;
mod functions;
mod labels;
mod query;
mod range;
mod sampler;

pub(crate) use binary::constant;
pub use error::EvalError;
pub(crate) use functions::{extreme, interpolated};
pub use labels::Labels;
pub(crate) use query::{Evaluation, Value, order, visit_ranges};
pub use query::{MetricQuery, QueryTimes, QueryValue, Sample, SampleSeries};
pub(crate) use sampler::{Around, LineSample, Sampler};
