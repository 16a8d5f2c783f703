//! `catchment rules dry-run`: what rules would have told of the past.
//!
//! The archive's rows go through the code that the functions run, in the order of
//! event time: nothing is late, and alerts begin at ticks.

mod show;
mod timeline;

use std::path::{Path, PathBuf};

use catchment_alert::{OwnedEntry, RuleFile, RuleSet, Simulated, Simulation};
use catchment_archive::query::{Plan, RowEntry};
use catchment_archive::{ArchiveReader, FolderArchive, ObjectReader, Order, ReadCounts, ReadError};
use catchment_aws::archive::S3Archive;
use catchment_aws::clients;
use catchment_aws::clock::{Clock, SystemClock};
use catchment_logql::{BinaryOp, BinaryOperation, Expr, Matching, MetricExpr, parse};
use catchment_record::{LABELS, RetentionClass};
use indicatif::{ProgressBar, ProgressStyle};

use super::args::{RulesDryRunArgs, RulesOutput};
use super::files::Found;
use crate::aws::connect;
use crate::failure::{Failure, innermost};
use crate::output::count;
use crate::stack::Stack;

/// Rows that are looked at together.
const ROWS_AT_ONCE: usize = 1024;
/// How often objects may vanish under a run: a compactor replaces an hour's objects once.
const MAX_RELISTS: u32 = 3;

/// A dry run that came to its end.
struct Done {
    from_ms: i64,
    to_ms: i64,
    simulated: Simulated,
    counts: ReadCounts,
}

/// Runs the command.
pub async fn run(args: &RulesDryRunArgs) -> Result<(), Failure> {
    let now_ms = SystemClock.now_millis();
    let (from_ms, to_ms) = match (args.since, args.from) {
        (Some(ago), _) => (now_ms.saturating_sub(ago), now_ms),
        (None, from) => (from.unwrap_or(i64::MIN), args.to.unwrap_or(now_ms)),
    };
    if from_ms > to_ms {
        return Err(Failure::Usage("--from is after --to".to_owned()));
    }
    let rules = rules_of(args)?;
    let done = if let Some(folder) = &args.from_folder {
        if !folder.join("logs").is_dir() {
            return Err(Failure::NotFound(format!(
                "{} has no folder logs; name the folder that a copy of the bucket is in",
                folder.display()
            )));
        }
        simulate(&FolderArchive::new(folder), &rules, from_ms, to_ms).await?
    } else {
        let config = connect(args.access.clone().into()).await?;
        let bucket = match &args.bucket {
            Some(bucket) => bucket.clone(),
            None => Stack::describe(&config, &args.stack).await?.output("ArchiveBucketName")?.to_owned(),
        };
        simulate(&S3Archive::new(clients::s3(&config), bucket), &rules, from_ms, to_ms).await?
    };
    match args.output {
        RulesOutput::Table => show::table(&rules, &done),
        RulesOutput::Json => show::json(&rules, &done),
    }
    .map_err(Failure::writing)?;
    match done.counts.foreign.as_slice() {
        [] => Ok(()),
        [first, ..] => Err(Failure::Incomplete(format!(
            "{} foreign or damaged objects were left out, {} among them ({})",
            done.counts.foreign.len(),
            first.key,
            first.reason
        ))),
    }
}

/// The rules that were named: of files, of the starter set, or an expression.
fn rules_of(args: &RulesDryRunArgs) -> Result<RuleSet, Failure> {
    let rules = if Path::new(&args.rule).exists() {
        let found = Found::at(&[PathBuf::from(&args.rule)])?;
        RuleSet::parse(&found.rules).map_err(|err| Failure::Rejected(err.to_string()))?
    } else {
        let embedded = RuleSet::embedded().only(|rule| rule.name == args.rule);
        if embedded.rules().next().is_some() { embedded } else { of_expression(&args.rule)? }
    };
    for name in &args.names {
        if rules.rules().all(|rule| rule.name != *name) {
            let names: Vec<&str> = rules.rules().map(|rule| rule.name.as_str()).collect();
            return Err(Failure::NotFound(format!("there is no rule {name:?}, only {}", names.join(", "))));
        }
    }
    if args.names.is_empty() { Ok(rules) } else { Ok(rules.only(|rule| args.names.contains(&rule.name))) }
}

