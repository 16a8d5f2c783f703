//! Operations between two metrics, or a metric and a number.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::query::Sample;
use super::{EvalError, Labels};
use crate::ast::{BinaryOp, Many, Matching, MatchingLabels, MetricExpr};

/// The operation between two numbers. A comparison gives 0 or 1.
pub(super) fn scalars(op: BinaryOp, left: f64, right: f64) -> f64 {
    match op {
        BinaryOp::Compare(comparison) => f64::from(u8::from(comparison.holds(left, right))),
        BinaryOp::Add => left + right,
        BinaryOp::Subtract => left - right,
        BinaryOp::Multiply => left * right,
        // Loki's answer, where Prometheus gives an infinity.
        BinaryOp::Divide | BinaryOp::Modulo if right == 0.0 => f64::NAN,
        BinaryOp::Divide => left / right,
        BinaryOp::Modulo => left % right,
        BinaryOp::Power => left.powf(right),
        // The parser lets no number stand beside these.
        BinaryOp::Or | BinaryOp::And | BinaryOp::Unless => f64::NAN,
    }
}

/// The value of a pair; a comparison that fails drops it, and one that holds keeps `kept`.
fn value(op: BinaryOp, matching: &Matching, left: f64, right: f64, kept: f64) -> Option<f64> {
    let value = scalars(op, left, right);
    match op {
        BinaryOp::Compare(_) if !matching.returns_bool => (value != 0.0).then_some(kept),
        _ => Some(value),
    }
}

/// The operation between each sample and a number, which stands on the left when `number_first`.
pub(super) fn with_scalar(
    op: BinaryOp,
    matching: &Matching,
    samples: Vec<Sample>,
    number: f64,
    number_first: bool,
) -> Vec<Sample> {
    let pair = |sample: Sample| {
        let (left, right) = if number_first { (number, sample.value) } else { (sample.value, number) };
        let value = value(op, matching, left, right, sample.value)?;
        Some(Sample { value, ..sample })
    };
    samples.into_iter().filter_map(pair).collect()
}

/// The labels that must agree.
fn signature(matching: &Matching, labels: &Labels) -> Labels {
    match &matching.labels {
        Some(MatchingLabels::On(names)) => labels.filtered(|name| names.iter().any(|on| on == name)),
        Some(MatchingLabels::Ignoring(names)) => {
            labels.filtered(|name| !names.iter().any(|gone| gone == name))
        }
        None => labels.clone(),
    }
}

/// The operation between the samples of two sides.
pub(super) fn vectors(
    op: BinaryOp,
    matching: &Matching,
    left: Vec<Sample>,
    right: Vec<Sample>,
) -> Result<Vec<Sample>, EvalError> {
    match op {
        BinaryOp::And | BinaryOp::Unless => {
            let known: HashSet<Labels> =
                right.iter().map(|sample| signature(matching, &sample.labels)).collect();
            let wanted = op == BinaryOp::And;
            let keeps = |sample: &Sample| known.contains(&signature(matching, &sample.labels)) == wanted;
            Ok(left.into_iter().filter(keeps).collect())
        }
        BinaryOp::Or => {
            let known: HashSet<Labels> =
                left.iter().map(|sample| signature(matching, &sample.labels)).collect();
            let others =
                right.into_iter().filter(|sample| !known.contains(&signature(matching, &sample.labels)));
            let mut all = left;
            all.extend(others);
            Ok(all)
        }
        _ => matched(op, matching, left, right),
    }
}

fn matched(
    op: BinaryOp,
    matching: &Matching,
    left: Vec<Sample>,
    right: Vec<Sample>,
) -> Result<Vec<Sample>, EvalError> {
    let (many, one, one_side) = match matching.many {
        Some(Many::Right(_)) => (right, left, "left"),
        _ => (left, right, "right"),
    };
    let mut partners: HashMap<Labels, Sample> = HashMap::new();
    for sample in one {
        let group = signature(matching, &sample.labels);
        if let Some(first) = partners.get(&group) {
            let (first, second) = ((*first.labels).clone(), (*sample.labels).clone());
            return Err(EvalError::ManyToMany { group, side: one_side, first, second });
        }
        partners.insert(group, sample);
    }
    let mut seen: HashSet<Labels> = HashSet::new();
    let mut results = Vec::new();
    for sample in many {
        let group = signature(matching, &sample.labels);
        let Some(partner) = partners.get(&group) else {
            continue;
        };
        let labels = result_labels(matching, &sample.labels, &partner.labels);
        let (left, right) = match matching.many {
            Some(Many::Right(_)) => (partner.value, sample.value),
            _ => (sample.value, partner.value),
        };
        let fresh = seen.insert(if matching.many.is_some() { labels.clone() } else { group });
        if !fresh {
            let error = if matching.many.is_some() { EvalError::NotUnique } else { EvalError::ManyToOne };
            return Err(error);
        }
        if let Some(value) = value(op, matching, left, right, left) {
            results.push(Sample { labels: Arc::new(labels), value });
        }
    }
    Ok(results)
}

/// One to one: the labels that agree. Otherwise those of the side of many, and
/// those that it takes over from the other.
fn result_labels(matching: &Matching, many: &Labels, one: &Labels) -> Labels {
    match &matching.many {
        None => signature(matching, many),
        Some(Many::Left(names) | Many::Right(names)) => names
            .iter()
            .fold(many.clone(), |labels, name| labels.with(name, one.get(name).unwrap_or_default())),
    }
}

/// The number that a constant expression is.
pub(crate) fn constant(expr: &MetricExpr) -> Option<f64> {
    match expr {
        MetricExpr::Number(number) => Some(*number),
        MetricExpr::Binary(binary) => {
            Some(scalars(binary.op, constant(&binary.left)?, constant(&binary.right)?))
        }
        _ => None,
    }
}
