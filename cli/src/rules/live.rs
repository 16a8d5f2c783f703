//! The rules of a deployed stack: what is active, and how something else becomes so.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::Duration;

use catchment_alert::versions::{History, Manifest, Version};
use catchment_alert::{Change, FieldChange, RuleDiff, RuleFile, RuleSet, Written};
use catchment_aws::clients;
use catchment_aws::clock::{Clock, SystemClock};
use catchment_aws::rules::{PREFIX, RuleSource};

use crate::access::StackArgs;
use crate::failure::Failure;
use crate::output::{printable, progress_bar};
use crate::stack::Deployed;
use crate::when;

/// How often the bar that shows a wait moves.
const BAR_STEP: Duration = Duration::from_millis(250);

/// The rules of a stack.
pub struct Live {
    /// The stack.
    pub of: Deployed,
    /// The archive's bucket.
    pub bucket: String,
    /// Its rule files.
    pub source: RuleSource,
}

/// What functions run now.
pub struct Active {
    /// What makes it active, with its ETag; `None` before the first push.
    pub manifest: Option<(Manifest, String)>,
    /// Its files.
    pub files: Vec<RuleFile>,
}

impl Active {
    /// The leaves that functions count now.
    fn leaves(&self) -> BTreeSet<String> {
        leaves(&RuleSet::load(&self.files).0)
    }
}

impl Live {
    /// The stack of these arguments.
    pub async fn find(args: &StackArgs) -> Result<Self, Failure> {
        let of = Deployed::find(args).await?;
        let bucket = of.stack.output("ArchiveBucketName")?.to_owned();
        let source = RuleSource::new(clients::s3(&of.config), &bucket, PREFIX);
        Ok(Self { of, bucket, source })
    }

    /// What is active.
    pub async fn active(&self) -> Result<Active, Failure> {
        if let Some((manifest, etag)) = self.source.manifest().await? {
            let files = self.files_of(&manifest.version).await?;
            return Ok(Active { manifest: Some((manifest, etag)), files });
        }
        let found = self.source.look(None, true).await?;
        let lying = found.map(|found| found.files).unwrap_or_default();
        let mut files: Vec<RuleFile> = lying
            .into_iter()
            .filter_map(|it| Some(RuleFile { name: it.name, text: it.text.ok()? }))
            .collect();
        if files.is_empty() {
            files = RuleSet::embedded_files();
        }
        Ok(Active { manifest: None, files })
    }

    /// The files of a version, all of which must be as they were pushed.
    pub async fn files_of(&self, version: &Version) -> Result<Vec<RuleFile>, Failure> {
        let mut files = Vec::new();
        for file in &version.files {
            let text = self.source.kept(&file.kept()).await?.map_err(|why| {
                Failure::Rejected(format!("version {} cannot be used: {why}", version.number))
            })?;
            files.push(RuleFile { name: file.name.clone(), text });
        }
        Ok(files)
    }

    /// Makes what was active before there were versions one of them, so that it can be
    /// gone back to.
    pub async fn keep_first(&self, active: &mut Active) -> Result<(), Failure> {
        if active.manifest.is_some() {
            return Ok(());
        }
        let version = Manifest::next_version(None, &active.files, "before the first push", now_ms());
        self.source.write_files(&version, &active.files).await?;
        let leaves = active.leaves();
        let manifest = Manifest::activate(None, version, &leaves, &leaves, History::Loaded, now_ms());
        self.activate(&manifest, None).await?;
        active.manifest = self.source.manifest().await?;
        told("what was active is kept as version 1")
    }

    /// Makes a version active whose files are written and whose rules are `rules`.
    pub async fn switch(
        &self,
        active: &Active,
        version: Version,
        rules: &RuleSet,
        history: History,
        now_ms: i64,
    ) -> Result<Manifest, Failure> {
        let before = active.manifest.as_ref();
        if let Some((manifest, _)) = before {
            self.source.record(&manifest.version).await?;
        }
        let (counted, wanted) = (active.leaves(), leaves(rules));
        let next = Manifest::activate(before.map(|it| &it.0), version, &counted, &wanted, history, now_ms);
        self.activate(&next, before.map(|it| it.1.as_str())).await?;
        Ok(next)
    }

