//! What may be typed behind `catchment rules`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

pub use super::history::HistoryArgs;
pub use super::push::PushArgs;
pub use super::rollback::{RollbackArgs, VersionsArgs};
use crate::access::AccessArgs;
use crate::archive::ArchiveArgs;
use crate::args::EXIT_CODES;
use crate::when;

/// Commands about rule files.
#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// Load rule files as Catchment would: name every fault with its place, or show what
    /// each rule does, how it is evaluated and what it costs.
    #[command(after_help = EXIT_CODES)]
    Check(RulesCheckArgs),
    /// Run unit tests of rules: lines with times, and the alerts that should fire at times.
    #[command(after_help = EXIT_CODES)]
    Test(RulesTestArgs),
    /// Show what rules would have told of the past: when each alert would have been
    /// pending and firing. Reads the archive, and changes nothing.
    #[command(after_help = EXIT_CODES)]
    DryRun(Box<RulesDryRunArgs>),
    /// Make rule files the rules of a stack: checked, shown, kept as a version, and run by
    /// every function within a minute. Safe to give again, and to interrupt.
    #[command(after_help = EXIT_CODES)]
    Push(PushArgs),
    /// Make an earlier version of the rules active again.
    #[command(after_help = EXIT_CODES)]
    Rollback(RollbackArgs),
    /// List the versions of the rules: when, by whom, which files, which is active.
    #[command(after_help = EXIT_CODES)]
    Versions(VersionsArgs),
    /// Count for new rules what the archive holds from before they were there. `push` does
    /// so itself; this goes on where it was interrupted.
    #[command(after_help = EXIT_CODES)]
    History(HistoryArgs),
}

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RulesOutput {
    /// For people.
    Table,
    /// One JSON object, for `jq`.
    Json,
}

/// `catchment rules check`.
#[derive(Debug, Args)]
pub struct RulesCheckArgs {
    /// Rule files in the Loki ruler format, or folders: then every .yaml and .yml below.
    /// Files of unit tests and notify.yaml are checked as what they are.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The form of the answer.
    #[arg(long, value_enum, default_value = "table")]
    pub output: RulesOutput,
    /// The cost is that of so many log streams that write every minute and whose lines match.
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    pub streams: u32,
}

/// `catchment rules test`.
#[derive(Debug, Args)]
pub struct RulesTestArgs {
    /// Files of unit tests, or folders: then every file of unit tests below.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// A configuration file for lines that are read as ingest reads them.
    /// [default: the one that comes with Catchment]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// `catchment rules dry-run`.
#[derive(Debug, Args)]
pub struct RulesDryRunArgs {
    /// A rule file or a folder of them, the name of a rule that comes with Catchment, or an
    /// expression: 'sum by (service) (rate({level="ERROR"}[5m])) > 1'.
    #[arg(value_name = "RULE_OR_FILE")]
    pub rule: String,
    /// Only the rules of this name; may be given again.
    #[arg(long = "rule", value_name = "NAME")]
    pub names: Vec<String>,
    /// From so long ago until now: 1h, 7d, 1h30m.
    #[arg(long, value_name = "DURATION", value_parser = when::parse_ago, conflicts_with_all = ["from", "to"], required_unless_present = "from")]
    pub since: Option<i64>,
    /// The first evaluation: a day (its beginning in UTC) or a time (2026-11-20T10:30:00Z).
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    pub from: Option<i64>,
    /// The last evaluation. [default: now]
    #[arg(long, value_name = "TIME", value_parser = when::parse, requires = "from")]
    pub to: Option<i64>,
    /// The Catchment stack.
    #[arg(long, env = "CATCHMENT_STACK", default_value = "catchment", value_name = "NAME")]
    pub stack: String,
    /// Where the archive is.
    #[command(flatten)]
    pub archive: ArchiveArgs,
    /// The form of the answer.
    #[arg(long, value_enum, default_value = "table")]
    pub output: RulesOutput,
    /// Which account and Region.
    #[command(flatten)]
    pub access: AccessArgs,
}
