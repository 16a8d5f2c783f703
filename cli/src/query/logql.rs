//! LogQL, answered from the archive: options become a question, the reader gives
//! rows, the engine the answer.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};

use catchment_archive::query::{Plan, RowEntry};
use catchment_archive::{ArchiveReader, Column, ColumnSet, Filter, Order, ReadCounts, ReadError, TimeRange};
use catchment_aws::clock::{Clock, SystemClock};
use catchment_logql::{
    Entry, EvalError, Expr, LogExpr, MetricExpr, MetricQuery, PipelineContext, QueryTimes,
};
use catchment_record::RetentionClass;

use super::args::{MAX_LIMIT, QueryArgs, Shape};
use super::lines::Lines;
use super::numbers;
use super::screen::Screen;
use super::syntax;
use crate::archive::Archive;
use crate::failure::{Failure, innermost, until_interrupted};
use crate::output::{bytes, count};
use crate::when;

const NANOS_A_MILLI: i64 = 1_000_000;
const DEFAULT_SINCE_MILLIS: i64 = 3_600_000;
const DEFAULT_LIMIT: u64 = 100;
/// How many numbers a series has unless `--step` says otherwise, as in Loki.
const DEFAULT_POINTS: i64 = 250;
/// How often in a row objects may vanish before anything was shown.
const MAX_RELISTS: u32 = 10;
/// Rows between two looks at how far it has come.
const ROWS_AT_ONCE: u64 = 4096;
/// Rows that are looked at to say which services there are.
const HINT_ROWS: u64 = 20_000;
/// … and as many of them are named.
const HINT_SERVICES: usize = 12;

/// What the options mean.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Question {
    /// The first millisecond, and the first that is not asked for.
    span: (i64, i64),
    classes: Vec<RetentionClass>,
    kind: Kind,
    shape: Shape,
    now_nanos: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Lines { limit: u64, order: Order },
    Numbers(QueryTimes),
}

/// Answers a query.
pub async fn run(typed: &str, args: &QueryArgs) -> Result<(), Failure> {
    let expr = syntax::read(typed)?;
    let screen = Screen::of_stdout(args.logql_args.color);
    let question = Question::new(&expr, args, SystemClock.now_millis(), screen.is_terminal)?;
    let archive = Archive::open(&args.logql_args.archive, &args.stack, &args.access).await?;
    archive.show_progress();
    let answer = async {
        match (&expr, question.kind) {
            (Expr::Log(expr), Kind::Lines { limit, order }) => {
                question.lines(expr, limit, order, &archive, screen).await
            }
            (Expr::Metric(expr), Kind::Numbers(times)) => {
                question.numbers(expr, times, &archive, screen).await
            }
            // The kind is of the expression.
            _ => Ok(()),
        }
    };
    let done = until_interrupted(answer, "the answer is not whole").await;
    archive.bar().finish_and_clear();
    done
}

impl Question {
    fn new(expr: &Expr, args: &QueryArgs, now_millis: i64, is_terminal: bool) -> Result<Self, Failure> {
        let of = &args.logql_args;
        let usage = |what: &str| Err(Failure::Usage(what.to_owned()));
        let first = match (of.since, of.from) {
            (None, Some(from)) => from,
            (since, _) => now_millis.saturating_sub(since.unwrap_or(DEFAULT_SINCE_MILLIS)),
        };
        // The present millisecond belongs to what is asked for.
        let end = of.to.unwrap_or(now_millis.saturating_add(1));
        if end <= first {
            return usage("--to is not after --from; there is no time between them");
        }
        let kind = match expr {
            Expr::Log(_) => {
                if of.instant || of.step.is_some() {
                    return usage(
                        "--instant and --step are for numbers, as count_over_time(…) gives them; this query gives lines",
                    );
                }
                if of.output == Some(Shape::Chart) {
                    return usage(
                        "lines cannot be drawn; count them: sum(count_over_time(<the query> [1m]))",
                    );
                }
                let limit = args.limit.unwrap_or(DEFAULT_LIMIT);
                if limit > MAX_LIMIT && !matches!(of.output, Some(Shape::Json | Shape::Raw)) {
                    return usage(
                        "a table shows 5000 lines at most; --output json and --output raw give any number",
                    );
                }
                let order = if of.forward { Order::OldestFirst } else { Order::NewestFirst };
                Kind::Lines { limit, order }
            }
            Expr::Metric(_) => {
                if args.limit.is_some() || of.forward {
                    return usage(
                        "--limit and --forward are for lines; this query gives numbers, of which topk(10, …) keeps the largest",
                    );
                }
                if of.output == Some(Shape::Raw) {
                    return usage("numbers have no raw form; --output is table, json or chart for them");
                }
                let nanos = |millis: i64| millis.saturating_mul(NANOS_A_MILLI);
                let last = of.to.unwrap_or(now_millis);
                let step = of.step.unwrap_or_else(|| ((last - first) / 1000 / DEFAULT_POINTS).max(1) * 1000);
                Kind::Numbers(match of.instant {
                    true => QueryTimes::Instant(nanos(last)),
                    // Times of evaluation end with the last: what is newest is what is asked for.
                    false => {
                        let start = first + (last - first) % step;
                        QueryTimes::Range { start: nanos(start), end: nanos(last), step: nanos(step) }
                    }
                })
            }
        };
        let is_drawn = is_terminal && matches!(kind, Kind::Numbers(QueryTimes::Range { .. }));
        Ok(Self {
            span: (first, end),
            classes: of.archive.classes(),
            kind,
            shape: of.output.unwrap_or(if is_drawn { Shape::Chart } else { Shape::Table }),
            now_nanos: now_millis.saturating_mul(NANOS_A_MILLI),
        })
    }

