//! Evaluation of metric expressions from sums over lines.
//!
//! Every range function of this version is a sum over the lines of its window,
//! so a window can be put together from parts that were summed elsewhere: by
//! series (the labels that [`MetricExpr::series_labels`] names) and by time.

use std::collections::BTreeMap;

use crate::ast::{Grouping, MetricExpr, RangeAggregation, VectorAggregation, VectorOp};
use crate::series::Series;

/// The labels that tell one stream from another: who wrote the line, not what
/// the line says. A metric that no aggregation groups has a series for each
/// combination. Instances are left out, so that a threshold counts a service.
pub const STREAM_LABELS: [&str; 6] =
    ["account_id", "cluster", "environment", "log_group", "region", "service"];

impl MetricExpr {
    /// The range function at the bottom; a constant has none.
    pub fn range_aggregation(&self) -> Option<&RangeAggregation> {
        match self {
            Self::Number(_) => None,
            Self::Range(range) => Some(range),
            Self::Vector(vector) => vector.inner.range_aggregation(),
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

    /// The labels by which sums must be kept for [`MetricExpr::finish`]: those
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
            Self::Number(_) | Self::Range(_) => {}
            Self::Comparison(comparison) => comparison.left.narrow_or_add(labels),
            Self::Vector(vector) => {
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
            Self::Number(_) => Vec::new(),
            Self::Range(range) => {
                window.iter().map(|(series, sum)| (series.clone(), range.finish(*sum))).collect()
            }
            Self::Vector(vector) => aggregate(vector, vector.inner.finish(window)),
            Self::Comparison(comparison) => {
                let mut values = comparison.left.finish(window);
                values.retain(|(_, value)| comparison.op.holds(*value, comparison.right));
                values
            }
        }
    }
}

fn aggregate(vector: &VectorAggregation, values: Vec<(Series, f64)>) -> Vec<(Series, f64)> {
    let mut groups: BTreeMap<Series, Vec<f64>> = BTreeMap::new();
    for (series, value) in values {
        let kept = series.labels().iter().filter(|(name, _)| match &vector.grouping {
            Grouping::By(names) => names.contains(name),
            Grouping::Without(names) => !names.contains(name),
        });
        let group = Series::new(kept.map(|(name, value)| (name.clone(), value.clone())));
        groups.entry(group).or_default().push(value);
    }
    groups
        .into_iter()
        .map(|(group, values)| {
            let value = match vector.op {
                VectorOp::Sum => values.iter().sum(),
                VectorOp::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
                VectorOp::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                VectorOp::Avg => values.iter().sum::<f64>() / values.len() as f64,
                VectorOp::Count => values.len() as f64,
            };
            (group, value)
        })
        .collect()
}
