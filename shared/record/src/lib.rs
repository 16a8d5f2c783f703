//! The heart of Catchment: what becomes of a log event.
//!
//! ```text
//! decode ─ stitch ─ redact ─ parse ─ enrich ─ route
//! ```
//!
//! Everything here is pure: no AWS, no async, no clock, no environment. Given
//! the same payload and the same settings the same records come out, which is
//! what makes every later write idempotent. Redaction comes before parsing, so
//! that no parsed field can hold what the line no longer shows.

mod batch;
mod config;
mod counts;
mod decode;
mod enrich;
mod entry;
mod fingerprint;
mod parse;
mod record;
mod redact;
mod route;
mod source;
mod stitch;

pub use batch::{BatchId, BatchLines, Pipeline};
pub use config::{CONFIG_VERSION, Config, ConfigFault, Located, MAX_CONFIG_BYTES};
pub use counts::Counts;
pub use decode::{
    DecodeError, Envelope, LogEvent, MAX_DECOMPRESSED_BYTES, MAX_EVENTS, MessageType, gunzip, gunzip_bytes,
};
pub use enrich::{EnrichConfig, EnrichFields, EnrichRule, MAX_FIELD_BYTES};
pub use entry::LABELS;
pub use fingerprint::{MAX_FINGERPRINT_BYTES, error_fingerprint};
pub use parse::{EventTime, MAX_CLOCK_DRIFT_NANOS, MAX_LINE_BYTES, severity_name, severity_number};
pub use record::{Format, LogRecord};
pub use redact::{
    FieldConfig, HashKey, MASK, MAX_FIELDS, MAX_PATTERN_BYTES as MAX_REDACT_PATTERN_BYTES,
    MAX_PATTERN_COMPILED_BYTES, MAX_PATTERNS, PatternConfig, RedactConfig, Redacted, Redactions, Redactor,
    Rule as RedactionRule, Treatment, redact,
};
pub use route::{
    ClassConfig, Condition, FilterConfig, Globs, Level, MAX_CLASS_RULES, MAX_FILTERS_AND_SAMPLERS,
    MAX_NAME_CHARS, RetentionClass, RouteConfig, Routed, Router, Routing, SampleBy, SamplerConfig,
};
pub use source::{FixedFields, LogGroup, LogStream, OWN_LOG_GROUP_PREFIX, Source};
pub use stitch::{
    CONTINUES_EARLIER, MAX_CONTROL_STRING_BYTES, MAX_GAP_MILLIS, MAX_PATTERN_BYTES, MAX_STITCHED_BYTES,
    MAX_STITCHED_EVENTS, Preset, REST_IS_MISSING, RUNTIME_CUT_BYTES, StitchConfig, StitchRule, StitchedLine,
    Stitcher, strip_ansi,
};
