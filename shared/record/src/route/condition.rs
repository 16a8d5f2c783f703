//! Which records a filter, a sampler or a retention class is about.

use catchment_logql::{Expr, LogExpr, nearest, parse};
use serde::Deserialize;

use super::{Globs, RetentionClass};
use crate::config::{ConfigFault, Located};
use crate::entry::LABELS;
use crate::record::LogRecord;
use crate::source::LogGroup;

/// Which records: every condition that is there must hold.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Condition {
    /// A LogQL log query over the records' columns: `{service="web"} |= "GET /health"`.
    /// `level` is the level as written, `detected_level` is trace, debug, info,
    /// warn, error or fatal.
    pub selector: Option<Located<String>>,
    /// Globs over the service's name; one must match.
    pub services: Option<Located<Vec<Located<String>>>>,
    /// Globs over the log group's name; one must match.
    pub log_groups: Option<Located<Vec<Located<String>>>>,
    /// The levels, however the lines spell them.
    pub levels: Option<Located<Vec<Level>>>,
    /// The retention classes that the records would be kept in.
    pub classes: Option<Located<Vec<RetentionClass>>>,
}

/// A level, however a line spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Severity numbers 1 to 4 of OpenTelemetry.
    Trace,
    /// Severity numbers 5 to 8.
    Debug,
    /// Severity numbers 9 to 12.
    Info,
    /// Severity numbers 13 to 16.
    Warn,
    /// Severity numbers 17 to 20.
    Error,
    /// Severity numbers 21 to 24.
    Fatal,
    /// The line states none.
    Unknown,
}

impl Level {
    /// The level of a record.
    pub(super) fn of(record: &LogRecord<'_>) -> Self {
        match record.severity_number {
            None | Some(0) => Self::Unknown,
            Some(1..=4) => Self::Trace,
            Some(5..=8) => Self::Debug,
            Some(9..=12) => Self::Info,
            Some(13..=16) => Self::Warn,
            Some(17..=20) => Self::Error,
            Some(_) => Self::Fatal,
        }
    }

    /// WARN and above: what no sampler touches.
    pub(super) fn is_severe(self) -> bool {
        matches!(self, Self::Warn | Self::Error | Self::Fatal)
    }
}

impl Condition {
    /// Whether nothing is asked for: such a condition holds for every record.
    pub(super) fn is_empty(&self) -> bool {
        self.selector.is_none()
            && self.services.is_none()
            && self.log_groups.is_none()
            && self.levels.is_none()
            && self.classes.is_none()
    }
}

/// A condition, compiled.
#[derive(Debug, Clone)]
pub(super) struct Matcher {
    selector: Option<LogExpr>,
    services: Option<Globs>,
    log_groups: Option<Globs>,
    levels: Option<Vec<Level>>,
    classes: Option<Vec<RetentionClass>>,
}

impl Matcher {
    /// Compiles the condition; what is wrong is added to `faults`.
    pub(super) fn new(condition: &Condition, faults: &mut Vec<ConfigFault>) -> Self {
        Self {
            selector: condition.selector.as_ref().and_then(|text| selector(text, faults)),
            services: condition.services.as_ref().map(|list| globs("services", list, faults)),
            log_groups: condition.log_groups.as_ref().map(|list| globs("log_groups", list, faults)),
            levels: condition.levels.as_ref().map(|list| filled("levels", list, faults)),
            classes: condition.classes.as_ref().map(|list| filled("classes", list, faults)),
        }
    }

    /// Whether it can hold for any record of the log group.
    pub(super) fn is_about(&self, log_group: &LogGroup) -> bool {
        self.log_groups.as_ref().is_none_or(|globs| globs.match_name(log_group.as_str()))
    }

    /// Whether it holds for a record of a log group that it is about. What is
    /// cheap is looked at first.
    pub(super) fn matches(&self, record: &LogRecord<'_>, class: RetentionClass) -> bool {
        self.classes.as_ref().is_none_or(|classes| classes.contains(&class))
            && self.levels.as_ref().is_none_or(|levels| levels.contains(&Level::of(record)))
            && self.services.as_ref().is_none_or(|globs| globs.match_name(&record.service))
            && self.selector.as_ref().is_none_or(|selector| selector.matches(record))
    }
}

fn selector(text: &Located<String>, faults: &mut Vec<ConfigFault>) -> Option<LogExpr> {
    match parse(&text.value) {
        Ok(Expr::Log(selector)) => {
            for matcher in &selector.matchers {
                check_label(&matcher.name, text, faults);
            }
            return Some(selector);
        }
        Ok(Expr::Metric(_)) => faults.push(text.fault(
            "the selector is a metric, which is true of no line; write a log query such as {service=\"web\"} |= \"GET /health\"",
        )),
        Err(err) => faults.push(text.fault(format!("the selector: {err} of the selector"))),
    }
    None
}

/// A label that no record has matches nothing, or, negated, everything: a slip of
/// the pen that would remove what nobody meant.
fn check_label(name: &str, text: &Located<String>, faults: &mut Vec<ConfigFault>) {
    if LABELS.contains(&name) {
        return;
    }
    let hint = match nearest(name, LABELS) {
        Some(word) => format!("did you mean \"{word}\"?"),
        None => format!("there are {}", LABELS.join(", ")),
    };
    faults.push(text.fault(format!("the selector: no record has a label \"{name}\"; {hint}")));
}

fn globs(name: &str, list: &Located<Vec<Located<String>>>, faults: &mut Vec<ConfigFault>) -> Globs {
    let mut wanted = Vec::new();
    for glob in filled(name, list, faults) {
        match Globs::new(std::slice::from_ref(&glob.value)) {
            Ok(_) => wanted.push(glob.value),
            Err(err) => faults.push(glob.fault(format!("the list \"{name}\": {err}"))),
        }
    }
    Globs::new(&wanted).unwrap_or_else(|err| {
        faults.push(list.fault(format!("the list \"{name}\": {err}")));
        Globs::default()
    })
}

/// An empty list would hold for no record, or, read carelessly, for all.
fn filled<T: Clone>(name: &str, list: &Located<Vec<T>>, faults: &mut Vec<ConfigFault>) -> Vec<T> {
    if list.value.is_empty() {
        faults.push(list.fault(format!("the list \"{name}\" is empty; fill it, or leave it out")));
    }
    list.value.clone()
}
