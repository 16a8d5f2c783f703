//! A range function at the bottom of an expression: the samples of its
//! series, and their values at the times of the query.

use std::collections::HashMap;
use std::sync::Arc;

use super::functions::{Point, Window, over_time};
use super::query::Sample;
use super::{EvalError, Labels};
use crate::MAX_SAMPLES;
use crate::ast::{Conversion, Grouping, LabelSelection, RangeAggregation, RangeOp, Stage, VectorOp};
use crate::entry::Entry;
use crate::matcher::MatchValue;
use crate::pipeline::{ERROR_LABEL, LabelFilter, LabelFormat, LineLabels, PipelineContext};
use crate::units;

/// A range function and the samples that it was given.
pub(super) struct Leaf<'q> {
    range: &'q RangeAggregation,
    /// The labels that series are told apart by: its own, or those of a `sum` around it.
    grouping: Option<&'q Grouping>,
    context: LeafContext,
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

/// What the query knows about the labels of its lines; see [`PipelineContext`].
struct LeafContext {
    now_nanos: Option<i64>,
    skips_parsers: bool,
    preserves_errors: bool,
    required: Vec<String>,
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

/// What an aggregation without a grouping keeps.
static NO_LABELS: Grouping = Grouping::By(Vec::new());
/// The most texts of label sets that are remembered.
const MAX_REMEMBERED: usize = 10_000;

impl<'q> Leaf<'q> {
    /// `around` is the aggregation that stands directly around the function.
    pub(super) fn new(
        range: &'q RangeAggregation,
        around: Option<(VectorOp, Option<&'q Grouping>)>,
        now_nanos: Option<i64>,
    ) -> Self {
        // A sum of sums needs no finer series than its own.
        let additive = matches!(
            range.op,
            RangeOp::CountOverTime
                | RangeOp::Rate
                | RangeOp::BytesOverTime
                | RangeOp::BytesRate
                | RangeOp::SumOverTime
        );
        let grouping = match around {
            Some((VectorOp::Sum, outer)) if additive && range.grouping.is_none() => {
                Some(outer.unwrap_or(&NO_LABELS))
            }
            _ => range.grouping.as_ref(),
        };
        let wants_none = matches!(grouping, Some(Grouping::By(names)) if names.is_empty());
        let grouped_by_error = match grouping {
            Some(Grouping::By(names) | Grouping::Without(names)) => {
                names.iter().any(|name| name == ERROR_LABEL)
            }
            None => false,
        };
        let mut named = Vec::new();
        read_labels(range, &mut |name| named.push(name));
        let context = LeafContext {
            now_nanos,
            skips_parsers: wants_none && named.is_empty(),
            preserves_errors: grouped_by_error || named.contains(&ERROR_LABEL),
            required: match grouping {
                Some(Grouping::By(names)) => {
                    required(named.into_iter().chain(names.iter().map(String::as_str)))
                }
                _ => Vec::new(),
            },
        };
        Self { range, grouping, context, index: SeriesIndex::default(), samples: 0 }
    }

    /// The time span `(from, to]` that the samples are needed of, for the
    /// evaluation times from `first` to `last`.
    pub(super) fn span(&self, first: i64, last: i64) -> (i64, i64) {
        let offset = self.range.offset_nanos;
        (first.saturating_sub(offset).saturating_sub(self.range.range_nanos), last.saturating_sub(offset))
    }

    /// Adds an entry, when it belongs here.
    pub(super) fn add(&mut self, entry: &dyn Entry) -> Result<(), EvalError> {
        let context = PipelineContext {
            now_nanos: self.context.now_nanos,
            skips_parsers: self.context.skips_parsers,
            preserves_errors: self.context.preserves_errors,
            required: &self.context.required,
            drops_early: true,
            ignores_last_line: !matches!(self.range.op, RangeOp::BytesOverTime | RangeOp::BytesRate),
            shared: None,
        };
        let Some(mut processed) = self.range.log.process(entry, context) else {
            return Ok(());
        };
        let value = match &self.range.unwrap {
            None if matches!(self.range.op, RangeOp::BytesOverTime | RangeOp::BytesRate) => {
                processed.line.len() as f64
            }
            None => 1.0,
            Some(unwrap) => {
                let text = match processed.labels.get(&unwrap.label) {
                    Some(text) if !text.is_empty() => text.into_owned(),
                    _ => return Ok(()),
                };
                let value = match unwrap.conversion {
                    Conversion::Number => units::float(&text),
                    Conversion::Bytes => units::bytes(&text).map(|size| size as f64),
                    Conversion::Duration => units::go_duration(&text).map(|nanos| nanos as f64 / 1e9),
                };
                let value = value.unwrap_or_else(|why| {
                    processed.labels.set_error("SampleExtractionErr", why);
                    0.0
                });
                if !unwrap.filters.iter().all(|filter| filter.process(&mut processed.labels)) {
                    return Ok(());
                }
                value
            }
        };
        self.samples += 1;
        if self.samples > MAX_SAMPLES {
            return Err(EvalError::TooManySamples { most: MAX_SAMPLES });
        }
        let index = self.index.series_of(self.range, self.grouping, &processed.labels);
        if let Some(series) = self.index.series.get_mut(index) {
            series.points.push((entry.timestamp_nanos(), value));
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
        let end = time.saturating_sub(self.range.offset_nanos);
        let start = end.saturating_sub(self.range.range_nanos);
        let window = Window { end, length: self.range.range_nanos };
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
                return Err(EvalError::Pipeline { error, series: (*series.labels).clone() });
            }
            let value = over_time(self.range.op, self.range.parameter, points, &window);
            samples.push(Sample { labels: Arc::clone(&series.labels), value });
        }
        if self.range.op != RangeOp::AbsentOverTime {
            return Ok(samples);
        }
        Ok(if samples.is_empty() {
            vec![Sample { labels: Arc::new(self.absent_labels()), value: 1.0 }]
        } else {
            Vec::new()
        })
    }

