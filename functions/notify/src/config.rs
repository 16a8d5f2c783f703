//! The settings of `notify`, as `template.yaml` writes them. Each channel is
//! there when its settings are; one at least.

use catchment_aws::config::{ConfigErrors, Reader, Vars};
use catchment_aws::webhook::WebhookUrl;

/// What `notify` needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The secret for Slack: a webhook's address, or a bot's token and channel.
    pub slack_secret_arn: Option<String>,
    /// The webhook for programs.
    pub webhook: Option<WebhookConfig>,
    /// The topic that Amazon Q Developer in chat applications listens to.
    pub amazon_q_topic_arn: Option<String>,
    /// The table that remembers what went out.
    pub state_table: String,
    /// The namespace of the metrics.
    pub metrics_namespace: String,
}

/// Where the webhook is and what its bodies are signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookConfig {
    /// The address.
    pub url: WebhookUrl,
    /// The secret that holds the key.
    pub secret_arn: String,
}

impl Config {
    /// Reads the settings; every fault is in the error.
    pub fn from_vars(vars: &Vars) -> Result<Self, ConfigErrors> {
        let mut reader = Reader::new(vars);
        let optional = |name| vars.get(name).map(str::to_owned);
        let webhook = match (vars.get("ALERT_WEBHOOK_URL"), optional("ALERT_WEBHOOK_SECRET_ARN")) {
            (Some(url), Some(secret_arn)) => match WebhookUrl::parse(url) {
                Ok(url) => Some(WebhookConfig { url, secret_arn }),
                Err(err) => {
                    reader.fault("ALERT_WEBHOOK_URL", format!("no address to post to: it {err}"));
                    None
                }
            },
            (None, None) => None,
            _ => {
                reader.fault("ALERT_WEBHOOK_URL", "only of use together with ALERT_WEBHOOK_SECRET_ARN");
                None
            }
        };
        let config = Self {
            slack_secret_arn: optional("SLACK_WEBHOOK_SECRET_ARN"),
            webhook,
            amazon_q_topic_arn: optional("AMAZON_Q_TOPIC_ARN"),
            state_table: reader.required("STATE_TABLE"),
            metrics_namespace: reader.required("METRICS_NAMESPACE"),
        };
        let channels = ["SLACK_WEBHOOK_SECRET_ARN", "ALERT_WEBHOOK_URL", "AMAZON_Q_TOPIC_ARN"];
        if channels.iter().all(|name| vars.get(name).is_none()) {
            reader.fault("SLACK_WEBHOOK_SECRET_ARN", format!("not set, nor any of {}", channels.join(", ")));
        }
        reader.finish(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_enough_and_half_a_webhook_is_a_fault() {
        let common = [("STATE_TABLE", "t"), ("METRICS_NAMESPACE", "n")];
        let of = |a: (&str, &str), b: (&str, &str)| {
            Config::from_vars(&Vars::from_pairs([common[0], common[1], a, b])).map_err(|err| err.to_string())
        };
        let none = ("X", "");
        assert!(of(("SLACK_WEBHOOK_SECRET_ARN", "arn"), none).is_ok());
        assert!(of(("AMAZON_Q_TOPIC_ARN", "arn"), none).is_ok());
        let webhook = of(("ALERT_WEBHOOK_URL", "https://a.example"), ("ALERT_WEBHOOK_SECRET_ARN", "arn"));
        assert_eq!(webhook.unwrap().webhook.unwrap().secret_arn, "arn");
        for (a, b, fault) in [
            (none, none, "nor any of"),
            (("ALERT_WEBHOOK_URL", "https://a.example"), none, "together with ALERT_WEBHOOK_SECRET_ARN"),
            (("ALERT_WEBHOOK_SECRET_ARN", "arn"), none, "together with"),
            (
                ("ALERT_WEBHOOK_URL", "http://a.example"),
                ("ALERT_WEBHOOK_SECRET_ARN", "arn"),
                "must begin with https",
            ),
        ] {
            let err = of(a, b).unwrap_err();
            assert!(err.contains(fault), "{err}");
        }
        let faults = Config::from_vars(&Vars::from_pairs([])).unwrap_err().to_string();
        assert!(faults.contains("STATE_TABLE") && faults.contains("METRICS_NAMESPACE"), "{faults}");
    }
}
