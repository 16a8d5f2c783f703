//! Metric queries: entries in, numbers by series out, at one time or at the
//! steps of a range. Entries may come in any order.

mod aggregate;
mod binary;
mod error;
mod functions;
mod labels;
mod query;
mod range;

pub(crate) use binary::constant;
pub use error::EvalError;
pub use labels::Labels;
pub use query::{MetricQuery, QueryTimes, QueryValue, Sample, SampleSeries};
