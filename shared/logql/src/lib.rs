//! LogQL: the syntax tree, the parser and the formatter, the pipeline that a
//! line goes through, and the evaluation of metric expressions over any stream
//! of entries. It does not know where entries come from, and does no I/O.
//!
//! [`parse`] gives an [`Expr`]; its `Display` is the canonical text. A
//! [`LogExpr`] processes entries one by one. A [`MetricQuery`] takes entries
//! and gives vectors or matrices; a [`StreamedExpr`] gives the same from what
//! batches of entries contribute.
//!
//! Always true: matching is linear in the line (no backtracking), every size
//! and depth is bounded by a named limit, and no input makes it panic.
//!
//! Language: <https://grafana.com/docs/loki/latest/query/>.

mod ast;
mod dialect;
mod duration;
mod entry;
mod error;
mod format;
mod json;
mod lexer;
mod matcher;
mod metric;
mod names;
mod parser;
mod pattern;
mod pipeline;
mod scan;
pub mod script;
mod streaming;
mod template;
mod units;

pub use ast::{
    BinaryOp, BinaryOperation, ComparisonOp, Conversion, Expr, Grouping, LabelReplace, LabelSelection,
    LogExpr, Many, Matching, MatchingLabels, MetricExpr, RangeAggregation, RangeOp, Stage, Unwrap,
    VectorAggregation, VectorOp,
};
pub use duration::{DurationError, format_duration, parse_duration};
pub use entry::{Entry, LabelKind, STREAM_LABELS};
pub use error::{ParseError, nearest};
pub use matcher::{LabelMatcher, MatchValue};
pub use metric::{EvalError, Labels, MetricQuery, QueryTimes, QueryValue, Sample, SampleSeries};
pub use parser::parse;
pub use pattern::{Needle, Pattern};
pub use pipeline::{
    DETAILS_LABEL, ERROR_LABEL, IpMatcher, JsonParser, JsonPath, LabelFilter, LabelFormat, LineFilter,
    LineLabels, LineMatch, LinePattern, LogfmtParser, PRESERVE_LABEL, PathStep, PatternPart, PipelineContext,
    ProcessedLine, RegexpParser, SharedLine,
};
pub use scan::{Scan, Scanning};
pub use streaming::{
    Accumulator, LeafSample, LeafWindow, LineErrors, MAX_LABEL_BYTES, MAX_SKETCH_BINS, NotStreamable,
    QUANTILE_ERROR, Sketch, StreamedExpr, StreamedLeaf,
};
pub use template::{AlertSubject, AlertTemplate, Template, TemplateError};
pub use units::format_value;

/// The longest expression that is parsed, in bytes, as in Loki.
pub const MAX_EXPRESSION_BYTES: usize = 128 * 1024;
/// How deep parentheses, aggregations and templates may be nested.
pub const MAX_NESTING: usize = 64;
/// How many regular expressions an expression may have.
pub const MAX_REGEXES: usize = 256;
/// The memory a compiled regular expression may take, in bytes.
pub const MAX_REGEX_BYTES: usize = 1024 * 1024;
/// How deep a JSON line may be nested; what is deeper is an error of the line.
pub const MAX_JSON_DEPTH: usize = 64;
/// The longest text that a template may make, in bytes.
pub const MAX_TEMPLATE_BYTES: usize = 1024 * 1024;
/// How many actions a template may take for one line.
pub const MAX_TEMPLATE_STEPS: usize = 100_000;
/// The most points of a series of a range query, as in Loki.
pub const MAX_POINTS: i64 = 11_000;
/// The most series of an answer, as in Loki.
pub const MAX_RESULT_SERIES: usize = 500;
/// The most samples that one range function keeps: 16 bytes each.
pub const MAX_SAMPLES: usize = 10_000_000;
