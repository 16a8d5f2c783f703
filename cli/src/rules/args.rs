//! What may be typed behind `catchment rules`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::args::EXIT_CODES;

/// Commands about rule files.
#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// Load rule files as Catchment would, and name every fault.
    #[command(after_help = EXIT_CODES)]
    Check(RulesCheckArgs),
}

/// `catchment rules check`.
#[derive(Debug, Args)]
pub struct RulesCheckArgs {
    /// Rule files in the Loki ruler format.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
}
