//! `catchment rules check`: rule files, loaded as the functions load them.

mod describe;

use std::io::{self, BufWriter, Write};

use catchment_alert::{Group, Rule, RuleError, RuleSet, UnitTestFile};
use catchment_logql::format_duration;
use serde_json::{Value, json};

use super::args::{RulesCheckArgs, RulesOutput};
use super::files::Found;
use crate::failure::Failure;
use crate::output::{printable, summary};

/// What becomes of a rule's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// An alert.
    Alert,
    /// A metric.
    Record,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Record => "record",
        }
    }
}

/// A fault of a file that has no rules.
struct OtherFault {
    file: String,
    line: usize,
    column: usize,
    message: String,
}

/// Runs the command.
pub fn run(args: &RulesCheckArgs) -> Result<(), Failure> {
    let found = Found::at(&args.paths)?;
    let (rules, mut faults) = RuleSet::load(&found.rules);
    faults.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
    let others = other_faults(&found);
    if !faults.is_empty() || !others.is_empty() {
        return Err(refused(args.output, &faults, &others)?);
    }
    match args.output {
        RulesOutput::Table => table(&rules, &found, args.streams),
        RulesOutput::Json => write_json(&rules, &found, args.streams),
    }
    .map_err(Failure::writing)
}

fn other_faults(found: &Found) -> Vec<OtherFault> {
    let mut faults = Vec::new();
    for (path, text) in &found.tests {
        if let Err(err) = UnitTestFile::parse(text) {
            let file = path.display().to_string();
            faults.push(OtherFault { file, line: err.line, column: err.column, message: err.message });
        }
    }
    faults
}

/// Every fault, a line each.
fn refused(output: RulesOutput, faults: &[RuleError], others: &[OtherFault]) -> Result<Failure, Failure> {
    if output == RulesOutput::Json {
        let of_rules = faults.iter().map(|it| {
            let (number, name) = it.rule.clone().map_or((None, None), |(number, name)| (Some(number), name));
            json!({
                "file": it.file, "group": it.group, "rule": number, "name": name,
                "line": it.line, "column": it.column, "message": it.message,
            })
        });
        let of_others = others.iter().map(
            |it| json!({ "file": it.file, "line": it.line, "column": it.column, "message": it.message }),
        );
        let all: Vec<Value> = of_rules.chain(of_others).collect();
        writeln!(io::stdout(), "{:#}", json!({ "faults": all })).map_err(Failure::writing)?;
    }
    let of_rules = faults.iter().map(ToString::to_string);
    let of_others = others.iter().map(|it| {
        let place =
            if it.line > 0 { format!(", line {}, column {}", it.line, it.column) } else { String::new() };
        format!("file {}{place}: {}", it.file, it.message)
    });
    let all: Vec<String> = of_rules.chain(of_others).collect();
    Ok(Failure::Rejected(all.join("\ncatchment: ")))
}

fn table(rules: &RuleSet, found: &Found, streams: u32) -> io::Result<()> {
    let mut sink = BufWriter::new(io::stdout().lock());
    let rows = each(rules).map(|(group, rule, kind)| {
        vec![
            group.name.clone(),
            rule.name.clone(),
            kind.word().to_owned(),
            format_duration(group.interval_ms),
            format_duration(rule.for_ms),
            describe::series(rule.expr.expr()),
            describe::partials(rule),
            when(rule, kind).to_owned(),
            format!("${:.2}", rule.cost(group, streams).dollars_per_month),
        ]
    });
    let header = ["group", "rule", "kind", "every", "for", "series by", "partials", "evaluated", "a month"];
    writeln!(sink, "{}", summary(&header, rows))?;
    for (group, rule, kind) in each(rules) {
        for warning in describe::warnings(group, rule, kind) {
            writeln!(sink, "warning: {}: {}", printable(&rule.name), printable(&warning))?;
        }
    }
    writeln!(
        sink,
        "A month: what its items in DynamoDB cost when {streams} streams write matching lines every minute; \
         rules that share partials pay once."
    )?;
    let (groups, count) = (rules.groups().len(), each(rules).count());
    let tests = match found.tests.len() {
        0 => String::new(),
        n => format!(", and in {n} files of unit tests"),
    };
    writeln!(sink, "no faults: {groups} groups, {count} rules{tests}")?;
    sink.flush()
}

fn write_json(rules: &RuleSet, found: &Found, streams: u32) -> io::Result<()> {
    let rules: Vec<Value> = each(rules)
        .map(|(group, rule, kind)| {
            let cost = rule.cost(group, streams);
            json!({
                "group": group.name, "rule": rule.name, "kind": kind.word(), "id": rule.id.as_str(),
                "interval_ms": group.interval_ms, "query_offset_ms": group.query_offset_ms, "for_ms": rule.for_ms,
                "keep_firing_for_ms": rule.keep_firing_for_ms, "expr": rule.expr_text,
                "series": describe::series(rule.expr.expr()), "partials": describe::partials(rule),
                "evaluated": when(rule, kind),
                "cost": {
                    "streams": streams, "items_written_per_minute": cost.items_written_per_minute,
                    "items_read_per_evaluation": cost.items_read_per_evaluation,
                    "dollars_per_month": cost.dollars_per_month,
                },
                "warnings": describe::warnings(group, rule, kind),
            })
        })
        .collect();
    let tests: Vec<String> = found.tests.iter().map(|(path, _)| path.display().to_string()).collect();
    writeln!(io::stdout(), "{:#}", json!({ "faults": [], "rules": rules, "unit_tests": tests }))
}

/// Alerting rules, then recording ones, group by group.
fn each(rules: &RuleSet) -> impl Iterator<Item = (&Group, &Rule, Kind)> {
    rules.groups().iter().flat_map(|group| {
        let alerts = group.rules.iter().map(move |rule| (group, rule, Kind::Alert));
        alerts.chain(group.records.iter().map(move |rule| (group, rule, Kind::Record)))
    })
}

/// When a line that makes it true is noticed.
fn when(rule: &Rule, kind: Kind) -> &'static str {
    if kind == Kind::Alert && rule.expr.grows() { "at once" } else { "at the tick" }
}
