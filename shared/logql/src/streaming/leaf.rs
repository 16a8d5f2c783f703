//! A range function whose lines arrive in batches.

use std::fmt::Write;
use std::sync::Arc;

use super::{Accumulator, LeafWindow, NotStreamable, Sketch};
use crate::ast::{Grouping, LogExpr, RangeAggregation, RangeOp, Stage};
use crate::entry::Entry;
use crate::metric::{Around, EvalError, Labels, LineSample, Sample, Sampler};
use crate::names::{RANGE_OPS, name_of};
use crate::pipeline::{LabelFormat, SharedLine};

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
pub struct LeafSample<'e> {
    leaf: &'e StreamedLeaf,
    line: LineSample<'e>,
}

impl LeafSample<'_> {
    /// The value.
    pub fn value(&self) -> f64 {
        self.line.value
    }

    /// The kind of error that the line met and the expression does not deal with:
    /// the line counts for no series, and its window has no value.
    pub fn error(&self) -> Option<&'static str> {
        self.line.error()
    }

    /// The series.
    pub fn labels(&self) -> Labels {
        let mut labels = Vec::new();
        self.visit_series(&mut |name, value| labels.push((name.to_owned(), value.to_owned())));
        Labels::new(labels)
    }

    /// Writes bytes that only lines of one series have in common. Lines of one
    /// stream have the same, so that their series is built once.
    pub fn write_series(&self, out: &mut Vec<u8>) {
        self.visit_series(&mut |name, value| {
            for part in [name, value] {
                out.extend_from_slice(&part.len().to_le_bytes());
                out.extend_from_slice(part.as_bytes());
            }
        });
    }

    fn visit_series(&self, visit: &mut dyn FnMut(&str, &str)) {
        let sampler = &self.leaf.sampler;
        // Which series a line is of does not matter where only their absence does.
        if self.error().is_some() || sampler.range().op != RangeOp::AbsentOverTime {
            sampler.visit_series(&self.line.labels, &mut |name, value| {
                visit(name, value.get(..value.floor_char_boundary(MAX_LABEL_BYTES)).unwrap_or_default());
            });
        }
    }
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

    /// What an entry adds that passes the selector, when it belongs here.
    pub fn sample<'e>(&'e self, entry: &'e dyn Entry, shared: &'e SharedLine) -> Option<LeafSample<'e>> {
        Some(LeafSample { leaf: self, line: self.sampler.sample_selected(entry, shared)? })
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
