//! `catchment rules rollback` and `catchment rules versions`: what was active before.

use std::io::{self, Write};

use catchment_alert::diff;
use catchment_alert::versions::{History, Manifest, Version};
use clap::Args;
use comfy_table::{Table, presets};

use super::history::{self, HistoryOptions};
use super::live::{Live, now_ms, show, told};
use super::push::validated;
use crate::access::StackArgs;
use crate::failure::Failure;
use crate::output::printable;
use crate::when;

/// `catchment rules rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// The version to go back to. [default: the one before the active one]
    pub version: Option<u64>,
    /// Which stack.
    #[command(flatten)]
    pub stack: StackArgs,
    /// Show what would change; write nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// What of the archive.
    #[command(flatten)]
    pub history: HistoryOptions,
}

/// `catchment rules versions`.
#[derive(Debug, Args)]
pub struct VersionsArgs {
    /// Which stack.
    #[command(flatten)]
    pub stack: StackArgs,
}

/// Makes an earlier version active again.
pub async fn run(args: &RollbackArgs) -> Result<(), Failure> {
    let live = Live::find(&args.stack).await?;
    let active = live.active().await?;
    let Some((manifest, _)) = &active.manifest else {
        return Err(Failure::NotFound(
            "nothing was pushed to this stack yet, so there is nothing to go back to".to_owned(),
        ));
    };
    let running = manifest.version.number;
    let version = match args.version {
        Some(number) => live.source.version(number).await?,
        None => live.source.versions().await?.into_iter().find(|it| it.number < running),
    };
    let Some(version) = version else {
        let which = args.version.map_or("one before it".to_owned(), |number| format!("version {number}"));
        return Err(Failure::NotFound(format!(
            "version {running} is active, and there is no {which}; `catchment rules versions` lists those there are"
        )));
    };
    let number = version.number;
    let files = live.files_of(&version).await?;
    let rules = validated(&files)?;
    if number == running {
        told(&format!("version {number} is active already"))?;
        return history::finish(&live, manifest, None, &rules, &args.history).await;
    }
    show(&diff(&active.files, &files), &mut io::stdout()).map_err(Failure::writing)?;
    if args.dry_run {
        return told("nothing is written (--dry-run)");
    }
    let history = if args.history.no_history { History::Skipped } else { History::Pending };
    let activated_ms = now_ms();
    let manifest = live.switch(&active, version, &rules, history, activated_ms).await?;
    told(&format!("version {number} is active again, in the place of {running}"))?;
    history::finish(&live, &manifest, Some(activated_ms), &rules, &args.history).await
}

/// Lists the versions.
pub async fn versions(args: &VersionsArgs) -> Result<(), Failure> {
    let live = Live::find(&args.stack).await?;
    let Some((manifest, _)) = live.source.manifest().await? else {
        let found = live.source.look(None, true).await?;
        return told(match found.is_none_or(|found| found.files.is_empty()) {
            true => "nothing was pushed yet; the rules that come with Catchment are active",
            false => "nothing was pushed yet; the files that lie under rules/ are active",
        });
    };
    let mut versions = live.source.versions().await?;
    if !versions.iter().any(|it| it.number == manifest.version.number) {
        versions.push(manifest.version.clone());
    }
    list(&versions, &manifest, &mut io::stdout()).map_err(Failure::writing)
}

fn list(versions: &[Version], manifest: &Manifest, sink: &mut impl Write) -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["version", "pushed", "by", "files", "state"]);
    for version in versions {
        let files: Vec<_> = version.files.iter().map(|file| file.name.as_str()).collect();
        let state = match version.number == manifest.version.number {
            false => String::new(),
            true => match manifest.pending().count() {
                0 => "active".to_owned(),
                n => format!(
                    "active; the history of {n} range functions is to come: `catchment rules history`"
                ),
            },
        };
        table.add_row([
            version.number.to_string(),
            when::shown(version.pushed_ms),
            printable(&version.by),
            printable(&files.join("\n")),
            state,
        ]);
    }
    writeln!(sink, "{table}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use catchment_alert::RuleFile;
    use std::collections::BTreeSet;

    #[test]
    fn the_list_says_which_version_is_active_and_what_it_waits_for() {
        let file = |name: &str| RuleFile { name: name.into(), text: String::new() };
        let none = BTreeSet::new();
        let first =
            Manifest::next_version(None, &[file("a.yaml"), file("b.yaml")], "arn:aws:iam::1:user/ann", 0);
        let manifest = Manifest::activate(None, first.clone(), &none, &none, History::Pending, 0);
        let second = Manifest::next_version(Some(&manifest), &[file("a.yaml")], "\u{1b}[2Jbob", 60_000);
        let leaves = BTreeSet::from(["one".to_owned()]);
        let manifest =
            Manifest::activate(Some(&manifest), second.clone(), &none, &leaves, History::Pending, 0);
        let mut shown = Vec::new();
        list(&[second, first], &manifest, &mut shown).unwrap();
        let shown = String::from_utf8(shown).unwrap();
        let lines: Vec<_> = shown.lines().collect();
        assert!(lines[3].contains("2 ") && lines[3].contains("1970-01-01T00:01:00Z"), "{shown}");
        assert!(
            lines[3].contains("active; the history of 1 range functions") && !shown.contains('\u{1b}'),
            "{shown}"
        );
        let first = lines.iter().find(|line| line.contains("user/ann")).unwrap();
        assert!(first.contains("a.yaml") && !first.contains("active"), "{shown}");
        assert!(shown.contains("b.yaml"), "{shown}");
    }
}
