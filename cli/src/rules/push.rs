//! `catchment rules push`: files become a version, and the version becomes active.

use std::io;
use std::path::PathBuf;

use catchment_alert::versions::{History, Manifest, faults_of_files};
use catchment_alert::{NotifySettings, RuleFile, RuleSet, diff};
use clap::Args;

use super::files::Found;
use super::history::{self, HistoryOptions};
use super::live::{Live, now_ms, show, told};
use crate::access::StackArgs;
use crate::failure::Failure;

/// `catchment rules push`.
#[derive(Debug, Args)]
pub struct PushArgs {
    /// Rule files in the Loki ruler format, and notify.yaml; or folders that they lie in. They
    /// take the place of all that is active now.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Which stack.
    #[command(flatten)]
    pub stack: StackArgs,
    /// On whose word. [default: who AWS says that you are]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// Check the files and show what would change; write nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// What of the archive.
    #[command(flatten)]
    pub history: HistoryOptions,
}

/// Runs the command.
pub async fn run(args: &PushArgs) -> Result<(), Failure> {
    let files = files(&args.paths)?;
    let rules = validated(&files)?;
    let live = Live::find(&args.stack).await?;
    let mut active = live.active().await?;
    let running = active.manifest.as_ref().map(|(manifest, _)| manifest);
    if let Some(manifest) = running.filter(|manifest| manifest.version.has(&files)) {
        told(&format!("version {} has these files, and is active", manifest.version.number))?;
        return match args.dry_run {
            true => Ok(()),
            false => history::finish(&live, manifest, None, &rules, &args.history).await,
        };
    }
    show(&diff(&active.files, &files), &mut io::stdout()).map_err(Failure::writing)?;
    if args.dry_run {
        return told("nothing is written (--dry-run)");
    }
    let by = live.of.by(args.by.as_deref()).await?;
    live.keep_first(&mut active).await?;
    let before = active.manifest.as_ref().map(|(manifest, _)| manifest);
    let version = Manifest::next_version(before, &files, &by, now_ms());
    live.source.write_files(&version, &files).await?;
    let history = if args.history.no_history { History::Skipped } else { History::Pending };
    let activated_ms = now_ms();
    let manifest = live.switch(&active, version, &rules, history, activated_ms).await?;
    told(&format!(
        "version {} is active; `catchment rules rollback` takes it back",
        manifest.version.number
    ))?;
    history::finish(&live, &manifest, Some(activated_ms), &rules, &args.history).await
}

/// The rules of files that have no fault at all.
pub fn validated(files: &[RuleFile]) -> Result<RuleSet, Failure> {
    let mut faults = faults_of_files(files);
    let (rules, of_rules) = RuleSet::load(files);
    faults.extend(of_rules.iter().map(ToString::to_string));
    match faults.len() {
        0 => Ok(rules),
        n => Err(Failure::Rejected(format!("{n} faults, and nothing is pushed:\n{}", faults.join("\n")))),
    }
}

/// The rule files of these paths, and notify.yaml, ordered by name. Unit tests stay here.
fn files(paths: &[PathBuf]) -> Result<Vec<RuleFile>, Failure> {
    let found = Found::at(paths)?;
    let rules = found.rules.into_iter().map(|file| (PathBuf::from(file.name), file.text));
    let named = |(path, text): (PathBuf, String)| RuleFile {
        name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        text,
    };
    let mut files: Vec<RuleFile> = rules.map(named).collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    if files.iter().all(|file| NotifySettings::is_their_file(&file.name)) {
        return Err(Failure::Usage(
            "there is no rule file here; name files or folders with rules".to_owned(),
        ));
    }
    Ok(files)
}
