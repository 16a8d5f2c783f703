//! Metric expressions that can be put together from sums over lines.
//!
//! Counts and bytes are sums over the lines of a window, so a window can be
//! put together from parts that were summed elsewhere: by series (the labels
//! that [`SummedExpr::series_labels`] names) and by time. What is no such sum
//! is refused with the reason; [`crate::MetricQuery`] evaluates it over all lines.

use std::collections::BTreeMap;

use crate::ast::{
    BinaryOp, ComparisonOp, Grouping, LogExpr, MetricExpr, RangeAggregation, RangeOp, Stage, VectorOp,
};
use crate::metric::constant;
use crate::names::{BINARY_OPS, RANGE_OPS, VECTOR_OPS, name_of};
use crate::pipeline::LabelFilter;
use crate::series::Series;

/// The labels that tell one stream from another: who wrote the line, not what
/// the line says. A metric that no aggregation groups has a series for each
/// combination. Instances are left out, so that a threshold counts a service.
pub const STREAM_LABELS: [&str; 6] =
    ["account_id", "cluster", "environment", "log_group", "region", "service"];

/// Why an expression cannot be put together from sums.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} is not supported yet in an expression that is evaluated as lines arrive")]
pub struct NotSummable {
    /// The part that is no sum.
    pub what: String,
}

/// An expression over sums.
#[derive(Debug, Clone)]
pub enum SummedExpr {
    /// The sums themselves.
    Range(SummedRange),
    /// An aggregation of them.
    Aggregation(SummedAggregation),
    /// `.. > 5`: keeps the series for which it holds, with their values.
    Comparison(SummedComparison),
}

/// A sum over the lines of a time range.
#[derive(Debug, Clone)]
pub struct SummedRange {
    /// Which sum.
    op: RangeOp,
    /// Over which lines.
    pub log: LogExpr,
    /// The range, in milliseconds: the window is `(T - range, T]`.
    pub range_ms: i64,
}

/// An aggregation across series.
#[derive(Debug, Clone)]
pub struct SummedAggregation {
    op: VectorOp,
    grouping: Grouping,
    inner: Box<SummedExpr>,
}

/// A metric compared with a constant, the metric on the left.
#[derive(Debug, Clone)]
pub struct SummedComparison {
    op: ComparisonOp,
    left: Box<SummedExpr>,
    right: f64,
}

impl SummedRange {
    fn new(range: &RangeAggregation) -> Result<Self, NotSummable> {
        let no = |what: &str| Err(NotSummable { what: what.to_owned() });
        let sums = matches!(
            range.op,
            RangeOp::CountOverTime | RangeOp::Rate | RangeOp::BytesOverTime | RangeOp::BytesRate
        );
        if !sums {
            return no(&format!("the function \"{}\"", name_of(&RANGE_OPS, range.op)));
        }
        if range.unwrap.is_some() {
            return no("\"unwrap\"");
        }
        if range.offset_nanos != 0 {
            return no("\"offset\"");
        }
        if range.range_nanos % 1_000_000 != 0 {
            return no("a range of less than a millisecond");
        }
        for stage in &range.log.stages {
            match stage {
                Stage::LineFilter(_) => {}
                Stage::LabelFilter(filter) if compares_text(filter) => {}
                other => return no(&format!("the stage \"{other}\"")),
            }
        }
        Ok(Self { op: range.op, log: range.log.clone(), range_ms: range.range_nanos / 1_000_000 })
    }

    /// What one matching line adds to the window's sum.
    pub fn weight(&self, line: &str) -> f64 {
        match self.op {
            RangeOp::BytesOverTime | RangeOp::BytesRate => line.len() as f64,
            _ => 1.0,
        }
    }

    /// The function's value for a window whose weights sum up to `sum`.
    pub fn finish(&self, sum: f64) -> f64 {
        match self.op {
            RangeOp::Rate | RangeOp::BytesRate => sum / (self.range_ms as f64 / 1000.0),
            _ => sum,
        }
    }
}

/// A filter that cannot fail.
fn compares_text(filter: &LabelFilter) -> bool {
    match filter {
        LabelFilter::Match(_) => true,
        LabelFilter::And(filters) | LabelFilter::Or(filters) => filters.iter().all(compares_text),
        _ => false,
    }
}

