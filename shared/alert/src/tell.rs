//! What people must be told: the difference between what is and what they know.
//!
//! Always true: who was told that an alert is on is told that it is over, once
//! nothing mutes it; what was never told is not told to be over; what people
//! know is written with the messages that tell them.

use crate::digest::short_hash;
use crate::group::{Group, Rule};
use crate::history::{SeriesChange, Transition};
use crate::inhibit::{Muted, Mutes};
use crate::message::{AlertMessage, Status};
use crate::news::{News, Origin, SeriesNews};
use crate::notify_settings::NotifySettings;
use crate::partial::SampleLine;
use crate::state::{Phase, RuleState, SeriesState, Told};

/// One message: the series of a rule for which the same is to be told.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// What is told.
    pub status: Status,
    /// The same for all messages from the first series of the rule that fires to
    /// the last that is over.
    pub thread: String,
    /// When, in milliseconds.
    pub at_ms: i64,
    /// The series, ordered by labels, as they are now but with what was told before.
    pub series: Vec<SeriesState>,
}

impl RuleState {
    /// What is to be told at `at_ms`, one notice a kind, and what is to be written
    /// to the history about it. Afterwards the state says that people know it: it
    /// must be saved with the messages, or not at all.
    pub fn settle(
        &mut self,
        mutes: &Mutes,
        settings: &NotifySettings,
        at_ms: i64,
    ) -> (Vec<Notice>, Vec<SeriesChange>) {
        let is_new = !self.series.iter().any(|state| state.told.is_some());
        let thread = match self.thread.take() {
            Some(thread) if !is_new => thread,
            _ => short_hash([self.rule.as_str(), &at_ms.to_string()]),
        };
        let mut notices: Vec<Notice> = Vec::new();
        let mut changes = Vec::new();
        let mut tell = |status, state: &SeriesState| match notices.iter_mut().find(|it| it.status == status) {
            Some(notice) => notice.series.push(state.clone()),
            None => {
                notices.push(Notice { status, thread: thread.clone(), at_ms, series: vec![state.clone()] })
            }
        };
        let repeats = self.series.iter().any(|state| state.is_repeat_due(settings, at_ms));
        for state in &mut self.series {
            if let Some(status) = state.settle(mutes, settings, at_ms, repeats) {
                tell(status, state);
                state.told = known_after(status, state, at_ms);
                if status == Status::Flapping {
                    changes.push(state.change(Transition::Flapping, at_ms));
                }
            }
        }
        let since_ms = at_ms - settings.flapping.within_ms;
        self.series.retain_mut(|state| {
            state.ends_ms.retain(|end| *end > since_ms);
            state.phase != Phase::Resolved || state.told.is_some() || !state.ends_ms.is_empty()
        });
        self.thread = self.series.iter().any(|state| state.told.is_some()).then_some(thread);
        // What is over is told last.
        notices.sort_by_key(|notice| notice.status == Status::Resolved);
        (notices, changes)
    }
}

fn known_after(status: Status, state: &SeriesState, at_ms: i64) -> Option<Told> {
    let since_ms = state.since_ms();
    match status {
        Status::Firing | Status::Repeated => Some(Told { at_ms, since_ms, flapping: false }),
        Status::Flapping => Some(Told { at_ms, since_ms, flapping: true }),
        Status::Resolved => None,
    }
}

impl Notice {
    /// The message. `lines` are some that matched.
    pub fn message(&self, group: &Group, rule: &Rule, lines: &[SampleLine], origin: &Origin) -> AlertMessage {
        let series = self.series.iter().map(|state| SeriesNews {
            series: &state.sample,
            value: state.value,
            peak: Some(state.peak),
            fired_at_ms: state.since_ms(),
            resolved_at_ms: state.resolved_at_ms,
        });
        let news = News {
            group,
            rule,
            id: self.thread.clone(),
            status: self.status,
            series: series.collect(),
            samples: lines.iter().map(|sample| sample.line.clone()).collect(),
            log_groups: lines.iter().filter_map(|sample| sample.log_group.clone()).collect(),
            at_ms: self.at_ms,
            origin,
        };
        news.message()
    }
}

impl SeriesState {
    /// Since when it is on, as people know it.
    pub fn since_ms(&self) -> i64 {
        self.told.map(|told| told.since_ms).or(self.fired_at_ms).unwrap_or(self.active_at_ms)
    }

    fn is_repeat_due(&self, settings: &NotifySettings, at_ms: i64) -> bool {
        let is_old = |told: Told| !told.flapping && at_ms - told.at_ms >= settings.repeat_interval_ms;
        settings.repeat_interval_ms > 0 && self.phase == Phase::Firing && self.told.is_some_and(is_old)
    }

    /// What is to be told of this series, and why nothing is if something mutes it.
    fn settle(
        &mut self,
        mutes: &Mutes,
        settings: &NotifySettings,
        at_ms: i64,
        repeats: bool,
    ) -> Option<Status> {
        self.muted = mutes.reason(settings, &self.labels);
        let changed_ms = self.fired_at_ms.max(self.resolved_at_ms).unwrap_or(self.active_at_ms);
        let is_quiet = settings.flapping.is_quiet(changed_ms, at_ms);
        let was_flapping = self.told.is_some_and(|told| told.flapping);
        if was_flapping && is_quiet {
            // It stays as it is: counting starts anew.
            self.ends_ms.clear();
        }
        let is_flapping = !is_quiet && (was_flapping || settings.flapping.is_met(&self.ends_ms, at_ms));
        if self.muted.is_some() {
            return None;
        }
        if is_flapping {
            self.muted = Some(Muted::Flapping);
            let is_known = self.told.is_some() || self.phase == Phase::Firing;
            return (is_known && !was_flapping).then_some(Status::Flapping);
        }
        match (self.phase, self.told) {
            (Phase::Firing, None) => Some(Status::Firing),
            (Phase::Firing, Some(told)) if told.flapping => Some(Status::Firing),
            (Phase::Firing, Some(_)) if repeats => Some(Status::Repeated),
            (Phase::Resolved, Some(_)) => Some(Status::Resolved),
            (Phase::Firing, Some(_)) | (Phase::Resolved, None) | (Phase::Pending, _) => None,
        }
    }
}
