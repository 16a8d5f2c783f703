//! Partials: what one batch adds to the windows of the rules.
//!
//! A partial is the sum over the matching lines of one rule, series and time
//! bucket `(end - step, end]`, by event time. The step divides the interval,
//! the range and the offset of its rule, so every window is made of whole
//! buckets and is exact.

use std::collections::{BTreeMap, HashSet};

use catchment_logql::{Entry, Series};

use crate::digest::short_hash;
use crate::group::{Rule, RuleId};
use crate::rules::RuleSet;

/// The most series of one rule that a batch may contribute to. The series that
/// come first in the batch are kept; lines of further ones are counted in
/// [`Partials::dropped_lines`].
pub const MAX_SERIES_PER_RULE: usize = 500;

/// One rule's sum over one bucket of one series, from one batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Partial {
    /// Whose sum it is.
    pub rule: RuleId,
    /// The series.
    pub series: Series,
    /// The bucket's end, included, in milliseconds since the epoch.
    pub bucket_end_ms: i64,
    /// The sum.
    pub value: f64,
    /// When no window needs it any more, in seconds since the epoch.
    pub expires_at_s: i64,
}

/// What a batch contributes.
#[derive(Debug, Clone, PartialEq, Default)]
#[must_use]
pub struct Partials {
    /// The sums, ordered by rule, series and bucket.
    pub items: Vec<Partial>,
    /// How often a line matched a rule.
    pub matched_lines: u64,
    /// Matching lines that no partial counts, because their rule had
    /// [`MAX_SERIES_PER_RULE`] series already.
    pub dropped_lines: u64,
    /// The rules that this happened to.
    pub rules_over_limit: Vec<RuleId>,
}

impl RuleSet {
    /// What the entries of a batch contribute to the rules. The same entries
    /// in the same order give the same partials.
    pub fn partials<E: Entry>(&self, entries: &[E]) -> Partials {
        let mut partials = Partials::default();
        for rule in self.rules() {
            collect(rule, entries, &mut partials);
        }
        partials
    }
}

fn collect<E: Entry>(rule: &Rule, entries: &[E], partials: &mut Partials) {
    let mut sums: BTreeMap<(Series, i64), f64> = BTreeMap::new();
    let mut known: HashSet<Series> = HashSet::new();
    let mut dropped = 0;
    for entry in entries
        .iter()
        .filter(|entry| rule.range.log.matches(*entry))
    {
        partials.matched_lines += 1;
        let series = Series::of(entry, &rule.series_labels);
        if !known.contains(&series) {
            if known.len() == MAX_SERIES_PER_RULE {
                dropped += 1;
                continue;
            }
            known.insert(series.clone());
        }
        let bucket = bucket_end_ms(entry.timestamp_nanos(), rule.bucket_ms);
        *sums.entry((series, bucket)).or_default() += rule.range.weight(entry.line());
    }
    if dropped > 0 {
        partials.dropped_lines += dropped;
        partials.rules_over_limit.push(rule.id.clone());
    }
    partials.items.extend(
        sums.into_iter()
            .map(|((series, bucket_end_ms), value)| Partial {
                rule: rule.id.clone(),
                series,
                bucket_end_ms,
                value,
                expires_at_s: bucket_end_ms.saturating_add(rule.partial_ttl_ms) / 1000,
            }),
    );
}

/// The end of the bucket `(end - step, end]` that holds the time.
fn bucket_end_ms(timestamp_nanos: i64, step_ms: i64) -> i64 {
    let step_nanos = i128::from(step_ms) * 1_000_000;
    let buckets = (i128::from(timestamp_nanos) + step_nanos - 1).div_euclid(step_nanos);
    i64::try_from(buckets)
        .unwrap_or(i64::MAX)
        .saturating_mul(step_ms)
}

/// The series in a storage key: sixteen hexadecimal digits.
pub fn series_hash(series: &Series) -> String {
    short_hash(
        series
            .labels()
            .iter()
            .flat_map(|(name, value)| [name.as_str(), value.as_str()]),
    )
}
