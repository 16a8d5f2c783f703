//! What a range function does with one line, and with the values of its
//! series: the same whether all lines are there at once ([`super::MetricQuery`])
//! or arrive in batches ([`crate::StreamedExpr`]).

use std::sync::Arc;

use super::Labels;
use super::query::Sample;
use crate::ast::{Conversion, Grouping, LabelSelection, RangeAggregation, RangeOp, Stage, VectorOp};
use crate::entry::Entry;
use crate::matcher::MatchValue;
use crate::pipeline::{
    ERROR_LABEL, LabelFilter, LabelFormat, LineLabels, PipelineContext, ProcessedLine, SharedLine,
};
use crate::units;

/// A range function, and what the query around it knows about its labels.
#[derive(Debug, Clone)]
pub(crate) struct Sampler {
    range: RangeAggregation,
    /// The labels that series are told apart by: its own, or those of a `sum` around it.
    grouping: Option<Grouping>,
    skips_parsers: bool,
    preserves_errors: bool,
    required: Vec<String>,
}

/// The aggregation that stands directly around a range function.
pub(crate) type Around<'q> = Option<(VectorOp, Option<&'q Grouping>)>;

/// A line that passed the pipeline, with its value.
pub(crate) struct LineSample<'e> {
    pub(crate) labels: LineLabels<'e>,
    pub(crate) value: f64,
}

impl LineSample<'_> {
    /// The kind of error that the line met, unless the query deals with it.
    pub(crate) fn error(&self) -> Option<&'static str> {
        self.labels.error().filter(|_| !self.labels.error_is_preserved())
    }
}

impl Sampler {
    pub(crate) fn new(range: &RangeAggregation, around: Around<'_>) -> Self {
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
            // An aggregation without a grouping keeps no label.
            Some((VectorOp::Sum, outer)) if additive && range.grouping.is_none() => {
                Some(outer.cloned().unwrap_or(Grouping::By(Vec::new())))
            }
            _ => range.grouping.clone(),
        };
        let wants_none = matches!(&grouping, Some(Grouping::By(names)) if names.is_empty());
        let grouped_by_error = match &grouping {
            Some(Grouping::By(names) | Grouping::Without(names)) => {
                names.iter().any(|name| name == ERROR_LABEL)
            }
            None => false,
        };
        let mut named = Vec::new();
        read_labels(range, &mut |name| named.push(name));
        let skips_parsers = wants_none && named.is_empty();
        let preserves_errors = grouped_by_error || named.contains(&ERROR_LABEL);
        let required = match &grouping {
            Some(Grouping::By(names)) => required(named.into_iter().chain(names.iter().map(String::as_str))),
            _ => Vec::new(),
        };
        Self { range: range.clone(), grouping, skips_parsers, preserves_errors, required }
    }

    /// The function.
    pub(crate) fn range(&self) -> &RangeAggregation {
        &self.range
    }

    /// The labels that tell its series apart; without a grouping all of the line's.
    pub(crate) fn grouping(&self) -> Option<&Grouping> {
        self.grouping.as_ref()
    }

    /// The entry's sample, when it belongs here.
    pub(crate) fn sample<'e>(
        &'e self,
        entry: &'e dyn Entry,
        now_nanos: Option<i64>,
    ) -> Option<LineSample<'e>> {
        self.sample_of(self.range.log.process(entry, self.context(now_nanos, None))?)
    }

    /// The same of an entry that passes the selector, with what others found in its line.
    pub(crate) fn sample_selected<'e>(
        &'e self,
        entry: &'e dyn Entry,
        shared: &'e SharedLine,
    ) -> Option<LineSample<'e>> {
        self.sample_of(self.range.log.process_selected(entry, self.context(None, Some(shared)))?)
    }

    fn context<'e>(&'e self, now_nanos: Option<i64>, shared: Option<&'e SharedLine>) -> PipelineContext<'e> {
        PipelineContext {
            now_nanos,
            skips_parsers: self.skips_parsers,
            preserves_errors: self.preserves_errors,
            required: &self.required,
            drops_early: true,
            ignores_last_line: !self.takes_bytes(),
            shared,
        }
    }

    fn takes_bytes(&self) -> bool {
        matches!(self.range.op, RangeOp::BytesOverTime | RangeOp::BytesRate)
    }

    fn sample_of<'e>(&'e self, mut processed: ProcessedLine<'e>) -> Option<LineSample<'e>> {
        let value = match &self.range.unwrap {
            None if self.takes_bytes() => processed.line.len() as f64,
            None => 1.0,
            Some(unwrap) => {
                let text = processed.labels.get(&unwrap.label)?;
                if text.is_empty() {
                    return None;
                }
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
                    return None;
                }
                value
            }
        };
        Some(LineSample { labels: processed.labels, value })
    }

    /// Calls `visit` with the labels of the line's series, in any order. Those of
    /// `by` are looked up by name: metadata that tells no series apart is found.
    pub(crate) fn visit_series(&self, line: &LineLabels<'_>, visit: &mut dyn FnMut(&str, &str)) {
        let unwrapped = self.range.unwrap.as_ref().map(|unwrap| unwrap.label.as_str());
        match &self.grouping {
            // A line with an error keeps all its labels, so that it is not lost in a group.
            _ if line.has_error() => line.visit(&mut |_, name, value| visit(name, value)),
            Some(Grouping::By(names)) => {
                for name in names {
                    if let Some(value) = line.get(name) {
                        visit(name, &value);
                    }
                }
            }
            grouping => line.visit(&mut |_, name, value| {
                let kept = grouping.as_ref().is_none_or(|grouping| grouping.keeps(name));
                if kept && unwrapped != Some(name) {
                    visit(name, value);
                }
            }),
        }
    }

    /// The function's value, from those of its series.
    pub(crate) fn finish(&self, samples: Vec<Sample>) -> Vec<Sample> {
        match self.range.op {
            RangeOp::AbsentOverTime if samples.is_empty() => {
                vec![Sample { labels: Arc::new(self.absent_labels()), value: 1.0 }]
            }
            RangeOp::AbsentOverTime => Vec::new(),
            _ => samples,
        }
    }

    /// The labels that the selector says are equal to something, once each.
    fn absent_labels(&self) -> Labels {
        let matchers = &self.range.log.matchers;
        let equal = matchers.iter().filter(|matcher| {
            let same_name = matchers.iter().filter(|other| other.name == matcher.name).count();
            !matcher.negated && matches!(matcher.value, MatchValue::Text(_)) && same_name == 1
        });
        let labels = equal.map(|matcher| (matcher.name.clone(), matcher.source().to_owned()));
        labels.filter(|(_, value)| !value.is_empty()).collect()
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
