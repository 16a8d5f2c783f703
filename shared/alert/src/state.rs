//! The state machine of alerts, as Prometheus and Loki have it: a series is
//! inactive (no state), pending, firing, or resolved.
//!
//! All series of a rule are one [`RuleState`], stored under one version: an
//! evaluation moves all of them or none. Nothing is read or written here.
//!
//! Always true: what is older than what is known changes nothing; a peek (an
//! evaluation before its window is over) may begin an alert and never ends one;
//! what people were told is part of the state ([`Told`]), and a series is
//! forgotten only when they know that it is over.

use std::collections::BTreeMap;

use catchment_logql::Labels;
use serde::{Deserialize, Serialize};

use crate::first_series::MAX_SERIES;
use crate::flap::note_end;
use crate::group::{Evaluated, Group, Rule, RuleId};
use crate::health::Health;
use crate::history::{SeriesChange, Transition};
use crate::inhibit::Muted;
use crate::rules::{RuleFile, RuleSet};
use crate::stored;

/// The label that carries the alert's name, as in Prometheus.
pub const NAME_LABEL: &str = "alertname";
/// How large the series of one rule may be together, in bytes of their labels: an
/// item of DynamoDB takes 400 KB.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
pub const MAX_STATE_BYTES: usize = 300 * 1024;
/// What a series takes beside its labels, in bytes, at most.
const SERIES_BYTES: usize = 400;

/// Where a series stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The condition holds, for a shorter time than the rule's `for`.
    Pending,
    /// The alert is on.
    Firing,
    /// The alert is over. It is kept while people do not know that, and while it
    /// counts for flap damping.
    Resolved,
}

/// How an evaluation came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// At its time, with its window over.
    Tick,
    /// Before its window is over: what holds now can only go on holding, what
    /// does not may hold in a moment.
    Peek,
}

/// What people know of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// When they were told last, in milliseconds.
    pub at_ms: i64,
    /// Since when the alert is on, as they were told.
    pub since_ms: i64,
    /// Whether they were told that it comes and goes, and hear no more until it stays.
    pub flapping: bool,
}

/// The state of one series of a rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeriesState {
    /// The alert's labels, its name among them. They tell the series apart.
    pub labels: Labels,
    /// The labels of the sample, which the rule's templates see.
    pub sample: Labels,
    /// Where it stands.
    pub phase: Phase,
    /// The first evaluation at which the condition held, in milliseconds.
    pub active_at_ms: i64,
    /// The last evaluation at which the condition held.
    pub seen_ms: i64,
    /// When it began to fire.
    pub fired_at_ms: Option<i64>,
    /// Since when the condition of a firing alert no longer holds.
    pub quiet_since_ms: Option<i64>,
    /// When it was over.
    pub resolved_at_ms: Option<i64>,
    /// The last value for which the condition held.
    #[serde(with = "stored::float")]
    pub value: f64,
    /// The value furthest beyond the threshold since it became active.
    #[serde(with = "stored::float")]
    pub peak: f64,
    /// What people know: `None` that all is well.
    pub told: Option<Told>,
    /// When it was over, lately: see [`crate::flap`].
    #[serde(default)]
    pub ends_ms: Vec<i64>,
    /// Why nothing was told at the last evaluation.
    #[serde(default)]
    pub muted: Option<Muted>,
}

/// What is known of a rule without its file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleFacts {
    /// The group's name.
    pub group: String,
    /// The alert's name.
    pub name: String,
    /// The expression.
    pub expr: String,
    /// The constant that it compares with.
    #[serde(with = "stored::optional_float")]
    pub threshold: Option<f64>,
}

/// The state of a rule: its series and its health.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleState {
    /// The rule.
    pub rule: RuleId,
    /// What it says.
    pub facts: RuleFacts,
    /// Its series, ordered by labels.
    pub series: Vec<SeriesState>,
    /// The last evaluation at its time that is in here; `i64::MIN` before the first.
    pub evaluated_ms: i64,
    /// The id under which people were told of what is on now: one thread, from
    /// the first series that fires to the last that is over.
    pub thread: Option<String>,
    /// How its evaluations go.
    pub health: Health,
    /// Goes up by one with each write; 0 is not stored yet.
    pub version: u64,
}

/// What moving a rule's series on came to.
#[derive(Debug, Clone, PartialEq, Default)]
#[must_use]
pub struct Advanced {
    /// What changed.
    pub changes: Vec<SeriesChange>,
    /// Series that alert and found no room, for [`MAX_SERIES`] or
    /// [`MAX_STATE_BYTES`].
    pub cut: usize,
}

