//! Partials: what one batch adds to the windows of the rules.
//!
//! A partial holds the samples of one leaf (a range function of a rule) in one
//! time bucket `(end - step, end]`, by event time and series. The step divides
//! the interval, the ranges and the offsets that are asked of it, so every window
//! is made of whole buckets and is exact.

use std::borrow::{Borrow, Cow};
use std::cell::OnceCell;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use catchment_logql::{Accumulator, Entry, Labels, LeafSample, LineErrors, Scanning, SharedLine};
use foldhash::fast::RandomState;
use serde::{Deserialize, Serialize};

use crate::digest::short_hash;
use crate::first_series::FirstSeries;
use crate::leaf::LeafId;
use crate::rules::{RuleSet, SharedLeaf};

/// The most partials a batch may contribute. Those of the latest buckets are
/// kept, whose windows are open longest; the others are counted in
/// [`Partials::dropped_partials`].
pub const MAX_PARTIALS_PER_BATCH: usize = 5_000;
/// The most lines of a bucket that are kept to be shown, the latest ones.
pub const MAX_SAMPLE_LINES: usize = 3;
/// The most label sets of a leaf that are remembered as lines have them.
const MAX_KNOWN_SERIES: usize = 2_000;
/// The most characters of such a line.
pub const MAX_SAMPLE_CHARS: usize = 300;

/// What one batch adds to one bucket of one leaf.
#[derive(Debug, Clone, PartialEq)]
pub struct Partial {
    /// Whose it is.
    pub leaf: LeafId,
    /// The bucket's end, included, in milliseconds since the epoch.
    pub bucket_end_ms: i64,
    /// The samples, by series; ordered by labels.
    pub series: Vec<(Labels, Accumulator)>,
    /// The lines that met an error which the expression does not deal with.
    pub errors: Option<LineErrors>,
    /// How many series of the leaf, in all of the batch, were cut at
    /// [`crate::MAX_SERIES`].
    pub cut_series: u64,
    /// Some of the lines, the latest first.
    pub samples: Vec<SampleLine>,
    /// When no window needs it any more, in seconds since the epoch.
    pub expires_at_s: i64,
}

/// A line to show, redacted as it is archived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleLine {
    /// Event time, in nanoseconds since the epoch.
    pub at_nanos: i64,
    /// The line, at most [`MAX_SAMPLE_CHARS`] characters of it.
    pub line: String,
    /// The log group that it is from, where that is known: the console's link
    /// is about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_group: Option<String>,
}

/// What a batch contributes.
#[derive(Debug, Clone, PartialEq, Default)]
#[must_use]
pub struct Partials {
    /// The partials, by leaf in the order of the rule set, then by bucket.
    pub partials: Vec<Partial>,
    /// How often a line matched a leaf.
    pub matched_lines: u64,
    /// Series that were cut at [`crate::MAX_SERIES`], over all leaves.
    pub cut_series: u64,
    /// Partials beyond [`MAX_PARTIALS_PER_BATCH`], left out.
    pub dropped_partials: u64,
}

impl RuleSet {
    /// What the entries of a batch contribute to the rules. The same entries
    /// in the same order give the same partials. What several rules ask for is
    /// worked out once.
    pub fn partials<E: Entry>(&self, entries: impl IntoIterator<Item = E>) -> Partials {
        let mut gathered = self.gather();
        for entry in entries {
            gathered.add(&entry);
        }
        gathered.finish()
    }

    /// The same, entry by entry.
    pub fn gather(&self) -> Gather<'_> {
        let sums = self.shared_leaves().iter().map(LeafSums::new).collect();
        Gather { sums, scanning: self.scan().start() }
    }
}

/// What the entries of a batch contribute, as they are added.
pub struct Gather<'a> {
    sums: Vec<LeafSums<'a>>,
    scanning: Scanning<'a>,
}

impl Gather<'_> {
    /// Adds the next entry of the batch.
    pub fn add(&mut self, entry: &dyn Entry) {
        self.scanning.look_at(entry);
        let shown = OnceCell::new();
        for number in self.scanning.candidates() {
            if let Some(leaf) = self.sums.get_mut(number) {
                leaf.add(entry, self.scanning.line(), &shown);
            }
        }
    }

    /// What all of them contribute.
    pub fn finish(self) -> Partials {
        let mut all = Partials::default();
        self.sums.into_iter().for_each(|leaf| leaf.finish(&mut all));
        all.bound();
        all
    }
}

