//! The functions over the samples of a window.

use crate::ast::RangeOp;

/// A sample: when, in nanoseconds, and how much.
pub(super) type Point = (i64, f64);

/// A window of a range function.
pub(super) struct Window {
    /// Its end, in nanoseconds.
    pub(super) end: i64,
    /// Its length, in nanoseconds.
    pub(super) length: i64,
}

/// The function's value for the samples of a window, in the order of time; there is one at least.
pub(super) fn over_time(op: RangeOp, parameter: Option<f64>, points: &[Point], window: &Window) -> f64 {
    let values = || points.iter().map(|(_, value)| *value);
    let seconds = window.length as f64 / 1e9;
    match op {
        RangeOp::CountOverTime => points.len() as f64,
        RangeOp::BytesOverTime | RangeOp::SumOverTime => values().sum(),
        RangeOp::Rate | RangeOp::BytesRate => values().sum::<f64>() / seconds,
        RangeOp::RateCounter => rate_counter(points, window),
        RangeOp::AvgOverTime => mean(values()),
        RangeOp::MaxOverTime => extreme(values(), |a, b| a > b),
        RangeOp::MinOverTime => extreme(values(), |a, b| a < b),
        RangeOp::StddevOverTime => variance(values()).sqrt(),
        RangeOp::StdvarOverTime => variance(values()),
        RangeOp::QuantileOverTime => quantile(parameter.unwrap_or_default(), values().collect()),
        RangeOp::FirstOverTime => values().next().unwrap_or_default(),
        RangeOp::LastOverTime => values().next_back().unwrap_or_default(),
        RangeOp::AbsentOverTime => 1.0,
    }
}

/// The mean, kept up value by value so that it does not overflow. An infinite
/// mean stays but for the other infinity or NaN.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (mut mean, mut count) = (0.0f64, 0.0);
    for value in values {
        count += 1.0;
        if mean.is_infinite() && !value.is_nan() && (value.is_finite() || (mean > 0.0) == (value > 0.0)) {
            continue;
        }
        mean += value / count - mean / count;
    }
    mean
}

/// The first value that no other exceeds; NaN gives way to any number.
pub(crate) fn extreme(values: impl Iterator<Item = f64>, exceeds: impl Fn(f64, f64) -> bool) -> f64 {
    values
        .reduce(|best, value| if exceeds(value, best) || best.is_nan() { value } else { best })
        .unwrap_or(f64::NAN)
}

/// The variance of the population, after Welford.
fn variance(values: impl Iterator<Item = f64>) -> f64 {
    let (mut mean, mut squares, mut count) = (0.0, 0.0, 0.0);
    for value in values {
        count += 1.0;
        let delta: f64 = value - mean;
        mean += delta / count;
        squares += delta * (value - mean);
    }
    squares / count
}

/// The φ-quantile, interpolated between the two values nearest to it.
pub(super) fn quantile(phi: f64, mut values: Vec<f64>) -> f64 {
    // NaN sorts before all numbers.
    values.sort_unstable_by(|a, b| match (a.is_nan(), b.is_nan()) {
        (false, false) => a.total_cmp(b),
        (a, b) => b.cmp(&a),
    });
    interpolated(phi, values.len(), |rank| values.get(rank).copied().unwrap_or(f64::NAN))
}

/// The φ-quantile of `count` values, of which `at` gives the one of a rank, from 0.
pub(crate) fn interpolated(phi: f64, count: usize, at: impl Fn(usize) -> f64) -> f64 {
    if count == 0 || phi.is_nan() {
        return f64::NAN;
    }
    if phi < 0.0 {
        return f64::NEG_INFINITY;
    }
    if phi > 1.0 {
        return f64::INFINITY;
    }
    let last = count - 1;
    let rank = phi * last as f64;
    let lower = (rank.floor() as usize).min(last);
    let upper = (lower + 1).min(last);
    let weight = rank - rank.floor();
    at(lower) * (1.0 - weight) + at(upper) * weight
}

/// The increase of a counter a second. A value below its predecessor is a reset.
/// The increase is extended to the window's bounds where the samples come near
/// them, as Prometheus does it in `rate`.
fn rate_counter(points: &[Point], window: &Window) -> f64 {
    let (Some((first_at, first)), Some((last_at, last))) = (points.first(), points.last()) else {
        return 0.0;
    };
    if points.len() < 2 || last_at == first_at {
        return 0.0;
    }
    let mut increase = last - first;
    for [(_, before), (_, after)] in points.array_windows() {
        if after < before {
            increase += before;
        }
    }
    let seconds = |nanos: i64| nanos as f64 / 1e9;
    let mut to_start = seconds(first_at - (window.end - window.length));
    let mut to_end = seconds(window.end - last_at);
    let sampled = seconds(last_at - first_at);
    let between = sampled / (points.len() - 1) as f64;
    if increase > 0.0 && *first >= 0.0 {
        // A counter cannot have been below zero.
        to_start = to_start.min(sampled * (first / increase));
    }
    let near = between * 1.1;
    if to_start >= near {
        to_start = between / 2.0;
    }
    if to_end >= near {
        to_end = between / 2.0;
    }
    increase * ((sampled + to_start + to_end) / sampled) / seconds(window.length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_interpolated() {
        let values = || vec![4.0, 1.0, 3.0, 2.0];
        assert_eq!(quantile(0.5, values()), 2.5);
        assert_eq!(quantile(0.0, values()), 1.0);
        assert_eq!(quantile(1.0, values()), 4.0);
        assert_eq!(quantile(2.0, values()), f64::INFINITY);
        assert_eq!(quantile(-1.0, values()), f64::NEG_INFINITY);
    }

    #[test]
    fn infinities_stay_in_a_mean() {
        assert_eq!(mean([f64::INFINITY, 1.0].into_iter()), f64::INFINITY);
        assert!(mean([f64::INFINITY, f64::NEG_INFINITY].into_iter()).is_nan());
    }
}
