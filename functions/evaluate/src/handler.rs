//! One invocation: every evaluation that is due, or a peek.
//!
//! Always true: a time is done when every rule of its groups was evaluated, and
//! only then do their cursors move on; doing a time again changes nothing. What
//! is owed is written with the state that owes it, and leaves the outbox after
//! it was published: a crash tells twice, never not at all. A peek begins alerts,
//! ends none, and moves no cursor.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::time::Duration;

use catchment_alert::{
    AlertStore, Group, Look, Notifier, Origin, Parking, PartialStore, PeekBoard, Rule, RuleId, RuleSet,
    RuleState, SilenceStore, Written,
};
use catchment_aws::clock::Clock;

use crate::event::Asked;
use crate::outbox::Outbox;
use crate::record::record;
use crate::report::Report;
use crate::round::Round;

/// Missed times that are caught up on in one invocation, the newest ones.
/// A quarter of an hour at the default interval.
pub const MAX_DUE_TIMES: usize = 15;
/// Between two invocations by the schedule.
const SCHEDULE_MS: i64 = 60_000;
/// The longest wait for the moment of a peek: whoever asks names one that is near.
const MAX_PEEK_WAIT_MS: i64 = 5_000;
/// A rule that is in no rule file is over after this time: files that cannot be
/// read for a moment end nothing.
pub const RETIRE_AFTER_MS: i64 = 15 * 60_000;

/// What an invocation works with.
#[derive(Debug)]
pub struct Evaluator<P, A, N, K> {
    pub(crate) partials: P,
    pub(crate) alerts: A,
    pub(crate) notifier: N,
    pub(crate) parking: K,
}

/// A store could not be asked; the time will be evaluated again.
pub(crate) struct Unfinished;

impl<P, A, N, K> Evaluator<P, A, N, K>
where
    P: PartialStore,
    A: AlertStore + SilenceStore + PeekBoard,
    N: Notifier,
    K: Parking,
{
    /// An evaluator over these stores.
    pub fn new(partials: P, alerts: A, notifier: N, parking: K) -> Self {
        Self { partials, alerts, notifier, parking }
    }

    /// Does what is asked for. `origin` is the sender of messages.
    pub async fn run(&self, asked: Asked, rules: &RuleSet, clock: &impl Clock, origin: &Origin) -> Report {
        let mut report = Report::default();
        match asked {
            Asked::Tick => {
                let now_ms = clock.now_millis();
                self.tick(rules, now_ms, origin, &mut report).await;
                self.wait_for_pending(rules, now_ms, clock, origin, &mut report).await;
            }
            Asked::Peek { until_ms } => {
                sleep_until(until_ms, clock, MAX_PEEK_WAIT_MS).await;
                match self.alerts.take(until_ms).await {
                    Ok(announced) => {
                        self.peek(rules, &announced, clock.now_millis(), origin, &mut report).await;
                    }
                    Err(error) => {
                        failed(&mut report, "the notice of a peek", &error);
                    }
                }
            }
        }
        report
    }

    /// Evaluates every time that is due at `now_ms`, the oldest first.
    async fn tick(&self, rules: &RuleSet, now_ms: i64, origin: &Origin, report: &mut Report) {
        let mut outbox = Outbox::new(&self.alerts, &self.notifier, &self.parking);
        outbox.drain(now_ms, report).await;
        let Ok(mut round) = Round::load(self, rules, outbox, origin, report).await else {
            return;
        };
        let Ok(due) = self.due(rules, now_ms, report).await else {
            return;
        };
        let mut unfinished: BTreeSet<&str> = BTreeSet::new();
        for (at_ms, mut groups) in due {
            groups.retain(|group| !unfinished.contains(group.name.as_str()));
            let of_groups =
                groups.iter().flat_map(|group| group.rules.iter().map(move |rule| (*group, rule)));
            let failed_groups =
                round.evaluate(of_groups.collect(), at_ms, at_ms, Look::Tick, now_ms, report).await;
            unfinished.extend(failed_groups);
            for group in groups {
                if unfinished.contains(group.name.as_str()) {
                    continue;
                }
                let recorded = match record(&self.partials, group, at_ms, report).await {
                    Ok(recorded) => recorded,
                    Err(error) => {
                        failed(report, "the partials of recording rules", &error);
                        unfinished.insert(&group.name);
                        continue;
                    }
                };
                match self.alerts.advance_cursor(&group.name, at_ms).await {
                    Ok(Written::Done) => report.recorded.extend(recorded),
                    // Another invocation is ahead and does the rest.
                    Ok(Written::Conflict) => {
                        unfinished.insert(&group.name);
                    }
                    Err(error) => {
                        failed(report, "a cursor", &error);
                        unfinished.insert(&group.name);
                    }
                }
            }
        }
        round.retire(now_ms, report).await;
    }

    /// The groups that are due, by time.
    async fn due<'r>(
        &self,
        rules: &'r RuleSet,
        now_ms: i64,
        report: &mut Report,
    ) -> Result<BTreeMap<i64, Vec<&'r Group>>, Unfinished> {
        let cursors = self.alerts.cursors().await.map_err(|error| failed(report, "the cursors", &error))?;
        let cursors: BTreeMap<String, i64> = cursors.into_iter().collect();
        let mut due: BTreeMap<i64, Vec<&Group>> = BTreeMap::new();
        for group in rules.groups() {
            let (times, skipped) = group.due(cursors.get(&group.name).copied(), now_ms, MAX_DUE_TIMES);
            if skipped > 0 {
                report.evaluations_skipped += skipped;
                tracing::error!(group = group.name, skipped, "evaluation times were missed for good");
            }
            times.into_iter().for_each(|at_ms| due.entry(at_ms).or_default().push(group));
        }
        Ok(due)
    }

    /// Looks again, before the next invocation, at rules of which something that
    /// is pending is due to fire by then.
    async fn wait_for_pending(
        &self,
        rules: &RuleSet,
        ticked_ms: i64,
        clock: &impl Clock,
        origin: &Origin,
        report: &mut Report,
    ) {
        let until_ms = (ticked_ms.div_euclid(SCHEDULE_MS) + 1) * SCHEDULE_MS;
        // The last time that the schedule's evaluation was for.
        let mut looked_ms = until_ms - SCHEDULE_MS;
        loop {
            let states = match self.alerts.states().await {
                Ok(states) => states,
                Err(error) => {
                    failed(report, "the states", &error);
                    return;
                }
            };
            let Some((due_ms, due)) = next_due(rules, &states, looked_ms).filter(|(at, _)| *at < until_ms)
            else {
                return;
            };
            sleep_until(due_ms, clock, SCHEDULE_MS).await;
            looked_ms = due_ms.max(clock.now_millis());
            self.peek(rules, &due, looked_ms, origin, report).await;
        }
    }

    /// Evaluates rules before their windows are over: those that what comes can
    /// only make true.
    async fn peek(
        &self,
        rules: &RuleSet,
        announced: &BTreeSet<RuleId>,
        now_ms: i64,
        origin: &Origin,
        report: &mut Report,
    ) {
        let of_groups =
            rules.groups().iter().flat_map(|group| group.rules.iter().map(move |rule| (group, rule)));
        let announced: Vec<(&Group, &Rule)> =
            of_groups.filter(|(_, rule)| rule.expr.grows() && announced.contains(&rule.id)).collect();
        if announced.is_empty() {
            return;
        }
        report.peeks += 1;
        let mut outbox = Outbox::new(&self.alerts, &self.notifier, &self.parking);
        outbox.look(report).await;
        let Ok(mut round) = Round::load(self, rules, outbox, origin, report).await else {
            return;
        };
        // Rules with buckets of one length see the same window.
        let mut by_end: BTreeMap<i64, Vec<(&Group, &Rule)>> = BTreeMap::new();
        for (group, rule) in announced {
            let end_ms = -(-now_ms).div_euclid(rule.bucket_ms()) * rule.bucket_ms();
            by_end.entry(end_ms).or_default().push((group, rule));
        }
        for (end_ms, rules) in by_end {
            round.evaluate(rules, end_ms, now_ms, Look::Peek, now_ms, report).await;
        }
    }
}

