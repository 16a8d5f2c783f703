//! The syntax tree. Patterns and templates are compiled when the tree is
//! built, so a tree that exists can be run.

use crate::matcher::LabelMatcher;
use crate::pattern::Pattern;
use crate::pipeline::{
    JsonParser, LabelFilter, LabelFormat, LineFilter, LinePattern, LogfmtParser, RegexpParser,
};
use crate::template::Template;

/// A LogQL expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// Log lines: a selector and its stages.
    Log(LogExpr),
    /// Numbers by series.
    Metric(MetricExpr),
}

/// `{label="value"} |= "text"`: which entries, and what happens to each.
#[derive(Debug, Clone, PartialEq)]
pub struct LogExpr {
    /// The stream selector: all of them must hold.
    pub matchers: Vec<LabelMatcher>,
    /// The pipeline, in order.
    pub stages: Vec<Stage>,
}

/// One step of a pipeline.
#[derive(Debug, Clone, PartialEq)]
pub enum Stage {
    /// `|=`, `!=`, `|~`, `!~`, `|>`, `!>`.
    LineFilter(LineFilter),
    /// `| status >= 500`.
    LabelFilter(LabelFilter),
    /// `| json`.
    Json(JsonParser),
    /// `| logfmt`.
    Logfmt(LogfmtParser),
    /// `| regexp "(?P<name>..)"`.
    Regexp(RegexpParser),
    /// `| pattern "<name> .."`.
    Pattern(LinePattern),
    /// `| unpack`.
    Unpack,
    /// `| line_format "{{.name}}"`.
    LineFormat(Template),
    /// `| label_format name="{{.other}}", new=old`.
    LabelFormat(Vec<LabelFormat>),
    /// `| decolorize`.
    Decolorize,
    /// `| drop name, other="value"`.
    Drop(Vec<LabelSelection>),
    /// `| keep name, other="value"`.
    Keep(Vec<LabelSelection>),
}

/// A label that `drop` or `keep` is about.
#[derive(Debug, Clone, PartialEq)]
pub enum LabelSelection {
    /// The label, whatever its value.
    Name(String),
    /// The label when its value matches.
    Matching(LabelMatcher),
}

/// `| unwrap label`: the label's value is the sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Unwrap {
    /// The label.
    pub label: String,
    /// How its text becomes a number.
    pub conversion: Conversion,
    /// Filters that run after the conversion, on its errors among others.
    pub filters: Vec<LabelFilter>,
}

/// How an unwrapped text becomes a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conversion {
    /// It is a number.
    Number,
    /// A size such as `5KB`, in bytes.
    Bytes,
    /// A duration such as `1m30s`, in seconds.
    Duration,
}

/// An expression whose value is numbers by series, or one number.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricExpr {
    /// A constant: a scalar.
    Number(f64),
    /// `vector(1)`: a constant that is a series without labels.
    Vector(f64),
    /// `count_over_time({..}[5m])`.
    Range(Box<RangeAggregation>),
    /// `sum by (..) (..)`.
    Aggregation(VectorAggregation),
    /// `.. / ..`.
    Binary(BinaryOperation),
    /// `label_replace(..)`.
    LabelReplace(LabelReplace),
}

/// A function over the lines of a time range.
#[derive(Debug, Clone, PartialEq)]
pub struct RangeAggregation {
    /// Which function.
    pub op: RangeOp,
    /// The φ of `quantile_over_time`.
    pub parameter: Option<f64>,
    /// Over which lines.
    pub log: LogExpr,
    /// The label whose value is the sample; without it the line is.
    pub unwrap: Option<Unwrap>,
    /// The range, in nanoseconds: the window is `(T - range, T]`.
    pub range_nanos: i64,
    /// How far the window lies back, in nanoseconds.
    pub offset_nanos: i64,
    /// The labels that the samples are grouped by before the function runs.
    pub grouping: Option<Grouping>,
}