impl Partials {
    /// Leaves out what is beyond [`MAX_PARTIALS_PER_BATCH`].
    fn bound(&mut self) {
        let beyond = self.partials.len().saturating_sub(MAX_PARTIALS_PER_BATCH);
        if beyond == 0 {
            return;
        }
        let mut order: Vec<(i64, usize)> =
            self.partials.iter().enumerate().map(|(i, partial)| (partial.bucket_end_ms, i)).collect();
        order.sort_unstable();
        let mut dropped: Vec<usize> = order.into_iter().take(beyond).map(|(_, i)| i).collect();
        dropped.sort_unstable();
        let mut index = 0;
        self.partials.retain(|_| {
            index += 1;
            dropped.binary_search(&(index - 1)).is_err()
        });
        self.dropped_partials = beyond as u64;
    }
}

/// The samples of one leaf in one batch.
struct LeafSums<'a> {
    shared: &'a SharedLeaf,
    matched_lines: u64,
    /// Where a series is in the `sums` of each bucket.
    series: FirstSeries<usize>,
    /// How many places were given.
    places: usize,
    /// Where lines of these labels count, if anywhere.
    known: HashMap<Vec<u8>, Option<usize>, RandomState>,
    scratch: Vec<u8>,
    buckets: Vec<Bucket>,
    /// Where the bucket of an end is.
    bucket_places: HashMap<i64, usize, RandomState>,
    /// The bucket of the last entry: that of the next one as a rule.
    current: usize,
}

#[derive(Default)]
struct Bucket {
    end_ms: i64,
    /// By the place of a series. Of one that is cut later they stay, unused.
    sums: HashMap<usize, Accumulator, RandomState>,
    errors: Option<LineErrors>,
    samples: Vec<Arc<SampleLine>>,
}

impl<'a> LeafSums<'a> {
    fn new(shared: &'a SharedLeaf) -> Self {
        Self {
            shared,
            matched_lines: 0,
            series: FirstSeries::default(),
            places: 0,
            known: HashMap::default(),
            scratch: Vec::new(),
            buckets: Vec::new(),
            bucket_places: HashMap::default(),
            current: 0,
        }
    }

    /// Adds an entry that passes the leaf's selector. `shown` is its line as
    /// those leaves keep it that show it.
    fn add(&mut self, entry: &dyn Entry, line: &SharedLine, shown: &OnceCell<Arc<SampleLine>>) {
        let at_nanos = entry.timestamp_nanos();
        if at_nanos <= self.shared.since_nanos {
            return;
        }
        let shared: &'a SharedLeaf = self.shared;
        let leaf = &shared.leaf;
        let Some(sample) = leaf.sample(entry, line) else {
            return;
        };
        self.matched_lines += 1;
        let place = if sample.error().is_none() { self.place_of(&sample) } else { None };
        let bucket = self.bucket_of(at_nanos);
        keep_line(&mut bucket.samples, at_nanos, entry, shown);
        if let Some(error) = sample.error() {
            let met = LineErrors { lines: 1, error: error.to_owned(), series: sample.labels() };
            match &mut bucket.errors {
                None => bucket.errors = Some(met),
                Some(errors) => errors.merge(met),
            }
        } else if let Some(place) = place {
            let sum = bucket.sums.entry(place).or_insert_with(|| leaf.accumulator());
            sum.add(at_nanos, sample.value());
        }
    }

    /// The place of the sample's series, unless it is cut.
    fn place_of(&mut self, sample: &LeafSample<'_>) -> Option<usize> {
        self.scratch.clear();
        sample.write_series(&mut self.scratch);
        if let Some(place) = self.known.get(&self.scratch) {
            return *place;
        }
        if self.known.len() >= MAX_KNOWN_SERIES {
            self.known.clear();
        }
        let places = &mut self.places;
        let place = self.series.place(sample.labels(), || {
            *places += 1;
            *places - 1
        });
        let place = place.copied();
        self.known.insert(self.scratch.clone(), place);
        place
    }