    async fn lines(
        &self,
        expr: &LogExpr,
        limit: u64,
        order: Order,
        archive: &Archive,
        screen: Screen,
    ) -> Result<(), Failure> {
        let (start, end) =
            (self.span.0.saturating_mul(NANOS_A_MILLI), self.span.1.saturating_mul(NANOS_A_MILLI));
        let plan = Plan::of_log(expr, start, end);
        let context = PipelineContext { now_nanos: Some(self.now_nanos), ..PipelineContext::default() };
        let bar = archive.bar();
        let mut lines = Lines::new(BufWriter::new(io::stdout()), expr, self.shape, screen);
        let (mut shown, mut last) = (0, None);
        let counts = self
            .rows(plan, order, archive, |entry| {
                let found = expr.process(entry, context);
                let Some(found) = found.filter(|_| (start..end).contains(&entry.timestamp_nanos())) else {
                    return Ok(Next::Row);
                };
                bar.suspend(|| lines.line(entry, &found)).map_err(Failure::writing)?;
                (shown, last) = (shown + 1, entry.row().timestamp);
                Ok(if shown == limit { Next::End } else { Next::Row })
            })
            .await?;
        bar.finish_and_clear();
        lines.flush().map_err(Failure::writing)?;
        let more = last.filter(|_| shown == limit).map_or(String::new(), |last| {
            let option = match order {
                // Lines of that millisecond may be missing still.
                Order::NewestFirst => format!("--to {}", millis(last.saturating_add(1))),
                Order::OldestFirst => format!("--from {}", millis(last)),
            };
            format!(", all that --limit allows ({option} goes on)")
        });
        let lines = if shown == 1 { "line" } else { "lines" };
        self.tell(&format!("{} {lines}{more}", count(shown)), &counts, archive);
        if shown == 0 {
            self.hint(archive).await?;
        }
        whole(&counts)
    }

    async fn numbers(
        &self,
        expr: &MetricExpr,
        times: QueryTimes,
        archive: &Archive,
        screen: Screen,
    ) -> Result<(), Failure> {
        let mut metric = MetricQuery::new(expr, times, Some(self.now_nanos)).map_err(|err| of_eval(&err))?;
        let mut counts = ReadCounts::default();
        if let Some(span) = metric.span() {
            let plan = Plan::of_metric(expr, span);
            counts = self
                .rows(plan, Order::OldestFirst, archive, |entry| {
                    metric.add(entry).map_err(|err| of_eval(&err)).map(|()| Next::Row)
                })
                .await?;
        }
        let value = metric.finish().map_err(|err| of_eval(&err))?;
        archive.bar().finish_and_clear();
        let mut sink = BufWriter::new(io::stdout());
        if numbers::count(&value) > 0 {
            let written = numbers::write(&mut sink, &value, times, self.shape, screen);
            written.and_then(|()| sink.flush()).map_err(Failure::writing)?;
        }
        self.tell(&format!("{} values", count(numbers::count(&value) as u64)), &counts, archive);
        if numbers::count(&value) == 0 {
            self.hint(archive).await?;
        }
        whole(&counts)
    }

