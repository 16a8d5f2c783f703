//! Why a metric query has no answer.

use std::borrow::Cow;

use super::Labels;

/// Why a metric query has no answer; worded as Loki words it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EvalError {
    /// A line met an error in the pipeline that the query does not deal with.
    #[error(
        "pipeline error: '{error}' for series: '{series}'.\nUse a label filter to intentionally skip this error. (e.g | __error__!=\"{error}\").\nTo skip all potential errors you can match empty errors.(e.g __error__=\"\")\nThe label filter can also be specified after unwrap. (e.g | unwrap latency | __error__=\"\" )\n"
    )]
    Pipeline {
        /// The kind of error.
        error: Cow<'static, str>,
        /// The series of the line.
        series: Labels,
    },
    /// Several series on the "one" side.
    #[error(
        "found duplicate series for the match group {group} on the {side} hand-side of the operation: [{first}, {second}];many-to-many matching not allowed: matching labels must be unique on one side"
    )]
    ManyToMany {
        /// The labels that agree.
        group: Labels,
        /// `left` or `right`.
        side: &'static str,
        /// One of them.
        first: Labels,
        /// Another.
        second: Labels,
    },
    /// Several series on the left side without `group_left`.
    #[error("multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)")]
    ManyToOne,
    /// Two results have one label set.
    #[error("multiple matches for labels: grouping labels must ensure unique matches")]
    NotUnique,
    /// A function of series was given a number.
    #[error("unexpected expr type (*syntax.LiteralExpr): {function} needs series, not the number {number}")]
    Scalar {
        /// The function.
        function: &'static str,
        /// The number.
        number: f64,
    },
    /// The range needs too many steps.
    #[error(
        "exceeded maximum resolution of {most} points per time series. Try increasing the value of the step parameter"
    )]
    TooManyPoints {
        /// The most.
        most: i64,
    },
    /// A range query without a step, or that ends before it starts.
    #[error("{0}")]
    BadRange(&'static str),
    /// The query has too many series.
    #[error(
        "maximum number of series ({most}) reached for a single query; consider reducing query cardinality by adding more specific stream selectors, reducing the time range, or aggregating results with functions like sum(), count() or topk()"
    )]
    TooManySeries {
        /// The most.
        most: usize,
    },
    /// More samples than the engine keeps.
    #[error("the query needs more than {most} samples; shorten its range, or filter more lines out")]
    TooManySamples {
        /// The most.
        most: usize,
    },
}
