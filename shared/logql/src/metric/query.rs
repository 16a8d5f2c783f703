//! A metric query on its way: made, given entries, and finished.

use std::collections::HashMap;
use std::sync::Arc;

use super::range::Leaf;
use super::sampler::Around;
use super::{EvalError, Labels, aggregate, binary};
use crate::ast::{LabelReplace, MetricExpr, RangeAggregation, VectorOp};
use crate::entry::Entry;
use crate::names::{VECTOR_OPS, name_of};
use crate::{MAX_POINTS, MAX_RESULT_SERIES};

/// When a query is evaluated, in nanoseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryTimes {
    /// Once.
    Instant(i64),
    /// At `start`, then every `step`, up to `end`, which is included.
    Range {
        /// The first time.
        start: i64,
        /// No time is after it.
        end: i64,
        /// The time between two.
        step: i64,
    },
}

/// A value of a series at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The series.
    pub labels: Arc<Labels>,
    /// The value.
    pub value: f64,
}

/// The values of a series over a range.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleSeries {
    /// The series.
    pub labels: Arc<Labels>,
    /// When, in nanoseconds, and how much; times without a value are left out.
    pub points: Vec<(i64, f64)>,
}

/// A query's answer.
#[derive(Debug, Clone, PartialEq)]
pub enum QueryValue {
    /// An instant query of a number.
    Scalar(f64),
    /// An instant query; in the order of `sort`, or of the labels.
    Vector(Vec<Sample>),
    /// A range query, in the order of the labels.
    Matrix(Vec<SampleSeries>),
}

/// A metric query that takes entries in.
pub struct MetricQuery<'q> {
    expr: &'q MetricExpr,
    times: QueryTimes,
    leaves: Vec<Leaf>,
}

/// The value of an expression at one time.
pub(crate) enum Value {
    Scalar(f64),
    Vector(Vec<Sample>),
}

impl QueryTimes {
    fn bounds(self) -> (i64, i64) {
        match self {
            Self::Instant(at) => (at, at),
            Self::Range { start, end, .. } => (start, end),
        }
    }
}

impl<'q> MetricQuery<'q> {
    /// A query; `now_nanos` is the `now` of templates.
    pub fn new(expr: &'q MetricExpr, times: QueryTimes, now_nanos: Option<i64>) -> Result<Self, EvalError> {
        if let QueryTimes::Range { start, end, step } = times {
            if step <= 0 {
                return Err(EvalError::BadRange("the step of a range query must be longer than zero"));
            }
            if end < start {
                return Err(EvalError::BadRange("the end of a range query is before its start"));
            }
            if end.saturating_sub(start) / step > MAX_POINTS {
                return Err(EvalError::TooManyPoints { most: MAX_POINTS });
            }
            if aggregates_by(expr, &[VectorOp::ApproxTopk]) {
                return Err(EvalError::BadRange("approx_topk is only supported for instant queries"));
            }
        }
        let mut leaves = Vec::new();
        visit_ranges(expr, None, &mut |range, around| leaves.push(Leaf::new(range, around, now_nanos)));
        Ok(Self { expr, times, leaves })
    }

    /// The time span `(from, to]` whose entries the query needs; none for a constant.
    pub fn span(&self) -> Option<(i64, i64)> {
        let (first, last) = self.times.bounds();
        let spans = self.leaves.iter().map(|leaf| leaf.span(first, last));
        spans.reduce(|(from, to), (other_from, other_to)| (from.min(other_from), to.max(other_to)))
    }

    /// Adds an entry. Those that the query does not need are passed over.
    pub fn add(&mut self, entry: &dyn Entry) -> Result<(), EvalError> {
        let (first, last) = self.times.bounds();
        let at = entry.timestamp_nanos();
        for leaf in &mut self.leaves {
            let (from, to) = leaf.span(first, last);
            if from < at && at <= to {
                leaf.add(entry)?;
            }
        }
        Ok(())
    }

    /// The answer, all entries having been added.
    pub fn finish(mut self) -> Result<QueryValue, EvalError> {
        self.leaves.iter_mut().for_each(Leaf::close);
        match self.times {
            QueryTimes::Instant(at) => match self.value_at(at)? {
                Value::Scalar(number) => Ok(QueryValue::Scalar(number)),
                Value::Vector(mut samples) => {
                    check_series(samples.len())?;
                    order(self.expr, &mut samples);
                    Ok(QueryValue::Vector(samples))
                }
            },
            QueryTimes::Range { start, end, step } => self.matrix(start, end, step),
        }
    }

    fn matrix(&mut self, start: i64, end: i64, step: i64) -> Result<QueryValue, EvalError> {
        let mut places: HashMap<Arc<Labels>, usize> = HashMap::new();
        let mut matrix: Vec<SampleSeries> = Vec::new();
        let mut at = start;
        loop {
            let samples = match self.value_at(at)? {
                Value::Vector(samples) => samples,
                Value::Scalar(value) => vec![Sample { labels: Arc::default(), value }],
            };
            for Sample { labels, value } in samples {
                let place = *places.entry(labels).or_insert_with_key(|labels| {
                    matrix.push(SampleSeries { labels: Arc::clone(labels), points: Vec::new() });
                    matrix.len() - 1
                });
                if let Some(series) = matrix.get_mut(place) {
                    series.points.push((at, value));
                }
            }
            check_series(matrix.len())?;
            match at.checked_add(step) {
                Some(next) if next <= end => at = next,
                _ => break,
            }
        }
        matrix.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(QueryValue::Matrix(matrix))
    }