    /// Shows every row of a plan to `take`, until it has enough.
    async fn rows(
        &self,
        plan: Plan,
        order: Order,
        archive: &Archive,
        mut take: impl FnMut(&RowEntry<'_>) -> Result<Next, Failure>,
    ) -> Result<ReadCounts, Failure> {
        let reader = ArchiveReader::new(archive).columns(plan.columns);
        let mut relists = 0;
        loop {
            let rows = reader.read(plan.range, &self.classes, plan.filter.clone(), order).await;
            let mut rows = rows.map_err(of_read)?;
            let mut taken = 0_u64;
            loop {
                match rows.next().await {
                    Ok(None) => return Ok(rows.counts()),
                    Ok(Some(row)) => {
                        taken += 1;
                        if take(&RowEntry::new(row))? == Next::End {
                            return Ok(rows.counts());
                        }
                    }
                    // A compactor replaced it: what is there now is listed anew.
                    Err(ReadError::Gone { .. }) if taken == 0 && relists < MAX_RELISTS => break,
                    Err(err) => return Err(of_read(err)),
                }
                if taken.is_multiple_of(ROWS_AT_ONCE) {
                    let counts = rows.counts();
                    let (read, all) = (count(counts.objects_read), count(counts.objects_listed));
                    archive.bar().set_prefix(format!("of {read} of {all} objects, {} rows", count(taken)));
                    tokio::task::yield_now().await;
                }
            }
            relists += 1;
        }
    }

    fn tell(&self, found: &str, counts: &ReadCounts, archive: &Archive) {
        let seconds = archive.bar().elapsed().as_secs_f64();
        let mut stderr = io::stderr().lock();
        for skipped in &counts.foreign {
            // A closed standard error does not spoil an answer that was given.
            writeln!(stderr, "left out: {}: {}", skipped.key, skipped.reason).ok();
        }
        writeln!(
            stderr,
            "{found}; {} of {} objects opened, {} read, {} rows looked at, {seconds:.1} s",
            count(counts.objects_read),
            count(counts.objects_listed),
            bytes(counts.bytes_read),
            count(counts.rows),
        )
        .ok();
    }

    /// Says what there would have been, and where else to look.
    async fn hint(&self, archive: &Archive) -> Result<(), Failure> {
        let plan = Plan {
            range: TimeRange { first_millis: self.span.0, last_millis: self.span.1.saturating_sub(1) },
            filter: Filter::default(),
            columns: ColumnSet::of(&[Column::Service]),
        };
        let (mut services, mut left) = (BTreeSet::new(), HINT_ROWS);
        let _counts = self
            .rows(plan, Order::NewestFirst, archive, |entry| {
                services.extend(entry.row().service.map(str::to_owned));
                left -= 1;
                Ok(if left == 0 { Next::End } else { Next::Row })
            })
            .await?;
        archive.bar().finish_and_clear();
        let (from, to) = (millis(self.span.0), millis(self.span.1));
        let told = match services.len() {
            0 => format!(
                "the archive has nothing from {from} to {to}; --since 24h or an earlier --from looks further back, --stack, --bucket and --from-folder elsewhere"
            ),
            n => {
                let names: Vec<_> = services.iter().take(HINT_SERVICES).map(|it| format!("{it:?}")).collect();
                let more = if n > HINT_SERVICES { ", …" } else { "" };
                format!(
                    "from {from} to {to} there are lines of service {}{more}; --since 24h or an earlier --from looks further back",
                    names.join(", ")
                )
            }
        };
        writeln!(io::stderr(), "nothing matches: {told}").ok();
        Ok(())
    }
}

/// Whether more rows are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Row,
    End,
}

/// RFC 3339, with milliseconds where there are any.
fn millis(millis: i64) -> String {
    match millis % 1000 {
        0 => when::shown(millis),
        _ => super::lines::shown(millis.saturating_mul(NANOS_A_MILLI), 3),
    }
}

fn whole(counts: &ReadCounts) -> Result<(), Failure> {
    match counts.foreign.len() {
        0 => Ok(()),
        n => Err(Failure::Incomplete(format!("{n} foreign or damaged objects were left out"))),
    }
}

