//! What may be typed behind `catchment query` and `catchment tail`.

use clap::{Args, ValueEnum};

use crate::access::AccessArgs;
use crate::archive::ArchiveArgs;
use crate::args::Format;
use crate::when;

/// The most lines that an answer shows as a table, as in Loki.
pub const MAX_LIMIT: u64 = 5_000;

/// Examples under `catchment query --help`.
pub const QUERY_HELP: &str = "\
Examples:
  catchment query '{service=\"auth-service\"} |= \"failed\" |= \"login\"'
  catchment query '{service=\"backend\"} | json | request_id=\"req_abc123\"' --since 7d
  catchment query 'sum by (path) (count_over_time({service=\"backend\", level=\"ERROR\"}[5m]))' --since 6h
  catchment query 'topk(5, sum by (service) (bytes_over_time({region=~\".+\"}[1h])))' --instant
  catchment query --sql \"SELECT service, count(*) FROM catchment.logs GROUP BY service\"
";

/// What `catchment tail` costs.
pub const TAIL_HELP: &str = "\
A line is shown some two to five seconds after it reached Catchment. New objects are found by
listing: with three retention classes about 100 list calls a minute, which is 3 US cents an
hour (USD 0.005 a thousand); --class asks for fewer. Lines that come late are found within 30
seconds, when they are of today or yesterday. At most 500,000 lines are remembered, so that
each is shown once.
";

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// For people: of lines the time, service, level and text; of numbers the labels and values.
    Table,
    /// A JSON object a line or series, with labels.
    Json,
    /// Lines as they are. On a terminal control characters are shown, not obeyed.
    Raw,
    /// Numbers, drawn.
    Chart,
}

/// Whether there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// In any case.
    Always,
    /// In no case.
    Never,
}

/// `catchment query`.
#[derive(Debug, Args)]
pub struct QueryArgs {
    /// The query in LogQL, of lines or of numbers; `-` reads it from standard input.
    #[arg(value_name = "LOGQL", required_unless_present = "sql", conflicts_with = "sql")]
    pub logql: Option<String>,
    /// A statement in SQL, which Amazon Athena answers; `-` reads it from standard input.
    #[arg(long, value_name = "SQL", conflicts_with_all = ["bucket", "from_folder", "class"])]
    pub sql: Option<String>,
    /// The Catchment stack: it says where the archive is, and its Athena workgroup has the same name.
    #[arg(long, env = "CATCHMENT_STACK", default_value = "catchment", value_name = "NAME")]
    pub stack: String,
    /// Show this many lines or rows at most. [default: 100 lines; of SQL 1,000 rows in a table]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// About LogQL.
    #[command(flatten, next_help_heading = "LogQL")]
    pub logql_args: LogqlArgs,
    /// About SQL.
    #[command(flatten, next_help_heading = "SQL")]
    pub sql_args: SqlArgs,
    /// Which account and Region.
    #[command(flatten, next_help_heading = "AWS")]
    pub access: AccessArgs,
}

/// Options of a query in LogQL.
#[derive(Debug, Args)]
pub struct LogqlArgs {
    /// From so long ago until now: 1h, 7d, 1h30m. [default: 1h]
    #[arg(long, value_name = "DURATION", value_parser = when::parse_ago, conflicts_with_all = ["from", "to", "sql"])]
    pub since: Option<i64>,
    /// From this moment on: a day (its beginning in UTC) or a time (2026-11-20T10:30:00Z).
    #[arg(long, value_name = "TIME", value_parser = when::parse, conflicts_with = "sql")]
    pub from: Option<i64>,
    /// Up to this moment; lines of it itself are not shown. [default: now]
    #[arg(long, value_name = "TIME", value_parser = when::parse, requires = "from", conflicts_with = "sql")]
    pub to: Option<i64>,
    /// The oldest lines first, not the newest.
    #[arg(long, conflicts_with = "sql")]
    pub forward: bool,
    /// Numbers: the time between two of them. [default: a 250th of the time asked for, 1s at least]
    #[arg(long, value_name = "DURATION", value_parser = when::parse_ago, conflicts_with_all = ["instant", "sql"])]
    pub step: Option<i64>,
    /// Numbers: only those of the end.
    #[arg(long, conflicts_with = "sql")]
    pub instant: bool,
    /// The form of the answer. [default: a table; of numbers over time a chart on a terminal]
    #[arg(long, value_enum, value_name = "FORM", conflicts_with = "sql")]
    pub output: Option<Shape>,
    /// Whether there are colours.
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    pub color: Colour,
    /// Where the archive is.
    #[command(flatten)]
    pub archive: ArchiveArgs,
}

/// Options of a query in SQL.
#[derive(Debug, Args)]
pub struct SqlArgs {
    /// The form of Athena's answer. [default: table]
    #[arg(long, value_enum, conflicts_with = "logql")]
    pub format: Option<Format>,
    /// The Athena workgroup, where it is not named like the stack.
    #[arg(long, value_name = "NAME", conflicts_with = "logql")]
    pub workgroup: Option<String>,
    /// The Glue database.
    #[arg(long, env = "CATCHMENT_DATABASE", default_value = "catchment", value_name = "NAME")]
    pub database: String,
}

/// `catchment tail`.
#[derive(Debug, Args)]
pub struct TailArgs {
    /// Which lines, in LogQL; `-` reads it from standard input.
    #[arg(value_name = "LOGQL")]
    pub logql: String,
    /// Begin with the lines from so long ago on: 5m, 1h.
    #[arg(long, value_name = "DURATION", value_parser = when::parse_ago)]
    pub since: Option<i64>,
    /// The form of the lines.
    #[arg(long, value_enum, value_name = "FORM", default_value = "table")]
    pub output: Shape,
    /// Whether there are colours.
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    pub color: Colour,
    /// The Catchment stack: it says where the archive is.
    #[arg(long, env = "CATCHMENT_STACK", default_value = "catchment", value_name = "NAME")]
    pub stack: String,
    /// Where the archive is.
    #[command(flatten)]
    pub archive: ArchiveArgs,
    /// Which account and Region.
    #[command(flatten)]
    pub access: AccessArgs,
}
