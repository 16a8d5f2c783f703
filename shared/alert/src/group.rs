//! Rules and their groups, ready to run.

use std::collections::BTreeMap;
use std::fmt;

use catchment_logql::{Series, SummedExpr, SummedRange};

use crate::digest::short_hash;
use crate::template::Template;

/// The identity of a rule: a hash of its group, its name and its expression.
/// A rule whose expression changes is another rule and starts afresh.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId(String);

impl RuleId {
    /// The identity of the rule of this group, name and expression.
    pub fn new(group: &str, name: &str, expr: &str) -> Self {
        Self(short_hash([group, name, expr.trim()]))
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
    /// At most so many series may alert at once; 0 sets no limit.
    pub limit: usize,
    /// The rules, in the file's order.
    pub rules: Vec<Rule>,
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

/// An alerting rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its identity.
    pub id: RuleId,
    /// The alert's name.
    pub name: String,
    /// The expression as it was written, trimmed.
    pub expr_text: String,
    /// The expression.
    pub expr: SummedExpr,
    /// How long the condition must hold before the alert fires.
    pub for_ms: i64,
    /// How long the alert stays when the condition no longer holds.
    pub keep_firing_for_ms: i64,
    /// Labels the rule adds, those of its group included.
    pub labels: BTreeMap<String, Template>,
    /// Texts for the reader.
    pub annotations: BTreeMap<String, Template>,
    pub(crate) range: SummedRange,
    pub(crate) series_labels: Vec<String>,
    pub(crate) bucket_ms: i64,
    pub(crate) partial_ttl_ms: i64,
}

impl Rule {
    /// The window of an evaluation at `at_ms`: `(from, to]`.
    pub fn window(&self, group: &Group, at_ms: i64) -> (i64, i64) {
        let to = at_ms - group.query_offset_ms;
        (to - self.range.range_ms, to)
    }

    /// The labels an alert of this series carries, apart from its name.
    pub fn alert_labels(&self, series: &Series, value: f64) -> BTreeMap<String, String> {
        let mut labels = series.labels().clone();
        let own = self.labels.iter();
        let own: Vec<_> = own.map(|(k, t)| (k.clone(), t.render(series.labels(), value))).collect();
        labels.extend(own);
        labels.retain(|_, value| !value.is_empty());
        labels
    }
}
