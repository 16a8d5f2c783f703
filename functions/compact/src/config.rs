//! The settings of `compact`, as `template.yaml` writes them.

use catchment_aws::config::{ConfigErrors, Reader, Vars};

/// What `compact` needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The bucket of the archive.
    pub archive_bucket: String,
    /// The namespace of the metrics.
    pub metrics_namespace: String,
}

impl Config {
    /// Reads the settings; every fault is in the error.
    pub fn from_vars(vars: &Vars) -> Result<Self, ConfigErrors> {
        let mut reader = Reader::new(vars);
        let config = Self {
            archive_bucket: reader.required("ARCHIVE_BUCKET"),
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
        let message = Config::from_vars(&Vars::from_pairs([])).unwrap_err().to_string();
        for name in ["ARCHIVE_BUCKET", "METRICS_NAMESPACE"] {
            assert!(message.contains(&format!("{name} is not set")), "{message}");
        }
    }
}
