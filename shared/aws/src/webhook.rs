//! Requests to addresses that are given to us: Slack's webhook, and the place
//! where CloudFormation waits for a custom resource's answer.
//!
//! An address is a secret (whoever knows it may write there), so it is in no
//! error and no log. It must be `https`; plain `http` only goes to this machine,
//! which is where the tests and the emulator listen.

use std::error::Error;
use std::time::Duration;

use ureq::Agent;
use ureq::http::Uri;
use ureq::http::header::RETRY_AFTER;

use crate::config::Secret;
use crate::error::AwsError;

/// A request that is not answered after this long counts as failed.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection that is not there after this long counts as failed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The longest answer that is read; of a longer one nothing is. Slack's Web API
/// answers with the message it was sent.
const MAX_ANSWER_BYTES: u64 = 256 * 1024;
/// Slack wants the alphabet named: <https://docs.slack.dev/apis/web-api/#posting-json>
const JSON: &str = "application/json; charset=utf-8";

/// An address that cannot be used. The address itself is not told: it is a secret.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not a URL.
    #[error("is not a URL (expected https://host/path)")]
    Malformed,
    /// Not encrypted, and not on this machine.
    #[error("must begin with https:// (http:// is for this machine alone)")]
    NotHttps,
}

/// Where to send a request. `Debug` hides it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookUrl(Secret);

impl WebhookUrl {
    /// Checks an address.
    pub fn parse(url: &str) -> Result<Self, UrlError> {
        let uri: Uri = url.trim().parse().map_err(|_| UrlError::Malformed)?;
        let host = uri.host().ok_or(UrlError::Malformed)?;
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if is_loopback(host) => {}
            Some(_) => return Err(UrlError::NotHttps),
            None => return Err(UrlError::Malformed),
        }
        Ok(Self(Secret::new(url.trim())))
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// What the other side answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// How long it asks us to wait, in whole seconds.
    pub retry_after: Option<Duration>,
    /// The body: Slack says there in a word what was wrong.
    pub body: String,
}

impl Answer {
    /// Whether the request was taken.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Sends requests. Redirects are not followed, proxies not used.
#[derive(Debug, Clone)]
pub struct WebhookClient {
    agent: Agent,
}

impl Default for WebhookClient {
    fn default() -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(REQUEST_TIMEOUT))
            .timeout_connect(Some(CONNECT_TIMEOUT));
        Self { agent: config.build().new_agent() }
    }
}

impl WebhookClient {
    /// POSTs JSON with these headers. Any status is an answer; an error means
    /// that there was none.
    pub async fn post_json(
        &self,
        url: &WebhookUrl,
        headers: Vec<(&'static str, Secret)>,
        body: String,
    ) -> Result<Answer, AwsError> {
        let (agent, url) = (self.agent.clone(), url.clone());
        off_the_runtime("posting to the webhook", move || {
            let mut request = agent.post(url.0.expose()).header("Content-Type", JSON);
            for (name, value) in &headers {
                request = request.header(*name, value.expose());
            }
            read(request.send(body.as_bytes())?)
        })
        .await
    }

    /// PUTs a body with an empty content type, as presigned S3 addresses want it.
    pub async fn put(&self, url: &WebhookUrl, body: String) -> Result<Answer, AwsError> {
        let (agent, url) = (self.agent.clone(), url.clone());
        off_the_runtime("answering CloudFormation", move || {
            let request = agent.put(url.0.expose()).header("Content-Type", "");
            read(request.send(body.as_bytes())?)
        })
        .await
    }
}

fn read(mut response: ureq::http::Response<ureq::Body>) -> Result<Answer, ureq::Error> {
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok());
    let retry_after = retry_after.and_then(|v| v.trim().parse().ok()).map(Duration::from_secs);
    let status = response.status().as_u16();
    // A body too long or not text leaves the answer what it was.
    let body = response.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_string();
    Ok(Answer { status, retry_after, body: body.unwrap_or_default() })
}

/// `ureq` blocks, so it runs on a thread of its own; a request without an answer
/// may be tried again.
async fn off_the_runtime(
    action: &'static str,
    request: impl FnOnce() -> Result<Answer, ureq::Error> + Send + 'static,
) -> Result<Answer, AwsError> {
    let transient =
        |source: Box<dyn Error + Send + Sync>| AwsError::Transient { action: action.to_owned(), source };
    match tokio::task::spawn_blocking(request).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(ureq::Error::BadUri(_))) => Err(AwsError::unexpected(action, "not a usable URL")),
        Ok(Err(err)) => Err(transient(err.into())),
        Err(err) => Err(transient(err.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_https_or_on_this_machine() {
        for good in [
            "https://hooks.slack.com/services/T0/B0/x",
            " https://a.example/x\n",
            "http://127.0.0.1:8080/x",
            "http://[::1]:8080/x",
            "http://localhost:4566/_cfn?token=1",
        ] {
            assert!(WebhookUrl::parse(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("http://hooks.slack.com/x", UrlError::NotHttps),
            ("http://127.0.0.1.example.com/x", UrlError::NotHttps),
            ("ftp://localhost/x", UrlError::NotHttps),
            ("hooks.slack.com/x", UrlError::Malformed),
            ("", UrlError::Malformed),
        ] {
            assert_eq!(WebhookUrl::parse(bad), Err(why), "{bad}");
        }
    }

    #[test]
    fn an_address_is_not_shown() {
        let url = WebhookUrl::parse("https://hooks.slack.com/services/SECRET").unwrap();
        assert!(!format!("{url:?}").contains("SECRET"));
    }
}
