//! Brings the subscription filters of all log groups in line with what is wanted.
//!
//! What always holds: a filter that is not ours is never touched; a group that is
//! Catchment's own, of whatever stack, is never subscribed; a failure with one group does not stop the
//! rest; and every matching group is accounted for:
//! `matched = added + repaired + kept + failed + matched_left` (when nothing else failed).

use std::time::Duration;

use catchment_aws::AwsError;
use catchment_aws::emf::Metrics;
use catchment_aws::log_groups::{LogGroupInfo, LogGroupName, LogGroups, SubscriptionFilter};
use catchment_record::{Globs, OWN_LOG_GROUP_PREFIX};
use serde::Serialize;

/// Subscription filters that a log group takes (AWS's quota, not adjustable).
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>
const MAX_FILTERS: usize = 2;
/// Failures that the summary names; all are counted.
const MAX_NAMED_FAILURES: usize = 200;

/// Which log groups are to be subscribed.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Names to subscribe.
    pub patterns: Globs,
    /// Of those, names to leave alone.
    pub excludes: Globs,
}

impl Wanted {
    /// Two stacks of one account would feed each other without end if they
    /// subscribed each other's groups: so none of Catchment's, whatever the patterns say.
    fn names(&self, LogGroupName(name): &LogGroupName) -> bool {
        let own = name.starts_with(OWN_LOG_GROUP_PREFIX);
        !own && self.patterns.match_name(name) && !self.excludes.match_name(name)
    }
}

/// What a run is to bring about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// Our filter on the wanted groups, and on no other.
    Subscribed,
    /// Our filter on no group. The wanted ones, which carry it, come first.
    Removed,
}

/// A log group that is not as it should be, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Its name; `*` when no group could be reached.
    pub log_group: String,
    /// What stood in the way.
    pub reason: String,
    /// What can be done about it.
    pub cause: Cause,
}

/// Whose turn it is after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The next run's: it may succeed with nothing changed.
    Transient,
    /// The operator's: a permission, a quota.
    Permanent,
    /// The log group's owner's: both filter slots are taken.
    NoFreeSlot,
}

/// What one run found and did, in log groups.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// All that were listed.
    pub seen: u64,
    /// Those that are to be subscribed; none in a removal.
    pub matched: u64,
    /// Subscribed now.
    pub added: u64,
    /// Ours pointed elsewhere or had a pattern; put right now.
    pub repaired: u64,
    /// Subscribed before, and rightly.
    pub kept: u64,
    /// Ours removed where it is no longer wanted.
    pub removed: u64,
    /// Neither as they should be nor left for later.
    pub failed: u64,
    /// Not looked at: the time was up.
    pub left: u64,
    /// Of those, the ones that match.
    pub matched_left: u64,
    /// Names that match, of a log class that takes no filters.
    pub unsupported: Vec<String>,
    /// The first of the failures.
    pub failures: Vec<Failure>,
}

impl Summary {
    /// Whether nothing failed, and every group that matches was looked at. Another
    /// carries a filter of ours only if it matched until just now.
    pub fn is_complete(&self) -> bool {
        self.failed == 0 && self.matched_left == 0
    }

    /// The same as metrics of CloudWatch.
    pub fn metrics(&self, namespace: &str) -> Metrics {
        let mut metrics = Metrics::new(namespace, "subscribe");
        metrics
            .count("LogGroupsSeen", self.seen)
            .count("LogGroupsMatched", self.matched)
            .count("LogGroupsUnsupported", self.unsupported.len() as u64)
            .count("SubscriptionsAdded", self.added)
            .count("SubscriptionsRepaired", self.repaired)
            .count("SubscriptionsKept", self.kept)
            .count("SubscriptionsRemoved", self.removed)
            .count("SubscriptionsFailed", self.failed)
            .count("SubscriptionsLeft", self.left);
        metrics
    }

