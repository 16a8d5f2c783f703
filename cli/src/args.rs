//! What may be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use crate::alerts::args::AlertsCommand;
pub use crate::backfill::BackfillArgs;
pub use crate::export::args::ExportArgs;
use crate::query::args::{QUERY_HELP, QueryArgs, TAIL_HELP, TailArgs};
pub use crate::replay::ReplayArgs;
pub use crate::retention::args::RetentionCommand;
pub use crate::rules::args::RulesCommand;

pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    the query failed, a payload cannot be decoded, a file or bucket that was checked has faults
  2    the command line is wrong (or no AWS Region is set)
  3    no AWS credentials, or they are refused
  4    the stack, workgroup or database is not there
  5    AWS cannot be reached, or does not answer
  6    a file cannot be read or written
  7    done, but some objects could not be read and were left out
  130  interrupted with Ctrl-C (a running query is stopped)";

/// Searches and explains logs that Catchment keeps.
#[derive(Debug, Parser)]
#[command(name = "catchment", version, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Ask the archive in LogQL, or in SQL through Amazon Athena.
    #[command(before_help = QUERY_HELP, after_help = EXIT_CODES)]
    Query(Box<QueryArgs>),
    /// Show lines as they come, chosen in LogQL. Ctrl-C ends it.
    #[command(before_help = TAIL_HELP, after_help = EXIT_CODES)]
    Tail(TailArgs),
    /// Copy records out of the archive: rows in order of time, each once, as text or Parquet.
    #[command(after_help = EXIT_CODES)]
    Export(Box<ExportArgs>),
    /// Show and prove how long the archive keeps what; hold records longer.
    #[command(subcommand, after_help = EXIT_CODES)]
    Retention(RetentionCommand),
    /// Show what would become of log lines or of a subscription payload: one
    /// record a line as JSON. Offline; nothing is sent.
    #[command(after_help = EXIT_CODES)]
    Parse(ParseArgs),
    /// Work with alert rule files.
    #[command(subcommand)]
    Rules(RulesCommand),
    /// Show what is on, what mutes it and what was; silence, and send what was parked.
    #[command(subcommand, after_help = EXIT_CODES)]
    Alerts(AlertsCommand),
    /// Work with the configuration file: what is stitched, enriched, redacted, and kept.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Hand to ingest again what it failed on (the queue of failed payloads) and what it
    /// set aside (the quarantine). Safe to run twice, and to interrupt.
    #[command(after_help = EXIT_CODES)]
    Replay(ReplayArgs),
    /// Bring in what log groups held before Catchment was there. Safe to run twice, and
    /// to interrupt: it goes on where it was.
    #[command(after_help = EXIT_CODES)]
    Backfill(BackfillArgs),
}

/// Commands about the configuration file.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Load configuration files as Catchment would, and name every fault with line and column.
    #[command(after_help = EXIT_CODES)]
    Check(ConfigCheckArgs),
    /// Print the file that Catchment uses when the archive bucket has none: every
    /// option explained, to begin your own with.
    Show,
    /// Print the JSON Schema with which editors check and complete the file.
    Schema,
}

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table for people. Control characters in cells are shown, not obeyed.
    Table,
    /// A JSON array with one object a line, for `jq`. Numbers and booleans are such.
    Json,
    /// RFC 4180 with a header. NULL is an empty field.
    Csv,
}

/// `catchment parse`.
#[derive(Debug, Args)]
pub struct ParseArgs {
    /// Log lines (their numbers are the records' event ids), or a subscription payload (the event that Lambda receives, or
    /// its base64 alone); `-` is standard input.
    pub file: PathBuf,
    /// The log group the lines come from; it tells service and cluster.
    /// [default: the file's name]
    #[arg(long, value_name = "NAME")]
    pub log_group: Option<String>,
    /// The log stream the lines come from; it tells container and task.
    #[arg(long, value_name = "NAME", default_value = "")]
    pub log_stream: String,
    /// The environment of records that do not name theirs.
    #[arg(long, value_name = "NAME", default_value = "production")]
    pub environment: String,
    /// A configuration file, as it would lie at config/catchment.yaml.
    /// [default: the one that comes with Catchment]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Say why each record is what it is: by what its format is known, whose time
    /// and level it has, what was redacted, whether it would be kept.
    #[arg(long)]
    pub explain: bool,
    /// The Region the records are said to come from.
    #[arg(long, default_value = "")]
    pub region: String,
}

/// `catchment config check`.
#[derive(Debug, Args)]
pub struct ConfigCheckArgs {
    /// Configuration files, as they would lie at config/catchment.yaml.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
