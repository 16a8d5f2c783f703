//! Answers held against expectations. `None` is agreement, otherwise what was got.

use super::expect::{Expected, ExpectedLine, ExpectedSeries, Failure, Tolerance, unquoted};
use crate::metric::{Labels, QueryTimes, QueryValue};
use crate::units::format_float;

/// How far two values may lie apart, absolutely or relative to the larger.
const TOLERANCE: f64 = 1e-9;

fn same(tolerance: Tolerance, a: f64, b: f64) -> bool {
    let within = match tolerance {
        Tolerance::Exact => TOLERANCE,
        Tolerance::Within(epsilon) => epsilon,
        Tolerance::Any => return true,
    };
    if a.is_nan() || b.is_nan() {
        return a.is_nan() && b.is_nan();
    }
    a == b || (a - b).abs() <= within * a.abs().max(b.abs()).max(1.0)
}

fn same_values(tolerance: Tolerance, a: &[Option<f64>], b: &[Option<f64>]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|pair| match pair {
            (Some(a), Some(b)) => same(tolerance, *a, *b),
            (None, None) => true,
            _ => false,
        })
}

/// Whether the error is the one that is expected.
pub(super) fn failure(expected: &Failure, error: &str) -> bool {
    match expected {
        Failure::Any => true,
        // promqltest writes the text in quotes.
        Failure::Containing(text) => {
            error.contains(text.as_str()) || unquoted(text).is_some_and(|text| error.contains(text))
        }
        Failure::Matching(pattern) => pattern.is_match(error),
    }
}

/// The expectation as it could stand in a script.
pub(super) fn wanted(expected: &Expected) -> String {
    let mut lines = Vec::new();
    match &expected.fails {
        Some(Failure::Any) => lines.push("expect fail".to_owned()),
        Some(Failure::Containing(text)) => lines.push(format!("expect fail msg: {text}")),
        Some(Failure::Matching(pattern)) => lines.push(format!("expect fail regex: {}", pattern.source())),
        None => {}
    }
    lines.extend(expected.note.map(|note| format!("{note} beside the answer")));
    lines.extend(expected.text.iter().map(|text| format!("the text {text}")));
    if expected.empty {
        lines.push("expect empty".to_owned());
    }
    if expected.ordered {
        lines.push("expect ordered".to_owned());
    }
    lines.extend(expected.scalar.map(format_float));
    lines.extend(expected.series.iter().map(|series| series_text(&series.labels, &series.values)));
    lines.extend(expected.lines.iter().map(line_text));
    lines.join("\n")
}

fn series_text(labels: &Labels, values: &[Option<f64>]) -> String {
    let values: Vec<String> = values.iter().map(|value| value.map_or("_".to_owned(), format_float)).collect();
    format!("{labels} {}", values.join(" "))
}

fn line_text(line: &ExpectedLine) -> String {
    let mut text = format!("{} {:?} @ {}", line.stream, line.line, crate::units::format_nanos(line.at));
    for (word, labels) in [("metadata", &line.metadata), ("parsed", &line.parsed)] {
        if *labels != Labels::default() {
            let inner: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
            text.push_str(&format!(" [{word} {}]", inner.join(" ")));
        }
    }
    text
}

/// What a metric query answered, when it is not what is expected.
pub(super) fn metric(expected: &Expected, got: &QueryValue, times: QueryTimes) -> Option<String> {
    let (series, agrees) = match got {
        QueryValue::Scalar(value) => {
            let agrees = expected.scalar.is_some_and(|wanted| same(expected.tolerance, wanted, *value));
            return (!agrees).then(|| format_float(*value));
        }
        QueryValue::Vector(samples) => {
            let series: Vec<ExpectedSeries> = samples
                .iter()
                .map(|sample| ExpectedSeries {
                    labels: (*sample.labels).clone(),
                    values: vec![Some(sample.value)],
                })
                .collect();
            let agrees = same_series(expected, &series);
            (series, agrees)
        }
        QueryValue::Matrix(matrix) => {
            let series: Vec<ExpectedSeries> = matrix
                .iter()
                .map(|series| ExpectedSeries {
                    labels: (*series.labels).clone(),
                    values: with_gaps(&series.points, times),
                })
                .collect();
            let agrees = same_series(expected, &series);
            (series, agrees)
        }
    };
    let others = expected.lines.is_empty() && expected.text.is_none() && expected.note.is_none();
    if agrees && expected.scalar.is_none() && others {
        return None;
    }
    let lines: Vec<String> =
        series.iter().map(|series| series_text(&series.labels, &series.values)).collect();
    Some(if lines.is_empty() { "no series".to_owned() } else { lines.join("\n") })
}

/// A value or a gap for each step.
fn with_gaps(points: &[(i64, f64)], times: QueryTimes) -> Vec<Option<f64>> {
    let QueryTimes::Range { start, end, step } = times else {
        return points.iter().map(|(_, value)| Some(*value)).collect();
    };
    let mut points = points.iter().peekable();
    let steps = std::iter::successors(Some(start), |at| at.checked_add(step)).take_while(|at| *at <= end);
    steps.map(|at| points.next_if(|(time, _)| *time == at).map(|(_, value)| *value)).collect()
}

fn same_series(expected: &Expected, got: &[ExpectedSeries]) -> bool {
    if expected.series.len() != got.len() {
        return false;
    }
    let agree = |a: &ExpectedSeries, b: &ExpectedSeries| {
        let length = a.values.len().max(b.values.len());
        let padded = |values: &[Option<f64>]| {
            let mut values = values.to_vec();
            values.resize(length, None);
            values
        };
        a.labels == b.labels && same_values(expected.tolerance, &padded(&a.values), &padded(&b.values))
    };
    if expected.ordered {
        return expected.series.iter().zip(got).all(|(a, b)| agree(a, b));
    }
    expected.series.iter().all(|wanted| got.iter().any(|series| agree(wanted, series)))
        && got.iter().all(|series| expected.series.iter().any(|wanted| agree(wanted, series)))
}

/// What a log query answered, when it is not what is expected. The lines of
/// each stream are in order, unless the query says none; the streams are in none.
pub(super) fn lines(expected: &Expected, got: &[ExpectedLine], in_order: bool) -> Option<String> {
    let by_stream = |lines: &[ExpectedLine]| {
        let mut lines = lines.to_vec();
        lines.sort_by(|a, b| a.stream.cmp(&b.stream));
        if !in_order {
            lines.sort_by(|a, b| (&a.stream, a.at, &a.line).cmp(&(&b.stream, b.at, &b.line)));
        }
        lines
    };
    let others = expected.series.is_empty() && expected.scalar.is_none() && expected.text.is_none();
    if by_stream(&expected.lines) == by_stream(got) && others && expected.note.is_none() {
        return None;
    }
    let lines: Vec<String> = got.iter().map(line_text).collect();
    Some(if lines.is_empty() { "no lines".to_owned() } else { lines.join("\n") })
}
