//! The settings of `subscribe`, as `template.yaml` writes them.

use catchment_aws::config::{ConfigErrors, Reader, Vars};
use catchment_aws::log_groups::{DestinationArn, FilterName, LogGroupName, SubscriptionFilter};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

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
        for name in ["LOG_GROUP_PATTERNS", "OWN_LOG_GROUPS"] {
            reader.required(name);
        }
        let config = Self {
            wanted: Wanted {
                patterns: globs(&mut reader, "LOG_GROUP_PATTERNS"),
                excludes: globs(&mut reader, "LOG_GROUP_EXCLUDES"),
                own: reader.list("OWN_LOG_GROUPS").into_iter().map(LogGroupName).collect(),
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

fn globs(reader: &mut Reader<'_>, name: &str) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for pattern in reader.list(name) {
        match GlobBuilder::new(&pattern).literal_separator(false).build() {
            Ok(glob) => drop(set.add(glob)),
            Err(err) => reader.fault(name, format!("\"{pattern}\": {}", err.kind())),
        }
    }
    set.build().unwrap_or_else(|err| {
        reader.fault(name, err);
        GlobSet::empty()
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
            "OWN_LOG_GROUPS is not set",
            "LOG_GROUP_PATTERNS is \"/aws/[lambda/*\": unclosed character class",
            "INGEST_FUNCTION_ARN is \"ingest\": not an ARN",
            "METRICS_NAMESPACE is not set",
        ] {
            assert!(message.contains(part), "{message}");
        }
    }
}