/// The first moment after `after_ms` at which something that is pending is due to
/// fire, and the rules of which.
fn next_due(rules: &RuleSet, states: &[RuleState], after_ms: i64) -> Option<(i64, BTreeSet<RuleId>)> {
    let growing: BTreeMap<&RuleId, &Rule> =
        rules.rules().filter(|rule| rule.expr.grows()).map(|rule| (&rule.id, rule)).collect();
    let due: Vec<(i64, &RuleId)> = states
        .iter()
        .filter_map(|state| Some((state.next_due(growing.get(&state.rule)?, after_ms)?, &state.rule)))
        .collect();
    let first = due.iter().map(|(at, _)| *at).min()?;
    Some((first, due.into_iter().filter(|(at, _)| *at == first).map(|(_, rule)| rule.clone()).collect()))
}

async fn sleep_until(at_ms: i64, clock: &impl Clock, most_ms: i64) {
    let wait_ms = (at_ms - clock.now_millis()).clamp(0, most_ms);
    tokio::time::sleep(Duration::from_millis(wait_ms.unsigned_abs())).await;
}

pub(crate) fn failed(report: &mut Report, what: &str, error: &impl Display) -> Unfinished {
    report.stores_failed += 1;
    tracing::error!(%error, "{what} cannot be read or written; it will be tried again");
    Unfinished
}

/// Who tells, from the ARN of the function `<stack>-evaluate`.
pub fn origin_of(function_arn: &str) -> Origin {
    let parts: Vec<&str> = function_arn.split(':').collect();
    let name = parts.get(6).copied().unwrap_or(function_arn);
    Origin {
        stack: name.strip_suffix("-evaluate").unwrap_or(name).to_owned(),
        region: parts.get(3).copied().unwrap_or_default().to_owned(),
    }
}
