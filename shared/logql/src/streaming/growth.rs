//! Whether more lines can only make an expression true for more series.

use crate::ast::{BinaryOp, ComparisonOp, Conversion, MetricExpr, RangeAggregation, RangeOp, VectorOp};
use crate::metric::constant;

/// What more lines do to the series of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Growth {
    /// A series that is there stays.
    pub(super) stays: bool,
    /// Its value does not fall.
    pub(super) rises: bool,
    /// No value is below zero.
    pub(super) non_negative: bool,
}

/// What is not known to grow.
const NO: Growth = Growth { stays: false, rises: false, non_negative: false };

/// What more lines do to the expression.
pub(super) fn of(expr: &MetricExpr) -> Growth {
    match expr {
        MetricExpr::Number(number) | MetricExpr::Vector(number) => {
            Growth { stays: true, rises: true, non_negative: *number >= 0.0 }
        }
        MetricExpr::Range(range) => of_range(range),
        MetricExpr::LabelReplace(replace) => of(&replace.inner),
        MetricExpr::Aggregation(aggregation) => {
            let inner = of(&aggregation.inner);
            match aggregation.op {
                VectorOp::Sort | VectorOp::SortDesc | VectorOp::Max => inner,
                // A series that is new must not make the sum smaller.
                VectorOp::Sum => Growth { rises: inner.rises && inner.non_negative, ..inner },
                VectorOp::Count => Growth { rises: inner.stays, non_negative: true, ..inner },
                // Others may push a series out of `topk`, or a mean down.
                _ => NO,
            }
        }
        MetricExpr::Binary(binary) => {
            let (left, right) = (of(&binary.left), of(&binary.right));
            let both = Growth {
                stays: left.stays && right.stays,
                rises: left.rises && right.rises,
                non_negative: left.non_negative && right.non_negative,
            };
            match binary.op {
                BinaryOp::And => Growth { stays: both.stays, ..left },
                // A series on the left takes the place of one on the right.
                BinaryOp::Or => Growth { rises: false, ..both },
                BinaryOp::Compare(op) => {
                    let (metric, op) = match (constant(&binary.left), constant(&binary.right)) {
                        (None, Some(_)) => (left, op),
                        (Some(_), None) => (right, op.flipped()),
                        _ => return NO,
                    };
                    let above = matches!(op, ComparisonOp::Greater | ComparisonOp::GreaterOrEqual);
                    let holds = metric.stays && metric.rises && above;
                    if binary.matching.returns_bool {
                        Growth { stays: metric.stays, rises: holds, non_negative: true }
                    } else {
                        Growth { stays: holds, ..metric }
                    }
                }
                BinaryOp::Add => both,
                BinaryOp::Multiply => Growth { rises: both.rises && both.non_negative, ..both },
                BinaryOp::Divide => match constant(&binary.right) {
                    Some(by) if by > 0.0 => left,
                    _ => NO,
                },
                BinaryOp::Subtract if constant(&binary.right).is_some() => {
                    Growth { non_negative: false, ..left }
                }
                _ => NO,
            }
        }
    }
}

fn of_range(range: &RangeAggregation) -> Growth {
    let sizes = range.unwrap.as_ref().is_none_or(|unwrap| unwrap.conversion == Conversion::Bytes);
    let (rises, non_negative) = match range.op {
        RangeOp::CountOverTime | RangeOp::BytesOverTime | RangeOp::BytesRate => (true, true),
        // Numbers may be below zero, sizes are not.
        RangeOp::Rate | RangeOp::SumOverTime => (sizes, sizes),
        RangeOp::MaxOverTime => (true, sizes),
        _ => (false, sizes),
    };
    Growth { stays: range.op != RangeOp::AbsentOverTime, rises, non_negative }
}
