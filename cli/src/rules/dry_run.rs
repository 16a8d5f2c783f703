//! `catchment rules dry-run`: what rules would have told of the past.
//!
//! The archive's rows go through the code that the functions run, in the order of
//! event time: nothing is late, and alerts begin at ticks.

mod show;
mod timeline;

use std::path::{Path, PathBuf};

use catchment_alert::{OwnedEntry, Rule, RuleFile, RuleSet, Simulated, Simulation};
use catchment_archive::query::{Plan, RowEntry};
use catchment_archive::{ArchiveReader, Order, ReadCounts, ReadError};
use catchment_aws::clock::{Clock, SystemClock};
use catchment_logql::{BinaryOp, BinaryOperation, Expr, Matching, MetricExpr, parse};
use catchment_record::{LABELS, RetentionClass};

use super::args::{RulesDryRunArgs, RulesOutput};
use super::files::Found;
use crate::archive::Archive;
use crate::failure::{Failure, innermost, until_interrupted};
use crate::output::count;
use crate::when;

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
    let archive = Archive::open(&args.archive, &args.stack, &args.access).await?;
    archive.show_progress();
    let question = Question { rules: &rules, from_ms, to_ms, classes: args.archive.classes() };
    let done = until_interrupted(question.simulate(&archive), "nothing was written").await;
    archive.bar().finish_and_clear();
    let done = done?;
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
        if embedded.groups().is_empty() { of_expression(&args.rule)? } else { embedded }
    };
    for name in &args.names {
        if each(&rules).all(|rule| rule.name != *name) {
            let names: Vec<&str> = each(&rules).map(|rule| rule.name.as_str()).collect();
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

/// What is asked.
struct Question<'r> {
    rules: &'r RuleSet,
    from_ms: i64,
    to_ms: i64,
    classes: Vec<RetentionClass>,
}

impl Question<'_> {
    async fn simulate(&self, archive: &Archive) -> Result<Done, Failure> {
        let mut relists = 0;
        loop {
            match self.pass(archive).await {
                Ok((simulated, counts)) => {
                    return Ok(Done { from_ms: self.from_ms, to_ms: self.to_ms, simulated, counts });
                }
                // A compactor has replaced what was listed.
                Err(ReadError::Gone { .. }) if relists < MAX_RELISTS => relists += 1,
                Err(ReadError::Store { source, .. } | ReadError::List { source, .. }) => return Err(source),
                Err(gone @ ReadError::Gone { .. }) => {
                    return Err(Failure::Network(format!("{gone}; give the command again")));
                }
                Err(foreign @ ReadError::Foreign { .. }) => {
                    return Err(Failure::Rejected(innermost(&foreign)));
                }
            }
        }
    }

    async fn pass(&self, archive: &Archive) -> Result<(Simulated, ReadCounts), ReadError<Failure>> {
        let mut simulation = Simulation::new(self.rules, self.from_ms);
        let span = Simulation::span(self.rules, self.from_ms, self.to_ms);
        let (Some(span), Some(expr)) = (span, any_of(self.rules)) else {
            return Ok((simulation.finish(), ReadCounts::default()));
        };
        let nanos = |ms: i64| ms.saturating_mul(1_000_000);
        let plan = Plan::of_metric(&expr, (nanos(span.0), nanos(span.1)));
        let reader = ArchiveReader::new(archive).columns(plan.columns);
        let mut rows = reader.read(plan.range, &self.classes, plan.filter, Order::OldestFirst).await?;
        let mut batch = Vec::with_capacity(ROWS_AT_ONCE);
        loop {
            let row = rows.next().await?;
            let is_end = row.is_none();
            if let Some(row) = row {
                batch.push(OwnedEntry::of(&RowEntry::new(row), &LABELS));
            }
            if is_end || batch.len() == ROWS_AT_ONCE {
                // More rows of the last millisecond may come: what is before it is complete.
                let complete_ms = batch.last().map_or(i64::MIN, |last: &OwnedEntry| last.millis() - 1);
                simulation.add(batch.drain(..));
                simulation.run_to(complete_ms.min(self.to_ms));
                let at = when::shown(complete_ms);
                archive.bar().set_prefix(format!("{} rows, up to {at}", count(rows.counts().rows)));
                tokio::task::yield_now().await;
            }
            if is_end {
                simulation.run_to(self.to_ms);
                return Ok((simulation.finish(), rows.counts()));
            }
        }
    }
}

/// An expression that needs every row that one of the rules needs.
fn any_of(rules: &RuleSet) -> Option<MetricExpr> {
    let exprs = each(rules).map(|rule| rule.expr.expr().clone());
    exprs.reduce(|left, right| {
        let (left, right) = (Box::new(left), Box::new(right));
        MetricExpr::Binary(BinaryOperation { op: BinaryOp::Or, matching: Matching::default(), left, right })
    })
}

/// Alerting and recording rules.
fn each(rules: &RuleSet) -> impl Iterator<Item = &Rule> {
    rules.rules().chain(rules.records())
}