    /// The bucket that holds the time.
    fn bucket_of(&mut self, at_nanos: i64) -> &mut Bucket {
        let step_ms = self.shared.bucket_ms;
        if !self.buckets.get(self.current).is_some_and(|bucket| bucket.holds(at_nanos, step_ms)) {
            let end_ms = bucket_end_ms(at_nanos, step_ms);
            let next = self.buckets.len();
            self.current = *self.bucket_places.entry(end_ms).or_insert(next);
            if self.current == next {
                self.buckets.push(Bucket { end_ms, ..Bucket::default() });
            }
        }
        // It is there now.
        #[allow(clippy::indexing_slicing)]
        &mut self.buckets[self.current]
    }

    fn finish(mut self, all: &mut Partials) {
        self.buckets.sort_unstable_by_key(|bucket| bucket.end_ms);
        let cut_series = self.series.cut();
        all.matched_lines += self.matched_lines;
        all.cut_series += cut_series;
        let series = self.series.into_map();
        all.partials.extend(self.buckets.into_iter().map(|mut bucket| {
            let sums = series
                .iter()
                .filter_map(|(labels, place)| bucket.sums.remove(place).map(|sum| (labels.clone(), sum)));
            Partial {
                leaf: self.shared.id.clone(),
                bucket_end_ms: bucket.end_ms,
                series: sums.collect(),
                errors: bucket.errors,
                cut_series,
                samples: bucket.samples.into_iter().map(Arc::unwrap_or_clone).collect(),
                expires_at_s: bucket.end_ms.saturating_add(self.shared.ttl_ms) / 1000,
            }
        }));
    }
}

impl Bucket {
    /// Whether it is the bucket `(end - step, end]` of this time.
    fn holds(&self, at_nanos: i64, step_ms: i64) -> bool {
        let end_nanos = self.end_ms.saturating_mul(1_000_000);
        let start_nanos = end_nanos.saturating_sub(step_ms.saturating_mul(1_000_000));
        start_nanos < at_nanos && at_nanos <= end_nanos
    }
}

impl SampleLine {
    fn new(at_nanos: i64, line: &str, log_group: Option<String>) -> Self {
        // Most lines are ASCII there, and need no counting.
        let start = line.as_bytes().get(..MAX_SAMPLE_CHARS);
        let end = match start {
            None => line.len(),
            Some(start) if start.is_ascii() => MAX_SAMPLE_CHARS,
            Some(_) => line.char_indices().nth(MAX_SAMPLE_CHARS).map_or(line.len(), |(end, _)| end),
        };
        Self { at_nanos, line: line.get(..end).unwrap_or_default().to_owned(), log_group }
    }
}

fn keep_line(
    samples: &mut Vec<Arc<SampleLine>>,
    at_nanos: i64,
    entry: &dyn Entry,
    shown: &OnceCell<Arc<SampleLine>>,
) {
    let is_full = samples.len() == MAX_SAMPLE_LINES;
    if !is_full || samples.last().is_some_and(|earliest| earliest.at_nanos <= at_nanos) {
        let sample = shown.get_or_init(|| {
            let log_group = entry.label("log_group").map(Cow::into_owned);
            Arc::new(SampleLine::new(at_nanos, entry.line(), log_group))
        });
        keep_latest(samples, Arc::clone(sample));
    }
}

/// Keeps the latest [`MAX_SAMPLE_LINES`], the latest first.
pub(crate) fn keep_latest<S: Borrow<SampleLine>>(samples: &mut Vec<S>, sample: S) {
    fn key(sample: &SampleLine) -> (Reverse<i64>, &str) {
        (Reverse(sample.at_nanos), &sample.line)
    }
    let place = samples.partition_point(|kept| key(kept.borrow()) <= key(sample.borrow()));
    if place < MAX_SAMPLE_LINES {
        samples.truncate(MAX_SAMPLE_LINES - 1);
        samples.insert(place, sample);
    }
}

/// The end of the bucket `(end - step, end]` that holds the time.
fn bucket_end_ms(timestamp_nanos: i64, step_ms: i64) -> i64 {
    let step_nanos = step_ms.saturating_mul(1_000_000);
    let whole = timestamp_nanos.div_euclid(step_nanos);
    let begun = i64::from(timestamp_nanos.rem_euclid(step_nanos) > 0);
    whole.saturating_add(begun).saturating_mul(step_ms)
}

/// The series in a storage key: sixteen hexadecimal digits.
pub fn series_hash(series: &Labels) -> String {
    short_hash(series.iter().flat_map(|(name, value)| [name, value]))
}
