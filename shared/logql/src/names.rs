//! The words of the language that stand for a function or an operator: one
//! table each, for the parser and for the formatter.

use crate::ast::{BinaryOp, ComparisonOp, RangeOp, VectorOp};

/// The functions over a range.
pub(crate) const RANGE_OPS: [(&str, RangeOp); 15] = [
    ("count_over_time", RangeOp::CountOverTime),
    ("rate", RangeOp::Rate),
    ("rate_counter", RangeOp::RateCounter),
    ("bytes_over_time", RangeOp::BytesOverTime),
    ("bytes_rate", RangeOp::BytesRate),
    ("sum_over_time", RangeOp::SumOverTime),
    ("avg_over_time", RangeOp::AvgOverTime),
    ("max_over_time", RangeOp::MaxOverTime),
    ("min_over_time", RangeOp::MinOverTime),
    ("stddev_over_time", RangeOp::StddevOverTime),
    ("stdvar_over_time", RangeOp::StdvarOverTime),
    ("quantile_over_time", RangeOp::QuantileOverTime),
    ("first_over_time", RangeOp::FirstOverTime),
    ("last_over_time", RangeOp::LastOverTime),
    ("absent_over_time", RangeOp::AbsentOverTime),
];

/// The aggregations across series.
pub(crate) const VECTOR_OPS: [(&str, VectorOp); 12] = [
    ("sum", VectorOp::Sum),
    ("min", VectorOp::Min),
    ("max", VectorOp::Max),
    ("avg", VectorOp::Avg),
    ("count", VectorOp::Count),
    ("stddev", VectorOp::Stddev),
    ("stdvar", VectorOp::Stdvar),
    ("topk", VectorOp::Topk),
    ("bottomk", VectorOp::Bottomk),
    ("approx_topk", VectorOp::ApproxTopk),
    ("sort", VectorOp::Sort),
    ("sort_desc", VectorOp::SortDesc),
];

/// The operations between two metrics.
pub(crate) const BINARY_OPS: [(&str, BinaryOp); 15] = [
    ("or", BinaryOp::Or),
    ("and", BinaryOp::And),
    ("unless", BinaryOp::Unless),
    ("==", BinaryOp::Compare(ComparisonOp::Equal)),
    ("!=", BinaryOp::Compare(ComparisonOp::NotEqual)),
    (">", BinaryOp::Compare(ComparisonOp::Greater)),
    (">=", BinaryOp::Compare(ComparisonOp::GreaterOrEqual)),
    ("<", BinaryOp::Compare(ComparisonOp::Less)),
    ("<=", BinaryOp::Compare(ComparisonOp::LessOrEqual)),
    ("+", BinaryOp::Add),
    ("-", BinaryOp::Subtract),
    ("*", BinaryOp::Multiply),
    ("/", BinaryOp::Divide),
    ("%", BinaryOp::Modulo),
    ("^", BinaryOp::Power),
];

/// What the word stands for.
pub(crate) fn by_name<T: Copy>(table: &[(&str, T)], word: &str) -> Option<T> {
    table.iter().find(|(name, _)| *name == word).map(|(_, value)| *value)
}

/// The word that stands for it; every value is in its table.
pub(crate) fn name_of<T: PartialEq>(table: &[(&'static str, T)], value: T) -> &'static str {
    table.iter().find(|(_, other)| *other == value).map_or("", |(name, _)| name)
}
