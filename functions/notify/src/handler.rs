//! One invocation: every message of an SNS event goes to every channel.
//!
//! SNS delivers one record an invocation today; all there are get handled. A
//! message that a channel does not take fails the invocation, whatever the
//! reason: Lambda tries it twice more, by when a wrong secret may be right, and
//! then puts it where an operator finds it. What a channel has taken is noted, so
//! that a retry for one does not repeat the others; an alert told twice is better
//! than one not told.

use std::time::Duration;

use catchment_alert::amazon_q::amazon_q_notification;
use catchment_alert::message::AlertMessage;
use catchment_alert::slack::slack_blocks;
use catchment_alert::webhook::webhook_body;
use catchment_alert::{DeliveryStore, rfc3339};
use catchment_aws::clock::Clock;
use catchment_aws::emf::Metrics;
use catchment_aws::notifier::TextTopic;
use catchment_aws::secrets::SecretSource;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::patience::{Attempt, DeliveryError, Sending, deliver, unanswered};
use crate::slack::Slack;
use crate::webhook::{Webhook, WebhookPost};

/// Kept back of an invocation's time, for the metrics and the answer.
const ANSWER_RESERVE: Duration = Duration::from_secs(1);
/// Characters of a foreign message that are shown.
const MAX_TEXT_CHARS: usize = 2_500;

/// What became of an event's messages, over all channels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// A channel took them.
    pub sent: u64,
    /// A channel did not take them.
    pub failed: u64,
    /// A channel had taken them in an earlier attempt of this event.
    pub repeated: u64,
    /// Attempts after the first, over all messages and channels.
    pub retries: u64,
}

impl Summary {
    /// The same as metrics of CloudWatch.
    pub fn metrics(&self, namespace: &str) -> Metrics {
        let mut metrics = Metrics::new(namespace, "notify");
        metrics
            .count("NotificationsSent", self.sent)
            .count("NotificationsFailed", self.failed)
            .count("DeliveryRetries", self.retries);
        metrics
    }
}

/// Some messages did not arrive.
#[derive(Debug, thiserror::Error)]
#[error("{} of {total} notifications did not arrive: {}", reasons.len(), reasons.join("; "))]
pub struct NotifyError {
    total: u64,
    reasons: Vec<String>,
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

/// What an invocation works with. A channel that is not there is not wanted.
pub struct Handler<S, D, C> {
    /// Slack.
    pub slack: Option<Slack<S>>,
    /// The webhook for programs.
    pub webhook: Option<Webhook<S>>,
    /// The topic of Amazon Q.
    pub amazon_q: Option<TextTopic>,
    /// What went out.
    pub store: D,
    /// The namespace of the metrics.
    pub metrics_namespace: String,
    /// The time.
    pub clock: C,
}

impl<S: SecretSource, D: DeliveryStore, C: Clock> Handler<S, D, C> {
    /// Handles an event that must be done with at `deadline_millis`.
    pub async fn handle(&self, event: Value, deadline_millis: i64) -> Result<Summary, NotifyError> {
        let now = self.clock.now_millis();
        let remaining = u64::try_from(deadline_millis.saturating_sub(now)).unwrap_or(0);
        let budget = Duration::from_millis(remaining).saturating_sub(ANSWER_RESERVE);
        let (summary, reasons) = self.post_all(event, Instant::now() + budget).await;
        tracing::info!(
            sent = summary.sent,
            failed = summary.failed,
            repeated = summary.repeated,
            retries = summary.retries,
            "notifications posted"
        );
        if let Err(err) = summary.metrics(&self.metrics_namespace).emit(now) {
            tracing::warn!(error = %err, "metrics could not be written");
        }
        if reasons.is_empty() {
            Ok(summary)
        } else {
            Err(NotifyError { total: summary.sent + summary.failed + summary.repeated, reasons })
        }
    }

    /// Posts every message; with them comes why some did not arrive.
    async fn post_all(&self, event: Value, deadline: Instant) -> (Summary, Vec<String>) {
        let mut summary = Summary::default();
        let mut reasons = Vec::new();
        let event: Event = match serde_json::from_value(event) {
            Ok(event) => event,
            Err(err) => {
                tracing::error!(error = %err, "the event is not one of SNS");
                summary.failed = 1;
                return (summary, vec![format!("the event is not one of SNS: {err}")]);
            }
        };
        for Record { sns } in event.records {
            let news = News::of(&sns);
            let outcomes = tokio::join!(
                self.to_slack(&sns.message_id, &news, deadline),
                self.to_webhook(&sns.message_id, &news, deadline),
                self.to_amazon_q(&sns.message_id, &news, deadline),
            );
            for outcome in [outcomes.0, outcomes.1, outcomes.2].into_iter().flatten() {
                summary.retries += outcome.retries;
                match outcome.result {
                    Ok(true) => summary.sent += 1,
                    Ok(false) => summary.repeated += 1,
                    Err(err) => {
                        summary.failed += 1;
                        let channel = outcome.channel;
                        tracing::error!(message_id = sns.message_id, channel, error = %err, "not notified");
                        reasons.push(format!("{channel}: {err}"));
                    }
                }
            }
        }
        (summary, reasons)
    }

