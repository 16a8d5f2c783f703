//! The command line of Catchment, one module a command. Answers go to standard
//! output and nothing else does; progress and complaints go to standard error.

mod access;
mod alerts;
mod archive;
pub mod args;
mod athena;
mod aws;
mod backfill;
mod config;
mod explain;
mod export;
pub mod failure;
mod ingest;
mod output;
mod parse;
mod query;
mod replay;
mod retention;
mod rules;
pub mod stack;
mod tail;
mod when;

use args::{Cli, Command};
use failure::Failure;

/// Runs what was typed.
pub async fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Query(args) => query::run(*args).await,
        Command::Tail(args) => tail::run(args).await,
        Command::Retention(command) => retention::run(command).await,
        Command::Export(args) => export::run(*args).await,
        Command::Parse(args) => parse::run(&args),
        Command::Rules(command) => rules::run(command).await,
        Command::Alerts(command) => alerts::run(command).await,
        Command::Config(command) => config::run(&command),
        Command::Replay(args) => replay::run(args).await,
        Command::Backfill(args) => backfill::run(args).await,
    }
}
