//! From a rule and the series that changed to the message about them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::condition::Condition;
use crate::group::{Group, Rule};
use crate::links::{self, Span};
use crate::message::{
    AlertMessage, AlertedSeries, Links, MAX_FIELDS, MAX_LABEL_CHARS, MAX_SAMPLE_CHARS, MAX_SAMPLES,
    MAX_SERIES, MAX_TEXT_CHARS, Status,
};
use crate::text::{lines, one_line};
use catchment_logql::{Labels, MatchValue};

/// Lines around a resolution and a firing that the links show too.
const MARGIN_MS: i64 = 60_000;

/// Who tells, and where it runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The stack's name.
    pub stack: String,
    /// The Region of AWS; empty where it is not known.
    pub region: String,
}

/// What there is to tell: series of one rule that changed in one evaluation.
#[derive(Debug, Clone)]
pub struct News<'a> {
    /// The group of the rule.
    pub group: &'a Group,
    /// The rule.
    pub rule: &'a Rule,
    /// The thread: the same for all that is told of one alert.
    pub id: String,
    /// What is told.
    pub status: Status,
    /// The series, at least one.
    pub series: Vec<SeriesNews<'a>>,
    /// Lines that matched, redacted; the first [`MAX_SAMPLES`] are told.
    pub samples: Vec<String>,
    /// The log groups of the lines, where they are known beyond the labels.
    pub log_groups: Vec<String>,
    /// The evaluation.
    pub at_ms: i64,
    /// Who tells.
    pub origin: &'a Origin,
}

/// One series that changed.
#[derive(Debug, Clone)]
pub struct SeriesNews<'a> {
    /// Its labels.
    pub series: &'a Labels,
    /// The last value for which the condition held.
    pub value: f64,
    /// The worst value while it was on, where that is known.
    pub peak: Option<f64>,
    /// When it began to fire, in milliseconds.
    pub fired_at_ms: i64,
    /// When it was over, in milliseconds.
    pub resolved_at_ms: Option<i64>,
}