fn of_expression(text: &str) -> Result<RuleSet, Failure> {
    if !text.contains(['{', '(']) {
        return Err(Failure::NotFound(format!(
            "there is no file and no rule of the starter set called {text:?}; name one, or write an expression"
        )));
    }
    match parse(text) {
        Ok(Expr::Metric(_)) => {}
        Ok(Expr::Log(_)) => {
            let way = "count them: sum(count_over_time(.. [5m])) > 5";
            return Err(Failure::Rejected(format!("the expression gives lines, not numbers; {way}")));
        }
        Err(err) => return Err(Failure::Rejected(err.to_string())),
    }
    // JSON's strings are YAML's.
    let expr = serde_json::Value::from(text);
    let text = format!("groups: [{{name: dry-run, rules: [{{alert: Expression, expr: {expr}}}]}}]\n");
    let file = RuleFile { name: "the expression".to_owned(), text };
    RuleSet::parse(&[file]).map_err(|err| Failure::Rejected(err.to_string()))
}

async fn simulate<S: ObjectReader>(
    store: &S,
    rules: &RuleSet,
    from_ms: i64,
    to_ms: i64,
) -> Result<Done, Failure>
where
    Failure: From<S::Error>,
{
    let bar = bar();
    let mut relists = 0;
    let outcome = loop {
        let pass = pass(store, rules, from_ms, to_ms, &bar);
        let pass = tokio::select! {
            pass = pass => pass,
            _ = tokio::signal::ctrl_c() => break Err(Failure::Interrupted("interrupted".to_owned())),
        };
        match pass {
            Ok((simulated, counts)) => break Ok(Done { from_ms, to_ms, simulated, counts }),
            Err(ReadError::Gone { .. }) if relists < MAX_RELISTS => relists += 1,
            Err(ReadError::Store { source, .. } | ReadError::List { source, .. }) => break Err(source.into()),
            Err(gone @ ReadError::Gone { .. }) => {
                break Err(Failure::Network(format!("{gone}; give the command again")));
            }
            Err(foreign @ ReadError::Foreign { .. }) => break Err(Failure::Rejected(innermost(&foreign))),
        }
    };
    bar.finish_and_clear();
    outcome
}

async fn pass<S: ObjectReader>(
    store: &S,
    rules: &RuleSet,
    from_ms: i64,
    to_ms: i64,
    bar: &ProgressBar,
) -> Result<(Simulated, ReadCounts), ReadError<S::Error>> {
    let mut simulation = Simulation::new(rules, from_ms);
    let (Some(span), Some(expr)) = (Simulation::span(rules, from_ms, to_ms), any_of(rules)) else {
        return Ok((simulation.finish(), ReadCounts::default()));
    };
    let nanos = |ms: i64| ms.saturating_mul(1_000_000);
    let plan = Plan::of_metric(&expr, (nanos(span.0), nanos(span.1)));
    let reader = ArchiveReader::new(store).columns(plan.columns);
    let mut rows = reader.read(plan.range, &RetentionClass::ALL, plan.filter, Order::OldestFirst).await?;
    let days = rows.days_left();
    bar.set_length(days as u64);
    let mut batch = Vec::with_capacity(ROWS_AT_ONCE);
    let mut total: u64 = 0;
    loop {
        let row = rows.next().await?;
        let is_end = row.is_none();
        if let Some(row) = row {
            batch.push(OwnedEntry::of(&RowEntry::new(row), &LABELS));
        }
        if is_end || batch.len() == ROWS_AT_ONCE {
            total += batch.len() as u64;
            // Rows of the last time may go on: what is before it is complete.
            let complete_ms = batch.last().map_or(to_ms, |last| last.millis() - 1);
            simulation.add(batch.drain(..));
            simulation.run_to(complete_ms.min(to_ms));
            bar.set_position(days.saturating_sub(rows.days_left()) as u64);
            bar.set_message(format!("{} rows", count(total)));
            tokio::task::yield_now().await;
        }
        if is_end {
            simulation.run_to(to_ms);
            return Ok((simulation.finish(), rows.counts()));
        }
    }
}

/// An expression that needs every row that one of the rules needs.
fn any_of(rules: &RuleSet) -> Option<MetricExpr> {
    let exprs = rules.rules().map(|rule| rule.expr.expr().clone());
    exprs.reduce(|left, right| {
        let (left, right) = (Box::new(left), Box::new(right));
        MetricExpr::Binary(BinaryOperation { op: BinaryOp::Or, matching: Matching::default(), left, right })
    })
}

/// Days on standard error while that is a terminal; elsewhere it shows nothing.
fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} day {pos} of {len}  {msg}  {elapsed}") {
        bar.set_style(style);
    }
    bar
}
