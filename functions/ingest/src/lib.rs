//! The function that CloudWatch Logs invokes: a payload in; archive, audit
//! trail and alert partials out, in that order.

pub mod config;
mod entry;
mod error;
mod handler;
mod report;

pub use error::IngestError;
pub use handler::Ingest;
pub use report::Report;
