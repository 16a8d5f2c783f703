//! `catchment rules`: alert rule files, checked, tested, tried out and pushed.

pub mod args;
mod check;
mod dry_run;
mod files;
mod test;

use crate::failure::Failure;
use args::RulesCommand;

/// Runs one of the commands.
pub async fn run(command: RulesCommand) -> Result<(), Failure> {
    match command {
        RulesCommand::Check(args) => check::run(&args),
        RulesCommand::Test(args) => test::run(&args),
        RulesCommand::DryRun(args) => dry_run::run(&args).await,
    }
}
