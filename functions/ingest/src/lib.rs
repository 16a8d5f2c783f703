//! The function that CloudWatch Logs invokes: a payload in; archive, audit
//! trail and alert partials out, in that order.

pub mod config;
mod error;
mod function;
mod handler;
pub mod peek;
mod report;

pub use error::IngestError;
pub use function::Function;
pub use handler::Ingest;
pub use report::{Quarantined, Report};
