//! One message to Slack's incoming webhook: its address from a secret, and
//! patience with its limits (one message a second, 429 with `Retry-After`).
//!
//! Limits: <https://docs.slack.dev/apis/web-api/rate-limits>

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use catchment_aws::AwsError;
use catchment_aws::config::Secret;
use catchment_aws::secrets::SecretSource;
use catchment_aws::webhook::{Answer, WebhookClient, WebhookUrl};
use serde::Deserialize;
use tokio::time::{Instant, sleep_until, timeout_at};

/// Attempts for one message, the first included.
const MAX_ATTEMPTS: u32 = 5;
/// The first pause after a failure that names none; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause Slack may ask for; with more the message is left to the
/// retries of Lambda and SNS, which are minutes apart.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(20);

/// A message that did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum SlackError {
    /// The webhook's address could not be read.
    #[error(transparent)]
    Secret(#[from] AwsError),
    /// The secret holds something else.
    #[error(
        "the Slack webhook secret is unusable: its value {reason}; store the webhook's URL, or {{\"url\": \"https://...\"}}"
    )]
    SecretValue {
        /// What it is instead.
        reason: String,
    },
    /// Slack refuses, and would again.
    #[error("Slack refused the message with HTTP {status} {word}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Slack's word for it, such as `no_service` or `invalid_blocks`.
        word: String,
    },
    /// Slack was busy, down or out of reach until the time or the attempts were up.
    #[error("Slack did not take the message in {attempts} attempts: {last}")]
    Unavailable {
        /// How often it was tried.
        attempts: u32,
        /// What happened the last time.
        last: String,
    },
}

impl SlackError {
    /// Whether a later attempt may succeed.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Secret(err) => err.is_transient(),
            Self::Unavailable { .. } => true,
            Self::SecretValue { .. } | Self::Refused { .. } => false,
        }
    }
}

/// Slack's incoming webhook.
pub struct Slack<S> {
    secret: S,
    client: WebhookClient,
    url: Mutex<Option<WebhookUrl>>,
}

impl<S: SecretSource> Slack<S> {
    /// The webhook whose address `secret` holds. It is read when first needed,
    /// and once more when Slack says that the address is no longer good.
    pub fn new(secret: S, client: WebhookClient) -> Self {
        Self { secret, client, url: Mutex::new(None) }
    }

    /// Posts a message, at the latest until `deadline`. `retries` counts every
    /// attempt after the first.
    pub async fn post(&self, message: &str, deadline: Instant, retries: &mut u64) -> Result<(), SlackError> {
        let mut url = self.url().await?;
        let mut address_is_fresh = false;
        let mut pause = FIRST_PAUSE;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let post = self.client.post_json(&url, message.to_owned());
            let Ok(outcome) = timeout_at(deadline, post).await else {
                let last = "the invocation's time was up".to_owned();
                return Err(SlackError::Unavailable { attempts, last });
            };
            let (last, wait) = match outcome {
                Ok(answer) if answer.is_success() => return Ok(()),
                Ok(answer) if answer.status == 429 => (told(&answer), answer.retry_after.unwrap_or(pause)),
                Ok(answer) if answer.status >= 500 => (told(&answer), pause),
                Ok(answer) if matches!(answer.status, 403 | 404 | 410) && !address_is_fresh => {
                    address_is_fresh = true;
                    let renewed = self.fetch().await?;
                    if renewed == url {
                        return Err(refused(&answer));
                    }
                    url = renewed;
                    (told(&answer), Duration::ZERO)
                }
                Ok(answer) => return Err(refused(&answer)),
                Err(err) if err.is_transient() => (err.to_string(), pause),
                Err(err) => return Err(err.into()),
            };
            let next = Instant::now() + wait;
            if attempts == MAX_ATTEMPTS || wait > MAX_RETRY_AFTER || next >= deadline {
                return Err(SlackError::Unavailable { attempts, last });
            }
            tracing::warn!(attempts, reason = last, "Slack did not take the message yet");
            sleep_until(next).await;
            *retries += 1;
            pause *= 2;
        }
    }

    async fn url(&self) -> Result<WebhookUrl, SlackError> {
        let cached = self.cached().clone();
        match cached {
            Some(url) => Ok(url),
            None => self.fetch().await,
        }
    }

    async fn fetch(&self) -> Result<WebhookUrl, SlackError> {
        let url = address(&self.secret.read().await?)?;
        *self.cached() = Some(url.clone());
        Ok(url)
    }

    fn cached(&self) -> MutexGuard<'_, Option<WebhookUrl>> {
        self.url.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// The address in the secret: the value itself, or its field `url`.
fn address(secret: &Secret) -> Result<WebhookUrl, SlackError> {
    #[derive(Deserialize)]
    struct Fields {
        url: String,
    }
    let value = secret.expose().trim();
    let unusable = |reason: String| SlackError::SecretValue { reason };
    let url = if value.starts_with('{') {
        let fields: Result<Fields, _> = serde_json::from_str(value);
        fields.map_err(|_| unusable("is JSON without a text field \"url\"".to_owned()))?.url
    } else {
        value.to_owned()
    };
    WebhookUrl::parse(&url).map_err(|err| unusable(err.to_string()))
}

fn told(answer: &Answer) -> String {
    format!("HTTP status {}", answer.status)
}

fn refused(answer: &Answer) -> SlackError {
    // Slack answers with one word; anything longer is not its answer.
    let word = answer.body.split_whitespace().next().unwrap_or_default();
    SlackError::Refused { status: answer.status, word: word.chars().take(60).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_an_address_or_holds_one() {
        for good in
            ["https://hooks.slack.com/services/a", "{\"url\": \"https://hooks.slack.com/services/a\"}\n"]
        {
            let expected = WebhookUrl::parse("https://hooks.slack.com/services/a").unwrap();
            assert_eq!(address(&Secret::new(good)).unwrap(), expected);
        }
        for (bad, reason) in [
            ("{\"webhook\": \"topsecret\"}", "is JSON without a text field"),
            ("topsecret", "is not a URL"),
            ("http://topsecret.example/x", "must begin with https://"),
        ] {
            let err = address(&Secret::new(bad)).unwrap_err();
            assert!(!err.is_transient());
            assert!(err.to_string().contains(reason), "{err}");
            assert!(!err.to_string().contains("topsecret"), "{err}");
        }
    }
}
