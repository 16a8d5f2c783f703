//! Rules and their groups, ready to run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use catchment_logql::{EvalError, Labels, StreamedExpr};
use serde::{Deserialize, Serialize};

use crate::digest::short_hash;
use crate::first_series::MAX_SERIES;
use crate::leaf::{RuleLeaf, gcd};
use crate::partial::SampleLine;
use crate::state::NAME_LABEL;
use crate::template::Template;
use crate::window::StoredWindow;

/// The identity of a rule: a hash of its group, its name and its expression.
/// A rule whose expression changes is another rule and starts afresh.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleId(String);

impl RuleId {
    /// The identity of the rule of this group, name and expression.
    pub fn new(group: &str, name: &str, expr: &str) -> Self {
        Self(short_hash([group, name, expr.trim()]))
    }

    /// The identity that [`RuleId::as_str`] gave.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Sixteen hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Rules that are evaluated together.
#[derive(Debug, Clone)]
pub struct Group {
    /// The name, unique in a rule set.
    pub name: String,
    /// Time between evaluations, which take place at its multiples.
    pub interval_ms: i64,
    /// How far behind the clock windows end, for logs that arrive late.
    pub query_offset_ms: i64,
    /// At most so many series of a rule may alert at once; 0 is the default, [`MAX_SERIES`].
    pub limit: usize,
    /// The alerting rules, in the file's order.
    pub rules: Vec<Rule>,
    /// The recording rules, in the file's order: what they come to is a metric.
    pub records: Vec<Rule>,
}

impl Group {
    /// The evaluation times that are due: after the last one done, up to now,
    /// oldest first, at most `most` of them, and how many older ones are left
    /// out. A group that was never evaluated starts with the latest time.
    pub fn due(&self, done_ms: Option<i64>, now_ms: i64, most: usize) -> (Vec<i64>, u64) {
        let latest = now_ms.div_euclid(self.interval_ms);
        let first = done_ms.map_or(latest, |done| done.div_euclid(self.interval_ms) + 1);
        let due = u64::try_from(latest - first + 1).unwrap_or_default();
        let taken = due.min(most as u64);
        let start = latest + 1 - i64::try_from(taken).unwrap_or_default();
        let times = (start..=latest).map(|n| n * self.interval_ms).collect();
        (times, due - taken)
    }
}

/// An alerting rule, or one whose values are recorded.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its identity.
    pub id: RuleId,
    /// The alert's name, or the metric's.
    pub name: String,
    /// The expression as it was written, trimmed.
    pub expr_text: String,
    /// The expression.
    pub expr: StreamedExpr,
    /// Its range functions, in the order of [`StreamedExpr::leaves`].
    pub leaves: Vec<RuleLeaf>,
    /// How long the condition must hold before the alert fires.
    pub for_ms: i64,
    /// How long the alert stays when the condition no longer holds.
    pub keep_firing_for_ms: i64,
    /// Labels the rule adds, those of its group included.
    pub labels: BTreeMap<String, Template>,
    /// Texts for the reader.
    pub annotations: BTreeMap<String, Template>,
    pub(crate) usable_from_ms: i64,
}

/// What an evaluation of a rule came to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Evaluated {
    /// The series for which the expression has a value, ordered by labels.
    pub values: Vec<(Labels, f64)>,
    /// At least so many series were cut at a limit, [`MAX_SERIES`] or that of the
    /// group. Above zero the rule is not healthy: a series that is not among the
    /// values may be one that was cut, so its state is to be left as it is.
    pub cut_series: u64,
    /// The latest lines that the values come from, the latest first.
    pub samples: Vec<SampleLine>,
}

/// Why a rule has no value now.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EvaluationError {
    /// The expression has none.
    #[error(transparent)]
    Expression(#[from] EvalError),
    /// Two series would be one alert.
    #[error(
        "two series have the labels {labels} once the rule's own are added; aggregate them, or give the rule fewer labels"
    )]
    SameLabels {
        /// The labels.
        labels: Labels,
    },
}

impl Rule {
    /// Whether the rule may be evaluated at `at_ms`: one that is new waits until its
    /// windows hold what they should.
    pub fn is_ready(&self, at_ms: i64) -> bool {
        at_ms >= self.usable_from_ms
    }

    /// The windows `(from, to]` of an evaluation at `at_ms`, one for each of the leaves.
    pub fn windows(&self, group: &Group, at_ms: i64) -> Vec<(i64, i64)> {
        let end_ms = at_ms - group.query_offset_ms;
        self.leaves.iter().map(|leaf| leaf.window(end_ms)).collect()
    }

    /// The rule's value, from what is stored of those windows.
    pub fn evaluate(&self, group: &Group, stored: Vec<StoredWindow>) -> Result<Evaluated, EvaluationError> {
        let mut evaluated = Evaluated::default();
        let mut windows = Vec::with_capacity(stored.len());
        for StoredWindow { window, cut_series, samples } in stored {
            evaluated.cut_series = evaluated.cut_series.max(cut_series);
            if evaluated.samples.is_empty() {
                evaluated.samples = samples;
            }
            windows.push(window);
        }
        let mut samples = self.expr.evaluate(&windows)?;
        samples.sort_by(|a, b| a.labels.cmp(&b.labels));
        let most = if group.limit == 0 { MAX_SERIES } else { group.limit.min(MAX_SERIES) };
        evaluated.cut_series += samples.len().saturating_sub(most) as u64;
        samples.truncate(most);
        let mut seen = BTreeSet::new();
        for sample in &samples {
            if !seen.insert(self.alert_labels(&sample.labels, sample.value)) {
                return Err(EvaluationError::SameLabels { labels: (*sample.labels).clone() });
            }
        }
        let values = samples.into_iter().map(|sample| ((*sample.labels).clone(), sample.value));
        evaluated.values = values.collect();
        Ok(evaluated)
    }

    /// The times at which every window is made of whole buckets are the multiples of
    /// this, in milliseconds. It divides the group's interval.
    pub fn bucket_ms(&self) -> i64 {
        self.leaves.iter().fold(1, |all, leaf| all / gcd(all, leaf.bucket_ms) * leaf.bucket_ms)
    }

    /// The labels that tell the alerts of this rule apart: the sample's, the
    /// rule's, and the alert's name.
    pub fn identity(&self, sample: &Labels, value: f64) -> Labels {
        let labels = self.alert_labels(sample, value).into_iter();
        labels.chain([(NAME_LABEL.to_owned(), self.name.clone())]).collect()
    }

    /// The labels an alert of this series carries, apart from its name.
    pub fn alert_labels(&self, series: &Labels, value: f64) -> BTreeMap<String, String> {
        let series = series.to_map();
        let mut labels = series.clone();
        let own = self.labels.iter();
        let own: Vec<_> = own.map(|(k, t)| (k.clone(), t.render(&series, value))).collect();
        labels.extend(own);
        labels.retain(|_, value| !value.is_empty());
        labels
    }
}
