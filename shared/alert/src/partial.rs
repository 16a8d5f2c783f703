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
/// come first in the batch are kept; the others are counted in
/// [`Partials::dropped_series`].
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
    /// The sums, by rule in the order of the rule set, then series and bucket.
    pub partials: Vec<Partial>,
    /// How often a line matched a rule.
    pub matched_lines: u64,
    /// Series beyond [`MAX_SERIES_PER_RULE`], left out, over all rules.
    pub dropped_series: u64,
}

impl RuleSet {
    /// What the entries of a batch contribute to the rules. The same entries
    /// in the same order give the same partials.
    pub fn partials<E: Entry>(&self, entries: impl IntoIterator<Item = E>) -> Partials {
        let mut sums: Vec<RuleSums<'_>> = self.rules().map(RuleSums::new).collect();
        for entry in entries {
            sums.iter_mut().for_each(|rule| rule.add(&entry));
        }
        let mut all = Partials::default();
        sums.into_iter().for_each(|rule| rule.finish(&mut all));
        all
    }
}

/// The sums of one rule over one batch.
struct RuleSums<'a> {
    rule: &'a Rule,
    matched_lines: u64,
    sums: BTreeMap<Series, BTreeMap<i64, f64>>,
    dropped: HashSet<Series>,
}

impl<'a> RuleSums<'a> {
    fn new(rule: &'a Rule) -> Self {
        Self { rule, matched_lines: 0, sums: BTreeMap::new(), dropped: HashSet::new() }
    }

    fn add<E: Entry>(&mut self, entry: &E) {
        if !self.rule.range.log.matches(entry) {
            return;
        }
        self.matched_lines += 1;
        let series = Series::of(entry, &self.rule.series_labels);
        if self.sums.len() == MAX_SERIES_PER_RULE && !self.sums.contains_key(&series) {
            self.dropped.insert(series);
            return;
        }
        let bucket = bucket_end_ms(entry.timestamp_nanos(), self.rule.bucket_ms);
        let buckets = self.sums.entry(series).or_default();
        *buckets.entry(bucket).or_default() += self.rule.range.weight(entry.line());
    }

    fn finish(self, all: &mut Partials) {
        all.matched_lines += self.matched_lines;
        all.dropped_series += self.dropped.len() as u64;
        for (series, buckets) in self.sums {
            all.partials.extend(buckets.into_iter().map(|(bucket_end_ms, value)| Partial {
                rule: self.rule.id.clone(),
                series: series.clone(),
                bucket_end_ms,
                value,
                expires_at_s: bucket_end_ms.saturating_add(self.rule.partial_ttl_ms) / 1000,
            }));
        }
    }
}

/// The end of the bucket `(end - step, end]` that holds the time.
fn bucket_end_ms(timestamp_nanos: i64, step_ms: i64) -> i64 {
    let step_nanos = i128::from(step_ms) * 1_000_000;
    let buckets = (i128::from(timestamp_nanos) + step_nanos - 1).div_euclid(step_nanos);
    i64::try_from(buckets).unwrap_or(i64::MAX).saturating_mul(step_ms)
}

/// The series in a storage key: sixteen hexadecimal digits.
pub fn series_hash(series: &Series) -> String {
    short_hash(series.labels().iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]))
}
