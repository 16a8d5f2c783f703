//! Rule files beside the archive, read again now and then.
//!
//! What is used: the version that `active.json` names; without one the files that lie
//! there; without any the rules that come with Catchment. Each file stands for itself:
//! one with a fault is refused whole, and what it last was stands in, as this process
//! saw it or as the manifest says. A process that starts while S3 does not answer
//! fails, and is tried again.

mod source;
mod store;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use catchment_alert::versions::Manifest;
use catchment_alert::{Adopted, NotifySettings, Offered, RuleSet};

use crate::error::AwsError;

pub use source::{ACTIVE_KEY, Found, RuleSource, Seen};
pub use store::MAX_VERSIONS;

/// The prefix of rule files in the archive's bucket, as `template.yaml` has it.
pub const PREFIX: &str = "rules/";
/// How long rules are used before S3 is asked for newer ones. With the clocks' difference
/// it is below the time that a push gives functions to take a version up.
pub const RECHECK_MS: i64 = 10_000;
/// How long what a listing showed is used: it costs as much as a dozen other requests.
/// Half a minute, so that every evaluation has rules of its own minute.
pub const RELIST_MS: i64 = 30_000;

/// The rules to use now.
#[derive(Debug, Clone)]
pub struct CurrentRules {
    /// The rules.
    pub set: Arc<RuleSet>,
    /// Whether the files could not be used as they are now: an operator is needed.
    pub is_stale: bool,
    /// The active version; `None` for files that lie there without one.
    pub version: Option<u64>,
}

/// What was seen last, and when.
#[derive(Debug, Clone)]
struct Cached {
    looked_ms: i64,
    listed_ms: i64,
    /// `None` when everything must be read again.
    seen: Option<Seen>,
    /// The texts that are in use, by the file's name.
    in_use: Arc<BTreeMap<String, String>>,
    current: CurrentRules,
}

/// Rules that are read again after [`RECHECK_MS`].
#[derive(Debug)]
pub struct CachedRules {
    source: RuleSource,
    cached: Mutex<Option<Cached>>,
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
        let previous = self.cached.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(cached) = &previous
            && now_ms - cached.looked_ms < RECHECK_MS
        {
            return Ok(cached.current.clone());
        }
        let next = self.next(previous, now_ms).await?;
        let current = next.current.clone();
        *self.cached.lock().unwrap_or_else(PoisonError::into_inner) = Some(next);
        Ok(current)
    }

    async fn next(&self, previous: Option<Cached>, now_ms: i64) -> Result<Cached, AwsError> {
        let seen = previous.as_ref().and_then(|cached| cached.seen.as_ref());
        let listed_ms = previous.as_ref().map_or(i64::MIN, |cached| cached.listed_ms);
        let may_list = now_ms.saturating_sub(listed_ms) >= RELIST_MS;
        let in_use = previous.as_ref().map(|cached| Arc::clone(&cached.in_use)).unwrap_or_default();
        let looked = match self.source.look(seen, may_list).await {
            Ok(Some(found)) => self.take_up(found, &in_use).await.map(Some),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        let listed_ms = if may_list { now_ms } else { listed_ms };
        match (looked, previous) {
            (Ok(Some(taken_up)), _) => Ok(Cached { looked_ms: now_ms, listed_ms, ..taken_up }),
            (Ok(None), Some(previous)) => Ok(Cached { looked_ms: now_ms, listed_ms, ..previous }),
            (Err(error), Some(previous)) => {
                tracing::error!(%error, "the rule files cannot be read; older rules stand in");
                let current = CurrentRules { is_stale: true, ..previous.current };
                Ok(Cached { looked_ms: now_ms, seen: None, current, ..previous })
            }
            (Err(error), None) if error.is_transient() => Err(error),
            (looked, None) => {
                if let Err(error) = looked {
                    tracing::error!(%error, "the rule files cannot be read; those that come with Catchment stand in");
                }
                let set = Arc::new(RuleSet::embedded());
                let current = CurrentRules { set, is_stale: true, version: None };
                Ok(Cached { looked_ms: now_ms, listed_ms, seen: None, in_use, current })
            }
        }
    }

    /// The rules of what was found. `in_use` stands in for files with faults, and
    /// after it what the manifest names.
    async fn take_up(&self, found: Found, in_use: &BTreeMap<String, String>) -> Result<Cached, AwsError> {
        let Found { seen, mut files, manifest } = found;
        for file in &mut files {
            file.stand_ins.extend(in_use.get(&file.name).cloned());
        }
        let mut adopted = RuleSet::adopt(files.clone());
        if let Some(manifest) = &manifest
            && adopted.in_use.len() < files.len()
        {
            self.offer_last_good(manifest, &mut files).await?;
            adopted = RuleSet::adopt(files.clone());
        }
        let is_stale = !adopted.faults.is_empty();
        let version = manifest.as_ref().map(|manifest| manifest.version.number);
        log(&adopted, version);
        let in_use = adopted.in_use.into_iter().map(|file| (file.name, file.text)).collect();
        let has_rules = files.iter().any(|file| !NotifySettings::is_their_file(&file.name));
        let set = match has_rules || manifest.is_some() {
            true => adopted.set,
            false => RuleSet::embedded().told_by(adopted.set.settings().clone()),
        };
        let set = match &manifest {
            Some(manifest) => set.starting(&manifest.since),
            None => set,
        };
        let current = CurrentRules { set: Arc::new(set), is_stale, version };
        Ok(Cached { looked_ms: 0, listed_ms: 0, seen: Some(seen), in_use: Arc::new(in_use), current })
    }

    /// Adds what the manifest says stood there before, for a process that never saw it.
    async fn offer_last_good(&self, manifest: &Manifest, files: &mut [Offered]) -> Result<(), AwsError> {
        for file in files.iter_mut().filter(|file| file.stand_ins.is_empty()) {
            let of_version = manifest.version.files.iter().find(|it| it.name == file.name);
            if let Some(kept) = of_version.and_then(|it| it.last_good.as_ref()) {
                match self.source.kept(kept).await? {
                    Ok(text) => file.stand_ins.push(text),
                    Err(why) => tracing::error!(file = file.name, why, "nothing stands in for a rule file"),
                }
            }
        }
        Ok(())
    }
}

fn log(adopted: &Adopted, version: Option<u64>) {
    for fault in &adopted.faults {
        let stands_in = adopted.in_use.iter().any(|file| file.name == fault.file);
        tracing::error!(file = fault.file, %fault, stands_in, "a rule file is refused; what it last was stands in, if anything was");
    }
    let (files, rules) = (adopted.in_use.len(), adopted.set.rules().count());
    tracing::info!(version, files, rules, "rules are taken up");
}
