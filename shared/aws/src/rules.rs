//! Rule files beside the archive, read again now and then.
//!
//! Without any file the rules that come with Catchment apply. Files that have a
//! fault do not replace rules that had none: the last good set stays until the
//! fault is mended. A process that starts with faulty files runs the rules that
//! have none; one that starts while S3 does not answer fails, and is tried again.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::Client;
use catchment_alert::{RuleError, RuleFile, RuleSet};

use crate::error::{AwsError, classify};

/// The most rule files that are read.
pub const MAX_RULE_FILES: usize = 200;
/// The longest rule file, in bytes.
pub const MAX_RULE_FILE_BYTES: i64 = 1024 * 1024;
/// How long rules are used before S3 is asked for newer ones.
/// Half of the shortest interval, so that every evaluation has rules of its own minute.
pub const RECHECK_MS: i64 = 30_000;

/// The rule files under a prefix of a bucket.
#[derive(Debug, Clone)]
pub struct RuleSource {
    client: Client,
    bucket: String,
    prefix: String,
}

impl RuleSource {
    /// The files `<prefix>*.yaml` and `*.yml`.
    pub fn new(client: Client, bucket: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self { client, bucket: bucket.into(), prefix: prefix.into() }
    }

    /// The files, ordered by name.
    pub async fn load(&self) -> Result<Vec<RuleFile>, AwsError> {
        let mut files = Vec::new();
        for key in self.keys().await? {
            let action = || format!("read the rule file s3://{}/{key}", self.bucket);
            let object = self.client.get_object().bucket(&self.bucket).key(&key).send().await;
            let object = object.map_err(|err| classify(action(), err))?;
            let bytes = object
                .body
                .collect()
                .await
                .map_err(|err| AwsError::Transient { action: action(), source: err.into() })?;
            let text = String::from_utf8_lossy(&bytes.into_bytes()).into_owned();
            files.push(RuleFile { name: format!("s3://{}/{key}", self.bucket), text });
        }
        Ok(files)
    }

    async fn keys(&self) -> Result<Vec<String>, AwsError> {
        let action = || format!("list the rule files in s3://{}/{}", self.bucket, self.prefix);
        let list = self.client.list_objects_v2().bucket(&self.bucket).prefix(&self.prefix);
        let mut pages = list.into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            for object in page.map_err(|err| classify(action(), err))?.contents() {
                let key = object.key().unwrap_or_default();
                if !key.ends_with(".yaml") && !key.ends_with(".yml") {
                    continue;
                }
                if object.size().unwrap_or_default() > MAX_RULE_FILE_BYTES {
                    let what = format!("{key} is longer than {MAX_RULE_FILE_BYTES} bytes");
                    return Err(AwsError::unexpected(action(), what));
                }
                keys.push(key.to_owned());
            }
        }
        if keys.len() > MAX_RULE_FILES {
            let what = format!("there are {}, more than {MAX_RULE_FILES}", keys.len());
            return Err(AwsError::unexpected(action(), what));
        }
        Ok(keys)
    }
}

/// The rules to use now.
#[derive(Debug, Clone)]
pub struct CurrentRules {
    /// The rules.
    pub set: Arc<RuleSet>,
    /// Whether the files could not be used as they are now: an operator is needed.
    pub is_stale: bool,
}

/// Rules that are read again after [`RECHECK_MS`].
#[derive(Debug)]
pub struct CachedRules {
    source: RuleSource,
    cached: Mutex<Option<(i64, CurrentRules)>>,
}

impl CachedRules {
    /// Nothing is read yet.
    pub fn new(source: RuleSource) -> Self {
        Self { source, cached: Mutex::new(None) }
    }

    /// The rules at `now_ms`. Faults are logged, with file, group, rule, line and column.
    ///
    /// A process that has no rules yet, and cannot read them now but may later, gets
    /// an error: what other rules would do in their place cannot be undone.
    pub async fn current(&self, now_ms: i64) -> Result<CurrentRules, AwsError> {
        let cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let previous = match cached {
            Some((read_ms, rules)) if now_ms - read_ms < RECHECK_MS => return Ok(rules),
            other => other.map(|(_, rules)| rules.set),
        };
        let rules = match self.source.load().await {
            Ok(files) => {
                let (rules, faults) = choose(previous, &files);
                for fault in faults {
                    tracing::error!(%fault, "a rule cannot be used");
                }
                rules
            }
            Err(error) if previous.is_none() && error.is_transient() => return Err(error),
            Err(error) => {
                tracing::error!(%error, "the rule files cannot be read; older rules stand in");
                let set = previous.unwrap_or_else(|| Arc::new(RuleSet::embedded()));
                CurrentRules { set, is_stale: true }
            }
        };
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        *cached = Some((now_ms, rules.clone()));
        Ok(rules)
    }
}

fn choose(previous: Option<Arc<RuleSet>>, files: &[RuleFile]) -> (CurrentRules, Vec<RuleError>) {
    let (set, faults) = match files {
        [] => (RuleSet::embedded(), Vec::new()),
        files => RuleSet::load(files),
    };
    let is_stale = !faults.is_empty();
    let set = match previous {
        Some(previous) if is_stale => previous,
        _ => Arc::new(set),
    };
    (CurrentRules { set, is_stale }, faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(expr: &str) -> RuleFile {
        let rule = |name, expr| format!("  - alert: {name}\n    expr: {expr}\n");
        let text = format!(
            "groups:\n- name: g\n  rules:\n{}{}",
            rule("Good", "rate({a=\"b\"}[5m]) > 1"),
            rule("Edited", expr)
        );
        RuleFile { name: "rules/a.yaml".into(), text }
    }

    fn names(rules: &CurrentRules) -> Vec<&str> {
        rules.set.rules().map(|rule| rule.name.as_str()).collect()
    }

    #[test]
    fn faulty_files_leave_the_last_good_set_in_place() {
        let (good, faults) = choose(None, &[file("rate({a=\"c\"}[5m]) > 1")]);
        assert!(faults.is_empty() && !good.is_stale);
        assert_eq!(names(&good), ["Good", "Edited"]);

        let (kept, faults) = choose(Some(good.set), &[file("summ(1)")]);
        assert_eq!(names(&kept), ["Good", "Edited"]);
        assert!(kept.is_stale);
        assert_eq!(
            faults[0].to_string(),
            "rule file rules/a.yaml, group \"g\", rule 2 (Edited), line 7, column 11: \
             unknown aggregation \"summ\" at 1:1; did you mean \"sum\"?"
        );
    }

    #[test]
    fn a_cold_start_with_faulty_files_runs_the_rules_without_a_fault() {
        let (rules, faults) = choose(None, &[file("summ(1)")]);
        assert_eq!(names(&rules), ["Good"]);
        assert!(rules.is_stale && faults.len() == 1);
    }

    #[test]
    fn without_files_the_embedded_rules_apply() {
        let (rules, _) = choose(None, &[]);
        assert!(names(&rules).contains(&"DatabaseConnectionErrors"));
        assert!(!rules.is_stale);
    }
}
