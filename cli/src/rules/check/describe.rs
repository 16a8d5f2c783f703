//! What a rule does, in words: its series, how it is evaluated, what is doubtful.

use std::collections::BTreeMap;

use catchment_alert::{Group, Rule};
use catchment_logql::{
    BinaryOp, Grouping, LabelMatcher, LogExpr, MatchValue, MatchingLabels, MetricExpr, RangeAggregation,
    STREAM_LABELS, Stage, format_duration,
};

use super::Kind;

/// The labels that tell the series of an expression apart.
pub fn series(expr: &MetricExpr) -> String {
    match expr {
        MetricExpr::Number(_) | MetricExpr::Vector(_) => one(),
        MetricExpr::Range(range) => of_range(range),
        MetricExpr::Aggregation(aggregation) => match &aggregation.grouping {
            Some(Grouping::By(names)) if names.is_empty() => one(),
            Some(Grouping::By(names)) => names.join(", "),
            Some(Grouping::Without(names)) => {
                format!("{} without {}", series(&aggregation.inner), names.join(", "))
            }
            None if aggregation.parameter.is_some() => series(&aggregation.inner),
            None => one(),
        },
        MetricExpr::LabelReplace(replace) => format!("{}, {}", series(&replace.inner), replace.destination),
        MetricExpr::Binary(binary) => {
            let left = if binary.left.is_scalar() { &binary.right } else { &binary.left };
            match &binary.matching.labels {
                // A set operation keeps the left side as it is.
                Some(MatchingLabels::On(names))
                    if !keeps_left(binary.op) && binary.matching.many.is_none() =>
                {
                    names.join(", ")
                }
                _ => series(left),
            }
        }
    }
}

fn keeps_left(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::And | BinaryOp::Or | BinaryOp::Unless)
}

fn one() -> String {
    "one".to_owned()
}

fn of_range(range: &RangeAggregation) -> String {
    if let Some(Grouping::By(names)) = &range.grouping {
        return if names.is_empty() { one() } else { names.join(", ") };
    }
    let parses = range.log.stages.iter().any(|stage| {
        matches!(
            stage,
            Stage::Json(_)
                | Stage::Logfmt(_)
                | Stage::Regexp(_)
                | Stage::Pattern(_)
                | Stage::Unpack
                | Stage::LabelFormat(_)
        )
    });
    if parses { "stream and parsed".to_owned() } else { "stream".to_owned() }
}

/// Which partials it is put together from: `count 5m, count 1h offset 1d`.
pub fn partials(rule: &Rule) -> String {
    let mut all: Vec<String> = Vec::new();
    for leaf in rule.expr.leaves() {
        let identity = leaf.identity();
        let family = identity.split(' ').next().unwrap_or_default();
        let mut text = format!("{family} {}", format_duration(leaf.range_ms()));
        if leaf.offset_ms() > 0 {
            text.push_str(&format!(" offset {}", format_duration(leaf.offset_ms())));
        }
        if !all.contains(&text) {
            all.push(text);
        }
    }
    all.join(", ")
}

/// What may be a mistake.
pub fn warnings(group: &Group, rule: &Rule, kind: Kind) -> Vec<String> {
    let mut warnings = Vec::new();
    for leaf in rule.expr.leaves() {
        let (range_ms, interval_ms) = (leaf.range_ms(), group.interval_ms);
        let (range, interval) = (format_duration(range_ms), format_duration(interval_ms));
        if range_ms < interval_ms {
            warnings.push(format!(
                "the window {range} is shorter than the interval {interval}: lines between two windows count nowhere"
            ));
        } else if range_ms == interval_ms && group.query_offset_ms == 0 && leaf.offset_ms() == 0 {
            warnings.push(format!(
                "the window equals the interval ({interval}) and query_offset is 0: a line that comes late counts \
                 nowhere; set query_offset, or take a longer window"
            ));
        }
        if is_everything(leaf.log()) {
            warnings.push(format!(
                "{} counts every line of every service, so each batch stores a partial",
                leaf.log()
            ));
        }
    }
    if kind == Kind::Alert && !rule.labels.contains_key("severity") {
        warnings.push("the label severity is missing: messages say \"none\"".to_owned());
    }
    let mut seen = BTreeMap::new();
    warnings.retain(|warning| seen.insert(warning.clone(), ()).is_none());
    warnings
}

/// Whether nothing narrows the lines: no label of the stream, none of the line, no filter.
fn is_everything(log: &LogExpr) -> bool {
    let filters = |stage: &Stage| matches!(stage, Stage::LineFilter(_) | Stage::LabelFilter(_));
    !log.matchers.iter().any(narrows) && !log.stages.iter().any(filters)
}

fn narrows(matcher: &LabelMatcher) -> bool {
    let takes_any = match &matcher.value {
        MatchValue::Text(text) => matcher.negated && text.is_empty(),
        MatchValue::Regex(pattern) => !matcher.negated && matches!(pattern.source(), ".+" | ".*"),
    };
    // Every record has the labels of a stream; those of a line must be there to match.
    !takes_any || !STREAM_LABELS.contains(&matcher.name.as_str())
}
