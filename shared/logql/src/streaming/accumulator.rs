//! What is kept of the samples of a series until its window is evaluated.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Sketch;
use crate::ast::RangeOp;
use crate::metric::{extreme, interpolated};

/// What is kept of samples: of those of two batches it can be merged, in any
/// order. Its serialized form is a short text, such as `n12` or `a3,0.5`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Accumulator {
    /// How many there are.
    Count(u64),
    /// Their sum.
    Sum(f64),
    /// The smallest; NaN before the first, and where all are NaN.
    Min(f64),
    /// The largest, likewise.
    Max(f64),
    /// Their mean.
    Mean {
        /// How many.
        count: u64,
        /// The mean.
        mean: f64,
    },
    /// Their mean and variance.
    Moments {
        /// How many.
        count: u64,
        /// The mean.
        mean: f64,
        /// The sum of the squared distances from the mean.
        squares: f64,
    },
    /// The first, with its time in nanoseconds; of two at one time the smaller.
    First(Option<(i64, f64)>),
    /// The last, with its time in nanoseconds; of two at one time the larger.
    Last(Option<(i64, f64)>),
    /// How they are distributed.
    Quantile(Sketch),
}

impl Accumulator {
    /// Adds a sample.
    pub fn add(&mut self, at_nanos: i64, value: f64) {
        match self {
            Self::Count(count) => *count += 1,
            Self::Sum(sum) => *sum += value,
            Self::Min(least) => *least = extreme([*least, value].into_iter(), |a, b| a < b),
            Self::Max(most) => *most = extreme([*most, value].into_iter(), |a, b| a > b),
            Self::Mean { count, mean } => {
                (*count, *mean) = merged_mean((*count, *mean), (1, value));
            }
            // Welford's algorithm, as in the engine.
            Self::Moments { count, mean, squares } => {
                *count += 1;
                let delta = value - *mean;
                *mean += delta / *count as f64;
                *squares += delta * (value - *mean);
            }
            Self::First(first) => keep(first, (at_nanos, value), Ordering::Less),
            Self::Last(last) => keep(last, (at_nanos, value), Ordering::Greater),
            Self::Quantile(sketch) => sketch.add(value),
        }
    }

    /// Adds the samples of another. One of another kind adds nothing: both are of
    /// one leaf, so there is none.
    pub fn merge(&mut self, other: &Self) {
        match (self, other) {
            (Self::Count(count), Self::Count(more)) => *count += more,
            (Self::Sum(sum), Self::Sum(more)) => *sum += more,
            (Self::Min(least), Self::Min(other)) => {
                *least = extreme([*least, *other].into_iter(), |a, b| a < b);
            }
            (Self::Max(most), Self::Max(other)) => {
                *most = extreme([*most, *other].into_iter(), |a, b| a > b);
            }
            (Self::Mean { count, mean }, Self::Mean { count: others, mean: other }) => {
                (*count, *mean) = merged_mean((*count, *mean), (*others, *other));
            }
            // Chan, Golub and LeVeque: http://i.stanford.edu/pub/cstr/reports/cs/tr/79/773/CS-TR-79-773.pdf
            (
                Self::Moments { count, mean, squares },
                Self::Moments { count: others, mean: other, squares: more },
            ) if *others > 0 => {
                let (a, b) = (*count as f64, *others as f64);
                let delta = other - *mean;
                *squares += more + delta * delta * (a * b / (a + b));
                (*count, *mean) = merged_mean((*count, *mean), (*others, *other));
            }
            (Self::First(first), Self::First(Some(other))) => keep(first, *other, Ordering::Less),
            (Self::Last(last), Self::Last(Some(other))) => keep(last, *other, Ordering::Greater),
            (Self::Quantile(sketch), Self::Quantile(other)) => sketch.merge(other),
            _ => {}
        }
    }

    /// The value of a range function; there is one sample at least.
    pub(super) fn value(&self, op: RangeOp, parameter: Option<f64>, range_nanos: i64) -> f64 {
        let per_second = |sum: f64| match op {
            RangeOp::Rate | RangeOp::BytesRate => sum / (range_nanos as f64 / 1e9),
            _ => sum,
        };
        match self {
            Self::Count(_) if op == RangeOp::AbsentOverTime => 1.0,
            Self::Count(count) => per_second(*count as f64),
            Self::Sum(sum) => per_second(*sum),
            Self::Min(value) | Self::Max(value) => *value,
            Self::Mean { mean, .. } => *mean,
            Self::Moments { count, squares, .. } => {
                let variance = squares / *count as f64;
                if op == RangeOp::StddevOverTime { variance.sqrt() } else { variance }
            }
            Self::First(sample) | Self::Last(sample) => sample.map_or(f64::NAN, |(_, value)| value),
            Self::Quantile(sketch) => {
                interpolated(parameter.unwrap_or_default(), sketch.count(), |rank| sketch.at(rank))
            }
        }
    }
}

