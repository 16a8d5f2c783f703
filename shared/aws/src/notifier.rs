//! Alerts to an SNS topic: one message with a form for each kind of subscriber.

use aws_sdk_sns::Client;
use catchment_alert::email::{email_subject, email_text};
use catchment_alert::sms::sms_text;
use catchment_alert::{AlertMessage, Notifier};
use serde_json::json;

use crate::error::{AwsError, classify};

/// The largest message SNS takes, all forms together, in bytes.
/// <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>
pub const MAX_MESSAGE_BYTES: usize = 262_144;

/// A [`Notifier`] over a topic.
#[derive(Debug, Clone)]
pub struct SnsNotifier {
    client: Client,
    topic_arn: String,
}

impl SnsNotifier {
    /// Publishes to `topic_arn`.
    pub fn new(client: Client, topic_arn: impl Into<String>) -> Self {
        Self { client, topic_arn: topic_arn.into() }
    }
}

impl Notifier for SnsNotifier {
    type Error = AwsError;

    async fn publish(&self, message: &AlertMessage) -> Result<(), AwsError> {
        let publish = self
            .client
            .publish()
            .topic_arn(&self.topic_arn)
            .subject(email_subject(message))
            .message_structure("json")
            .message(body(message));
        let action = || format!("publish the alert {} to {}", message.name, self.topic_arn);
        publish.send().await.map(|_| ()).map_err(|err| classify(action(), err))
    }
}

/// A topic whose subscribers all get the same text.
#[derive(Debug, Clone)]
pub struct TextTopic {
    client: Client,
    topic_arn: String,
}

impl TextTopic {
    /// Publishes to `topic_arn`.
    pub fn new(client: Client, topic_arn: impl Into<String>) -> Self {
        Self { client, topic_arn: topic_arn.into() }
    }

    /// Publishes a text.
    pub async fn publish(&self, text: &str) -> Result<(), AwsError> {
        let publish = self.client.publish().topic_arn(&self.topic_arn).message(text);
        let action = || format!("publish to {}", self.topic_arn);
        publish.send().await.map(|_| ()).map_err(|err| classify(action(), err))
    }
}

/// The forms by protocol. Should they be too large together, labels and notes
/// are left out: what remains is short enough in any alphabet.
fn body(message: &AlertMessage) -> String {
    let full = forms(message);
    if full.len() <= MAX_MESSAGE_BYTES {
        return full;
    }
    let mut smaller = message.clone();
    smaller.labels.clear();
    smaller.annotations.clear();
    smaller.series.truncate(1);
    smaller.series.iter_mut().for_each(|series| series.labels.clear());
    forms(&smaller)
}

fn forms(message: &AlertMessage) -> String {
    let email = email_text(message);
    json!({
        "default": email,
        "email": email,
        "sms": sms_text(message),
        "lambda": json!(message).to_string(),
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use catchment_alert::message::{AlertedSeries, Links, MAX_FIELDS, MAX_SERIES, MAX_TEXT_CHARS, Status};
    use serde_json::Value;

    use super::*;

    fn message(text: &str) -> AlertMessage {
        let fields: BTreeMap<String, String> =
            (0..MAX_FIELDS).map(|n| (format!("field_{n}"), text.to_owned())).collect();
        let series = AlertedSeries {
            labels: fields.clone(),
            value: 6.0,
            peak: None,
            fired_at: "2026-01-01T00:00:00Z".into(),
            resolved_at: None,
        };
        AlertMessage {
            id: "0123456789abcdef".into(),
            name: "A".into(),
            group: "g".into(),
            description: text.into(),
            summary: text.into(),
            severity: "critical".into(),
            status: Status::Firing,
            condition: text.into(),
            threshold: Some(5.0),
            labels: fields.clone(),
            annotations: fields,
            series: vec![series; MAX_SERIES],
            more: 1,
            since: "2026-01-01T00:00:00Z".into(),
            resolved_at: None,
            samples: vec![text.into(); 3],
            links: Links::default(),
            stack: "demo".into(),
        }
    }

    #[test]
    fn every_form_is_there_and_lambda_gets_the_message() {
        let body: Value = serde_json::from_str(&body(&message("text"))).unwrap();
        for form in ["default", "email", "sms"] {
            assert!(body[form].as_str().unwrap().contains("FIRING"), "{form}");
        }
        let sent: AlertMessage = serde_json::from_str(body["lambda"].as_str().unwrap()).unwrap();
        assert_eq!(sent, message("text"));
    }

    #[test]
    fn the_longest_message_there_can_be_fits() {
        // Three bytes a character, and characters that JSON escapes twice over.
        for text in ["€", "\u{1}"] {
            let body = body(&message(&text.repeat(MAX_TEXT_CHARS)));
            assert!(body.len() <= MAX_MESSAGE_BYTES, "{}", body.len());
            let body: Value = serde_json::from_str(&body).unwrap();
            assert!(body["lambda"].as_str().unwrap().contains("0123456789abcdef"));
        }
    }
}
