//! The command `catchment`: what was typed, what comes of it, an exit code.

use std::process::ExitCode;

use catchment_cli::args::Cli;
use clap::Parser;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match catchment_cli::run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
