//! What one invocation did, in numbers.

use std::io;

use catchment_aws::emf::{Metrics, Sample};

/// The counts of one invocation.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// Evaluations of a rule at a time.
    pub rules_evaluated: u64,
    /// Evaluations that failed; the rule's states stay as they were.
    pub rules_failed: u64,
    /// Evaluations of rules that are unhealthy: in error, cut, or not ready.
    pub rules_unhealthy: u64,
    /// Series that began to fire.
    pub alerts_firing: u64,
    /// Series that are over.
    pub alerts_resolved: u64,
    /// Notifications that went out.
    pub notifications_sent: u64,
    /// Notifications that did not; they are tried again next time.
    pub notifications_failed: u64,
    /// Notifications that were given up on and parked: an operator is needed.
    pub notifications_parked: u64,
    /// Calls of a store that failed; what they were for is done later.
    pub stores_failed: u64,
    /// Evaluations before their time.
    pub peeks: u64,
    /// Evaluation times left out because too many were missed.
    pub evaluations_skipped: u64,
    /// What the recording rules came to.
    pub recorded: Vec<Sample>,
    /// Values of recording rules that are no metrics.
    pub records_left_out: u64,
    /// 1 while rule files cannot be used and older rules stand in.
    pub rules_invalid: u64,
}

impl Report {
    /// The one line of our own log that an invocation leaves.
    pub fn log(&self, request_id: &str) {
        let Self { rules_evaluated, rules_failed, alerts_firing, alerts_resolved, .. } = *self;
        let Self { notifications_sent, notifications_failed, notifications_parked, .. } = *self;
        let Self { rules_unhealthy, evaluations_skipped, stores_failed, peeks, .. } = *self;
        tracing::info!(
            request_id,
            rules_evaluated,
            rules_failed,
            rules_unhealthy,
            alerts_firing,
            alerts_resolved,
            notifications_sent,
            notifications_failed,
            notifications_parked,
            evaluations_skipped,
            stores_failed,
            peeks,
            "evaluated what was due"
        );
    }

    /// Writes the report to standard output as metrics of CloudWatch, and what the
    /// recording rules came to in a namespace of its own.
    pub fn emit(&self, namespace: &str, now_millis: i64) -> io::Result<()> {
        Sample::emit_all(&self.recorded, &format!("{namespace}/Rules"))?;
        self.to_metrics(namespace).emit(now_millis)
    }

    /// The same as metrics of CloudWatch.
    pub fn to_metrics(&self, namespace: &str) -> Metrics {
        let mut metrics = Metrics::new(namespace, "evaluate");
        metrics
            .count("RulesEvaluated", self.rules_evaluated)
            .count("RulesFailed", self.rules_failed)
            .count("RulesUnhealthy", self.rules_unhealthy)
            .count("AlertsFiring", self.alerts_firing)
            .count("AlertsResolved", self.alerts_resolved)
            .count("NotificationsSent", self.notifications_sent)
            .count("NotificationsFailed", self.notifications_failed)
            .count("NotificationsParked", self.notifications_parked)
            .count("StoresFailed", self.stores_failed)
            .count("Peeks", self.peeks)
            .count("EvaluationsSkipped", self.evaluations_skipped)
            .count("RecordsWritten", self.recorded.len() as u64)
            .count("RecordsLeftOut", self.records_left_out)
            .count("RulesInvalid", self.rules_invalid);
        metrics
    }
}
