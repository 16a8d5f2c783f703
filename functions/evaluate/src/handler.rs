//! One invocation: every evaluation time that is due, group by group.
//!
//! Always true: a time is done when every rule of its group was evaluated, and
//! only then does the group's cursor move on; doing a time again changes
//! nothing. A notification is published from the state that owes it, and the
//! state forgets it after that: a crash between the two publishes twice, never
//! not at all. While a notification cannot be published its series stands still.

use std::fmt::Display;

use catchment_alert::{
    AlertState, AlertStore, Group, Notifier, PartialStore, Phase, Rule, RuleSet, Step, Written, next_states,
};

use crate::report::Report;

/// Missed times that are caught up on in one invocation, the newest ones.
/// A quarter of an hour at the default interval.
pub const MAX_DUE_TIMES: usize = 15;

/// What an invocation works with.
pub struct Evaluator<P, A, N> {
    partials: P,
    alerts: A,
    notifier: N,
}

/// A store could not be asked; the time will be evaluated again.
struct Unfinished;

impl<P: PartialStore, A: AlertStore, N: Notifier> Evaluator<P, A, N> {
    /// An evaluator over these stores.
    pub fn new(partials: P, alerts: A, notifier: N) -> Self {
        Self { partials, alerts, notifier }
    }

    /// Evaluates what is due at `now_ms`. `stack` names the sender in messages.
    pub async fn run(&self, rules: &RuleSet, now_ms: i64, stack: &str) -> Report {
        let mut report = Report::default();
        for group in rules.groups() {
            if self.run_group(group, now_ms, stack, &mut report).await.is_err() {
                tracing::warn!(group = group.name, "the group will be evaluated again");
            }
        }
        report
    }

    async fn run_group(
        &self,
        group: &Group,
        now_ms: i64,
        stack: &str,
        report: &mut Report,
    ) -> Result<(), Unfinished> {
        let cursor = self.alerts.cursor(&group.name).await;
        let done_ms = cursor.map_err(|err| failed(report, group, "its cursor", &err))?;
        let (times, skipped) = group.due(done_ms, now_ms, MAX_DUE_TIMES);
        if skipped > 0 {
            report.evaluations_skipped += skipped;
            tracing::error!(group = group.name, skipped, "evaluation times were missed for good");
        }
        for at_ms in times {
            let mut finished = true;
            for rule in &group.rules {
                finished &= self.run_rule(group, rule, at_ms, stack, report).await.is_ok();
            }
            if !finished {
                return Err(Unfinished);
            }
            let advanced = self.alerts.advance_cursor(&group.name, at_ms).await;
            match advanced.map_err(|err| failed(report, group, "its cursor", &err))? {
                Written::Done => {}
                // Another invocation is ahead and does the rest.
                Written::Conflict => return Ok(()),
            }
        }
        Ok(())
    }

    async fn run_rule(
        &self,
        group: &Group,
        rule: &Rule,
        at_ms: i64,
        stack: &str,
        report: &mut Report,
    ) -> Result<(), Unfinished> {
        let states = self.alerts.states(&rule.id).await;
        let states = states.map_err(|err| failed(report, group, &rule.name, &err))?;
        let states = self.settle(group, rule, states, at_ms, report).await?;
        let mut windows = Vec::with_capacity(rule.leaves.len());
        for (leaf, (from_ms, to_ms)) in rule.leaves.iter().zip(rule.windows(group, at_ms)) {
            let window = self.partials.window(&leaf.id, from_ms, to_ms).await;
            windows.push(window.map_err(|err| failed(report, group, &rule.name, &err))?);
        }
        report.rules_evaluated += 1;
        let evaluated = match rule.evaluate(group, windows) {
            Ok(evaluated) => evaluated,
            Err(why) => {
                // Trying again would not help; the states stay as they are.
                failed(report, group, &rule.name, &why);
                return Ok(());
            }
        };
        if evaluated.cut_series > 0 {
            let cut = evaluated.cut_series;
            failed(report, group, &rule.name, &format!("{cut} series and more were cut at its limit"));
        }
        for step in next_states(group, rule, states, evaluated.values, at_ms, stack) {
            self.take(group, rule, step, report).await?;
        }
        Ok(())
    }

    /// Publishes what earlier evaluations left unpublished. What this very time
    /// owes is left to whoever is evaluating it, or to the next time: two
    /// invocations side by side do not both publish.
    async fn settle(
        &self,
        group: &Group,
        rule: &Rule,
        states: Vec<AlertState>,
        at_ms: i64,
        report: &mut Report,
    ) -> Result<Vec<AlertState>, Unfinished> {
        let mut settled = Vec::with_capacity(states.len());
        for state in states {
            if state.evaluated_ms < at_ms {
                settled.extend(self.tell(group, rule, state, report).await?);
            } else {
                settled.push(state);
            }
        }
        Ok(settled)
    }

    async fn take(
        &self,
        group: &Group,
        rule: &Rule,
        step: Step,
        report: &mut Report,
    ) -> Result<(), Unfinished> {
        let state = match step {
            Step::Save(state) => state,
            Step::Forget(state) => {
                let deleted = self.alerts.delete(&state).await;
                // A conflict: another invocation has moved the series on.
                return match deleted.map_err(|err| failed(report, group, &rule.name, &err))? {
                    Written::Done | Written::Conflict => Ok(()),
                };
            }
        };
        let saved = self.alerts.save(&state).await;
        match saved.map_err(|err| failed(report, group, &rule.name, &err))? {
            Written::Conflict => return Ok(()),
            Written::Done => {}
        }
        if state.outbox.is_some() {
            match state.phase {
                Phase::Resolved => report.alerts_resolved += 1,
                _ => report.alerts_firing += 1,
            }
        }
        self.tell(group, rule, state, report).await.map(|_| ())
    }

    /// Publishes what a state owes and notes that it did. The state that then
    /// is, if any.
    async fn tell(
        &self,
        group: &Group,
        rule: &Rule,
        state: AlertState,
        report: &mut Report,
    ) -> Result<Option<AlertState>, Unfinished> {
        let Some(message) = &state.outbox else {
            return Ok(Some(state));
        };
        if let Err(error) = self.notifier.publish(message).await {
            report.notifications_failed += 1;
            tracing::error!(group = group.name, rule = rule.name, %error, "a notification is not out; it will be tried again");
            return Ok(Some(state));
        }
        report.notifications_sent += 1;
        let told = state.told();
        let noted = match &told {
            Some(next) => self.alerts.save(next).await,
            None => self.alerts.delete(&state).await,
        };
        match noted.map_err(|err| failed(report, group, &rule.name, &err))? {
            Written::Done => Ok(told),
            // Another invocation has moved the series on; it is not ours to step.
            Written::Conflict => Ok(Some(state)),
        }
    }
}

fn failed(report: &mut Report, group: &Group, rule: &str, error: &impl Display) -> Unfinished {
    report.rules_failed += 1;
    tracing::error!(group = group.name, rule, %error, "a rule was not evaluated");
    Unfinished
}

/// The stack's name, from the ARN of its function `<stack>-evaluate`.
pub fn stack_of(function_arn: &str) -> &str {
    let name = function_arn.split(':').nth(6).unwrap_or(function_arn);
    name.strip_suffix("-evaluate").unwrap_or(name)
}
