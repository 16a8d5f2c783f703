//! Alerts to a program's webhook, signed as Standard Webhooks has it.

use catchment_alert::webhook::WebhookKey;
use catchment_aws::clock::Clock;
use catchment_aws::config::Secret;
use catchment_aws::secrets::SecretSource;
use catchment_aws::webhook::{WebhookClient, WebhookUrl};

use crate::patience::{Attempt, Sending, unanswered, unsuccessful};

/// The webhook.
pub struct Webhook<S> {
    /// Where it is.
    pub url: WebhookUrl,
    /// What holds the key; read for each message, so that a new key counts at once.
    pub secret: S,
    /// What posts.
    pub client: WebhookClient,
}

/// One message on its way; the same id each time it is tried, a signature of
/// the time it is.
pub struct WebhookPost<'a, S, C> {
    /// The webhook.
    pub webhook: &'a Webhook<S>,
    /// `webhook-id`.
    pub id: String,
    /// The body.
    pub body: String,
    /// The time.
    pub clock: &'a C,
}

impl<S: SecretSource, C: Clock> Sending for WebhookPost<'_, S, C> {
    async fn attempt(&mut self) -> Attempt {
        let key = match self.webhook.secret.read().await {
            Ok(secret) => WebhookKey::parse(secret.expose()),
            Err(err) => return unanswered(&err),
        };
        let now_s = self.clock.now_millis().div_euclid(1000);
        let signature = match key.and_then(|key| key.sign(&self.id, now_s, &self.body)) {
            Ok(signature) => signature,
            Err(err) => return Attempt::Refused(err.to_string()),
        };
        let headers = vec![
            ("webhook-id", Secret::new(self.id.clone())),
            ("webhook-timestamp", Secret::new(now_s.to_string())),
            ("webhook-signature", Secret::new(signature)),
        ];
        match self.webhook.client.post_json(&self.webhook.url, headers, self.body.clone()).await {
            Ok(answer) if answer.is_success() => Attempt::Taken,
            Ok(answer) => unsuccessful(&answer),
            Err(err) => unanswered(&err),
        }
    }
}