/// Weighted, and not by differences: two infinite means have one that is infinite.
fn merged_mean((a, mean_a): (u64, f64), (b, mean_b): (u64, f64)) -> (u64, f64) {
    match (a, b) {
        (0, _) => (b, mean_b),
        (_, 0) => (a, mean_a),
        _ => {
            let count = a + b;
            let share = |n: u64| n as f64 / count as f64;
            (count, mean_a * share(a) + mean_b * share(b))
        }
    }
}

/// Takes the sample in the other's place when it is `wanted` of it.
fn keep(kept: &mut Option<(i64, f64)>, sample: (i64, f64), wanted: Ordering) {
    let order = |known: &(i64, f64)| sample.0.cmp(&known.0).then(sample.1.total_cmp(&known.1));
    if kept.as_ref().is_none_or(|known| order(known) == wanted) {
        *kept = Some(sample);
    }
}

/// A number in the fewest characters that read back as the same.
struct Number(f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:?}", self.0);
        f.write_str(text.strip_suffix(".0").unwrap_or(&text))
    }
}

impl fmt::Display for Accumulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "n{count}"),
            Self::Sum(sum) => write!(f, "s{}", Number(*sum)),
            Self::Min(value) => write!(f, "i{}", Number(*value)),
            Self::Max(value) => write!(f, "x{}", Number(*value)),
            Self::Mean { count, mean } => write!(f, "a{count},{}", Number(*mean)),
            Self::Moments { count, mean, squares } => {
                write!(f, "v{count},{},{}", Number(*mean), Number(*squares))
            }
            Self::First(Some((at, value))) => write!(f, "f{at},{}", Number(*value)),
            Self::Last(Some((at, value))) => write!(f, "l{at},{}", Number(*value)),
            Self::First(None) => f.write_str("f"),
            Self::Last(None) => f.write_str("l"),
            Self::Quantile(sketch) => write!(f, "q{sketch}"),
        }
    }
}

/// The text is not that of an accumulator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not what a batch contributes to a rule")]
pub struct NotAnAccumulator(String);

impl FromStr for Accumulator {
    type Err = NotAnAccumulator;

    fn from_str(text: &str) -> Result<Self, NotAnAccumulator> {
        read(text).ok_or_else(|| NotAnAccumulator(text.chars().take(40).collect()))
    }
}

fn read(text: &str) -> Option<Accumulator> {
    let (kind, rest) = text.split_at_checked(1)?;
    let sample = |text: &str| {
        if text.is_empty() {
            return Some(None);
        }
        let (at, value) = text.split_once(',')?;
        Some(Some((at.parse().ok()?, value.parse().ok()?)))
    };
    Some(match kind {
        "n" => Accumulator::Count(rest.parse().ok()?),
        "s" => Accumulator::Sum(rest.parse().ok()?),
        "i" => Accumulator::Min(rest.parse().ok()?),
        "x" => Accumulator::Max(rest.parse().ok()?),
        "a" => {
            let (count, mean) = rest.split_once(',')?;
            Accumulator::Mean { count: count.parse().ok()?, mean: mean.parse().ok()? }
        }
        "v" => {
            let (count, rest) = rest.split_once(',')?;
            let (mean, squares) = rest.split_once(',')?;
            Accumulator::Moments {
                count: count.parse().ok()?,
                mean: mean.parse().ok()?,
                squares: squares.parse().ok()?,
            }
        }
        "f" => Accumulator::First(sample(rest)?),
        "l" => Accumulator::Last(sample(rest)?),
        "q" => Accumulator::Quantile(Sketch::read(rest)?),
        _ => return None,
    })
}

impl From<Accumulator> for String {
    fn from(accumulator: Accumulator) -> Self {
        accumulator.to_string()
    }
}

impl TryFrom<String> for Accumulator {
    type Error = NotAnAccumulator;

    fn try_from(text: String) -> Result<Self, NotAnAccumulator> {
        text.parse()
    }
}
