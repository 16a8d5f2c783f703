//! What the configuration knows of a source beyond what its names tell.
//!
//! Three things tell a field, and the later one stands: the names of log group
//! and log stream ([`Source::new`]), the line itself, the configuration. All
//! rules that match are applied in their order, so that a rule for one service
//! can stand behind one for a whole account and say only what differs.

use std::borrow::Cow;

use globset::GlobSet;
use serde::Deserialize;

use crate::config::{ConfigFault, Located, globs};
use crate::record::LogRecord;
use crate::source::{FixedFields, Source};

/// The longest value of a field, in bytes: it is in every row.
pub const MAX_FIELD_BYTES: usize = 256;

/// What the file says about sources.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct EnrichConfig {
    /// The environment where neither a name nor a line tells; it takes the
    /// place of the stack's parameter.
    pub environment: Option<Located<String>>,
    /// Fields of sources, whatever names and lines say.
    pub rules: Vec<EnrichRule>,
}

/// Sets fields of the sources that its globs match.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct EnrichRule {
    /// Globs over log group names, of which one must match; `*` matches `/` as
    /// well. Left out: every log group.
    pub log_groups: Vec<Located<String>>,
    /// Globs over log stream names, of which one must match. Left out: every log stream.
    pub log_streams: Vec<Located<String>>,
    /// The fields.
    pub set: EnrichFields,
}

/// Fields of a source.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct EnrichFields {
    /// The service.
    pub service: Option<Located<String>>,
    /// The environment.
    pub environment: Option<Located<String>>,
    /// The cluster.
    pub cluster: Option<Located<String>>,
    /// The task definition, deployment or function.
    pub workload: Option<Located<String>>,
    /// The task, pod or host.
    pub instance: Option<Located<String>>,
    /// The container.
    pub container: Option<Located<String>>,
}

impl EnrichFields {
    fn all(&self) -> [&Option<Located<String>>; 6] {
        [&self.service, &self.environment, &self.cluster, &self.workload, &self.instance, &self.container]
    }
}

/// Sets fields of sources by globs over their names.
#[derive(Debug, Clone, Default)]
pub struct Enricher {
    environment: Option<String>,
    rules: Vec<Rule>,
}

/// A rule, compiled; no globs match every name.
#[derive(Debug, Clone)]
struct Rule {
    log_groups: Option<GlobSet>,
    log_streams: Option<GlobSet>,
    set: EnrichFields,
}

impl Enricher {
    /// An enricher as the configuration says; what is wrong is added to `faults`.
    pub fn new(config: &EnrichConfig, faults: &mut Vec<ConfigFault>) -> Self {
        let values = config.rules.iter().flat_map(|rule| rule.set.all()).chain([&config.environment]);
        for value in values.flatten() {
            check(value, faults);
        }
        let compile = |rule: &EnrichRule| Rule {
            log_groups: globs(&rule.log_groups, faults),
            log_streams: globs(&rule.log_streams, faults),
            set: rule.set.clone(),
        };
        Self {
            environment: config.environment.as_ref().map(|environment| environment.value.clone()),
            rules: config.rules.iter().map(compile).collect(),
        }
    }

    /// Overrides what the names told.
    pub fn enrich(&self, source: &mut Source) {
        if let Some(environment) = self.environment.as_ref().filter(|_| !source.has_own_environment()) {
            source.environment.clone_from(environment);
        }
        for rule in &self.rules {
            let is_match =
                |globs: &Option<GlobSet>, name: &str| globs.as_ref().is_none_or(|set| set.is_match(name));
            if is_match(&rule.log_groups, source.log_group.as_str())
                && is_match(&rule.log_streams, source.log_stream.as_str())
            {
                rule.set.apply(source);
            }
        }
    }
}

impl EnrichFields {
    fn apply(&self, source: &mut Source) {
        let Source { service, environment, cluster, workload, instance, container, fixed, .. } = source;
        for (value, field, is_fixed) in [
            (&self.service, service, &mut fixed.service),
            (&self.environment, environment, &mut fixed.environment),
        ] {
            if let Some(value) = value {
                field.clone_from(&value.value);
                *is_fixed = true;
            }
        }
        for (value, field, is_fixed) in [
            (&self.cluster, cluster, &mut fixed.cluster),
            (&self.workload, workload, &mut fixed.workload),
            (&self.instance, instance, &mut fixed.instance),
            (&self.container, container, &mut fixed.container),
        ] {
            if let Some(value) = value {
                *field = Some(value.value.clone());
                *is_fixed = true;
            }
        }
    }
}

