//! Scripts from top to bottom.

use std::fmt;

use super::check;
use super::expect::{Expected, ExpectedLine, Failure};
use super::load::Store;
use super::read::{Line, without_comment};
use crate::ast::{Expr, LogExpr, MetricExpr};
use crate::entry::{Entry, LabelKind};
use crate::metric::{Labels, MetricQuery, QueryTimes};
use crate::parser::parse;
use crate::pipeline::PipelineContext;
use crate::units::format_nanos;

/// How far an instant log query looks back.
const LOOK_BACK_NANOS: i64 = 30_000_000_000;

/// What became of a script.
#[derive(Debug, Default)]
#[must_use]
pub struct Report {
    /// How many queries answered as expected.
    pub passed: usize,
    /// Those that did not, and lines that cannot be read.
    pub failures: Vec<CaseFailure>,
}

/// A query that answered otherwise, or a line that cannot be read.
#[derive(Debug)]
pub struct CaseFailure {
    /// The line in the script, from 1.
    pub line: usize,
    /// The query, or the line.
    pub query: String,
    /// What was expected.
    pub want: String,
    /// What was answered.
    pub got: String,
}

impl fmt::Display for CaseFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let indented = |text: &str| text.lines().map(|line| format!("    {line}\n")).collect::<String>();
        write!(
            f,
            "line {}: {}\n  want:\n{}  got:\n{}",
            self.line,
            self.query,
            indented(&self.want),
            indented(&self.got)
        )
    }
}

/// Runs a script.
pub fn run(script: &str) -> Report {
    let mut runner = Runner { store: Store::default(), report: Report::default() };
    let mut lines = script.lines().enumerate().peekable();
    while let Some((number, raw)) = lines.next() {
        let command = without_comment(raw, true).trim();
        if command.is_empty() {
            continue;
        }
        let mut block = Vec::new();
        while let Some((number, line)) = lines.next_if(|(_, line)| continues(line)) {
            if !without_comment(line, true).trim().is_empty() {
                block.push((number, line));
            }
        }
        runner.command(number, command, &block);
    }
    runner.report
}

/// Whether the line belongs to the block of the command before it: those that
/// are indented do, those that are only a comment, and what can be nothing but
/// an expectation.
fn continues(line: &str) -> bool {
    if line.trim().is_empty() {
        return false;
    }
    let expectation = ["{", "#", "expect ", "expected_fail", "skip "];
    line.starts_with([' ', '\t']) || expectation.iter().any(|word| line.starts_with(word))
}

/// Reads a line of a block without its comment. A backslash means something in
/// some texts and nothing in others, so both ways of finding the comment are tried.
fn read_line(line: &str, mut read: impl FnMut(&str) -> Result<(), String>) -> Result<(), String> {
    let escaped = without_comment(line, true).trim();
    let plain = without_comment(line, false).trim();
    read(escaped).or_else(|why| if plain == escaped { Err(why) } else { read(plain) })
}

struct Runner {
    store: Store,
    report: Report,
}

/// What was wanted and what was got.
type Difference = (String, String);
/// The line of a block that cannot be read, and why.
type Misread = (Option<usize>, String);

/// What an `eval` asks for.
enum Ask {
    Metric(QueryTimes),
    /// Lines from the first time, included, to the second, excluded.
    Lines(i64, i64, bool),
}

impl Runner {
    fn fail(&mut self, number: usize, query: &str, want: String, got: String) {
        self.report.failures.push(CaseFailure { line: number + 1, query: query.to_owned(), want, got });
    }

    fn command(&mut self, number: usize, command: &str, block: &[(usize, &str)]) {
        match command.split_whitespace().next() {
            Some("load") if command == "load" => {
                for (number, line) in block {
                    if let Err(why) = read_line(line, |line| self.store.load(line)) {
                        self.fail(*number, line, "a line of a load block".to_owned(), why);
                    }
                }
            }
            Some("clear" | "flush") if !block.is_empty() => {
                let want = format!("nothing below \"{command}\"");
                self.fail(number, command, want, "a block".to_owned());
            }
            Some("clear") if command == "clear" => self.store.clear(),
            // Where a line is stored makes no difference to what it is.
            Some("flush") if command == "flush" => {}
            Some("eval" | "eval_fail" | "eval_ordered" | "eval_warn" | "eval_info") => {
                match self.eval(command, block) {
                    Ok(None) => self.report.passed += 1,
                    Ok(Some((want, got))) => self.fail(number, command, want, got),
                    Err((at, why)) => {
                        self.fail(at.unwrap_or(number), command, "an eval block".to_owned(), why);
                    }
                }
            }
            _ => {
                let want = "load, eval, clear or flush".to_owned();
                self.fail(number, command, want, "an unknown command".to_owned());
            }
        }
    }

