//! A metric query on its way: made, given entries, and finished.

use std::collections::HashMap;
use std::sync::Arc;

use super::range::Leaf;
use super::{EvalError, Labels, aggregate, binary};
use crate::ast::{Grouping, LabelReplace, MetricExpr, VectorOp};
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
    leaves: Vec<Leaf<'q>>,
}

/// The value of an expression at one time.
enum Value {
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
            if estimates(expr) {
                return Err(EvalError::BadRange("approx_topk is only supported for instant queries"));
            }
        }
        let mut leaves = Vec::new();
        collect(expr, None, now_nanos, &mut leaves);
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
                    let ordered = matches!(self.expr, MetricExpr::Aggregation(aggregation)
                        if matches!(aggregation.op, VectorOp::Sort | VectorOp::SortDesc));
                    if !ordered {
                        samples.sort_by(|a, b| a.labels.cmp(&b.labels));
                    }
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
        let mut evaluation = Evaluation { leaves: self.leaves.iter_mut(), at };
        evaluation.value(self.expr)
    }
}

fn check_series(count: usize) -> Result<(), EvalError> {
    if count > MAX_RESULT_SERIES { Err(EvalError::TooManySeries { most: MAX_RESULT_SERIES }) } else { Ok(()) }
}

/// Whether `approx_topk` stands somewhere in it.
fn estimates(expr: &MetricExpr) -> bool {
    match expr {
        MetricExpr::Aggregation(aggregation) => {
            aggregation.op == VectorOp::ApproxTopk || estimates(&aggregation.inner)
        }
        MetricExpr::Binary(binary) => estimates(&binary.left) || estimates(&binary.right),
        MetricExpr::LabelReplace(replace) => estimates(&replace.inner),
        MetricExpr::Number(_) | MetricExpr::Vector(_) | MetricExpr::Range(_) => false,
    }
}

/// The range functions of an expression, in the order in which it is evaluated.
fn collect<'q>(
    expr: &'q MetricExpr,
    around: Option<(VectorOp, Option<&'q Grouping>)>,
    now_nanos: Option<i64>,
    leaves: &mut Vec<Leaf<'q>>,
) {
    match expr {
        MetricExpr::Number(_) | MetricExpr::Vector(_) => {}
        MetricExpr::Range(range) => leaves.push(Leaf::new(range, around, now_nanos)),
        MetricExpr::Aggregation(aggregation) => {
            collect(
                &aggregation.inner,
                Some((aggregation.op, aggregation.grouping.as_ref())),
                now_nanos,
                leaves,
            );
        }
        MetricExpr::Binary(binary) => {
            collect(&binary.left, None, now_nanos, leaves);
            collect(&binary.right, None, now_nanos, leaves);
        }
        MetricExpr::LabelReplace(replace) => collect(&replace.inner, None, now_nanos, leaves),
    }
}

/// One walk over the expression, which meets the range functions in order.
struct Evaluation<'l, 'q> {
    leaves: std::slice::IterMut<'l, Leaf<'q>>,
    at: i64,
}

impl Evaluation<'_, '_> {
    fn value(&mut self, expr: &MetricExpr) -> Result<Value, EvalError> {
        match expr {
            MetricExpr::Number(number) => Ok(Value::Scalar(*number)),
            MetricExpr::Vector(number) => {
                Ok(Value::Vector(vec![Sample { labels: Arc::default(), value: *number }]))
            }
            MetricExpr::Range(_) => {
                let samples = self.leaves.next().map(|leaf| leaf.at(self.at)).transpose()?;
                Ok(Value::Vector(samples.unwrap_or_default()))
            }
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
    let Some(found) = replace.pattern.regex.captures(source) else {
        return sample;
    };
    let mut value = String::new();
    found.expand(&replace.replacement, &mut value);
    let labels = sample.labels.with(&replace.destination, &value);
    Sample { labels: Arc::new(labels), ..sample }
}
