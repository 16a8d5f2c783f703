//! `catchment query --sql`: Athena is asked.

use std::io::{self, BufWriter, Read, Write};
use std::time::Duration;

use aws_sdk_athena::Client;
use indicatif::{ProgressBar, ProgressStyle};

use super::args::QueryArgs;
use crate::args::Format;
use crate::athena::{Cost, Query, Taken, cost};
use crate::aws::connect;
use crate::failure::Failure;
use crate::output::{Output, bytes};

/// Rows of a table unless `--limit` says otherwise: more than anybody reads.
const DEFAULT_TABLE_ROWS: u64 = 1000;

/// Asks, and shows the answer.
pub async fn run(sql: &str, args: QueryArgs) -> Result<(), Failure> {
    let sql = statement(sql)?;
    let client = Client::new(&connect(args.access.into()).await?);
    let workgroup = args.sql_args.workgroup.unwrap_or(args.stack);
    let database = args.sql_args.database;
    let format = args.sql_args.format.unwrap_or(Format::Table);
    let limit = args.limit.unwrap_or(match format {
        Format::Table => DEFAULT_TABLE_ROWS,
        Format::Json | Format::Csv => u64::MAX,
    });

    let query = Query::start(&client, &workgroup, &database, &sql).await?;
    let spinner = spinner();
    let ask = async {
        let execution = query
            .finish(|state, cost| spinner.set_message(format!("{} {}", state.to_lowercase(), told(cost))))
            .await?;
        spinner.finish_and_clear();
        let mut output = Output::new(format, BufWriter::new(io::stdout().lock()));
        let taken = query
            .rows(&execution, limit, |columns, row| output.row(columns, &row).map_err(Failure::writing))
            .await?;
        output.finish(&taken.columns).map_err(Failure::writing)?;
        Ok((taken, cost(&execution)))
    };
    let outcome = tokio::select! {
        outcome = ask => outcome,
        _ = tokio::signal::ctrl_c() => {
            query.stop().await;
            Err(Failure::Interrupted("interrupted; the query was stopped".into()))
        }
    };
    spinner.finish_and_clear();
    let (taken, cost) = outcome?;
    summarise(&taken, cost, query.id());
    Ok(())
}

fn statement(argument: &str) -> Result<String, Failure> {
    let mut sql = argument.to_owned();
    if argument == "-" {
        sql.clear();
        io::stdin()
            .read_to_string(&mut sql)
            .map_err(|err| Failure::reading("standard input".as_ref(), err))?;
    }
    // Athena takes one statement, without the semicolon that people end it with.
    let sql = sql.trim().trim_end_matches(';').trim_end();
    if sql.is_empty() {
        return Err(Failure::Usage("there is no SQL; give a statement with --sql".into()));
    }
    Ok(sql.to_owned())
}

/// Turns on standard error while it is a terminal; elsewhere it shows nothing.
fn spinner() -> ProgressBar {
    let spinner = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(Duration::from_millis(100));
    spinner
}

fn summarise(taken: &Taken, cost: Cost, id: &str) {
    let rows = match (taken.rows, taken.more) {
        (1, false) => "1 row".to_owned(),
        (n, false) => format!("{n} rows"),
        (n, true) => format!("the first {n} rows (--limit shows more)"),
    };
    // A closed standard error does not spoil an answer that was given.
    writeln!(io::stderr(), "succeeded: {rows}, {}, query {id}", told(cost)).ok();
}

fn told(cost: Cost) -> String {
    format!(
        "{} scanned, {}.{} s",
        bytes(cost.scanned_bytes),
        cost.total_ms / 1000,
        cost.total_ms % 1000 / 100
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_told_in_words() {
        let told = told(Cost { scanned_bytes: 12_345_678, total_ms: 2_170 });
        assert_eq!(told, "12.3 MB scanned, 2.1 s");
    }

    #[test]
    fn a_statement_loses_its_semicolon_and_must_say_something() {
        assert_eq!(statement(" SELECT 1 ;\n").unwrap(), "SELECT 1");
        assert!(matches!(statement(" ; "), Err(Failure::Usage(_))));
    }
}
