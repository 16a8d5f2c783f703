//! The command line of Catchment, one module a command. Answers go to standard
//! output and nothing else does; progress and complaints go to standard error.

pub mod args;
mod athena;
mod aws;
mod config;
mod explain;
pub mod failure;
mod output;
mod parse;
mod query;
mod rules;
pub mod stack;

use args::{Cli, Command, RulesCommand};
use failure::Failure;

/// Runs what was typed.
pub async fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Query(args) => query::run(args).await,
        Command::Parse(args) => parse::run(&args),
        Command::Rules(RulesCommand::Check(args)) => rules::check(&args),
        Command::Config(command) => config::run(&command),
    }
}
