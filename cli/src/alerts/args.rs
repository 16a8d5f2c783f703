//! What may be typed behind `catchment alerts`.

use catchment_alert::Matchers;
use clap::{Args, Subcommand, ValueEnum};

use crate::access::StackArgs;
use crate::when;

/// Commands about alerts.
#[derive(Debug, Subcommand)]
pub enum AlertsCommand {
    /// Show what is on or about to be, what mutes it, which rules are unhealthy and
    /// why, and which notifications are not out.
    List(ListArgs),
    /// Tell nothing of some alerts for a time. Their states go on; what is still on at
    /// the end is told then. Prints the silence's id.
    Silence(SilenceArgs),
    /// Show the silences, those that are over lately too.
    Silences(ListArgs),
    /// End a silence now.
    Unsilence(UnsilenceArgs),
    /// Show what became of alerts and rules, the oldest first. It goes back 90 days.
    History(HistoryArgs),
    /// Publish the notifications that were parked because the alert topic did not take
    /// them for an hour. Safe to run twice.
    Resend(StackArgs),
}

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// A table for people.
    Table,
    /// JSON, for `jq`.
    Json,
}

/// `catchment alerts list` and `silences`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Which stack.
    #[command(flatten)]
    pub stack: StackArgs,
    /// The form of the answer.
    #[arg(long, value_enum, default_value = "table")]
    pub output: Form,
}

/// `catchment alerts silence`.
#[derive(Debug, Args)]
pub struct SilenceArgs {
    /// Which alerts, by their labels as in LogQL: 'service="api", alertname=~"Error.*"'.
    /// All must hold.
    #[arg(value_parser = Matchers::parse)]
    pub matchers: Matchers,
    /// For how long, from now: 2h, 30m, 1d12h.
    #[arg(long = "for", value_name = "DURATION", value_parser = when::parse_ago)]
    pub for_ms: i64,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub comment: String,
    /// On whose word. [default: the AWS identity of these credentials]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// Which stack.
    #[command(flatten)]
    pub stack: StackArgs,
}

/// `catchment alerts unsilence`.
#[derive(Debug, Args)]
pub struct UnsilenceArgs {
    /// The silence, as `catchment alerts silences` names it.
    pub id: String,
    /// On whose word. [default: the AWS identity of these credentials]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// Which stack.
    #[command(flatten)]
    pub stack: StackArgs,
}

/// `catchment alerts history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// How far back.
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = when::parse_ago)]
    pub since: i64,
    /// Only the rule of this name.
    #[arg(long, value_name = "NAME")]
    pub rule: Option<String>,
    /// Which stack.
    #[command(flatten)]
    pub stack: StackArgs,
    /// The form of the answer.
    #[arg(long, value_enum, default_value = "table")]
    pub output: Form,
}
