//! What may be typed behind `catchment export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::access::AccessArgs;
use crate::archive::ArchiveArgs;
use crate::when;

/// The form of what is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// A JSON object a line; columns without a value are left out.
    Ndjson,
    /// RFC 4180 with a header; a column without a value is an empty field.
    Csv,
    /// Parquet files in a folder, part-00001.parquet and so on.
    Parquet,
}

impl ExportFormat {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }
}

/// Which rows come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportOrder {
    /// By rising time.
    Oldest,
    /// By falling time.
    Newest,
}

/// The least severe level that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Severity {
    /// All that state a level.
    Trace,
    /// DEBUG and above.
    Debug,
    /// INFO and above.
    Info,
    /// WARN and above.
    Warn,
    /// ERROR and above.
    Error,
    /// FATAL.
    Fatal,
}

impl Severity {
    /// The least severity number of OpenTelemetry that has it.
    pub fn number(self) -> i32 {
        match self {
            Self::Trace => 1,
            Self::Debug => 5,
            Self::Info => 9,
            Self::Warn => 13,
            Self::Error => 17,
            Self::Fatal => 21,
        }
    }
}

/// `catchment export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The Catchment stack.
    #[arg(long, env = "CATCHMENT_STACK", default_value = "catchment", value_name = "NAME")]
    pub stack: String,
    /// From so long ago until now: 1h, 7d, 1h30m.
    #[arg(long, value_name = "DURATION", value_parser = when::parse_ago, conflicts_with_all = ["from", "to"], required_unless_present = "from")]
    pub since: Option<i64>,
    /// From this moment on: a day (its beginning in UTC) or a time (2026-11-20T10:30:00Z).
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    pub from: Option<i64>,
    /// Up to this moment, which is not exported itself. [default: now]
    #[arg(long, value_name = "TIME", value_parser = when::parse, requires = "from")]
    pub to: Option<i64>,
    /// Where the archive is.
    #[command(flatten)]
    pub archive: ArchiveArgs,
    /// Of this service; may be given again.
    #[arg(long, value_name = "NAME")]
    pub service: Vec<String>,
    /// Of this request (its correlation id).
    #[arg(long, value_name = "ID")]
    pub request_id: Option<String>,
    /// Of this level or a more severe one.
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub severity: Option<Severity>,
    /// Whose line contains this text, as it is written; may be given again, then all of them.
    #[arg(long, value_name = "TEXT")]
    pub contains: Vec<String>,
    /// Which rows come first.
    #[arg(long, value_enum, default_value = "oldest")]
    pub order: ExportOrder,
    /// This many rows at most.
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// The form of the rows.
    #[arg(long, value_enum, default_value = "ndjson")]
    pub format: ExportFormat,
    /// The file to write; `-` is standard output. For Parquet a folder. An export that
    /// was interrupted goes on when the same command is given again.
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub output: PathBuf,
    /// Which account and Region.
    #[command(flatten)]
    pub access: AccessArgs,
}
