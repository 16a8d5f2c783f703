//! The state machine of alerts, as Prometheus and Loki have it: a series is
//! inactive (no state), pending, firing, or resolved (until that is told).
//!
//! A step is a function of the states, the values and the time; nothing is
//! read or written here. A state carries the notification it owes, so that
//! one write saves both.

use std::collections::BTreeMap;

use catchment_logql::Labels;

use crate::digest::short_hash;
use crate::group::{Group, Rule, RuleId};
use crate::message::{AlertMessage, Status};
use crate::news::{News, Origin, SeriesNews};

/// Where a series stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The condition holds, for a shorter time than the rule's `for`.
    Pending,
    /// The alert is on.
    Firing,
    /// The alert is over, and that is not told yet.
    Resolved,
}

/// The state of one series of one rule.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertState {
    /// The rule.
    pub rule: RuleId,
    /// The series.
    pub series: Labels,
    /// Where it stands.
    pub phase: Phase,
    /// The first evaluation at which the condition held, in milliseconds.
    pub active_at_ms: i64,
    /// When it began to fire, in milliseconds.
    pub fired_at_ms: Option<i64>,
    /// Since when the condition of a firing alert no longer holds.
    pub quiet_since_ms: Option<i64>,
    /// The evaluation this state comes from.
    pub evaluated_ms: i64,
    /// The last value for which the condition held.
    pub value: f64,
    /// The notification that is owed. Until it is out, the state stands still.
    pub outbox: Option<AlertMessage>,
    /// Goes up by one with each write.
    pub version: u64,
}

impl AlertState {
    /// The state after its notification went out; `None` when nothing is left to keep.
    pub fn told(&self) -> Option<Self> {
        let next = Self { outbox: None, version: self.version + 1, ..self.clone() };
        (self.phase != Phase::Resolved).then_some(next)
    }
}

/// What a step does to one series.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Write this state.
    Save(AlertState),
    /// Forget this state: it was pending and the condition no longer holds.
    Forget(AlertState),
}

/// The steps of a rule at `at_ms`: from the states it has and the values for
/// which its condition holds now. States that were evaluated at that time or
/// later, and states that owe a notification, are left alone.
pub fn next_states(
    group: &Group,
    rule: &Rule,
    states: Vec<AlertState>,
    values: Vec<(Labels, f64)>,
    at_ms: i64,
    stack: &str,
) -> Vec<Step> {
    let mut values: BTreeMap<Labels, f64> = values.into_iter().collect();
    let mut steps = Vec::new();
    let origin = Origin { stack: stack.to_owned(), region: String::new() };
    let message = |state: &AlertState| told_of(group, rule, state, &origin);
    for state in states {
        let value = values.remove(&state.series);
        if state.evaluated_ms >= at_ms || state.outbox.is_some() {
            continue;
        }
        steps.push(step(rule, state, value, at_ms, message));
    }
    for (series, value) in values {
        let state = AlertState {
            rule: rule.id.clone(),
            series,
            phase: Phase::Pending,
            active_at_ms: at_ms,
            fired_at_ms: None,
            quiet_since_ms: None,
            evaluated_ms: at_ms,
            value,
            outbox: None,
            version: 0,
        };
        steps.push(step(rule, state, Some(value), at_ms, message));
    }
    steps
}

fn step(
    rule: &Rule,
    state: AlertState,
    value: Option<f64>,
    at_ms: i64,
    message: impl Fn(&AlertState) -> AlertMessage,
) -> Step {
    let mut next = AlertState { evaluated_ms: at_ms, version: state.version + 1, ..state.clone() };
    match (state.phase, value) {
        (Phase::Pending, None) => return Step::Forget(state),
        (Phase::Pending, Some(value)) => {
            next.value = value;
            if at_ms - state.active_at_ms >= rule.for_ms {
                next.phase = Phase::Firing;
                next.fired_at_ms = Some(at_ms);
                next.outbox = Some(message(&next));
            }
        }
        (Phase::Firing, Some(value)) => {
            next.value = value;
            next.quiet_since_ms = None;
        }
        (Phase::Firing, None) => {
            let since = state.quiet_since_ms.unwrap_or(at_ms);
            next.quiet_since_ms = Some(since);
            if at_ms - since >= rule.keep_firing_for_ms {
                next.phase = Phase::Resolved;
                next.outbox = Some(message(&next));
            }
        }
        // Only a state whose resolution was told, but not forgotten, is here.
        (Phase::Resolved, _) => return Step::Forget(state),
    }
    Step::Save(next)
}

fn told_of(group: &Group, rule: &Rule, state: &AlertState, origin: &Origin) -> AlertMessage {
    let resolved = state.phase == Phase::Resolved;
    let began = state.active_at_ms.to_string();
    let identity = [group.name.as_str(), rule.id.as_str(), &state.series.to_string(), &began];
    let news = News {
        group,
        rule,
        id: short_hash(identity),
        status: if resolved { Status::Resolved } else { Status::Firing },
        series: vec![SeriesNews {
            series: &state.series,
            value: state.value,
            peak: None,
            fired_at_ms: state.fired_at_ms.unwrap_or(state.evaluated_ms),
            resolved_at_ms: resolved.then_some(state.evaluated_ms),
        }],
        samples: Vec::new(),
        log_groups: Vec::new(),
        at_ms: state.evaluated_ms,
        origin,
    };
    news.message()
}
