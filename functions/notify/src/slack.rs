//! Alerts to Slack, by an incoming webhook or as a bot.
//!
//! A bot's messages about one alert are one thread: the first is its beginning,
//! whose `ts` is kept by the alert's id. A webhook is not told the `ts` of what it
//! posts and cannot answer in a thread; there the alert's id is what belongs together.
//!
//! Patience with Slack's limits: <https://docs.slack.dev/apis/web-api/rate-limits>

use std::sync::{Mutex, MutexGuard};

use catchment_alert::DeliveryStore;
use catchment_aws::config::Secret;
use catchment_aws::secrets::SecretSource;
use catchment_aws::webhook::{Answer, WebhookClient, WebhookUrl};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::patience::{Attempt, DeliveryError, Sending, deliver, unanswered, unsuccessful};

/// Slack's Web API; GovSlack and the tests have another.
const API_URL: &str = "https://slack.com/api";

/// How Slack is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Access {
    Webhook(WebhookUrl),
    Bot { url: WebhookUrl, token: Secret, channel: String },
}

/// Slack.
pub struct Slack<S> {
    secret: S,
    client: WebhookClient,
    access: Mutex<Option<Access>>,
}

impl<S: SecretSource> Slack<S> {
    /// The Slack that `secret` opens. It is read when first needed, and once more
    /// when Slack says that it is no longer good.
    pub fn new(secret: S, client: WebhookClient) -> Self {
        Self { secret, client, access: Mutex::new(None) }
    }

    /// Posts a message about an alert, at the latest until `deadline`.
    pub async fn post(
        &self,
        message: &Value,
        alert_id: Option<&str>,
        store: &impl DeliveryStore,
        (deadline, now_ms): (Instant, i64),
        retries: &mut u64,
    ) -> Result<(), DeliveryError> {
        let sending =
            SlackPost { slack: self, message, alert_id, store, now_ms, is_fresh: false, threads: true };
        deliver(sending, deadline, retries).await
    }

    async fn access(&self) -> Result<Access, Attempt> {
        let cached = self.cached().clone();
        match cached {
            Some(access) => Ok(access),
            None => self.fetch().await,
        }
    }

    async fn fetch(&self) -> Result<Access, Attempt> {
        let secret = self.secret.read().await.map_err(|err| unanswered(&err))?;
        let access = access(&secret).map_err(Attempt::Refused)?;
        *self.cached() = Some(access.clone());
        Ok(access)
    }

    fn cached(&self) -> MutexGuard<'_, Option<Access>> {
        self.access.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// One message on its way.
struct SlackPost<'a, S, D> {
    slack: &'a Slack<S>,
    message: &'a Value,
    alert_id: Option<&'a str>,
    store: &'a D,
    now_ms: i64,
    /// Whether the secret was read for this message.
    is_fresh: bool,
    /// Whether it still may be an answer in a thread.
    threads: bool,
}

impl<S: SecretSource, D: DeliveryStore> Sending for SlackPost<'_, S, D> {
    async fn attempt(&mut self) -> Attempt {
        let access = match self.slack.access().await {
            Ok(access) => access,
            Err(attempt) => return attempt,
        };
        match &access {
            Access::Webhook(url) => {
                let post = self.slack.client.post_json(url, Vec::new(), self.message.to_string());
                match post.await {
                    Ok(answer) if answer.is_success() => Attempt::Taken,
                    Ok(answer) if matches!(answer.status, 403 | 404 | 410) => {
                        self.renewed(&access, unsuccessful(&answer)).await
                    }
                    Ok(answer) => unsuccessful(&answer),
                    Err(err) => unanswered(&err),
                }
            }
            Access::Bot { url, token, channel } => self.post_as_bot(&access, url, token, channel).await,
        }
    }
}

impl<S: SecretSource, D: DeliveryStore> SlackPost<'_, S, D> {
    async fn post_as_bot(
        &mut self,
        access: &Access,
        url: &WebhookUrl,
        token: &Secret,
        channel: &str,
    ) -> Attempt {
        let thread = self.thread(channel).await;
        let mut body = self.message.clone();
        if let Value::Object(fields) = &mut body {
            fields.insert("channel".into(), json!(channel));
            fields.extend(thread.as_ref().map(|ts| ("thread_ts".into(), json!(ts))));
        }
        let headers = vec![("Authorization", Secret::new(format!("Bearer {}", token.expose())))];
        let answer = match self.slack.client.post_json(url, headers, body.to_string()).await {
            Ok(answer) if answer.is_success() => answer,
            Ok(answer) => return unsuccessful(&answer),
            Err(err) => return unanswered(&err),
        };
        match Told::by(&answer) {
            Told::Posted { ts } => {
                if let (None, Some(alert_id)) = (thread, self.alert_id) {
                    self.begin_thread(alert_id, channel, &ts).await;
                }
                Attempt::Taken
            }
            Told::Failed { error } => match error.as_str() {
                "ratelimited"
                | "rate_limited"
                | "internal_error"
                | "fatal_error"
                | "service_unavailable"
                | "request_timeout"
                | "team_added_to_org" => Attempt::Later(error, answer.retry_after),
                "invalid_auth" | "not_authed" | "account_inactive" | "token_expired" | "token_revoked" => {
                    self.renewed(access, Attempt::Refused(error)).await
                }
                // Its beginning was deleted, or is in another channel.
                "thread_not_found"
                | "message_not_found"
                | "invalid_thread_ts"
                | "cannot_reply_to_message"
                    if thread.is_some() =>
                {
                    self.threads = false;
                    Attempt::Again(error)
                }
                _ => Attempt::Refused(error),
            },
        }
    }

    /// The thread of the alert. One that cannot be found out is no reason to wait.
    async fn thread(&self, channel: &str) -> Option<String> {
        let alert_id = self.alert_id.filter(|_| self.threads)?;
        let thread = self.store.thread(alert_id, &place(channel)).await;
        let unknown = |err: &D::Error| tracing::warn!(alert_id, error = %err, "its thread is not known");
        thread.inspect_err(unknown).ok().flatten()
    }

    async fn begin_thread(&self, alert_id: &str, channel: &str, ts: &str) {
        if let Err(err) = self.store.keep_thread(alert_id, &place(channel), ts, self.now_ms).await {
            tracing::warn!(alert_id, error = %err, "what comes will not be in its thread");
        }
    }

    /// Once more with the secret as it is now, if it is another; else what was said.
    async fn renewed(&mut self, used: &Access, said: Attempt) -> Attempt {
        if std::mem::replace(&mut self.is_fresh, true) {
            return said;
        }
        match self.slack.fetch().await {
            Ok(access) if access != *used => Attempt::Again("the secret has changed".to_owned()),
            Ok(_) => said,
            Err(attempt) => attempt,
        }
    }
}

