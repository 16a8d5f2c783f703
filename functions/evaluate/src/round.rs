//! Rules at one time: all are evaluated, then all states are moved on, and only
//! then is it decided what to tell, because what fires mutes what is lesser.

use std::collections::{BTreeMap, BTreeSet};

use catchment_alert::{
    Ailment, AlertStore, Group, HistoryEntry, Look, MAX_CHANGES, Mutes, Notice, Notifier, Origin, Owed,
    Parking, PartialStore, PeekBoard, Rule, RuleId, RuleSet, RuleState, SampleLine, SeriesChange, Silence,
    SilenceStore, Transition, Written,
};
use catchment_logql::Labels;

use crate::evaluation::{Evaluation, evaluate};
use crate::handler::{Evaluator, RETIRE_AFTER_MS, Unfinished, failed};
use crate::outbox::Outbox;
use crate::report::Report;

/// How often a state is read again because another invocation wrote it.
const MAX_CONFLICTS: usize = 4;

/// The states as an invocation knows them, and what it does with them.
pub(crate) struct Round<'a, P, A, N, K> {
    evaluator: &'a Evaluator<P, A, N, K>,
    rules: &'a RuleSet,
    outbox: Outbox<'a, A, N, K>,
    origin: &'a Origin,
    states: BTreeMap<RuleId, RuleState>,
    silences: Vec<Silence>,
}

/// What moves a state on.
struct Move<'r, 'm> {
    group: &'r Group,
    rule: &'r Rule,
    evaluation: &'m Evaluation,
    at_ms: i64,
    look: Look,
}

impl<'a, P, A, N, K> Round<'a, P, A, N, K>
where
    P: PartialStore,
    A: AlertStore + SilenceStore + PeekBoard,
    N: Notifier,
    K: Parking,
{
    /// With every state and silence as they are stored.
    pub(crate) async fn load(
        evaluator: &'a Evaluator<P, A, N, K>,
        rules: &'a RuleSet,
        outbox: Outbox<'a, A, N, K>,
        origin: &'a Origin,
        report: &mut Report,
    ) -> Result<Self, Unfinished> {
        let alerts = &evaluator.alerts;
        let states = alerts.states().await.map_err(|error| failed(report, "the states", &error))?;
        let silences = alerts.silences().await.map_err(|error| failed(report, "the silences", &error))?;
        let states = states.into_iter().map(|state| (state.rule.clone(), state)).collect();
        Ok(Self { evaluator, rules, outbox, origin, states, silences })
    }

    /// Evaluates rules over the window that ends at `end_ms`, and moves their states
    /// on to `at_ms`. The names of the groups that are not done.
    pub(crate) async fn evaluate<'r>(
        &mut self,
        rules: Vec<(&'r Group, &'r Rule)>,
        end_ms: i64,
        at_ms: i64,
        look: Look,
        now_ms: i64,
        report: &mut Report,
    ) -> BTreeSet<&'r str> {
        let mut unfinished = BTreeSet::new();
        let mut evaluated = Vec::with_capacity(rules.len());
        for (group, rule) in rules {
            match evaluate(&self.evaluator.partials, group, rule, end_ms).await {
                Ok(evaluation) => evaluated.push((group, rule, evaluation)),
                Err(error) => {
                    report.rules_failed += 1;
                    failed(report, &format!("the partials of {}", rule.name), &error);
                    unfinished.insert(group.name.as_str());
                }
            }
        }
        report.rules_evaluated += evaluated.len() as u64;
        let moves: Vec<Move<'r, '_>> = evaluated
            .iter()
            .map(|(group, rule, evaluation)| Move { group, rule, evaluation, at_ms, look })
            .collect();
        let mut known = self.states.clone();
        for step in &moves {
            let before = known.get(&step.rule.id).cloned();
            let (next, _) = step.apply(before.unwrap_or_else(|| RuleState::new(step.group, step.rule)));
            known.insert(next.rule.clone(), next);
        }
        let mutes = Mutes::new(&self.silences, known.values(), now_ms);
        for step in &moves {
            if self.commit(step, &mutes, now_ms, report).await.is_err() {
                unfinished.insert(step.group.name.as_str());
            }
        }
        unfinished
    }

    /// Writes one rule's step and tells what it owes. Where another invocation was
    /// first the step is made again from what that one left.
    async fn commit(
        &mut self,
        step: &Move<'_, '_>,
        mutes: &Mutes,
        now_ms: i64,
        report: &mut Report,
    ) -> Result<(), Unfinished> {
        let new = || RuleState::new(step.group, step.rule);
        let mut before = self.states.get(&step.rule.id).cloned().unwrap_or_else(new);
        for _ in 0..MAX_CONFLICTS {
            if step.look == Look::Tick && before.evaluated_ms >= step.at_ms {
                self.states.insert(before.rule.clone(), before);
                return Ok(());
            }
            let (next, changes) = step.apply(before.clone());
            let lines = step.evaluation.evaluated.as_ref().map_or(&[][..], |it| &it.samples);
            let is_ill = step.look == Look::Tick && next.health.is_ill();
            match self
                .save(
                    &before,
                    next,
                    changes,
                    Some((step.group, step.rule)),
                    mutes,
                    lines,
                    (step.at_ms, now_ms),
                    report,
                )
                .await?
            {
                Written::Done => {
                    report.rules_unhealthy += u64::from(is_ill);
                    return Ok(());
                }
                Written::Conflict => {
                    let stored = self.evaluator.alerts.state(&step.rule.id).await;
                    let stored = stored.map_err(|error| failed(report, "a state", &error))?;
                    before = stored.unwrap_or_else(new);
                }
            }
        }
        Err(failed(report, &format!("the state of {}", step.rule.name), &"others keep writing it"))
    }

    /// Settles a state and writes it, if there is anything to write.
    #[allow(clippy::too_many_arguments)]
    async fn save(
        &mut self,
        before: &RuleState,
        mut next: RuleState,
        mut changes: Vec<SeriesChange>,
        rule: Option<(&Group, &Rule)>,
        mutes: &Mutes,
        lines: &[SampleLine],
        (at_ms, now_ms): (i64, i64),
        report: &mut Report,
    ) -> Result<Written, Unfinished> {
        let (notices, told) = next.settle(mutes, self.rules.settings(), at_ms);
        changes.extend(told);
        if next.is_idle_as(before) {
            return Ok(Written::Done);
        }
        next.version = before.version + 1;
        let stand_in;
        let told_by = match rule {
            Some(rule) => Some(rule),
            None => {
                stand_in = next.facts.stand_in();
                stand_in.as_ref().map(|(group, rule)| (group, rule))
            }
        };
        let message = |notice: &Notice| {
            let (group, rule) = told_by?;
            Some(notice.message(group, rule, lines, self.origin))
        };
        let messages = notices.iter().filter_map(message).collect();
        let owed = Owed::of(&next, messages, now_ms);
        let entry = history_entry(before, &next, changes, at_ms);
        let saved = self.evaluator.alerts.save(&next, &owed, entry.as_ref()).await;
        match saved.map_err(|error| failed(report, &format!("the state of {}", next.facts.name), &error))? {
            Written::Conflict => return Ok(Written::Conflict),
            Written::Done => {}
        }
        for change in entry.iter().flat_map(|entry| &entry.changes) {
            match change.to {
                Transition::Firing => report.alerts_firing += 1,
                Transition::Resolved => report.alerts_resolved += 1,
                _ => {}
            }
        }
        self.states.insert(next.rule.clone(), next);
        self.outbox.publish(&owed, now_ms, report).await;
        Ok(Written::Done)
    }

    /// Ends what rules left behind that are in no rule file any more.
    pub(crate) async fn retire(&mut self, now_ms: i64, report: &mut Report) {
        let known: BTreeSet<&RuleId> = self.rules.rules().map(|rule| &rule.id).collect();
        let gone: Vec<RuleState> = self
            .states
            .values()
            .filter(|state| !known.contains(&state.rule) && !state.series.is_empty())
            .filter(|state| now_ms - state.touched_ms() >= RETIRE_AFTER_MS)
            .cloned()
            .collect();
        for before in gone {
            let mut next = before.clone();
            let changes = next.retire(now_ms);
            let mutes = Mutes::new(&self.silences, self.states.values(), now_ms);
            // A conflict: another invocation does it.
            match self.save(&before, next, changes, None, &mutes, &[], (now_ms, now_ms), report).await {
                Ok(Written::Done | Written::Conflict) | Err(Unfinished) => {}
            }
        }
    }
}

