//! The settings of `evaluate`, as `template.yaml` writes them.

use catchment_aws::config::{ConfigErrors, Reader, Vars};

/// What `evaluate` needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The bucket the rule files are in.
    pub archive_bucket: String,
    /// Where in the bucket they are.
    pub rules_prefix: String,
    /// The table of partials, alert states and cursors.
    pub state_table: String,
    /// The topic that alerts are published to.
    pub alert_topic_arn: String,
    /// The namespace of the metrics.
    pub metrics_namespace: String,
}

impl Config {
    /// Reads the settings; every fault is in the error.
    pub fn from_vars(vars: &Vars) -> Result<Self, ConfigErrors> {
        let mut reader = Reader::new(vars);
        let config = Self {
            archive_bucket: reader.required("ARCHIVE_BUCKET"),
            rules_prefix: reader.required("RULES_PREFIX"),
            state_table: reader.required("STATE_TABLE"),
            alert_topic_arn: reader.required("ALERT_TOPIC_ARN"),
            metrics_namespace: reader.required("METRICS_NAMESPACE"),
        };
        reader.finish(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_setting_is_in_one_message() {
        let vars = Vars::from_pairs([("RULES_PREFIX", "rules/")]);
        let message = Config::from_vars(&vars).unwrap_err().to_string();
        for name in ["ARCHIVE_BUCKET", "STATE_TABLE", "ALERT_TOPIC_ARN", "METRICS_NAMESPACE"] {
            assert!(message.contains(&format!("{name} is not set")), "{message}");
        }
        assert!(!message.contains("RULES_PREFIX"), "{message}");
    }
}
