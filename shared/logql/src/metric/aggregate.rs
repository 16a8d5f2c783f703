//! Aggregations across series.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use super::Labels;
use super::functions::{extreme, mean};
use super::query::Sample;
use crate::ast::{VectorAggregation, VectorOp};

/// The aggregation's value.
pub(super) fn aggregate(aggregation: &VectorAggregation, samples: Vec<Sample>) -> Vec<Sample> {
    match aggregation.op {
        VectorOp::Sort => sorted(samples, false),
        VectorOp::SortDesc => sorted(samples, true),
        VectorOp::Topk | VectorOp::ApproxTopk => best(aggregation, samples, true),
        VectorOp::Bottomk => best(aggregation, samples, false),
        op => groups(aggregation, samples)
            .into_iter()
            .map(|(labels, group)| Sample { labels: Arc::new(labels), value: reduce(op, &group) })
            .collect(),
    }
}

/// The samples by group, groups and samples in the order in which they come.
fn groups(aggregation: &VectorAggregation, samples: Vec<Sample>) -> Vec<(Labels, Vec<Sample>)> {
    let mut places: HashMap<Labels, usize> = HashMap::new();
    let mut groups: Vec<(Labels, Vec<Sample>)> = Vec::new();
    for sample in samples {
        let labels = sample.labels.grouped(aggregation.grouping.as_ref());
        let place = *places.entry(labels).or_insert_with_key(|labels| {
            groups.push((labels.clone(), Vec::new()));
            groups.len() - 1
        });
        if let Some((_, group)) = groups.get_mut(place) {
            group.push(sample);
        }
    }
    groups
}

fn reduce(op: VectorOp, group: &[Sample]) -> f64 {
    let values = || group.iter().map(|sample| sample.value);
    match op {
        VectorOp::Sum => values().sum(),
        VectorOp::Min => extreme(values(), |a, b| a < b),
        VectorOp::Max => extreme(values(), |a, b| a > b),
        VectorOp::Avg => mean(values()),
        VectorOp::Stddev => variance(values()).sqrt(),
        VectorOp::Stdvar => variance(values()),
        // The others give several series.
        _ => group.len() as f64,
    }
}

/// The variance of the population. A group of one has none, whatever its value.
fn variance(mut values: impl Iterator<Item = f64>) -> f64 {
    let (mut mean, mut squares, mut count) = (values.next().unwrap_or_default(), 0.0, 1.0);
    for value in values {
        count += 1.0;
        let delta = value - mean;
        mean += delta / count;
        squares += delta * (value - mean);
    }
    squares / count
}

/// By value; NaN comes last.
fn sorted(mut samples: Vec<Sample>, descending: bool) -> Vec<Sample> {
    samples.sort_by(|a, b| match (a.value.is_nan(), b.value.is_nan()) {
        (false, false) => {
            let order = a.value.partial_cmp(&b.value).unwrap_or(Ordering::Equal);
            if descending { order.reverse() } else { order }
        }
        (a, b) => a.cmp(&b),
    });
    samples
}

/// The k largest or smallest of each group, with their own labels.
fn best(aggregation: &VectorAggregation, samples: Vec<Sample>, largest: bool) -> Vec<Sample> {
    let k = aggregation.parameter.unwrap_or_default();
    let groups = groups(aggregation, samples);
    groups.into_iter().flat_map(|(_, group)| sorted(group, largest).into_iter().take(k)).collect()
}
