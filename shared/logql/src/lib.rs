//! LogQL: the syntax tree, the parser, the per-line pipeline, and the
//! evaluation of metric expressions over any stream of entries. It does not know
//! where entries come from, and does no I/O.
//!
//! Always true: matching is linear in the line (no backtracking), every size is
//! bounded by a named limit, and what LogQL has but this crate cannot evaluate
//! yet is an error that names it and its place, never something accepted and ignored.
//!
//! Language: <https://grafana.com/docs/loki/latest/query/>.

mod ast;
mod duration;
mod error;
mod evaluate;
mod lexer;
mod matcher;
mod parser;
mod series;

pub use ast::{
    Comparison, ComparisonOp, Expr, Grouping, LogExpr, MetricExpr, RangeAggregation, RangeOp, Stage,
    VectorAggregation, VectorOp,
};
pub use duration::{DurationError, format_duration, parse_duration};
pub use error::{ParseError, nearest};
pub use evaluate::STREAM_LABELS;
pub use matcher::{Entry, LabelMatcher, LineFilter};
pub use parser::parse;
pub use series::{MAX_LABEL_BYTES, Series};

/// The longest expression that is parsed, in bytes.
pub const MAX_EXPRESSION_BYTES: usize = 16 * 1024;
/// How deep parentheses and aggregations may be nested.
pub const MAX_NESTING: usize = 64;
/// The memory a compiled regular expression may take, in bytes.
pub const MAX_REGEX_BYTES: usize = 1024 * 1024;
