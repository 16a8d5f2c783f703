//! What a rule's expression says to a reader: which lines it is about, over
//! which time, and what the value is compared with.

use catchment_logql::{BinaryOp, ComparisonOp, Expr, LogExpr, MetricExpr, VectorOp, parse};

/// What the expression of a rule is about.
#[derive(Debug, Clone, Default)]
pub(crate) struct Condition {
    /// The lines of its first range aggregation.
    pub log: Option<LogExpr>,
    /// How far back the earliest of its windows begins, in milliseconds.
    pub reach_ms: i64,
    /// The comparison that decides, with the constant on its right.
    pub comparison: Option<(ComparisonOp, f64)>,
    /// Whether labels of its series may not be labels of the lines.
    pub relabels: bool,
}

impl Condition {
    /// Reads an expression; what is no metric says nothing.
    pub fn of(expr_text: &str) -> Self {
        let mut condition = Self::default();
        if let Ok(Expr::Metric(expr)) = parse(expr_text) {
            condition.visit(&expr);
            condition.comparison = comparison(&expr);
        }
        condition
    }

    fn visit(&mut self, expr: &MetricExpr) {
        match expr {
            MetricExpr::Range(range) => {
                let reach_ms = range.range_nanos.saturating_add(range.offset_nanos) / 1_000_000;
                self.reach_ms = self.reach_ms.max(reach_ms);
                self.log.get_or_insert_with(|| range.log.clone());
            }
            MetricExpr::Aggregation(aggregation) => self.visit(&aggregation.inner),
            MetricExpr::Binary(binary) => {
                self.visit(&binary.left);
                self.visit(&binary.right);
            }
            MetricExpr::LabelReplace(replace) => {
                self.relabels = true;
                self.visit(&replace.inner);
            }
            MetricExpr::Number(_) | MetricExpr::Vector(_) => {}
        }
    }

    /// Whether a smaller value is worse.
    pub fn is_about_too_little(&self) -> bool {
        matches!(self.comparison, Some((ComparisonOp::Less | ComparisonOp::LessOrEqual, _)))
    }
}

/// The comparison with a constant that lets a value through as it is.
fn comparison(expr: &MetricExpr) -> Option<(ComparisonOp, f64)> {
    match expr {
        MetricExpr::Binary(binary) => match (binary.op, &*binary.left, &*binary.right) {
            (BinaryOp::And | BinaryOp::Unless, left, _) => comparison(left),
            (BinaryOp::Compare(_), ..) if binary.matching.returns_bool => None,
            (BinaryOp::Compare(op), _, MetricExpr::Number(constant)) => Some((op, *constant)),
            (BinaryOp::Compare(op), MetricExpr::Number(constant), _) => Some((turned(op), *constant)),
            _ => None,
        },
        MetricExpr::Aggregation(aggregation) => match aggregation.op {
            VectorOp::Topk
            | VectorOp::Bottomk
            | VectorOp::ApproxTopk
            | VectorOp::Sort
            | VectorOp::SortDesc => comparison(&aggregation.inner),
            _ => None,
        },
        MetricExpr::LabelReplace(replace) => comparison(&replace.inner),
        _ => None,
    }
}

/// The same comparison with its sides exchanged.
fn turned(op: ComparisonOp) -> ComparisonOp {
    match op {
        ComparisonOp::Equal | ComparisonOp::NotEqual => op,
        ComparisonOp::Greater => ComparisonOp::Less,
        ComparisonOp::GreaterOrEqual => ComparisonOp::LessOrEqual,
        ComparisonOp::Less => ComparisonOp::Greater,
        ComparisonOp::LessOrEqual => ComparisonOp::GreaterOrEqual,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_comparison_that_decides_is_found() {
        use ComparisonOp::{Greater, Less};
        let count = r#"count_over_time({a="b"}[5m])"#;
        for (expr, expected) in [
            (format!("{count} > 5"), Some((Greater, 5.0))),
            (format!("5 > {count}"), Some((Less, 5.0))),
            (format!("topk(3, sum by (x) ({count}) < 2)"), Some((Less, 2.0))),
            (format!("{count} > 5 and {count} > 7"), Some((Greater, 5.0))),
            (format!("{count} > 5 or {count} > 7"), None),
            (format!("{count} > bool 5"), None),
            (format!("{count} > 3 * {count} offset 1d"), None),
            (format!("sum({count} > 5)"), None),
            (count.to_owned(), None),
            ("no expression".to_owned(), None),
        ] {
            assert_eq!(Condition::of(&expr).comparison, expected, "{expr}");
        }
    }

    #[test]
    fn the_lines_and_the_time_they_are_from() {
        let condition =
            Condition::of(r#"sum(rate({a="b"} |= "x" [5m])) > 3 * sum(rate({a="c"}[5m] offset 1h))"#);
        assert_eq!(condition.log.unwrap().to_string(), r#"{a="b"} |= "x""#);
        assert_eq!(condition.reach_ms, 65 * 60_000);
    }
}