/// Takes back what the line said of fields that the configuration has set.
pub(crate) fn keep_fixed_fields(record: &mut LogRecord<'_>) {
    let source = record.source;
    let fixed = source.fixed;
    if fixed == FixedFields::default() {
        return;
    }
    if fixed.service {
        record.service = Cow::Borrowed(&source.service);
    }
    if fixed.environment {
        record.environment = Cow::Borrowed(&source.environment);
    }
    if let Some(place) = &mut record.place {
        for (is_fixed, field) in [
            (fixed.cluster, &mut place.cluster),
            (fixed.workload, &mut place.workload),
            (fixed.instance, &mut place.instance),
            (fixed.container, &mut place.container),
        ] {
            if is_fixed {
                *field = None;
            }
        }
    }
}

fn check(value: &Located<String>, faults: &mut Vec<ConfigFault>) {
    let length = value.value.len();
    if value.value.trim().is_empty() {
        faults.push(value.fault("the value is empty; leave the field out"));
    } else if length > MAX_FIELD_BYTES {
        faults.push(
            value.fault(format!(
                "the value has {length} bytes; the limit MAX_FIELD_BYTES is {MAX_FIELD_BYTES}"
            )),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::EventTime;
    use crate::redact::redact;
    use crate::source::{LogGroup, LogStream};

    const TASK: &str = "0123456789abcdef0123456789abcdef";

    fn enricher(yaml: &str) -> (Enricher, Vec<ConfigFault>) {
        let mut faults = Vec::new();
        (Enricher::new(&serde_saphyr::from_str(yaml).unwrap(), &mut faults), faults)
    }

    fn enriched(yaml: &str, group: &str) -> Source {
        let stream = LogStream::new(format!("ecs/web/{TASK}"));
        let mut source = Source::new("1", "eu-west-1", LogGroup::new(group), stream, "default");
        let (enricher, faults) = enricher(yaml);
        assert!(faults.is_empty(), "{faults:?}");
        enricher.enrich(&mut source);
        source
    }

    #[test]
    fn all_rules_that_match_apply_in_their_order() {
        let yaml = "
rules:
- set: {environment: live, cluster: main}
- log_groups: ['/ecs/*']
  log_streams: ['ecs/web/*']
  set: {service: shop, container: front}
- log_groups: [/ecs/checkout]
  set: {environment: canary}
- log_streams: ['nothing/*']
  set: {service: never}
";
        let source = enriched(yaml, "/ecs/checkout");
        assert_eq!((source.service.as_str(), source.environment.as_str()), ("shop", "canary"));
        assert_eq!((source.cluster.as_deref(), source.container.as_deref()), (Some("main"), Some("front")));
        assert_eq!(source.workload.as_deref(), Some("checkout"), "what no rule sets stays");
        assert_eq!(enriched(yaml, "/other/x").environment, "live");
    }

    #[test]
    fn the_default_environment_stands_where_no_name_tells() {
        assert_eq!(enriched("environment: live", "/ecs/checkout").environment, "live");
        assert_eq!(enriched("environment: live", "/ecs/staging/checkout").environment, "staging");
        assert_eq!(enriched("{}", "/ecs/checkout").environment, "default");
    }

    #[test]
    fn the_configuration_stands_before_the_line_and_the_line_before_the_names() {
        let line = redact(r#"{"level":"info","service":"of the line","environment":"of the line"}"#);
        let told = |yaml: &str| {
            let source = enriched(yaml, "/ecs/checkout");
            let record = LogRecord::parse(&line, &source, "1", EventTime::Arrived(0));
            (record.service.into_owned(), record.environment.into_owned())
        };
        let own = || "of the line".to_owned();
        assert_eq!(told("{}"), (own(), own()));
        assert_eq!(told("rules: [{set: {service: shop}}]"), ("shop".to_owned(), own()));
        assert_eq!(told("environment: live"), (own(), own()), "a default is no override");
    }

    #[test]
    fn faults_have_their_place_and_a_way_out() {
        for (yaml, place, says) in [
            ("rules:\n- log_groups: ['[']\n", (2, 16), "is no glob"),
            ("rules:\n- log_streams: ['{a']\n", (2, 17), "is no glob"),
            ("rules:\n- set: {service: ''}\n", (2, 18), "leave the field out"),
            ("environment: ' '\n", (1, 14), "leave the field out"),
        ] {
            let faults = enricher(yaml).1;
            assert_eq!(faults.len(), 1, "{yaml}: {faults:?}");
            assert_eq!((faults[0].line, faults[0].column), place, "{yaml}");
            assert!(faults[0].message.contains(says), "{}", faults[0].message);
        }
        let with = |length: usize| enricher(&format!("environment: {}\n", "a".repeat(length))).1;
        assert!(with(MAX_FIELD_BYTES).is_empty());
        assert!(with(MAX_FIELD_BYTES + 1)[0].message.contains("MAX_FIELD_BYTES"));
        assert!(serde_saphyr::from_str::<EnrichConfig>("rules: [{set: {namespace: x}}]").is_err());
    }
}
