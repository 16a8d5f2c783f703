//! How values are distributed, in a bounded space: a DDSketch.
//!
//! Values whose quotient is below 1.02 share a bin, so a value read back is
//! within [`QUANTILE_ERROR`] of the one that was added. Sketches of parts merge
//! into the sketch of the whole, whatever the order.
//!
//! Masson, Rim, Lee: DDSketch, VLDB 2019, <https://arxiv.org/abs/1908.10693>.

use std::collections::BTreeMap;
use std::fmt;

/// How far a value that is read back may be from the one that was added,
/// relative to it.
pub const QUANTILE_ERROR: f64 = 0.01;
/// The most bins of each sign. They span values whose quotient is below 6e17;
/// those nearer to zero than that share the last bin.
pub const MAX_SKETCH_BINS: i32 = 2048;

/// How values are distributed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sketch {
    nan: u64,
    negative_infinity: u64,
    zero: u64,
    infinity: u64,
    /// By the logarithm of what they hold without its sign.
    negative: Bins,
    positive: Bins,
}

type Bins = BTreeMap<i32, u64>;

/// The logarithm of the quotient of a bin's bounds.
fn bin_width() -> f64 {
    ((1.0 + QUANTILE_ERROR) / (1.0 - QUANTILE_ERROR)).ln()
}

/// The bin of a value above zero.
fn bin_of(value: f64) -> i32 {
    (value.ln() / bin_width()).ceil() as i32
}

/// The value that is nearest, relatively, to all of the bin `(γ^(i-1), γ^i]`.
fn value_of(bin: i32) -> f64 {
    // 2 γ^i / (γ + 1), without passing the largest number.
    let value = (f64::from(bin) * bin_width()).exp() * (1.0 - QUANTILE_ERROR);
    value.min(f64::MAX)
}

fn add(bins: &mut Bins, bin: i32, count: u64) {
    *bins.entry(bin).or_default() += count;
    let lowest = bins.keys().next_back().map_or(bin, |highest| highest - (MAX_SKETCH_BINS - 1));
    while let Some((below, count)) = bins.first_key_value().map(|(bin, count)| (*bin, *count)) {
        if below >= lowest {
            break;
        }
        bins.remove(&below);
        *bins.entry(lowest).or_default() += count;
    }
}

impl Sketch {
    /// Adds a value.
    pub fn add(&mut self, value: f64) {
        match value {
            v if v.is_nan() => self.nan += 1,
            f64::INFINITY => self.infinity += 1,
            f64::NEG_INFINITY => self.negative_infinity += 1,
            v if v > 0.0 => add(&mut self.positive, bin_of(v), 1),
            v if v < 0.0 => add(&mut self.negative, bin_of(-v), 1),
            _ => self.zero += 1,
        }
    }

    /// Adds the values of another.
    pub fn merge(&mut self, other: &Self) {
        self.nan += other.nan;
        self.negative_infinity += other.negative_infinity;
        self.zero += other.zero;
        self.infinity += other.infinity;
        other.negative.iter().for_each(|(bin, count)| add(&mut self.negative, *bin, *count));
        other.positive.iter().for_each(|(bin, count)| add(&mut self.positive, *bin, *count));
    }

    /// How many values there are.
    pub fn count(&self) -> usize {
        let bins = self.negative.values().chain(self.positive.values()).sum::<u64>();
        let all = self.nan + self.negative_infinity + self.zero + self.infinity + bins;
        usize::try_from(all).unwrap_or(usize::MAX)
    }

    /// The value of a rank, from 0; NaN sorts before all numbers.
    pub fn at(&self, rank: usize) -> f64 {
        let low = [(f64::NAN, self.nan), (f64::NEG_INFINITY, self.negative_infinity)];
        let negative = self.negative.iter().rev().map(|(bin, count)| (-value_of(*bin), *count));
        let zero = std::iter::once((0.0, self.zero));
        let positive = self.positive.iter().map(|(bin, count)| (value_of(*bin), *count));
        let high = std::iter::once((f64::INFINITY, self.infinity));
        let mut left = rank as u64;
        for (value, count) in low.into_iter().chain(negative).chain(zero).chain(positive).chain(high) {
            if left < count {
                return value;
            }
            left -= count;
        }
        f64::NAN
    }

    /// The sketch of this text, as `Display` writes it.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(';');
        let mut counts = parts.next()?.split(',').map(|count| count.parse::<u64>().ok());
        let mut count = || counts.next().flatten();
        let (nan, negative_infinity, zero, infinity) = (count()?, count()?, count()?, count()?);
        let (negative, positive) = (bins(parts.next()?)?, bins(parts.next()?)?);
        Some(Self { nan, negative_infinity, zero, infinity, negative, positive })
    }
}

fn bins(text: &str) -> Option<Bins> {
    let mut bins = Bins::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (bin, count) = part.split_once(':')?;
        add(&mut bins, bin.parse().ok()?, count.parse().ok()?);
    }
    Some(bins)
}

impl fmt::Display for Sketch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { nan, negative_infinity, zero, infinity, negative, positive } = self;
        write!(f, "{nan},{negative_infinity},{zero},{infinity}")?;
        for bins in [negative, positive] {
            f.write_str(";")?;
            for (i, (bin, count)) in bins.iter().enumerate() {
                write!(f, "{}{bin}:{count}", if i > 0 { "," } else { "" })?;
            }
        }
        Ok(())
    }
}
