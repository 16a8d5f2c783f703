//! `catchment tail`: lines of the archive as they come.

use std::io::{self, BufWriter, Write};
use std::time::Duration;

use catchment_archive::query::{Plan, RowEntry};
use catchment_archive::{Follower, ReadError, Sweep};
use catchment_aws::clock::{Clock, SystemClock};
use catchment_logql::{Expr, LogExpr, PipelineContext};

use crate::archive::Archive;
use crate::failure::Failure;
use crate::output::count;
use crate::query::args::{Shape, TailArgs};
use crate::query::lines::Lines;
use crate::query::logql::of_read;
use crate::query::screen::Screen;
use crate::query::syntax;

/// Between two looks for new objects. With what it takes to read them a line is
/// shown within some two to five seconds.
const POLL: Duration = Duration::from_secs(2);
/// Every so many looks, all of today and yesterday is looked at.
const POLLS_A_SWEEP: u32 = 15;
/// As often in a row AWS may fail to answer.
const MAX_FAILURES: u32 = 30;
const NANOS_A_MILLI: i64 = 1_000_000;

/// Runs the command, until Ctrl-C.
pub async fn run(args: TailArgs) -> Result<(), Failure> {
    let Expr::Log(expr) = syntax::read(&args.logql)? else {
        return Err(Failure::Usage(
            "tail shows lines, and this query gives numbers; catchment query draws them".into(),
        ));
    };
    if args.output == Shape::Chart {
        return Err(Failure::Usage("lines cannot be drawn; --output is table, json or raw".into()));
    }
    let screen = Screen::of_stdout(args.color);
    let archive = Archive::open(&args.archive, &args.stack, &args.access).await?;
    let mut shown = 0;
    let done = tokio::select! {
        done = follow(&expr, &args, &archive, screen, &mut shown) => done,
        // It is how this ends.
        _ = tokio::signal::ctrl_c() => Ok(()),
    };
    if done.is_ok() {
        writeln!(io::stderr(), "ended: {} lines", count(shown)).ok();
    }
    done
}

async fn follow(
    expr: &LogExpr,
    args: &TailArgs,
    archive: &Archive,
    screen: Screen,
    shown: &mut u64,
) -> Result<(), Failure> {
    let now = SystemClock.now_millis();
    let since = now.saturating_sub(args.since.unwrap_or_default());
    let plan = Plan::of_log(expr, since.saturating_mul(NANOS_A_MILLI), i64::MAX);
    let classes = args.archive.classes();
    let follower = Follower::start(archive, &classes, plan.filter, plan.columns, since, now).await;
    let mut follower = follower.map_err(of_read)?;
    let mut lines = Lines::new(BufWriter::new(io::stdout()), expr, args.output, screen);
    let (mut polls, mut failures) = (0_u32, 0_u32);
    loop {
        let found = show(&mut follower, expr, &mut lines, shown).await;
        lines.flush().map_err(Failure::writing)?;
        let found = match found {
            Ok(()) => {
                tokio::time::sleep(POLL).await;
                polls = polls.wrapping_add(1);
                let sweep = if polls.is_multiple_of(POLLS_A_SWEEP) { Sweep::Whole } else { Sweep::Recent };
                follower.poll(sweep, SystemClock.now_millis()).await.map(|_| ()).map_err(of_read)
            }
            Err(failure) => Err(failure),
        };
        match found {
            Ok(()) => failures = 0,
            Err(failure @ Failure::Network(_)) if failures < MAX_FAILURES => {
                if failures == 0 {
                    writeln!(io::stderr(), "{failure}; going on").ok();
                }
                failures += 1;
                tokio::time::sleep(POLL).await;
            }
            Err(failure) => return Err(failure),
        }
    }
}

/// Shows the lines of what was found.
async fn show<W: Write>(
    follower: &mut Follower<'_, Archive>,
    expr: &LogExpr,
    lines: &mut Lines<W>,
    shown: &mut u64,
) -> Result<(), Failure> {
    loop {
        let row = match follower.next().await {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(()),
            Err(err @ ReadError::Foreign { .. }) => {
                writeln!(io::stderr(), "left out: {err}").ok();
                continue;
            }
            Err(err) => return Err(of_read(err)),
        };
        let entry = RowEntry::new(row);
        let now_nanos = Some(SystemClock.now_millis().saturating_mul(NANOS_A_MILLI));
        let context = PipelineContext { now_nanos, ..PipelineContext::default() };
        if let Some(found) = expr.process(&entry, context) {
            lines.line(&entry, &found).map_err(Failure::writing)?;
            *shown += 1;
        }
    }
}
