//! The settings of `notify`, as `template.yaml` writes them.

use catchment_aws::config::{ConfigErrors, Reader, Vars};

/// What `notify` needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The secret that holds the webhook's address.
    pub webhook_secret_arn: String,
    /// The namespace of the metrics.
    pub metrics_namespace: String,
}

impl Config {
    /// Reads the settings; every fault is in the error.
    pub fn from_vars(vars: &Vars) -> Result<Self, ConfigErrors> {
        let mut reader = Reader::new(vars);
        let config = Self {
            webhook_secret_arn: reader.required("SLACK_WEBHOOK_SECRET_ARN"),
            metrics_namespace: reader.required("METRICS_NAMESPACE"),
        };
        reader.finish(config)
    }
}
