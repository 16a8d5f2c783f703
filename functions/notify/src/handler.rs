//! One invocation: every message of an SNS event goes to Slack.
//!
//! SNS delivers one record an invocation today; all there are get handled. The
//! invocation fails when a retry can help one of them: an alert told twice is
//! better than one not told.

use std::time::Duration;

use catchment_alert::message::AlertMessage;
use catchment_alert::slack::slack_blocks;
use catchment_aws::clock::Clock;
use catchment_aws::emf::Metrics;
use catchment_aws::secrets::SecretSource;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::slack::Slack;

/// Kept back of an invocation's time, for the metrics and the answer.
const ANSWER_RESERVE: Duration = Duration::from_secs(1);
/// Characters of a foreign message that are shown (Slack: 3,000 in a section).
const MAX_TEXT_CHARS: usize = 2500;

/// What became of an event's messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Slack took them.
    pub sent: u64,
    /// They did not arrive.
    pub failed: u64,
    /// Attempts after the first, over all messages.
    pub retries: u64,
}

impl Summary {
    /// The same as metrics of CloudWatch.
    pub fn metrics(&self, namespace: &str) -> Metrics {
        let mut metrics = Metrics::new(namespace, "notify");
        metrics
            .count("NotificationsSent", self.sent)
            .count("NotificationsFailed", self.failed)
            .count("SlackRetries", self.retries);
        metrics
    }
}

/// A retry of the invocation can help.
#[derive(Debug, thiserror::Error)]
#[error("{failed} of {total} notifications did not reach Slack: {reason}")]
pub struct NotifyError {
    failed: u64,
    total: u64,
    reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    records: Vec<Record>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record {
    sns: Notification,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Notification {
    message_id: String,
    #[serde(default)]
    subject: Option<String>,
    message: String,
}

/// What an invocation works with.
pub struct Handler<S, C> {
    /// Where the messages go.
    pub slack: Slack<S>,
    /// The namespace of the metrics.
    pub metrics_namespace: String,
    /// The time.
    pub clock: C,
}

impl<S: SecretSource, C: Clock> Handler<S, C> {
    /// Handles an event that must be done with at `deadline_millis`.
    pub async fn handle(&self, event: Value, deadline_millis: i64) -> Result<Summary, NotifyError> {
        let now = self.clock.now_millis();
        let remaining = u64::try_from(deadline_millis.saturating_sub(now)).unwrap_or(0);
        let budget = Duration::from_millis(remaining).saturating_sub(ANSWER_RESERVE);
        let (summary, retry) = self.post_all(event, Instant::now() + budget).await;
        tracing::info!(
            sent = summary.sent,
            failed = summary.failed,
            retries = summary.retries,
            "notifications posted"
        );
        if let Err(err) = summary.metrics(&self.metrics_namespace).emit(now) {
            tracing::warn!(error = %err, "metrics could not be written");
        }
        match retry {
            None => Ok(summary),
            Some(reason) => {
                Err(NotifyError { failed: summary.failed, total: summary.sent + summary.failed, reason })
            }
        }
    }

    /// Posts every message; with them comes the last failure that a retry can help.
    async fn post_all(&self, event: Value, deadline: Instant) -> (Summary, Option<String>) {
        let mut summary = Summary::default();
        let mut retry = None;
        let event: Event = match serde_json::from_value(event) {
            Ok(event) => event,
            Err(err) => {
                tracing::error!(error = %err, "the event is not one of SNS");
                summary.failed = 1;
                return (summary, None);
            }
        };
        for Record { sns } in event.records {
            let body = body_of(&sns).to_string();
            match self.slack.post(&body, deadline, &mut summary.retries).await {
                Ok(()) => summary.sent += 1,
                Err(err) => {
                    summary.failed += 1;
                    tracing::error!(message_id = sns.message_id, error = %err, "not notified");
                    retry = err.is_transient().then(|| err.to_string()).or(retry);
                }
            }
        }
        (summary, retry)
    }
}

/// The alert as Block Kit. What is not an alert of ours (somebody else published
/// to the topic) is shown as text.
fn body_of(sns: &Notification) -> Value {
    if let Ok(alert) = serde_json::from_str::<AlertMessage>(&sns.message) {
        return slack_blocks(&alert);
    }
    let subject = sns.subject.as_deref().map(|s| format!("*{}*\n", escaped(s)));
    let message: String = sns.message.chars().take(MAX_TEXT_CHARS).collect();
    json!({"text": format!("{}{}", subject.unwrap_or_default(), escaped(&message))})
}

/// Escapes as Slack wants it: <https://docs.slack.dev/messaging/formatting-message-text>.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
