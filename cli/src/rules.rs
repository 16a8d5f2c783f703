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

use crate::failure::Failure;
use args::RulesCommand;

/// Runs one of the commands.
pub async fn run(command: RulesCommand) -> Result<(), Failure> {
    match command {
        RulesCommand::Check(args) => check::run(&args),
        RulesCommand::Test(args) => test::run(&args),
        RulesCommand::DryRun(args) => dry_run::run(&args).await,
        RulesCommand::Push(args) => live::until_interrupted(push::run(&args)).await,
        RulesCommand::Rollback(args) => live::until_interrupted(rollback::run(&args)).await,
        RulesCommand::Versions(args) => rollback::versions(&args).await,
        RulesCommand::History(args) => live::until_interrupted(history::run(&args)).await,
    }
}