/// The functions over a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RangeOp {
    /// Lines.
    CountOverTime,
    /// Lines, or the sum of the samples, a second.
    Rate,
    /// The increase of a counter a second.
    RateCounter,
    /// Bytes of the lines.
    BytesOverTime,
    /// Bytes of the lines a second.
    BytesRate,
    /// The sum of the samples.
    SumOverTime,
    /// Their mean.
    AvgOverTime,
    /// The largest.
    MaxOverTime,
    /// The smallest.
    MinOverTime,
    /// The standard deviation of the population.
    StddevOverTime,
    /// The variance of the population.
    StdvarOverTime,
    /// A quantile.
    QuantileOverTime,
    /// The sample that comes first.
    FirstOverTime,
    /// The sample that comes last.
    LastOverTime,
    /// 1 when there is no sample.
    AbsentOverTime,
}

/// An aggregation across series.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorAggregation {
    /// Which aggregation.
    pub op: VectorOp,
    /// The k of `topk` and its like.
    pub parameter: Option<usize>,
    /// Into which groups; without it there is one.
    pub grouping: Option<Grouping>,
    /// Of what.
    pub inner: Box<MetricExpr>,
}

/// The aggregations across series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    /// The standard deviation of the values.
    Stddev,
    /// The variance of the values.
    Stdvar,
    /// The k series with the largest values.
    Topk,
    /// The k series with the smallest values.
    Bottomk,
    /// As `topk`; here it is exact, in Loki an estimate.
    ApproxTopk,
    /// All series, by value.
    Sort,
    /// All series, by value, the largest first.
    SortDesc,
}

/// Which labels an aggregation keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grouping {
    /// Only these.
    By(Vec<String>),
    /// All but these.
    Without(Vec<String>),
}

/// An operation between two metrics, or a metric and a constant.
#[derive(Debug, Clone, PartialEq)]
pub struct BinaryOperation {
    /// Which.
    pub op: BinaryOp,
    /// How series of both sides find each other.
    pub matching: Matching,
    /// The left side.
    pub left: Box<MetricExpr>,
    /// The right side.
    pub right: Box<MetricExpr>,
}

/// How series of both sides find each other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Matching {
    /// `bool`: a comparison gives 0 or 1 and keeps every series.
    pub returns_bool: bool,
    /// The labels that must agree; without it all of them.
    pub labels: Option<MatchingLabels>,
    /// Whether a side may have several series to one of the other.
    pub many: Option<Many>,
}

/// Which labels must agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MatchingLabels {
    /// Only these.
    On(Vec<String>),
    /// All but these.
    Ignoring(Vec<String>),
}

/// The side that may have several series to one of the other, and the labels
/// that its series take over from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Many {
    /// `group_left`.
    Left(Vec<String>),
    /// `group_right`.
    Right(Vec<String>),
}

/// The operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    /// `or`
    Or,
    /// `and`
    And,
    /// `unless`
    Unless,
    /// `==`, `!=`, `>`, `>=`, `<`, `<=`
    Compare(ComparisonOp),
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Modulo,
    /// `^`
    Power,
}

/// The comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

/// `label_replace(v, "dst", "replacement", "src", "regex")`.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelReplace {
    /// Of what.
    pub inner: Box<MetricExpr>,
    /// The label that is set.
    pub destination: String,
    /// Its value, with `$1` for what the pattern captured.
    pub replacement: String,
    /// The label that the pattern is matched with.
    pub source: String,
    /// The pattern; it matches the whole value.
    pub pattern: Pattern,
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
    pub fn holds<T: PartialOrd>(self, left: T, right: T) -> bool {
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

impl BinaryOp {
    /// From low to high: `or`; `and`, `unless`; comparisons; `+ -`; `* / %`; `^`.
    pub(crate) fn precedence(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And | Self::Unless => 2,
            Self::Compare(_) => 3,
            Self::Add | Self::Subtract => 4,
            Self::Multiply | Self::Divide | Self::Modulo => 5,
            Self::Power => 6,
        }
    }

    /// Whether it works on label sets, not on values.
    pub(crate) fn is_set_operation(self) -> bool {
        matches!(self, Self::Or | Self::And | Self::Unless)
    }
}

impl MetricExpr {
    /// Whether the value is one number, not series.
    pub fn is_scalar(&self) -> bool {
        match self {
            Self::Number(_) => true,
            Self::Binary(binary) => binary.left.is_scalar() && binary.right.is_scalar(),
            _ => false,
        }
    }
}
