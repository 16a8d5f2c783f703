//! Metric expressions whose lines arrive in batches, in any order.
//!
//! Each range function of an expression is a [`StreamedLeaf`]. A batch reduces
//! its lines to an [`Accumulator`] a leaf, series and time bucket; accumulators
//! of buckets and batches merge into a [`LeafWindow`], and [`StreamedExpr`] gets
//! from the windows the same answer as [`crate::MetricQuery`] from all lines at
//! once: what a line is worth, and everything above the range functions, is one
//! code. What cannot be merged is refused with the reason.

mod accumulator;
mod growth;
mod leaf;
mod sketch;
mod window;

pub use accumulator::Accumulator;
pub use leaf::{LeafSample, MAX_LABEL_BYTES, StreamedLeaf};
pub use sketch::{MAX_SKETCH_BINS, QUANTILE_ERROR, Sketch};
pub use window::{LeafWindow, LineErrors};

use crate::ast::{BinaryOp, MetricExpr};
use crate::metric::{EvalError, Evaluation, Sample, Value, constant, order, visit_ranges};

/// Why an expression cannot be evaluated as lines arrive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} cannot be evaluated as lines arrive: {why}")]
pub struct NotStreamable {
    /// The part that cannot.
    pub what: String,
    /// Why, and what to write in its place where there is something.
    pub why: &'static str,
}

/// A metric expression, put together from what batches contribute.
#[derive(Debug, Clone)]
pub struct StreamedExpr {
    expr: MetricExpr,
    leaves: Vec<StreamedLeaf>,
}

impl StreamedExpr {
    /// The expression, when all of its range functions can be merged.
    pub fn new(expr: MetricExpr) -> Result<Self, NotStreamable> {
        if expr.is_scalar() {
            let why = "it is no series; compare a metric with it, or write vector(..)";
            return Err(NotStreamable { what: format!("the number \"{expr}\""), why });
        }
        let mut leaves = Vec::new();
        let mut refused = None;
        visit_ranges(&expr, None, &mut |range, around| match StreamedLeaf::new(range, around) {
            Ok(leaf) => leaves.push(leaf),
            Err(why) => refused = refused.take().or(Some(why)),
        });
        refused.map_or(Ok(Self { expr, leaves }), Err)
    }

    /// The expression.
    pub fn expr(&self) -> &MetricExpr {
        &self.expr
    }

    /// Its range functions, in the order in which they stand. Two may be equal.
    pub fn leaves(&self) -> &[StreamedLeaf] {
        &self.leaves
    }

    /// The constant that the outermost comparison compares with.
    pub fn threshold(&self) -> Option<f64> {
        match &self.expr {
            MetricExpr::Binary(binary) if matches!(binary.op, BinaryOp::Compare(_)) => {
                constant(&binary.right).or_else(|| constant(&binary.left))
            }
            _ => None,
        }
    }

    /// Whether more lines can only make it true for more series: a series for which
    /// it holds before its window is over will still hold when it is.
    pub fn grows(&self) -> bool {
        growth::of(&self.expr).stays
    }

    /// The expression's value, from the window of each leaf, in the order of
    /// [`StreamedExpr::leaves`]. Ordered by labels, or as `sort` says.
    pub fn evaluate(&self, windows: &[LeafWindow]) -> Result<Vec<Sample>, EvalError> {
        let vectors = self.leaves.iter().zip(windows).map(|(leaf, window)| leaf.vector(window));
        match (Evaluation { vectors }).value(&self.expr)? {
            Value::Vector(mut samples) => {
                order(&self.expr, &mut samples);
                Ok(samples)
            }
            // Refused when it was made.
            Value::Scalar(number) => Err(EvalError::Scalar { function: "a rule", number }),
        }
    }
}