    async fn to_slack(&self, id: &str, news: &News, deadline: Instant) -> Option<Outcome> {
        let slack = self.slack.as_ref()?;
        let (body, alert_id) = match news {
            News::Alert(alert) => (slack_blocks(alert), Some(alert.id.as_str())),
            News::Text { subject, text } => {
                let subject = subject.as_deref().map(|subject| format!("*{}*\n", escaped(subject)));
                (json!({"text": subject.unwrap_or_default() + &escaped(text)}), None)
            }
        };
        let when = (deadline, self.clock.now_millis());
        let send = async |retries: &mut u64| slack.post(&body, alert_id, &self.store, when, retries).await;
        Some(self.once("slack", id, send).await)
    }

    async fn to_webhook(&self, id: &str, news: &News, deadline: Instant) -> Option<Outcome> {
        let webhook = self.webhook.as_ref()?;
        let now = rfc3339(self.clock.now_millis());
        let body = match news {
            News::Alert(alert) => webhook_body(alert, &now),
            News::Text { subject, text } => {
                json!({"type": "text", "timestamp": now, "data": {"subject": subject, "text": text}})
                    .to_string()
            }
        };
        let post =
            || WebhookPost { webhook, id: format!("msg_{id}"), body: body.clone(), clock: &self.clock };
        let send = async |retries: &mut u64| deliver(post(), deadline, retries).await;
        Some(self.once("webhook", id, send).await)
    }

    async fn to_amazon_q(&self, id: &str, news: &News, deadline: Instant) -> Option<Outcome> {
        let topic = self.amazon_q.as_ref()?;
        let notification = match news {
            News::Alert(alert) => amazon_q_notification(alert),
            News::Text { subject, text } => json!({"version": "1.0", "source": "custom", "content": {
                "textType": "client-markdown",
                "title": escaped(subject.as_deref().unwrap_or("A message to the alert topic")),
                "description": escaped(text),
            }}),
        };
        let publication = || Publication { topic, text: notification.to_string() };
        let send = async |retries: &mut u64| deliver(publication(), deadline, retries).await;
        Some(self.once("amazon_q", id, send).await)
    }

    /// Sends unless the channel has taken it; `Ok(false)` if it has.
    async fn once(
        &self,
        channel: &'static str,
        id: &str,
        send: impl AsyncFnOnce(&mut u64) -> Result<(), DeliveryError>,
    ) -> Outcome {
        let mut retries = 0;
        match self.store.is_delivered(id, channel).await {
            Ok(true) => return Outcome { channel, retries, result: Ok(false) },
            Ok(false) => {}
            Err(err) => tracing::warn!(channel, error = %err, "whether it is told already is not known"),
        }
        let result = send(&mut retries).await;
        if result.is_ok() {
            let noted = self.store.note_delivered(id, channel, self.clock.now_millis()).await;
            if let Err(err) = noted {
                tracing::warn!(channel, error = %err, "a retry of the event would tell it again");
            }
        }
        Outcome { channel, retries, result: result.map(|()| true) }
    }
}

/// What came of one message in one channel.
struct Outcome {
    channel: &'static str,
    retries: u64,
    result: Result<bool, DeliveryError>,
}

/// What is told: an alert of ours, or what somebody else published to the topic.
enum News {
    Alert(Box<AlertMessage>),
    Text { subject: Option<String>, text: String },
}

impl News {
    fn of(sns: &Notification) -> Self {
        match serde_json::from_str(&sns.message) {
            Ok(alert) => Self::Alert(Box::new(alert)),
            Err(_) => Self::Text {
                subject: sns.subject.clone(),
                text: sns.message.chars().take(MAX_TEXT_CHARS).collect(),
            },
        }
    }
}

/// A notification on its way to a topic.
struct Publication<'a> {
    topic: &'a TextTopic,
    text: String,
}

impl Sending for Publication<'_> {
    async fn attempt(&mut self) -> Attempt {
        match self.topic.publish(&self.text).await {
            Ok(()) => Attempt::Taken,
            Err(err) => unanswered(&err),
        }
    }
}

/// Escapes as Slack wants it: <https://docs.slack.dev/messaging/formatting-message-text>.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
