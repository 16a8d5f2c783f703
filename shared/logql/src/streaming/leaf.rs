//! A range function whose lines arrive in batches.

use std::fmt::Write;
use std::sync::Arc;

use super::{Accumulator, LeafWindow, NotStreamable, Sketch};
use crate::ast::{Grouping, LogExpr, RangeAggregation, RangeOp, Stage};
use crate::entry::Entry;
use crate::metric::{Around, EvalError, Labels, Sample, Sampler};
use crate::names::{RANGE_OPS, name_of};
use crate::pipeline::LabelFormat;

/// How many bytes of a label's value tell series apart; what is longer is cut. A
/// label comes from a log line, and must not make a stored series too large to store.
pub const MAX_LABEL_BYTES: usize = 1024;

const NANOS_PER_MS: i64 = 1_000_000;

/// A range function whose lines arrive in batches.
#[derive(Debug, Clone)]
pub struct StreamedLeaf {
    sampler: Sampler,
}

/// What one line adds to a leaf.
#[derive(Debug, Clone, PartialEq)]
pub struct LeafSample {
    /// The series.
    pub labels: Labels,
    /// The value.
    pub value: f64,
    /// The kind of error that the line met and the expression does not deal with:
    /// the line counts for no series, and its window has no value.
    pub error: Option<&'static str>,
}

impl StreamedLeaf {
    pub(super) fn new(range: &RangeAggregation, around: Around<'_>) -> Result<Self, NotStreamable> {
        let function = || format!("the function \"{}\"", name_of(&RANGE_OPS, range.op));
        let no = |what: String, why| Err(NotStreamable { what, why });
        if range.op == RangeOp::RateCounter {
            return no(function(), "it needs each sample beside the one before it; use rate(.. | unwrap ..)");
        }
        if let Some(stage) = range.log.stages.iter().find(|stage| reads_clock(stage)) {
            return no(format!("the stage \"{stage}\""), "\"now\" is another time for each batch");
        }
        if range.range_nanos % NANOS_PER_MS != 0 || range.offset_nanos % NANOS_PER_MS != 0 {
            return no(function(), "its range and its offset must be whole milliseconds");
        }
        if range.offset_nanos < 0 {
            return no(function(), "an offset below zero asks for lines that are yet to come");
        }
        Ok(Self { sampler: Sampler::new(range, around) })
    }

    /// The lines that it is over.
    pub fn log(&self) -> &LogExpr {
        &self.sampler.range().log
    }

    /// The window's length: it is `(T - offset - range, T - offset]`.
    pub fn range_ms(&self) -> i64 {
        self.sampler.range().range_nanos / NANOS_PER_MS
    }

    /// How far the window lies back.
    pub fn offset_ms(&self) -> i64 {
        self.sampler.range().offset_nanos / NANOS_PER_MS
    }

    /// A text that two leaves share when a batch contributes the same to both: what
    /// is summed up, over which lines, by which labels. Range and offset say which
    /// contributions a window takes, not what they are.
    pub fn identity(&self) -> String {
        let range = self.sampler.range();
        let mut text = format!("{} {}", self.family(), range.log);
        let mut add = |part: &dyn std::fmt::Display| write!(text, " {part}").is_ok();
        if let Some(unwrap) = &range.unwrap {
            add(unwrap);
        }
        if range.op != RangeOp::AbsentOverTime {
            self.sampler.grouping().map(|grouping| add(&sorted(grouping)));
        }
        text
    }

    fn family(&self) -> &'static str {
        let range = self.sampler.range();
        match range.op {
            RangeOp::Rate if range.unwrap.is_none() => "count",
            RangeOp::CountOverTime => "count",
            RangeOp::Rate | RangeOp::SumOverTime => "sum",
            RangeOp::BytesOverTime | RangeOp::BytesRate => "bytes",
            RangeOp::StddevOverTime | RangeOp::StdvarOverTime => "moments",
            op => name_of(&RANGE_OPS, op),
        }
    }

    /// What samples are gathered in; empty.
    pub fn accumulator(&self) -> Accumulator {
        match self.sampler.range().op {
            RangeOp::AvgOverTime => Accumulator::Mean { count: 0, mean: 0.0 },
            RangeOp::MinOverTime => Accumulator::Min(f64::NAN),
            RangeOp::MaxOverTime => Accumulator::Max(f64::NAN),
            RangeOp::StddevOverTime | RangeOp::StdvarOverTime => {
                Accumulator::Moments { count: 0, mean: 0.0, squares: 0.0 }
            }
            RangeOp::FirstOverTime => Accumulator::First(None),
            RangeOp::LastOverTime => Accumulator::Last(None),
            RangeOp::QuantileOverTime => Accumulator::Quantile(Sketch::default()),
            _ if matches!(self.family(), "sum" | "bytes") => Accumulator::Sum(0.0),
            _ => Accumulator::Count(0),
        }
    }

    /// What the entry adds, when it belongs here.
    pub fn sample(&self, entry: &dyn Entry) -> Option<LeafSample> {
        let sample = self.sampler.sample(entry, None)?;
        let error = sample.error();
        let mut labels = Vec::new();
        // Which series a line is of does not matter where only their absence does.
        if error.is_some() || self.sampler.range().op != RangeOp::AbsentOverTime {
            self.sampler.visit_series(&sample.labels, &mut |name, value| {
                let kept = value.get(..value.floor_char_boundary(MAX_LABEL_BYTES)).unwrap_or_default();
                labels.push((name.to_owned(), kept.to_owned()));
            });
        }
        Some(LeafSample { labels: Labels::new(labels), value: sample.value, error })
    }

    /// The function's values by series, from the samples of a window.
    pub(super) fn vector(&self, window: &LeafWindow) -> Result<Vec<Sample>, EvalError> {
        if let Some(errors) = &window.errors {
            let error = errors.error.clone().into();
            return Err(EvalError::Pipeline { error, series: errors.series.clone() });
        }
        let range = self.sampler.range();
        let samples = window.series.iter().map(|(labels, accumulator)| Sample {
            labels: Arc::new(labels.clone()),
            value: accumulator.value(range.op, range.parameter, range.range_nanos),
        });
        Ok(self.sampler.finish(samples.collect()))
    }
}

fn sorted(grouping: &Grouping) -> Grouping {
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort_unstable();
        names.dedup();
        names
    };
    match grouping {
        Grouping::By(names) => Grouping::By(sorted(names)),
        Grouping::Without(names) => Grouping::Without(sorted(names)),
    }
}

fn reads_clock(stage: &Stage) -> bool {
    match stage {
        Stage::LineFormat(template) => template.reads_clock(),
        Stage::LabelFormat(formats) => formats
            .iter()
            .any(|format| matches!(format, LabelFormat::Template { template, .. } if template.reads_clock())),
        _ => false,
    }
}
