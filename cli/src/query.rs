//! `catchment query`: LogQL, which the command answers itself from the archive,
//! or SQL, which Athena answers.

pub mod args;
mod chart;
pub mod lines;
pub mod logql;
mod numbers;
pub mod screen;
mod sql;
pub mod syntax;

use crate::failure::Failure;
use args::QueryArgs;

/// Runs the command.
pub async fn run(args: QueryArgs) -> Result<(), Failure> {
    match (&args.logql, args.sql.clone()) {
        (_, Some(sql)) => sql::run(&sql, args).await,
        (Some(logql), None) => logql::run(logql, &args).await,
        (None, None) => {
            Err(Failure::Usage("there is no query; write one in LogQL, or in SQL behind --sql".into()))
        }
    }
}