impl RuleFacts {
    /// A rule of these facts, for what is still to be told of one that is in no
    /// rule file any more: it has no words of its own.
    pub fn stand_in(&self) -> Option<(Group, Rule)> {
        let rule = serde_json::json!({"alert": self.name, "expr": self.expr});
        let text = serde_json::json!({"groups": [{"name": self.group, "rules": [rule]}]}).to_string();
        let (rules, _) = RuleSet::load(&[RuleFile { name: String::new(), text }]);
        let group = rules.groups().first()?;
        Some((group.clone(), group.rules.first()?.clone()))
    }
}

impl RuleState {
    /// A rule that was never evaluated.
    pub fn new(group: &Group, rule: &Rule) -> Self {
        Self {
            rule: rule.id.clone(),
            facts: RuleFacts {
                group: group.name.clone(),
                name: rule.name.clone(),
                expr: rule.expr_text.clone(),
                threshold: rule.expr.threshold(),
            },
            series: Vec::new(),
            evaluated_ms: i64::MIN,
            thread: None,
            health: Health::default(),
            version: 0,
        }
    }

    /// Moves every series on to `at_ms`, from what the rule evaluates to now.
    pub fn advance(&mut self, rule: &Rule, evaluated: &Evaluated, at_ms: i64, look: Look) -> Advanced {
        let values = evaluated.values.iter();
        let mut holding: BTreeMap<Labels, (Labels, f64)> =
            values.map(|(sample, value)| (rule.identity(sample, *value), (sample.clone(), *value))).collect();
        // What is not there may have been cut, or may come in a moment.
        let absent_is_over = look == Look::Tick && evaluated.cut_series == 0;
        let mut changes = Vec::new();
        let mut next = Vec::with_capacity(self.series.len());
        for mut state in std::mem::take(&mut self.series) {
            let held = holding.remove(&state.labels);
            // A late evaluation knows less than what is known.
            let is_old = state.seen_ms > at_ms || (look == Look::Tick && self.evaluated_ms >= at_ms);
            if !is_old {
                state.step(rule, held, at_ms, absent_is_over, &mut changes);
            }
            next.push(state);
        }
        let mut bytes: usize = next.iter().map(SeriesState::stored_bytes).sum();
        let mut cut = 0;
        if look == Look::Peek || self.evaluated_ms < at_ms {
            for (labels, (sample, value)) in holding {
                let mut state = SeriesState::new(labels, sample, value, at_ms);
                bytes += state.stored_bytes();
                if next.len() >= MAX_SERIES || bytes > MAX_STATE_BYTES {
                    cut += 1;
                    continue;
                }
                state.begin(rule, value, at_ms, &mut changes);
                next.push(state);
            }
        }
        next.sort_by(|a, b| a.labels.cmp(&b.labels));
        self.series = next;
        if look == Look::Tick {
            self.evaluated_ms = self.evaluated_ms.max(at_ms);
        }
        Advanced { changes, cut }
    }

    /// Ends what a rule left behind that is in no rule file any more.
    pub fn retire(&mut self, at_ms: i64) -> Vec<SeriesChange> {
        let mut changes = Vec::new();
        for state in &mut self.series {
            // The rule that added labels is gone.
            state.sample = state.labels.clone();
            match state.phase {
                Phase::Pending => state.drop_pending(at_ms, &mut changes),
                Phase::Firing => state.resolve(at_ms, &mut changes),
                Phase::Resolved => {}
            }
        }
        self.evaluated_ms = self.evaluated_ms.max(at_ms);
        changes
    }

    /// The labels of what fires.
    pub fn firing(&self) -> impl Iterator<Item = &Labels> {
        let firing = self.series.iter().filter(|state| state.phase == Phase::Firing);
        firing.map(|state| &state.labels)
    }

    /// When anything was last learned of it, in milliseconds.
    pub fn touched_ms(&self) -> i64 {
        let seen = self.series.iter().map(|state| state.seen_ms).max();
        self.evaluated_ms.max(seen.unwrap_or(self.health.since_ms))
    }

    /// When the first pending series is due to fire, after `after_ms`.
    pub fn next_due(&self, rule: &Rule, after_ms: i64) -> Option<i64> {
        let pending = self.series.iter().filter(|state| state.phase == Phase::Pending);
        pending.map(|state| state.active_at_ms + rule.for_ms).filter(|due| *due > after_ms).min()
    }