    /// What was wanted and what was got, when they differ. An error is one of
    /// the script, with the line that it is in when that is one of the block.
    fn eval(&self, command: &str, block: &[(usize, &str)]) -> Result<Option<Difference>, Misread> {
        let mut line = Line::new(command);
        let word = line.word(&[]);
        let ask = ask(&mut line).map_err(|why| (None, why))?;
        let query = line.rest;
        let mut expected = Expected::default();
        for (number, text) in block {
            read_line(text, |text| expected.read(text)).map_err(|why| (Some(*number), why))?;
        }
        expected.ordered |= word == "eval_ordered";
        match word {
            "eval_fail" if expected.fails.is_none() => expected.fails = Some(Failure::Any),
            "eval_warn" => expected.note = Some("a warning"),
            "eval_info" => expected.note = Some("an information"),
            _ => {}
        }
        let instant = matches!(ask, Ask::Metric(QueryTimes::Instant(_)));
        if let Some(why) = expected.fault(instant) {
            return Err((None, why.to_owned()));
        }
        let difference = match self.answer(query, &ask, &expected) {
            Ok(difference) => match &expected.fails {
                Some(_) => Some(difference.unwrap_or_else(|| "no failure".to_owned())),
                None => difference,
            },
            Err(error) => match &expected.fails {
                Some(failure) if check::failure(failure, &error) => None,
                _ => Some(format!("error: {error}")),
            },
        };
        Ok(difference.map(|got| (check::wanted(&expected), got)))
    }

    /// The answer, when it is not the expected one.
    fn answer(&self, query: &str, ask: &Ask, expected: &Expected) -> Result<Option<String>, String> {
        match (parse(query).map_err(|err| err.to_loki())?, ask) {
            (Expr::Metric(expr), Ask::Metric(times)) => self.metric(&expr, *times, expected),
            (Expr::Metric(_), Ask::Lines(..)) => Err("a metric query has no lines to select".to_owned()),
            (Expr::Log(log), Ask::Lines(from, to, backward)) => {
                Ok(self.select(&log, (*from, *to), Some(*backward), expected))
            }
            (Expr::Log(log), Ask::Metric(QueryTimes::Instant(at))) => {
                Ok(self.select(&log, (at.saturating_sub(LOOK_BACK_NANOS), *at), None, expected))
            }
            (Expr::Log(log), Ask::Metric(QueryTimes::Range { start, end, .. })) => {
                Ok(self.select(&log, (*start, *end), None, expected))
            }
        }
    }

    fn metric(
        &self,
        expr: &MetricExpr,
        times: QueryTimes,
        expected: &Expected,
    ) -> Result<Option<String>, String> {
        let now = match times {
            QueryTimes::Instant(at) => at,
            QueryTimes::Range { end, .. } => end,
        };
        let mut query = MetricQuery::new(expr, times, Some(now)).map_err(|err| err.to_string())?;
        for entry in self.store.entries() {
            query.add(entry).map_err(|err| err.to_string())?;
        }
        let value = query.finish().map_err(|err| err.to_string())?;
        Ok(check::metric(expected, &value, times))
    }

    fn select(
        &self,
        log: &LogExpr,
        (from, to): (i64, i64),
        backward: Option<bool>,
        expected: &Expected,
    ) -> Option<String> {
        let context = PipelineContext { now_nanos: Some(to), ..PipelineContext::default() };
        let mut lines = Vec::new();
        for entry in self.store.entries() {
            let at = entry.timestamp_nanos();
            if at < from || at >= to {
                continue;
            }
            let Some(processed) = log.process(entry, context) else {
                continue;
            };
            let (mut stream, mut metadata, mut parsed) = (Vec::new(), Vec::new(), Vec::new());
            processed.labels.visit(&mut |kind, name, value| {
                let labels = match kind {
                    LabelKind::Stream => &mut stream,
                    LabelKind::Metadata => &mut metadata,
                    LabelKind::Parsed => &mut parsed,
                };
                labels.push((name.to_owned(), value.to_owned()));
            });
            lines.push(ExpectedLine {
                stream: Labels::new(stream),
                line: processed.line.into_owned(),
                at,
                metadata: Labels::new(metadata),
                parsed: Labels::new(parsed),
            });
        }
        if backward == Some(true) {
            lines.reverse();
        }
        check::lines(expected, &lines, backward.is_some())
    }
}

fn ask(line: &mut Line<'_>) -> Result<Ask, String> {
    if line.eat_word("instant") {
        line.expect("at")?;
        return Ok(Ask::Metric(QueryTimes::Instant(line.time()?)));
    }
    let selects = line.eat_word("select");
    if !selects {
        line.expect("range")?;
    }
    line.expect("from")?;
    let start = line.time()?;
    line.expect("to")?;
    let end = line.time()?;
    if selects {
        let backward = line.eat_word("backward");
        if !backward {
            line.expect("forward")?;
        }
        return Ok(Ask::Lines(start, end, backward));
    }
    line.expect("step")?;
    let step = line.time()?;
    if step <= 0 {
        return Err(format!("the step {} is not longer than zero", format_nanos(step)));
    }
    Ok(Ask::Metric(QueryTimes::Range { start, end, step }))
}
