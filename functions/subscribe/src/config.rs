//! The settings of `subscribe`, as `template.yaml` writes them.

use catchment_aws::config::{ConfigErrors, Reader, Vars};
use catchment_aws::log_groups::{DestinationArn, FilterName, SubscriptionFilter};
use catchment_record::Globs;

use crate::reconcile::Wanted;

/// What `subscribe` needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// The log groups to subscribe.
    pub wanted: Wanted,
    /// The filter they get: every event, to `functions/ingest`.
    pub filter: SubscriptionFilter,
    /// The namespace of the metrics.
    pub metrics_namespace: String,
}

impl Config {
    /// Reads the settings; every fault is in the error.
    ///
    /// In a glob `*` stands for any characters, `/` among them: `/aws/lambda/*`
    /// matches `/aws/lambda/team/worker`, as it does in IAM policies.
    pub fn from_vars(vars: &Vars) -> Result<Self, ConfigErrors> {
        let mut reader = Reader::new(vars);
        reader.required("LOG_GROUP_PATTERNS");
        let config = Self {
            wanted: Wanted {
                patterns: globs(&mut reader, "LOG_GROUP_PATTERNS"),
                excludes: globs(&mut reader, "LOG_GROUP_EXCLUDES"),
            },
            filter: SubscriptionFilter {
                name: FilterName(reader.required("FILTER_NAME")),
                pattern: String::new(),
                destination: DestinationArn(arn(&mut reader, "INGEST_FUNCTION_ARN")),
            },
            metrics_namespace: reader.required("METRICS_NAMESPACE"),
        };
        reader.finish(config)
    }
}

fn arn(reader: &mut Reader<'_>, name: &str) -> String {
    let value = reader.required(name);
    if !value.is_empty() && !value.starts_with("arn:") {
        reader.fault(name, format!("\"{value}\": not an ARN"));
    }
    value
}

fn globs(reader: &mut Reader<'_>, name: &str) -> Globs {
    let list = reader.list(name);
    Globs::new(&list).unwrap_or_else(|err| {
        let glob = err.glob().unwrap_or_default();
        reader.fault(name, format!("\"{glob}\": {}", err.kind()));
        Globs::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_named() {
        let vars = Vars::from_pairs([
            ("LOG_GROUP_PATTERNS", "/ecs/*,/aws/[lambda/*"),
            ("INGEST_FUNCTION_ARN", "ingest"),
            ("FILTER_NAME", "catchment-catchment"),
        ]);
        let message = Config::from_vars(&vars).unwrap_err().to_string();
        for part in [
            "LOG_GROUP_PATTERNS is \"/aws/[lambda/*\": unclosed character class",
            "INGEST_FUNCTION_ARN is \"ingest\": not an ARN",
            "METRICS_NAMESPACE is not set",
        ] {
            assert!(message.contains(part), "{message}");
        }
    }
}