fn of_eval(err: &EvalError) -> Failure {
    let way_out = match err {
        EvalError::TooManyPoints { .. } => " (--step)",
        _ => "",
    };
    Failure::Rejected(format!("{}{way_out}", err.to_string().trim_end()))
}

/// A failed read, sorted by what its user can do about it.
pub fn of_read(err: ReadError<Failure>) -> Failure {
    match err {
        ReadError::Gone { key } => {
            Failure::Network(format!("{key} was replaced while it was read; give the command again"))
        }
        ReadError::Store { source, .. } | ReadError::List { source, .. } => source,
        foreign @ ReadError::Foreign { .. } => Failure::Rejected(innermost(&foreign)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command};
    use catchment_logql::parse;
    use clap::Parser;

    const NOW: i64 = 1_734_604_215_123;
    const LINES: &str = r#"{service="a"}"#;
    const NUMBERS: &str = r#"rate({service="a"}[5m])"#;

    fn asked(query: &str, more: &[&str], is_terminal: bool) -> Result<Question, Failure> {
        let words = ["catchment", "query", query].into_iter().chain(more.iter().copied());
        let Command::Query(args) = Cli::try_parse_from(words).unwrap().command else { panic!("a query") };
        Question::new(&parse(query).unwrap(), &args, NOW, is_terminal)
    }

    #[test]
    fn what_is_not_said_is_as_in_loki() {
        let lines = asked(LINES, &[], true).unwrap();
        assert_eq!(lines.span, (NOW - 3_600_000, NOW + 1));
        assert_eq!(lines.kind, Kind::Lines { limit: 100, order: Order::NewestFirst });
        assert_eq!((lines.shape, lines.classes.len()), (Shape::Table, 3));

        let step = |more: &[&str]| match asked(NUMBERS, more, true).unwrap().kind {
            Kind::Numbers(QueryTimes::Range { start, end, step }) => {
                ((end - start) / 1_000_000, step / 1_000_000)
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(step(&[]), (3_598_000, 14_000), "floor(3600 / 250), as often as it fits");
        assert_eq!(step(&["--since", "1m"]), (60_000, 1_000));
        assert_eq!(step(&["--since", "1d", "--step", "1h"]), (86_400_000, 3_600_000));
        let instant = asked(NUMBERS, &["--instant"], true).unwrap();
        assert_eq!(instant.kind, Kind::Numbers(QueryTimes::Instant(NOW * 1_000_000)));
        assert_eq!(instant.shape, Shape::Table);
        assert_eq!(asked(NUMBERS, &[], true).unwrap().shape, Shape::Chart);
        assert_eq!(asked(NUMBERS, &[], false).unwrap().shape, Shape::Table);
    }

    #[test]
    fn options_that_do_not_go_together_say_what_would() {
        for (query, more, told) in [
            (LINES, &["--step", "1m"][..], "for numbers"),
            (LINES, &["--output", "chart"], "count_over_time"),
            (LINES, &["--limit", "5001"], "--output json"),
            (NUMBERS, &["--limit", "5"], "topk"),
            (NUMBERS, &["--output", "raw"], "table, json or chart"),
            (LINES, &["--from", "2024-01-02", "--to", "2024-01-01"], "--to is not after --from"),
        ] {
            let failure = asked(query, more, false).unwrap_err();
            assert!(failure.exit_code() == 2 && failure.to_string().contains(told), "{more:?}: {failure}");
        }
        assert!(asked(LINES, &["--limit", "5000"], false).is_ok());
        assert!(asked(LINES, &["--limit", "5001", "--output", "raw"], false).is_ok());
        for wrong in [
            &["--sql", "SELECT 1"][..],
            &["--since", "1h", "--from", "2024-01-01"],
            &["--to", "2024-01-01"],
            &["--format", "csv"],
            &["--step", "1m", "--instant"],
        ] {
            let words = ["catchment", "query", LINES].into_iter().chain(wrong.iter().copied());
            assert!(Cli::try_parse_from(words).is_err(), "{wrong:?}");
        }
        assert!(Cli::try_parse_from(["catchment", "query"]).is_err());
        assert!(Cli::try_parse_from(["catchment", "query", "--sql", "SELECT 1", "--since", "1h"]).is_err());
        assert!(Cli::try_parse_from(["catchment", "query", "--sql", "SELECT 1", "--format", "csv"]).is_ok());
    }
}
