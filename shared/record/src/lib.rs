//! The heart of Catchment: what becomes of a log event.
//!
//! ```text
//! decode ─ redact ─ parse ─ enrich ─ route
//! ```
//!
//! Everything here is pure: no AWS, no async, no clock, no environment. Given
//! the same payload and the same settings the same records come out, which is
//! what makes every later write idempotent. Redaction comes before parsing, so
//! that no parsed field can hold what the line no longer shows.

mod batch;
mod counts;
mod decode;
mod fields;
mod json;
mod parse;
mod record;
mod redact;
mod route;
mod severity;
mod source;
mod text;
mod timestamp;

pub use batch::{BatchId, BatchLines};
pub use counts::Counts;
pub use decode::{DecodeError, Envelope, LogEvent, MAX_DECOMPRESSED_BYTES, MAX_EVENTS, MessageType, gunzip};
pub use parse::{MAX_CLOCK_DRIFT_NANOS, MAX_LINE_BYTES};
pub use record::{Format, LogRecord};
pub use redact::{MASK, Redacted, Redactions, Rule as RedactionRule, redact};
pub use route::{Globs, RetentionClass, Routing};
pub use severity::severity_number;
pub use source::{LogGroup, LogStream, OWN_LOG_GROUP_PREFIX, Source};