fn place(channel: &str) -> String {
    format!("slack#{channel}")
}

/// What the Web API answers: <https://docs.slack.dev/apis/web-api/#responses>.
enum Told {
    Posted { ts: String },
    Failed { error: String },
}

impl Told {
    fn by(answer: &Answer) -> Self {
        #[derive(Deserialize)]
        struct Fields {
            ok: bool,
            #[serde(default)]
            ts: String,
            #[serde(default)]
            error: String,
        }
        match serde_json::from_str(&answer.body) {
            Ok(Fields { ok: true, ts, .. }) => Self::Posted { ts },
            Ok(Fields { error, .. }) => Self::Failed { error: crate::patience::first_word(&error) },
            Err(_) => Self::Failed { error: "an answer that is not Slack's".to_owned() },
        }
    }
}

/// What the secret holds: a webhook's address, that in the field `url`, or the
/// fields `token` and `channel`, with `api_url` where Slack is not slack.com.
fn access(secret: &Secret) -> Result<Access, String> {
    #[derive(Deserialize)]
    struct Fields {
        url: Option<String>,
        token: Option<String>,
        channel: Option<String>,
        api_url: Option<String>,
    }
    let unusable = |reason: &str| {
        format!(
            "the Slack secret is unusable: its value {reason}; store a webhook's URL, or {{\"token\": \"xoxb-...\", \"channel\": \"C...\"}}"
        )
    };
    let address = |url: &str| WebhookUrl::parse(url).map_err(|err| unusable(&err.to_string()));
    let value = secret.expose().trim();
    if !value.starts_with('{') {
        return address(value).map(Access::Webhook);
    }
    let fields: Fields = serde_json::from_str(value)
        .map_err(|_| unusable("is JSON, but not with text fields \"url\", or \"token\" and \"channel\""))?;
    match (fields.url, fields.token, fields.channel) {
        (Some(url), None, None) => address(&url).map(Access::Webhook),
        (None, Some(token), Some(channel)) => {
            let api = fields.api_url.unwrap_or_else(|| API_URL.to_owned());
            let url = address(&format!("{}/chat.postMessage", api.trim_end_matches('/')))?;
            Ok(Access::Bot { url, token: Secret::new(token), channel })
        }
        _ => Err(unusable("is JSON without a text field \"url\", or \"token\" and \"channel\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_an_address_or_holds_one_or_a_bot() {
        for good in
            ["https://hooks.slack.com/services/a", "{\"url\": \"https://hooks.slack.com/services/a\"}\n"]
        {
            let expected = WebhookUrl::parse("https://hooks.slack.com/services/a").unwrap();
            assert_eq!(access(&Secret::new(good)).unwrap(), Access::Webhook(expected));
        }
        for (api_url, expected) in [
            ("", "https://slack.com/api/chat.postMessage"),
            (", \"api_url\": \"https://slack-gov.com/api/\"", "https://slack-gov.com/api/chat.postMessage"),
        ] {
            let secret = format!("{{\"token\": \"xoxb-topsecret\", \"channel\": \"C1\"{api_url}}}");
            let bot = access(&Secret::new(secret)).unwrap();
            assert!(!format!("{bot:?}").contains("topsecret"));
            let Access::Bot { url, token, channel } = bot else { panic!() };
            assert_eq!(url, WebhookUrl::parse(expected).unwrap());
            assert_eq!((token.expose(), channel.as_str()), ("xoxb-topsecret", "C1"));
        }
        for (bad, reason) in [
            ("{\"webhook\": \"topsecret\"}", "is JSON without a text field"),
            ("{\"token\": \"topsecret\"}", "is JSON without a text field"),
            ("{\"url\": 5, \"token\": \"topsecret\"}", "is JSON, but not with text fields"),
            ("topsecret", "is not a URL"),
            ("http://topsecret.example/x", "must begin with https://"),
        ] {
            let err = access(&Secret::new(bad)).unwrap_err();
            assert!(err.contains(reason), "{err}");
            assert!(!err.contains("topsecret"), "{err}");
        }
    }
}
