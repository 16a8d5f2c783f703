//! `catchment rules check`: rule files, loaded as the functions load them.

use crate::args::RulesCheckArgs;
use crate::failure::Failure;

/// Runs the command.
pub fn check(_args: &RulesCheckArgs) -> Result<(), Failure> {
    Ok(())
}