impl SummedExpr {
    /// The expression as one over sums.
    pub fn new(expr: &MetricExpr) -> Result<Self, NotSummable> {
        let no = |what: String| Err(NotSummable { what });
        match expr {
            MetricExpr::Range(range) => SummedRange::new(range).map(Self::Range),
            MetricExpr::Aggregation(aggregation) => {
                match aggregation.op {
                    VectorOp::Sum | VectorOp::Min | VectorOp::Max | VectorOp::Avg | VectorOp::Count => {}
                    op => return no(format!("the function \"{}\"", name_of(&VECTOR_OPS, op))),
                }
                let inner = Box::new(Self::new(&aggregation.inner)?);
                let grouping = aggregation.grouping.clone().unwrap_or(Grouping::By(Vec::new()));
                Ok(Self::Aggregation(SummedAggregation { op: aggregation.op, grouping, inner }))
            }
            MetricExpr::Binary(binary) => {
                let word = name_of(&BINARY_OPS, binary.op);
                let BinaryOp::Compare(op) = binary.op else {
                    return no(format!("\"{word}\""));
                };
                if binary.matching.returns_bool {
                    return no("\"bool\"".to_owned());
                }
                let (op, left, right) = match (constant(&binary.left), constant(&binary.right)) {
                    (None, Some(right)) => (op, &binary.left, right),
                    (Some(left), None) => (op.flipped(), &binary.right, left),
                    (Some(_), Some(_)) => return no("a comparison of two numbers".to_owned()),
                    (None, None) => return no(format!("\"{word}\" with a metric on either side")),
                };
                if !right.is_finite() {
                    return no("a constant that is not a finite number".to_owned());
                }
                Ok(Self::Comparison(SummedComparison { op, left: Box::new(Self::new(left)?), right }))
            }
            MetricExpr::Number(_) => no("a number without a metric".to_owned()),
            MetricExpr::Vector(_) => no("the function \"vector\"".to_owned()),
            MetricExpr::LabelReplace(_) => no("the function \"label_replace\"".to_owned()),
        }
    }

    /// The sum at the bottom.
    pub fn range_aggregation(&self) -> &SummedRange {
        match self {
            Self::Range(range) => range,
            Self::Aggregation(aggregation) => aggregation.inner.range_aggregation(),
            Self::Comparison(comparison) => comparison.left.range_aggregation(),
        }
    }

    /// The constant that the outermost comparison compares with.
    pub fn threshold(&self) -> Option<f64> {
        match self {
            Self::Comparison(comparison) => Some(comparison.right),
            _ => None,
        }
    }

    /// The labels by which sums must be kept for [`SummedExpr::finish`]: those
    /// of a `sum` that stands directly around the range function; else the
    /// stream's, and every label that an aggregation further out asks for.
    pub fn series_labels(&self) -> Vec<String> {
        let mut labels: Vec<String> = STREAM_LABELS.map(str::to_owned).to_vec();
        self.narrow_or_add(&mut labels);
        labels.sort_unstable();
        labels.dedup();
        labels
    }

    fn narrow_or_add(&self, labels: &mut Vec<String>) {
        match self {
            Self::Range(_) => {}
            Self::Comparison(comparison) => comparison.left.narrow_or_add(labels),
            Self::Aggregation(vector) => {
                let reduces = vector.op == VectorOp::Sum && matches!(*vector.inner, Self::Range(_));
                match &vector.grouping {
                    Grouping::By(names) if reduces => *labels = names.clone(),
                    Grouping::Without(names) if reduces => {
                        labels.retain(|label| !names.contains(label));
                    }
                    Grouping::By(names) => {
                        labels.extend(names.iter().cloned());
                        vector.inner.narrow_or_add(labels);
                    }
                    Grouping::Without(_) => vector.inner.narrow_or_add(labels),
                }
            }
        }
    }

    /// The expression's value, from the sums of its window by series. A series
    /// without lines is absent, not zero.
    pub fn finish(&self, window: &[(Series, f64)]) -> Vec<(Series, f64)> {
        match self {
            Self::Range(range) => {
                window.iter().map(|(series, sum)| (series.clone(), range.finish(*sum))).collect()
            }
            Self::Aggregation(vector) => aggregate(vector, vector.inner.finish(window)),
            Self::Comparison(comparison) => {
                let mut values = comparison.left.finish(window);
                values.retain(|(_, value)| comparison.op.holds(*value, comparison.right));
                values
            }
        }
    }
}

fn aggregate(vector: &SummedAggregation, values: Vec<(Series, f64)>) -> Vec<(Series, f64)> {
    let mut groups: BTreeMap<Series, Vec<f64>> = BTreeMap::new();
    for (series, value) in values {
        let kept = series.labels().iter().filter(|(name, _)| vector.grouping.keeps(name));
        let group = Series::new(kept.map(|(name, value)| (name.clone(), value.clone())));
        groups.entry(group).or_default().push(value);
    }
    groups
        .into_iter()
        .map(|(group, values)| {
            let value = match vector.op {
                VectorOp::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
                VectorOp::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                VectorOp::Avg => values.iter().sum::<f64>() / values.len() as f64,
                VectorOp::Count => values.len() as f64,
                _ => values.iter().sum(),
            };
            (group, value)
        })
        .collect()
}