    /// The labels that the selector says are equal to something, once each.
    fn absent_labels(&self) -> Labels {
        let matchers = &self.range.log.matchers;
        let equal = matchers.iter().filter(|matcher| {
            let same_name = matchers.iter().filter(|other| other.name == matcher.name).count();
            !matcher.negated && matches!(matcher.value, MatchValue::Text(_)) && same_name == 1
        });
        let labels = equal.map(|matcher| (matcher.name.clone(), matcher.source().to_owned()));
        Labels::new(labels.filter(|(_, value)| !value.is_empty()).collect())
    }
}

impl SeriesIndex {
    /// The number of the series that these labels belong to.
    fn series_of(
        &mut self,
        range: &RangeAggregation,
        grouping: Option<&Grouping>,
        line: &LineLabels<'_>,
    ) -> usize {
        let unwrapped = range.unwrap.as_ref().map(|unwrap| unwrap.label.as_str());
        // A line with an error keeps all its labels, so that it is not lost in a group.
        let grouping = if line.has_error() { None } else { grouping };
        let keeps = |name: &str| match grouping {
            Some(Grouping::By(names)) => names.iter().any(|kept| kept == name),
            Some(without) => without.keeps(name) && unwrapped != Some(name),
            None => unwrapped != Some(name) || line.has_error(),
        };
        let scratch = &mut self.scratch;
        scratch.clear();
        line.visit(&mut |_, name, value| {
            if keeps(name) {
                for text in [name, "\0", value, "\0"] {
                    scratch.push_str(text);
                }
            }
        });
        if let Some(index) = self.by_text.get(scratch.as_str()) {
            return *index;
        }
        let mut labels = Vec::new();
        line.visit(&mut |_, name, value| {
            if keeps(name) {
                labels.push((name.to_owned(), value.to_owned()));
            }
        });
        let labels = Arc::new(Labels::new(labels));
        let error = line.error().filter(|_| !line.error_is_preserved());
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

/// The names, and those whose suffix a collision gave.
fn required<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for name in names {
        let base = name.strip_suffix("_extracted");
        all.extend(std::iter::once(name).chain(base).map(str::to_owned));
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// Calls `visit` with the labels that the pipeline and the unwrapping look at.
fn read_labels<'q>(range: &'q RangeAggregation, visit: &mut dyn FnMut(&'q str)) {
    for stage in &range.log.stages {
        match stage {
            Stage::LabelFilter(filter) => filter.visit_names(visit),
            Stage::LineFormat(template) => template.fields().iter().for_each(|name| visit(name)),
            Stage::LabelFormat(formats) => formats.iter().for_each(|format| match format {
                LabelFormat::Rename { from, .. } => visit(from),
                LabelFormat::Template { to, template } => {
                    visit(to);
                    template.fields().iter().for_each(|name| visit(name));
                }
            }),
            Stage::Drop(selections) | Stage::Keep(selections) => {
                let matching =
                    selections.iter().filter(|selection| matches!(selection, LabelSelection::Matching(_)));
                matching.for_each(|selection| visit(selection.name()));
            }
            _ => {}
        }
    }
    if let Some(unwrap) = &range.unwrap {
        visit(&unwrap.label);
        unwrap.filters.iter().for_each(|filter: &LabelFilter| filter.visit_names(visit));
    }
}