    async fn activate(&self, manifest: &Manifest, replaces: Option<&str>) -> Result<(), Failure> {
        match self.source.activate(manifest, replaces).await? {
            Written::Done => Ok(self.source.record(&manifest.version).await?),
            Written::Conflict => Err(self.overtaken().await),
        }
    }

    async fn overtaken(&self) -> Failure {
        let now = match self.source.manifest().await {
            Ok(Some((Manifest { version, .. }, _))) => format!(
                "version {} of {} by {} is active now",
                version.number,
                when::shown(version.pushed_ms),
                printable(&version.by)
            ),
            _ => "other rules are active now".to_owned(),
        };
        Failure::Rejected(format!(
            "somebody else changed the rules at the same time: {now}, and nothing of this command is; \
             look at it with `catchment rules versions`, and give the command again"
        ))
    }

    /// Waits until every function runs what became active, and what it needs has come.
    pub async fn wait_until_taken_up(&self, until_ms: i64) {
        let bar = progress_bar("seconds until all functions run it");
        let begun_ms = now_ms().min(until_ms);
        bar.set_length(u64::try_from((until_ms - begun_ms) / 1000).unwrap_or_default());
        while now_ms() < until_ms {
            bar.set_position(u64::try_from((now_ms() - begun_ms) / 1000).unwrap_or_default());
            tokio::time::sleep(BAR_STEP).await;
        }
        bar.finish_and_clear();
    }
}

/// The ids of a rule set's leaves.
pub fn leaves(rules: &RuleSet) -> BTreeSet<String> {
    rules.leaf_ids().map(|leaf| leaf.as_str().to_owned()).collect()
}

/// The machine's time.
pub fn now_ms() -> i64 {
    SystemClock.now_millis()
}

/// A line of the answer.
pub fn told(text: &str) -> Result<(), Failure> {
    writeln!(io::stdout(), "{text}").map_err(Failure::writing)
}

/// Writes what a change would do to the rules.
pub fn show(diffs: &[RuleDiff], sink: &mut impl Write) -> io::Result<()> {
    if diffs.is_empty() {
        return writeln!(sink, "no rule changes");
    }
    for RuleDiff { group, rule, change } in diffs {
        let name = match rule {
            Some(rule) => format!("{group} / {rule}"),
            None => group.clone(),
        };
        let (mark, fields) = match change {
            Change::Added => ('+', &[][..]),
            Change::Removed => ('-', &[][..]),
            Change::Changed(fields) => ('~', fields.as_slice()),
        };
        writeln!(sink, "{mark} {}", printable(&name))?;
        for FieldChange { field, before, after } in fields {
            for (mark, value) in [('-', before), ('+', after)] {
                if let Some(value) = value {
                    writeln!(sink, "    {mark} {field}: {}", printable(value))?;
                }
            }
        }
    }
    let count = |wanted: fn(&Change) -> bool| diffs.iter().filter(|diff| wanted(&diff.change)).count();
    writeln!(
        sink,
        "{} added, {} changed, {} removed",
        count(|it| *it == Change::Added),
        count(|it| matches!(it, Change::Changed(_))),
        count(|it| *it == Change::Removed)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_shown_rule_by_rule_and_counted() {
        let file = |rules: &str| RuleFile {
            name: "a.yaml".into(),
            text: format!("groups:\n- name: g\n  rules:\n{rules}"),
        };
        let before = [file("  - {alert: A, expr: one}\n  - {alert: B, expr: \"\\u001b[2J\"}\n")];
        let after = [file("  - {alert: A, expr: two, for: 1m}\n  - {alert: C, expr: c}\n")];
        let mut shown = Vec::new();
        show(&catchment_alert::diff(&before, &after), &mut shown).unwrap();
        assert_eq!(
            String::from_utf8(shown).unwrap(),
            "~ g / A\n    - expr: one\n    + expr: two\n    + for: 1m\n- g / B\n+ g / C\n\
             1 added, 1 changed, 1 removed\n"
        );
        let mut shown = Vec::new();
        show(&catchment_alert::diff(&before, &before), &mut shown).unwrap();
        assert_eq!(shown, b"no rule changes\n");
    }
}