    /// Whether the store need not know of this state: there is nothing in it, and
    /// there was nothing before.
    pub fn is_idle_as(&self, before: &Self) -> bool {
        let is_empty = self.series.is_empty() && before.series.is_empty();
        is_empty && self.health == before.health && self.thread == before.thread
    }
}

impl SeriesState {
    fn new(labels: Labels, sample: Labels, value: f64, at_ms: i64) -> Self {
        Self {
            labels,
            sample,
            phase: Phase::Pending,
            active_at_ms: at_ms,
            seen_ms: at_ms,
            fired_at_ms: None,
            quiet_since_ms: None,
            resolved_at_ms: None,
            value,
            peak: value,
            told: None,
            ends_ms: Vec::new(),
            muted: None,
        }
    }

    fn step(
        &mut self,
        rule: &Rule,
        held: Option<(Labels, f64)>,
        at_ms: i64,
        absent_is_over: bool,
        changes: &mut Vec<SeriesChange>,
    ) {
        match (self.phase, held) {
            (_, None) if !absent_is_over => {}
            (Phase::Pending, None) => self.drop_pending(at_ms, changes),
            (Phase::Firing, None) => {
                let since = *self.quiet_since_ms.get_or_insert(at_ms);
                if at_ms - since >= rule.keep_firing_for_ms {
                    self.resolve(at_ms, changes);
                }
            }
            (Phase::Resolved, None) => {}
            (Phase::Resolved, Some((sample, value))) => {
                let before = self.clone();
                *self = Self::new(before.labels, sample, value, at_ms);
                // People who were not told of the end know of one long alert.
                (self.told, self.ends_ms) = (before.told, before.ends_ms);
                self.begin(rule, value, at_ms, changes);
            }
            (Phase::Pending | Phase::Firing, Some((sample, value))) => {
                (self.sample, self.seen_ms, self.quiet_since_ms) = (sample, at_ms, None);
                self.value = value;
                self.peak = further(self.peak, value, rule.expr.threshold());
                self.fire_if_due(rule, at_ms, changes);
            }
        }
    }

    fn begin(&mut self, rule: &Rule, value: f64, at_ms: i64, changes: &mut Vec<SeriesChange>) {
        (self.value, self.peak) = (value, value);
        if rule.for_ms > 0 {
            changes.push(self.change(Transition::Pending, at_ms));
        }
        self.fire_if_due(rule, at_ms, changes);
    }

    fn fire_if_due(&mut self, rule: &Rule, at_ms: i64, changes: &mut Vec<SeriesChange>) {
        if self.phase == Phase::Pending && at_ms - self.active_at_ms >= rule.for_ms {
            (self.phase, self.fired_at_ms) = (Phase::Firing, Some(at_ms));
            changes.push(self.change(Transition::Firing, at_ms));
        }
    }

    /// The condition held too shortly. What fired before that and is not told as
    /// over is still owed, so the state stays until [`RuleState::settle`].
    fn drop_pending(&mut self, at_ms: i64, changes: &mut Vec<SeriesChange>) {
        changes.push(self.change(Transition::Inactive, at_ms));
        (self.phase, self.resolved_at_ms) = (Phase::Resolved, Some(at_ms));
    }

    fn resolve(&mut self, at_ms: i64, changes: &mut Vec<SeriesChange>) {
        (self.phase, self.resolved_at_ms) = (Phase::Resolved, Some(at_ms));
        note_end(&mut self.ends_ms, at_ms);
        changes.push(self.change(Transition::Resolved, at_ms));
    }

    /// An entry of the history about this series.
    pub(crate) fn change(&self, to: Transition, at_ms: i64) -> SeriesChange {
        SeriesChange { labels: self.labels.clone(), to, at_ms, value: self.value }
    }

    fn stored_bytes(&self) -> usize {
        let labels = self.labels.iter().chain(self.sample.iter());
        SERIES_BYTES + labels.map(|(name, value)| name.len() + value.len() + 6).sum::<usize>()
    }
}

/// Of two values for which the condition held the one further beyond the
/// threshold; without one, the greater.
fn further(a: f64, b: f64, threshold: Option<f64>) -> f64 {
    let below = threshold.is_some_and(|threshold| b < threshold);
    if below == (b < a) { b } else { a }
}
