//! What happens to one line: the selector, then stage after stage, until one
//! drops the line. Labels are looked at before the line, because they are
//! shorter and reject most entries; nothing is allocated while no stage
//! changes a label or the line.
//!
//! A stage that cannot do its work does not drop the line: it sets the label
//! `__error__` (and `__error_details__`), which a later filter can look at.

mod decolorize;
mod ip;
mod json;
mod json_path;
mod label_filter;
mod label_format;
mod labels;
mod line_filter;
mod line_pattern;
mod logfmt;
mod regexp;
mod selection;
mod shared_line;
mod unpack;

use std::borrow::Cow;

use crate::ast::{LogExpr, Stage};
use crate::entry::Entry;

pub use ip::IpMatcher;
pub use json::JsonParser;
pub use json_path::{JsonPath, PathStep};
pub use label_filter::LabelFilter;
pub use label_format::LabelFormat;
pub use labels::{DETAILS_LABEL, ERROR_LABEL, LineLabels, PRESERVE_LABEL};
pub use line_filter::{LineFilter, LineMatch};
pub use line_pattern::{LinePattern, PatternPart};
pub use logfmt::LogfmtParser;
pub use regexp::RegexpParser;
pub use shared_line::SharedLine;

/// What stages need to know that the line does not say. The fields but the
/// first are what a metric query knows about its labels, and what lets its
/// parsers stop early: a fault behind all that is asked for is no error.
#[derive(Debug, Clone, Copy, Default)]
pub struct PipelineContext<'c> {
    /// The `now` of templates, in nanoseconds since the epoch; without it
    /// `now` is an error of the template.
    pub now_nanos: Option<i64>,
    /// The parsers need not run: no label is asked for.
    pub skips_parsers: bool,
    /// The query asks for `__error__` itself, so errors of parsers do not fail it.
    pub preserves_errors: bool,
    /// The labels that are asked for, when these are known: a parser that has
    /// found them all stops.
    pub required: &'c [String],
    /// A line is dropped as soon as a parser finds a label that a later filter rejects.
    pub drops_early: bool,
    /// Nothing asks for the line behind the last stage that reads it: formats
    /// of the line there are passed over.
    pub ignores_last_line: bool,
    /// What the parsers of other pipelines found in the line of the same entry.
    pub shared: Option<&'c SharedLine>,
}

/// What is left of an entry after the pipeline.
pub struct ProcessedLine<'e> {
    /// The line.
    pub line: Cow<'e, str>,
    /// Its labels.
    pub labels: LineLabels<'e>,
}

impl LogExpr {
    /// Whether the entry passes the selector and every stage.
    pub fn matches<E: Entry + ?Sized>(&self, entry: &E) -> bool {
        self.process(&entry, PipelineContext::default()).is_some()
    }

    /// Whether the entry passes the selector.
    pub fn selects(&self, entry: &dyn Entry) -> bool {
        self.matchers.iter().all(|matcher| matcher.matches(entry))
    }

    /// The entry after the pipeline, unless it is dropped on the way.
    pub fn process<'e>(
        &self,
        entry: &'e dyn Entry,
        context: PipelineContext<'e>,
    ) -> Option<ProcessedLine<'e>> {
        if self.selects(entry) { self.process_selected(entry, context) } else { None }
    }

    /// As [`LogExpr::process`], for an entry that passes the selector.
    pub fn process_selected<'e>(
        &self,
        entry: &'e dyn Entry,
        context: PipelineContext<'e>,
    ) -> Option<ProcessedLine<'e>> {
        let mut processed =
            ProcessedLine { line: Cow::Borrowed(entry.line()), labels: LineLabels::new(entry, context) };
        for (i, stage) in self.stages.iter().enumerate() {
            let last = matches!(stage, Stage::LineFormat(_)) && context.ignores_last_line;
            if last && !self.stages.iter().skip(i + 1).any(Stage::reads_line) {
                continue;
            }
            let had_error = processed.labels.has_error();
            if !stage.process(&mut processed) {
                return None;
            }
            if context.drops_early && !had_error && processed.labels.has_error() {
                let later = self.stages.get(i + 1..).unwrap_or_default();
                if matches!(stage, Stage::Json(_) | Stage::Logfmt(_)) && rejects(later, &mut processed.labels)
                {
                    return None;
                }
            }
        }
        Some(processed)
    }
}

/// Whether a filter on one label, which the parser found before it failed,
/// rejects it. Such a line is dropped for its label, not kept for its error.
fn rejects(later: &[Stage], labels: &mut LineLabels<'_>) -> bool {
    let unchanged = later.iter().take_while(|stage| !matches!(stage, Stage::LabelFormat(_)));
    let mut filters = unchanged
        .filter_map(|stage| if let Stage::LabelFilter(filter) = stage { Some(filter) } else { None });
    filters.any(|filter| {
        let known = filter.single_name().is_some_and(|name| labels.was_extracted(name));
        known && !labels.without_error(|labels| filter.process(labels))
    })
}

impl Stage {
    /// Whether the stage looks at the line.
    pub(crate) fn reads_line(&self) -> bool {
        match self {
            Self::LineFilter(_)
            | Self::Json(_)
            | Self::Logfmt(_)
            | Self::Regexp(_)
            | Self::Pattern(_)
            | Self::Unpack => true,
            Self::LabelFormat(formats) => formats.iter().any(LabelFormat::reads_line),
            _ => false,
        }
    }

    /// A parser that is the first to change a line's labels finds what others
    /// found there; true when that was all it had to do.
    fn parses_shared<'e>(&self, shared: &'e SharedLine, labels: &mut LineLabels<'e>) -> bool {
        if labels.context().skips_parsers || !labels.are_unchanged() {
            return false;
        }
        match self {
            Self::Json(parser) => parser.process_shared(shared, labels),
            Self::Logfmt(parser) => parser.process_shared(shared, labels),
            _ => false,
        }
    }

    /// Whether the line stays.
    fn process(&self, at: &mut ProcessedLine<'_>) -> bool {
        let ProcessedLine { line, labels } = at;
        if let (Cow::Borrowed(_), Some(shared)) = (&line, labels.context().shared)
            && self.parses_shared(shared, labels)
        {
            return true;
        }
        match self {
            Self::LineFilter(filter) => return filter.matches(line),
            Self::LabelFilter(filter) => return filter.process(labels),
            Self::Json(_) | Self::Logfmt(_) | Self::Regexp(_) | Self::Pattern(_)
                if labels.context().skips_parsers || labels.are_complete() => {}
            Self::Json(parser) => parser.process(line, labels),
            Self::Logfmt(parser) => parser.process(line, labels),
            Self::Regexp(parser) => parser.process(line, labels),
            Self::Pattern(pattern) => pattern.process(line, labels),
            Self::Unpack => unpack::process(line, labels),
            Self::LineFormat(template) => match template.render(line, labels) {
                Ok(text) => *line = Cow::Owned(text),
                Err(err) => labels.set_error("TemplateFormatErr", format!("template: line:1: {err}")),
            },
            Self::LabelFormat(formats) => label_format::process(formats, line, labels),
            Self::Decolorize => decolorize::process(line),
            Self::Drop(selections) => selection::drop_labels(selections, labels),
            Self::Keep(selections) => selection::keep_labels(selections, labels),
        }
        true
    }
}