impl News<'_> {
    /// The message.
    pub fn message(&self) -> AlertMessage {
        let condition = Condition::of(&self.rule.expr_text);
        let mut series: Vec<&SeriesNews<'_>> = self.series.iter().collect();
        series.sort_by(|a, b| {
            let worse = b.badness().total_cmp(&a.badness());
            if condition.is_about_too_little() { worse.reverse() } else { worse }
        });
        let labels: Vec<BTreeMap<String, String>> = series.iter().map(|it| self.labels(it)).collect();
        let common = common(&labels);
        let (summary, description, runbook, annotations) = self.annotations(series.first());
        let shown = series.iter().zip(labels).take(MAX_SERIES).map(|(it, labels)| AlertedSeries {
            labels,
            value: it.value,
            peak: it.peak,
            fired_at: rfc3339(it.fired_at_ms),
            resolved_at: it.resolved_at_ms.map(rfc3339),
        });
        let since_ms = series.iter().map(|it| it.fired_at_ms).min().unwrap_or(self.at_ms);
        let over_ms = series.iter().filter_map(|it| it.resolved_at_ms).max();
        let (command, console) = self.links(&condition, since_ms);
        AlertMessage {
            id: self.id.clone(),
            name: self.rule.name.clone(),
            group: self.group.name.clone(),
            summary,
            description,
            severity: common.get("severity").cloned().unwrap_or_else(|| "none".to_owned()),
            status: self.status,
            condition: one_line(&self.rule.expr_text, MAX_TEXT_CHARS),
            threshold: condition.comparison.map(|(_, constant)| constant),
            labels: common,
            annotations,
            series: shown.collect(),
            more: series.len().saturating_sub(MAX_SERIES) as u64,
            since: rfc3339(since_ms),
            resolved_at: over_ms.filter(|_| self.status == Status::Resolved).map(rfc3339),
            samples: self.samples(),
            links: Links { command, console, runbook },
            stack: self.origin.stack.clone(),
        }
    }

    fn labels(&self, it: &SeriesNews<'_>) -> BTreeMap<String, String> {
        let labels = self.rule.alert_labels(it.series, it.value).into_iter();
        let labels = labels.map(|(name, value)| (name, one_line(&value, MAX_LABEL_CHARS)));
        labels.filter(|(_, value)| !value.is_empty()).take(MAX_FIELDS).collect()
    }

    /// Summary, description, runbook and the other annotations, for this series.
    fn annotations(
        &self,
        of: Option<&&SeriesNews<'_>>,
    ) -> (String, String, Option<String>, BTreeMap<String, String>) {
        let Some(of) = of else {
            return Default::default();
        };
        let texts = self.rule.annotations.iter();
        let mut texts: BTreeMap<String, String> =
            texts.map(|(name, text)| (name.clone(), text.render(&of.series.to_map(), of.value))).collect();
        let mut take = |name: &str| texts.remove(name).unwrap_or_default();
        let (summary, description) = (take("summary"), take("description"));
        let runbook = one_line(&take("runbook_url"), MAX_TEXT_CHARS);
        let texts = texts.into_iter().map(|(name, text)| (name, lines(&text, MAX_TEXT_CHARS)));
        (
            one_line(&summary, MAX_TEXT_CHARS),
            lines(&description, MAX_TEXT_CHARS),
            is_address(&runbook).then_some(runbook),
            texts.take(MAX_FIELDS).collect(),
        )
    }

    fn samples(&self) -> Vec<String> {
        let samples = self.samples.iter().map(|line| one_line(line, MAX_SAMPLE_CHARS));
        samples.filter(|line| !line.is_empty()).take(MAX_SAMPLES).collect()
    }

    /// The command and the console's address.
    fn links(&self, condition: &Condition, since_ms: i64) -> (Option<String>, Option<String>) {
        let Some(log) = &condition.log else {
            return (None, None);
        };
        let from_ms = since_ms.saturating_sub(condition.reach_ms).saturating_sub(self.group.query_offset_ms);
        let span =
            Span { from_ms: from_ms.saturating_sub(MARGIN_MS), to_ms: self.at_ms.saturating_add(MARGIN_MS) };
        let all: Vec<BTreeMap<String, String>> = self.series.iter().map(|it| it.series.to_map()).collect();
        let labels = if condition.relabels { BTreeMap::new() } else { common(&all) };
        let mut groups: BTreeSet<String> =
            all.iter().filter_map(|labels| labels.get("log_group").cloned()).collect();
        groups.extend(self.log_groups.iter().cloned());
        groups.extend(log.matchers.iter().filter(|it| it.name == "log_group" && !it.negated).filter_map(
            |it| match &it.value {
                MatchValue::Text(group) => Some(group.clone()),
                MatchValue::Regex(_) => None,
            },
        ));
        let groups: Vec<String> = groups.into_iter().collect();
        let region = labels.get("region").unwrap_or(&self.origin.region);
        let stack = &self.origin.stack;
        // Without the labels it shows more lines than it needs to, but it shows them.
        let command = links::command(log, &labels, span, stack)
            .or_else(|| links::command(log, &BTreeMap::new(), span, stack));
        (command, links::console(log, &groups, span, region))
    }
}

impl SeriesNews<'_> {
    fn badness(&self) -> f64 {
        self.peak.unwrap_or(self.value)
    }
}

/// The labels that all have.
fn common(labels: &[BTreeMap<String, String>]) -> BTreeMap<String, String> {
    let Some((first, others)) = labels.split_first() else {
        return BTreeMap::new();
    };
    let shared = first.iter().filter(|(name, value)| others.iter().all(|it| it.get(*name) == Some(value)));
    shared.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Whether a text is an address to click on.
fn is_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty())
        && !text.contains(|c: char| c.is_whitespace() || "<>|\"".contains(c))
}

/// A time in milliseconds as messages have it.
pub fn rfc3339(millis: i64) -> String {
    Timestamp::from_millisecond(millis).unwrap_or_default().to_string()
}
