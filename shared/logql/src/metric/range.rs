//! A range function at the bottom of a query that is given all its lines: the
//! samples of its series, and their values at the times of the query.

use std::collections::HashMap;
use std::sync::Arc;

use super::functions::{Point, Window, over_time};
use super::query::Sample;
use super::sampler::{Around, LineSample, Sampler};
use super::{EvalError, Labels};
use crate::MAX_SAMPLES;
use crate::ast::RangeAggregation;
use crate::entry::Entry;

/// A range function and the samples that it was given.
pub(super) struct Leaf {
    sampler: Sampler,
    now_nanos: Option<i64>,
    index: SeriesIndex,
    samples: usize,
}

/// The series, and how a line finds its own.
#[derive(Default)]
struct SeriesIndex {
    series: Vec<LeafSeries>,
    by_labels: HashMap<Arc<Labels>, usize>,
    /// The same by the labels as an entry gives them, unsorted: entries of one
    /// stream find their series without building it.
    by_text: HashMap<String, usize>,
    scratch: String,
}

struct LeafSeries {
    labels: Arc<Labels>,
    /// The series is one of lines that met an error.
    error: Option<&'static str>,
    points: Vec<Point>,
    /// The window's bounds in the points, at the last time.
    from: usize,
    to: usize,
}

/// The most texts of label sets that are remembered.
const MAX_REMEMBERED: usize = 10_000;

impl Leaf {
    pub(super) fn new(range: &RangeAggregation, around: Around<'_>, now_nanos: Option<i64>) -> Self {
        let sampler = Sampler::new(range, around);
        Self { sampler, now_nanos, index: SeriesIndex::default(), samples: 0 }
    }

    /// The time span `(from, to]` that the samples are needed of, for the
    /// evaluation times from `first` to `last`.
    pub(super) fn span(&self, first: i64, last: i64) -> (i64, i64) {
        let range = self.sampler.range();
        let offset = range.offset_nanos;
        (first.saturating_sub(offset).saturating_sub(range.range_nanos), last.saturating_sub(offset))
    }

    /// Adds an entry, when it belongs here.
    pub(super) fn add(&mut self, entry: &dyn Entry) -> Result<(), EvalError> {
        let Some(sample) = self.sampler.sample(entry, self.now_nanos) else {
            return Ok(());
        };
        self.samples += 1;
        if self.samples > MAX_SAMPLES {
            return Err(EvalError::TooManySamples { most: MAX_SAMPLES });
        }
        let index = self.index.series_of(&self.sampler, &sample);
        if let Some(series) = self.index.series.get_mut(index) {
            series.points.push((entry.timestamp_nanos(), sample.value));
        }
        Ok(())
    }

    /// All entries were added.
    pub(super) fn close(&mut self) {
        self.index.series.sort_by(|a, b| a.labels.cmp(&b.labels));
        for series in &mut self.index.series {
            series.points.sort_by_key(|(at, _)| *at);
        }
    }

    /// The values at a time; times only grow.
    pub(super) fn at(&mut self, time: i64) -> Result<Vec<Sample>, EvalError> {
        let (start, end) = self.span(time, time);
        let range = self.sampler.range();
        let window = Window { end, length: range.range_nanos };
        let mut samples = Vec::new();
        for series in &mut self.index.series {
            while series.points.get(series.to).is_some_and(|(at, _)| *at <= end) {
                series.to += 1;
            }
            while series.from < series.to
                && series.points.get(series.from).is_some_and(|(at, _)| *at <= start)
            {
                series.from += 1;
            }
            let points = series.points.get(series.from..series.to).unwrap_or_default();
            if points.is_empty() {
                continue;
            }
            if let Some(error) = series.error {
                return Err(EvalError::Pipeline { error: error.into(), series: (*series.labels).clone() });
            }
            let value = over_time(range.op, range.parameter, points, &window);
            samples.push(Sample { labels: Arc::clone(&series.labels), value });
        }
        Ok(self.sampler.finish(samples))
    }
}

impl SeriesIndex {
    /// The number of the series that the sample belongs to.
    fn series_of(&mut self, sampler: &Sampler, sample: &LineSample<'_>) -> usize {
        let scratch = &mut self.scratch;
        scratch.clear();
        sampler.visit_series(&sample.labels, &mut |name, value| {
            for text in [name, "\0", value, "\0"] {
                scratch.push_str(text);
            }
        });
        if let Some(index) = self.by_text.get(scratch.as_str()) {
            return *index;
        }
        let mut labels = Vec::new();
        sampler.visit_series(&sample.labels, &mut |name, value| {
            labels.push((name.to_owned(), value.to_owned()));
        });
        let labels = Arc::new(Labels::new(labels));
        let error = sample.error();
        let index = *self.by_labels.entry(Arc::clone(&labels)).or_insert_with(|| {
            self.series.push(LeafSeries { labels, error, points: Vec::new(), from: 0, to: 0 });
            self.series.len() - 1
        });
        if self.by_text.len() < MAX_REMEMBERED {
            self.by_text.insert(self.scratch.clone(), index);
        }
        index
    }
}
