//! `catchment backfill`: what log groups held before Catchment was there.
//!
//! Events are read with `FilterLogEvents`, cut into payloads that depend on the
//! events alone, and handed to ingest, which is waited for. A checkpoint moves on
//! when everything before it is in the archive. So a run may be interrupted and
//! repeated: the same payloads make the same objects, and what the subscription
//! has delivered too is recognised by its event ids when it is read or compacted.

mod checkpoint;
mod estimate;
mod groups;
mod history;
mod payload;
mod plan;
mod transfer;

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;

use catchment_aws::clock::{Clock, SystemClock};
use clap::Args;

use crate::access::AccessArgs;
use crate::aws::connect;
use crate::failure::{Failure, until_interrupted};
use crate::ingest::Ingest;
use crate::output::count;
use crate::stack::Stack;
use crate::when;
use checkpoint::Checkpoint;
use history::History;
use plan::Plan;
use transfer::Transfer;

/// The rate unless another is asked for: AWS allows 5 calls of `FilterLogEvents` a
/// second for an account and Region (10 in some), and others want some.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>
const DEFAULT_RATE: &str = "4";

/// `catchment backfill`.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("which").args(["log_groups", "patterns"]).required(true).multiple(true)))]
pub struct BackfillArgs {
    /// The Catchment stack.
    #[arg(long, env = "CATCHMENT_STACK", default_value = "catchment", value_name = "NAME")]
    pub stack: String,
    /// A log group; may be given several times.
    #[arg(long = "log-group", value_name = "NAME")]
    pub log_groups: Vec<String>,
    /// Every log group whose name matches (`/ecs/*`); may be given several times.
    #[arg(long = "pattern", value_name = "GLOB")]
    pub patterns: Vec<String>,
    /// The beginning: a day (2026-11-20) or a time (2026-11-20T10:30:00Z), in UTC.
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    pub from: i64,
    /// The end, not included. Best is the time of the deployment: from then on the
    /// subscription delivers. [default: now]
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    pub to: Option<i64>,
    /// Requests a second to CloudWatch Logs, whose quota all users of the account share.
    #[arg(long, value_name = "N", default_value = DEFAULT_RATE, value_parser = rate)]
    pub rate: f64,
    /// Say what it would do and cost, and do nothing.
    #[arg(long)]
    pub estimate: bool,
    /// Begin without asking.
    #[arg(long)]
    pub yes: bool,
    /// Where the run writes down how far it has come.
    /// [default: catchment-backfill-STACK.json in the current directory]
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Option<PathBuf>,
    /// Account, Region, endpoint.
    #[command(flatten)]
    pub access: AccessArgs,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok().filter(|rate| (0.01..=1000.0).contains(rate));
    rate.ok_or_else(|| "a number from 0.01 to 1000".to_owned())
}

/// Runs the command.
pub async fn run(args: BackfillArgs) -> Result<(), Failure> {
    let now = SystemClock.now_millis();
    let to = args.to.unwrap_or(now).min(now);
    if args.from >= to {
        return Err(Failure::Usage(format!(
            "--from {} is not before --to {}; history lies in between",
            when::shown(args.from),
            when::shown(to)
        )));
    }
    let config = connect(args.access.into()).await?;
    let stack = Stack::describe(&config, &args.stack).await?;
    let function = stack.output("IngestFunctionName")?;
    let memory = stack.parameter("IngestMemory")?;
    let memory_mb = memory.parse().map_err(|_| {
        Failure::Rejected(format!(
            "the parameter IngestMemory of the stack {} is \"{memory}\", no number",
            args.stack
        ))
    })?;
    let region = config.region().map(ToString::to_string).unwrap_or_default();
    let path = args.checkpoint.unwrap_or_else(|| format!("catchment-backfill-{}.json", args.stack).into());
    let checkpoint = Checkpoint::open(&path, &format!("{region}/{function}"))?;

    let history = History::new(&config, args.rate);
    let (groups, notes) = groups::choose(&history, &args.log_groups, &args.patterns).await?;
    for note in notes {
        writeln!(io::stderr(), "{note}").ok();
    }
    let spans = plan::spans(groups, args.from, to, now, &checkpoint);
    for note in spans.iter().filter_map(|span| span.note.as_deref()) {
        writeln!(io::stderr(), "{note}").ok();
    }
    let plan = Plan::make(&history, spans, memory_mb, args.rate, now).await?;
    if args.estimate {
        return writeln!(io::stdout(), "{}", plan.told()).map_err(Failure::writing);
    }
    if plan.is_done() {
        return writeln!(
            io::stdout(),
            "everything that was asked for is in the archive already, says {}; remove the file to do it again",
            path.display()
        )
        .map_err(Failure::writing);
    }
    writeln!(io::stderr(), "{}", plan.told()).ok();
    if !args.yes {
        confirm()?;
    }
    checkpoint.save()?;

    let filter = format!("{}-catchment", args.stack);
    let mut transfer = Transfer::new(history, Ingest::new(&config, function), checkpoint, filter);
    let then = format!("run the same command again: it goes on from {}", path.display());
    let outcome = until_interrupted(transfer.run(plan.spans()), &then).await;
    let summary = transfer.finish();
    writeln!(io::stdout(), "{}", summary.table()).map_err(Failure::writing)?;
    outcome?;
    match summary.set_aside() {
        0 => Ok(()),
        payloads => Err(Failure::Rejected(format!(
            "{} payloads were set aside under quarantine/: `catchment replay --stack {} --quarantine --dry-run` \
             says why",
            count(payloads),
            args.stack
        ))),
    }
}

/// Asks a person. Without one at the keyboard nothing begins.
fn confirm() -> Result<(), Failure> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Failure::Usage(
            "nobody is there to be asked whether to begin (this is no terminal); say --yes, or --estimate to see \
             the estimate alone"
                .into(),
        ));
    }
    write!(io::stderr(), "Begin? [y/N] ").ok();
    let mut answer = String::new();
    io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|err| Failure::reading("the terminal".as_ref(), err))?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::Rejected("nothing was begun".into())),
    }
}
