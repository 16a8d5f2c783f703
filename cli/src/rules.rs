//! `catchment rules`: alert rule files, checked, tested, tried out and pushed.

pub mod args;
mod check;
mod dry_run;
mod files;
mod history;
mod live;
mod push;
mod rollback;
mod test;

use crate::failure::{Failure, until_interrupted};
use args::RulesCommand;

/// What an interruption leaves.
const AGAIN: &str = "`catchment rules versions` says which version is active, and the same command goes on";

/// Runs one of the commands.
pub async fn run(command: RulesCommand) -> Result<(), Failure> {
    match command {
        RulesCommand::Check(args) => check::run(&args),
        RulesCommand::Test(args) => test::run(&args),
        RulesCommand::DryRun(args) => dry_run::run(&args).await,
        RulesCommand::Push(args) => until_interrupted(push::run(&args), AGAIN).await,
        RulesCommand::Rollback(args) => until_interrupted(rollback::run(&args), AGAIN).await,
        RulesCommand::Versions(args) => rollback::versions(&args).await,
        RulesCommand::History(args) => until_interrupted(history::run(&args), AGAIN).await,
    }
}