    fn value_at(&mut self, at: i64) -> Result<Value, EvalError> {
        Evaluation { vectors: self.leaves.iter_mut().map(|leaf| leaf.at(at)) }.value(self.expr)
    }
}

fn check_series(count: usize) -> Result<(), EvalError> {
    if count > MAX_RESULT_SERIES { Err(EvalError::TooManySeries { most: MAX_RESULT_SERIES }) } else { Ok(()) }
}

/// Whether one of these aggregations stands somewhere in it.
fn aggregates_by(expr: &MetricExpr, ops: &[VectorOp]) -> bool {
    match expr {
        MetricExpr::Aggregation(aggregation) => {
            ops.contains(&aggregation.op) || aggregates_by(&aggregation.inner, ops)
        }
        MetricExpr::Binary(binary) => aggregates_by(&binary.left, ops) || aggregates_by(&binary.right, ops),
        MetricExpr::LabelReplace(replace) => aggregates_by(&replace.inner, ops),
        MetricExpr::Number(_) | MetricExpr::Vector(_) | MetricExpr::Range(_) => false,
    }
}

/// By their labels, unless the expression says how to sort.
pub(crate) fn order(expr: &MetricExpr, samples: &mut [Sample]) {
    // What sorted, however deep, is not sorted again.
    if !aggregates_by(expr, &[VectorOp::Sort, VectorOp::SortDesc]) {
        samples.sort_by(|a, b| a.labels.cmp(&b.labels));
    }
}

/// Calls `visit` with the range functions of an expression and what stands around
/// each, in the order in which it is evaluated.
pub(crate) fn visit_ranges<'q>(
    expr: &'q MetricExpr,
    around: Around<'q>,
    visit: &mut dyn FnMut(&'q RangeAggregation, Around<'q>),
) {
    match expr {
        MetricExpr::Number(_) | MetricExpr::Vector(_) => {}
        MetricExpr::Range(range) => visit(range, around),
        MetricExpr::Aggregation(aggregation) => {
            visit_ranges(&aggregation.inner, Some((aggregation.op, aggregation.grouping.as_ref())), visit);
        }
        MetricExpr::Binary(binary) => {
            visit_ranges(&binary.left, None, visit);
            visit_ranges(&binary.right, None, visit);
        }
        MetricExpr::LabelReplace(replace) => visit_ranges(&replace.inner, None, visit),
    }
}

/// One walk over the expression, which meets the range functions in order: what
/// `vectors` gives are theirs.
pub(crate) struct Evaluation<I> {
    pub(crate) vectors: I,
}

impl<I: Iterator<Item = Result<Vec<Sample>, EvalError>>> Evaluation<I> {
    pub(crate) fn value(&mut self, expr: &MetricExpr) -> Result<Value, EvalError> {
        match expr {
            MetricExpr::Number(number) => Ok(Value::Scalar(*number)),
            MetricExpr::Vector(number) => {
                Ok(Value::Vector(vec![Sample { labels: Arc::default(), value: *number }]))
            }
            MetricExpr::Range(_) => Ok(Value::Vector(self.vectors.next().transpose()?.unwrap_or_default())),
            MetricExpr::Aggregation(aggregation) => {
                let samples = self.vector(&aggregation.inner, name_of(&VECTOR_OPS, aggregation.op))?;
                Ok(Value::Vector(aggregate::aggregate(aggregation, samples)))
            }
            MetricExpr::LabelReplace(replace) => {
                let samples = self.vector(&replace.inner, "label_replace")?;
                Ok(Value::Vector(samples.into_iter().map(|sample| relabelled(replace, sample)).collect()))
            }
            MetricExpr::Binary(operation) => {
                let (left, right) = (self.value(&operation.left)?, self.value(&operation.right)?);
                let (op, matching) = (operation.op, &operation.matching);
                Ok(match (left, right) {
                    (Value::Scalar(left), Value::Scalar(right)) => {
                        Value::Scalar(binary::scalars(op, left, right))
                    }
                    (Value::Vector(samples), Value::Scalar(number)) => {
                        Value::Vector(binary::with_scalar(op, matching, samples, number, false))
                    }
                    (Value::Scalar(number), Value::Vector(samples)) => {
                        Value::Vector(binary::with_scalar(op, matching, samples, number, true))
                    }
                    (Value::Vector(left), Value::Vector(right)) => {
                        Value::Vector(binary::vectors(op, matching, left, right)?)
                    }
                })
            }
        }
    }

    fn vector(&mut self, expr: &MetricExpr, function: &'static str) -> Result<Vec<Sample>, EvalError> {
        match self.value(expr)? {
            Value::Vector(samples) => Ok(samples),
            Value::Scalar(number) => Err(EvalError::Scalar { function, number }),
        }
    }
}

fn relabelled(replace: &LabelReplace, sample: Sample) -> Sample {
    let source = sample.labels.get(&replace.source).unwrap_or_default();
    let Some(found) = replace.pattern.regex().and_then(|regex| regex.captures(source)) else {
        return sample;
    };
    let mut value = String::new();
    found.expand(&replace.replacement, &mut value);
    let labels = sample.labels.with(&replace.destination, &value);
    Sample { labels: Arc::new(labels), ..sample }
}