impl Move<'_, '_> {
    /// The state after this move, and what changed.
    fn apply(&self, mut state: RuleState) -> (RuleState, Vec<SeriesChange>) {
        let mut ailment = self.evaluation.ailment.clone();
        let mut changes = Vec::new();
        if let Some(evaluated) = &self.evaluation.evaluated {
            let advanced = state.advance(self.rule, evaluated, self.at_ms, self.look);
            changes = advanced.changes;
            if advanced.cut > 0 {
                let reason =
                    format!("{} more series alert than are kept; aggregate by fewer labels", advanced.cut);
                ailment.get_or_insert(Ailment::Cut(reason));
            }
        }
        // A peek sees part of a window: it says nothing about the rule's health.
        if self.look == Look::Tick {
            state.health.note(ailment, self.at_ms);
        }
        (state, changes)
    }
}

/// What goes into the history, if anything changed.
fn history_entry(
    before: &RuleState,
    next: &RuleState,
    mut changes: Vec<SeriesChange>,
    at_ms: i64,
) -> Option<HistoryEntry> {
    let was_ill = before.health.ailment.is_some();
    let is_ill = next.health.ailment.is_some();
    if was_ill != is_ill {
        let to = if is_ill { Transition::Unhealthy } else { Transition::Healthy };
        changes.push(SeriesChange { labels: Labels::default(), to, at_ms, value: 0.0 });
    }
    if changes.is_empty() {
        return None;
    }
    let more = changes.len().saturating_sub(MAX_CHANGES);
    changes.truncate(MAX_CHANGES);
    Some(HistoryEntry {
        rule: next.rule.clone(),
        group: next.facts.group.clone(),
        name: next.facts.name.clone(),
        at_ms,
        version: next.version,
        changes,
        more,
        reason: next.health.ailment.as_ref().map(|ailment| ailment.reason().to_owned()),
    })
}
