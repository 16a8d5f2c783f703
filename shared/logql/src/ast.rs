//! The syntax tree. Patterns are compiled when the tree is built, so a tree
//! that exists can be run.

use crate::matcher::{Entry, LabelMatcher, LineFilter};

/// A LogQL expression.
#[derive(Debug, Clone)]
pub enum Expr {
    /// Log lines: a selector and its stages.
    Log(LogExpr),
    /// Numbers by series.
    Metric(MetricExpr),
}

/// `{label="value"} |= "text"`: which entries, and what happens to each.
#[derive(Debug, Clone)]
pub struct LogExpr {
    /// The stream selector: all of them must hold.
    pub matchers: Vec<LabelMatcher>,
    /// The pipeline, in order.
    pub stages: Vec<Stage>,
}

impl LogExpr {
    /// Whether the entry passes. Labels are looked at before the line, because
    /// they are shorter and reject most entries.
    pub fn matches<E: Entry + ?Sized>(&self, entry: &E) -> bool {
        self.matchers.iter().all(|matcher| matcher.matches(entry))
            && self.stages.iter().all(|stage| match stage {
                Stage::LineFilter(filter) => filter.matches(entry.line()),
            })
    }
}

/// One step of a pipeline. Parsers, label filters and formats will stand here.
#[derive(Debug, Clone)]
pub enum Stage {
    /// `|=`, `!=`, `|~`, `!~`.
    LineFilter(LineFilter),
}

/// An expression whose value is numbers by series.
#[derive(Debug, Clone)]
pub enum MetricExpr {
    /// A constant.
    Number(f64),
    /// `count_over_time({..}[5m])`.
    Range(RangeAggregation),
    /// `sum by (..) (..)`.
    Vector(VectorAggregation),
    /// `.. > 5`: keeps the series for which it holds, with their values.
    Comparison(Comparison),
}

/// A function over the lines of a time range.
#[derive(Debug, Clone)]
pub struct RangeAggregation {
    /// Which function.
    pub op: RangeOp,
    /// Over which lines.
    pub log: LogExpr,
    /// The range, in milliseconds: the window is `(T - range, T]`.
    pub range_ms: i64,
}

impl RangeAggregation {
    /// What one matching line adds to the window's sum.
    pub fn weight(&self, line: &str) -> f64 {
        match self.op {
            RangeOp::CountOverTime | RangeOp::Rate => 1.0,
            RangeOp::BytesOverTime | RangeOp::BytesRate => line.len() as f64,
        }
    }

    /// The function's value for a window whose weights sum up to `sum`.
    pub fn finish(&self, sum: f64) -> f64 {
        match self.op {
            RangeOp::CountOverTime | RangeOp::BytesOverTime => sum,
            RangeOp::Rate | RangeOp::BytesRate => sum / (self.range_ms as f64 / 1000.0),
        }
    }
}

/// The functions over a range; all are sums over lines, so parts of a window add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeOp {
    /// Lines.
    CountOverTime,
    /// Lines a second.
    Rate,
    /// Bytes of the lines.
    BytesOverTime,
    /// Bytes of the lines a second.
    BytesRate,
}

/// An aggregation across series.
#[derive(Debug, Clone)]
pub struct VectorAggregation {
    /// Which aggregation.
    pub op: VectorOp,
    /// Into which groups.
    pub grouping: Grouping,
    /// Of what.
    pub inner: Box<MetricExpr>,
}

/// The aggregations across series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VectorOp {
    /// The sum of the values.
    Sum,
    /// The smallest value.
    Min,
    /// The largest value.
    Max,
    /// The mean of the values.
    Avg,
    /// How many series there are.
    Count,
}

/// Which labels an aggregation keeps. Without a clause: `By` no label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grouping {
    /// Only these.
    By(Vec<String>),
    /// All but these.
    Without(Vec<String>),
}

/// A metric compared with a constant, the metric on the left.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The comparison.
    pub op: ComparisonOp,
    /// What is compared.
    pub left: Box<MetricExpr>,
    /// The constant; always finite.
    pub right: f64,
}

/// The comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComparisonOp {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
}

impl ComparisonOp {
    /// The same comparison with its sides exchanged.
    pub(crate) fn flipped(self) -> Self {
        match self {
            Self::Equal | Self::NotEqual => self,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
        }
    }

    /// Whether `left op right` holds.
    pub fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
        }
    }
}
