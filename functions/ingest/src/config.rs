//! The function's settings.

use catchment_aws::config::{ConfigErrors, Reader, Vars};
use catchment_record::{Globs, Routing};

/// What the template sets, read once.
#[derive(Debug)]
pub struct Config {
    /// The bucket of the archive, of the quarantine and of the rule files.
    pub archive_bucket: String,
    /// The table of the audit trail.
    pub audit_table: String,
    /// The table of alert partials.
    pub state_table: String,
    /// The function to ask for a look at rules; without it the minute's tick looks.
    pub evaluate_function: Option<String>,
    /// Where in the bucket rule files lie.
    pub rules_prefix: String,
    /// The configuration file's key in the bucket.
    pub config_key: String,
    /// Which log groups are kept for how long, where the configuration file does not say.
    pub routing: Routing,
    /// The secret that holds the key of the keyed hash; without one, what should
    /// be hashed is masked.
    pub hash_key_secret_arn: Option<String>,
    /// How long audit entries are kept, in days.
    pub audit_retention_days: u32,
    /// The namespace of the metrics.
    pub metrics_namespace: String,
    /// What the handler needs.
    pub settings: Settings,
}

/// The settings of the handler itself.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The Region that the function runs in.
    pub region: String,
    /// The environment of log groups whose names tell none.
    pub environment: String,
}

impl Config {
    /// Reads the settings; every fault is in the one error.
    pub fn from_vars(vars: &Vars) -> Result<Self, ConfigErrors> {
        let mut reader = Reader::new(vars);
        let config = Self {
            archive_bucket: reader.required("ARCHIVE_BUCKET"),
            audit_table: reader.required("AUDIT_TABLE"),
            state_table: reader.required("STATE_TABLE"),
            evaluate_function: vars.get("EVALUATE_FUNCTION").map(str::to_owned),
            rules_prefix: reader.required("RULES_PREFIX"),
            config_key: reader.required("CONFIG_KEY"),
            routing: Routing {
                short: globs(&mut reader, "SHORT_LOG_GROUPS"),
                long: globs(&mut reader, "LONG_LOG_GROUPS"),
            },
            hash_key_secret_arn: vars.get("HASH_KEY_SECRET_ARN").map(str::to_owned),
            audit_retention_days: reader.required_parsed("AUDIT_RETENTION_DAYS"),
            metrics_namespace: reader.required("METRICS_NAMESPACE"),
            settings: Settings {
                region: reader.required("AWS_REGION"),
                environment: reader.required("ENVIRONMENT"),
            },
        };
        reader.finish(config)
    }
}

fn globs(reader: &mut Reader<'_>, name: &str) -> Globs {
    let list = reader.list(name);
    Globs::new(&list).unwrap_or_else(|err| {
        reader.fault(name, format!("no list of globs: {err}"));
        Globs::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_in_one_message() {
        let vars = Vars::from_pairs([
            ("ARCHIVE_BUCKET", "b"),
            ("AUDIT_TABLE", "a"),
            ("AWS_REGION", "eu-west-1"),
            ("ENVIRONMENT", "prod"),
            ("METRICS_NAMESPACE", "Catchment"),
            ("AUDIT_RETENTION_DAYS", "-1"),
            ("SHORT_LOG_GROUPS", "/ecs/[oops"),
        ]);
        let message = Config::from_vars(&vars).unwrap_err().to_string();
        for part in [
            "STATE_TABLE is not set",
            "RULES_PREFIX is not set",
            "CONFIG_KEY is not set",
            "AUDIT_RETENTION_DAYS is \"-1\"",
            "SHORT_LOG_GROUPS is no list of globs",
            "/ecs/[oops",
        ] {
            assert!(message.contains(part), "{part}: {message}");
        }
    }
}