    fn fail(&mut self, log_group: &str, reason: &GroupError) {
        self.failed += 1;
        if self.failures.len() < MAX_NAMED_FAILURES {
            self.failures.push(Failure {
                log_group: log_group.to_owned(),
                reason: reason.to_string(),
                cause: reason.cause(),
            });
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum GroupError {
    #[error(
        "no free subscription filter slot: both belong to others; remove one of them, or exclude the log group"
    )]
    NoFreeSlot,
    #[error("the time was up before all log groups were listed; give the function more")]
    NotListed,
    #[error(transparent)]
    Aws(#[from] AwsError),
}

impl GroupError {
    fn cause(&self) -> Cause {
        match self {
            Self::NoFreeSlot => Cause::NoFreeSlot,
            Self::NotListed => Cause::Transient,
            Self::Aws(err) if err.is_transient() => Cause::Transient,
            Self::Aws(_) => Cause::Permanent,
        }
    }
}

/// Puts `filter` on the groups that the `goal` says and removes it from all others,
/// within `budget`. `turn` differs from run to run: what one run has no time for, another
/// begins with.
pub async fn reconcile<G: LogGroups>(
    groups: &G,
    goal: Goal,
    wanted: &Wanted,
    filter: &SubscriptionFilter,
    budget: Duration,
    turn: usize,
) -> Summary {
    let mut run = Run { groups, goal, wanted, filter, listed: false, summary: Summary::default() };
    // Whatever call the time-out interrupts is idempotent, and counts as left.
    if tokio::time::timeout(budget, run.all(turn)).await.is_err() {
        let Summary { left, matched_left, .. } = run.summary;
        tracing::warn!(left, matched_left, "out of time before every log group was looked at");
        if !run.listed {
            run.summary.fail("*", &GroupError::NotListed);
        }
    }
    run.summary
}

struct Run<'a, G> {
    groups: &'a G,
    goal: Goal,
    wanted: &'a Wanted,
    filter: &'a SubscriptionFilter,
    listed: bool,
    summary: Summary,
}

impl<G: LogGroups> Run<'_, G> {
    async fn all(&mut self, turn: usize) {
        let (mut wanted, mut others) = match self.list().await {
            Ok(lists) => lists,
            Err(err) => return self.summary.fail("*", &err.into()),
        };
        self.listed = true;
        for list in [&mut wanted, &mut others] {
            let len = list.len().max(1);
            list.rotate_left(turn % len);
        }
        for group in &wanted {
            let outcome = match self.goal {
                Goal::Subscribed => self.subscribe(group).await,
                Goal::Removed => self.unsubscribe(group).await,
            };
            self.account_for(group, outcome);
            self.summary.matched_left -= 1;
        }
        for group in &others {
            let outcome = self.unsubscribe(group).await;
            self.account_for(group, outcome);
        }
    }

    fn account_for(&mut self, group: &LogGroupName, outcome: Result<(), GroupError>) {
        if let Err(err) = outcome {
            self.summary.fail(&group.0, &err);
        }
        self.summary.left -= 1;
    }

    /// The wanted groups, and all others that may carry a filter of ours.
    async fn list(&mut self) -> Result<(Vec<LogGroupName>, Vec<LogGroupName>), AwsError> {
        let (mut wanted, mut others) = (Vec::new(), Vec::new());
        let mut token = None;
        loop {
            let page = self.groups.page(token).await?;
            for LogGroupInfo { name, takes_filters } in page.groups {
                self.summary.seen += 1;
                match (self.wanted.names(&name), takes_filters) {
                    (true, true) => {
                        self.summary.matched += u64::from(self.goal == Goal::Subscribed);
                        self.summary.matched_left += 1;
                        wanted.push(name);
                    }
                    (false, true) => others.push(name),
                    (true, false) => {
                        self.summary.unsupported.push(name.0);
                        continue;
                    }
                    (false, false) => continue,
                }
                self.summary.left += 1;
            }
            match page.next {
                Some(next) => token = Some(next),
                None => return Ok((wanted, others)),
            }
        }
    }

    async fn subscribe(&mut self, group: &LogGroupName) -> Result<(), GroupError> {
        let filters = self.groups.filters(group).await?;
        let count = match filters.iter().find(|f| f.name == self.filter.name) {
            Some(ours) if ours == self.filter => {
                self.summary.kept += 1;
                return Ok(());
            }
            Some(_) => &mut self.summary.repaired,
            None if filters.len() >= MAX_FILTERS => return Err(GroupError::NoFreeSlot),
            None => &mut self.summary.added,
        };
        self.groups.put_filter(group, self.filter).await?;
        *count += 1;
        Ok(())
    }

    async fn unsubscribe(&mut self, group: &LogGroupName) -> Result<(), GroupError> {
        let filters = self.groups.filters(group).await?;
        if filters.iter().any(|f| f.name == self.filter.name) {
            self.groups.remove_filter(group, &self.filter.name).await?;
            self.summary.removed += 1;
        }
        Ok(())
    }
}
