//! `catchment replay`: what ingest failed on, or set aside, is handed to it again.
//!
//! Nothing is deleted before ingest has said that it is in the archive, so a run may
//! be interrupted anywhere and repeated at will: what is there already is found by
//! its key, and what was not deleted comes again.

mod quarantine;
mod queue;
mod tally;

use std::io::{self, Write};

use catchment_aws::archive::S3Archive;
use catchment_aws::clients;
use clap::Args;
use indicatif::ProgressBar;
use tokio::task::JoinSet;

use crate::access::AccessArgs;
use crate::aws::connect;
use crate::failure::{Failure, until_interrupted};
use crate::ingest::{Ingest, Taken};
use crate::output::{count, progress_bar};
use crate::stack::Stack;
use queue::FailedPayloads;
use tally::{From, Outcome, Tally};

/// So many payloads in a row that ingest itself fails on mean that the cause is not
/// mended: going on would cost time and change nothing.
const MAX_FAILURES_IN_A_ROW: usize = 10;

/// `catchment replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The Catchment stack.
    #[arg(long, env = "CATCHMENT_STACK", default_value = "catchment", value_name = "NAME")]
    pub stack: String,
    /// Only the queue of payloads that ingest failed on three times.
    /// [default: the quarantine, then the queue]
    #[arg(long)]
    pub queue: bool,
    /// Only the quarantine: payloads that could not be decoded.
    #[arg(long)]
    pub quarantine: bool,
    /// Show what waits there, and why; send and delete nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// End after so many payloads.
    #[arg(long, value_name = "PAYLOADS", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// Account, Region, endpoint.
    #[command(flatten)]
    pub access: AccessArgs,
}

/// Runs the command.
pub async fn run(args: ReplayArgs) -> Result<(), Failure> {
    let config = connect(args.access.into()).await?;
    let stack = Stack::describe(&config, &args.stack).await?;
    let both = args.queue == args.quarantine;
    let mut queue = match both || args.queue {
        true => Some(FailedPayloads::new(&config, stack.output("FailedPayloadQueueUrl")?)),
        false => None,
    };
    let archive = match both || args.quarantine {
        true => Some(S3Archive::new(clients::s3(&config), stack.output("ArchiveBucketName")?)),
        false => None,
    };
    let ingest = match args.dry_run {
        true => None,
        false => Some(Ingest::new(&config, stack.output("IngestFunctionName")?)),
    };
    let mut replay = Replay {
        ingest,
        left: args.limit.unwrap_or(u64::MAX),
        tally: Tally::default(),
        bar: progress_bar("payloads"),
    };
    let work = async {
        // The quarantine first: what the queue adds to it has just been tried.
        if let Some(archive) = &archive {
            quarantine::drain(archive, &mut replay).await?;
        }
        if let Some(queue) = &mut queue {
            queue.drain(&mut replay).await?;
        }
        Ok(())
    };
    let outcome = until_interrupted(work, "what was not deleted comes again with the next replay").await;
    // Whatever happened: messages that stay are to be seen by the next run at once.
    if let Some(queue) = &mut queue {
        queue.release().await;
    }
    replay.bar.finish_and_clear();
    let Replay { tally, .. } = replay;
    writeln!(io::stdout(), "{}", tally.table()).map_err(Failure::writing)?;
    outcome?;
    match tally.stayed() {
        0 => Ok(()),
        _ if args.dry_run => Ok(()),
        stayed if tally.failures_in_a_row() >= MAX_FAILURES_IN_A_ROW => Err(Failure::Rejected(format!(
            "ingest failed on {MAX_FAILURES_IN_A_ROW} payloads in a row, so no more are sent; mend the cause \
             (its log names it) and run this again ({} tried stay, nothing is lost)",
            count(stayed)
        ))),
        stayed => Err(Failure::Rejected(format!(
            "not everything is in the archive: {} stayed, for what the table says; mend that and run this again",
            if stayed == 1 { "1 payload".to_owned() } else { format!("{} payloads", count(stayed)) }
        ))),
    }
}

/// One run over queue and quarantine.
struct Replay {
    /// `None` in a dry run.
    ingest: Option<Ingest>,
    /// Payloads that may still be sent.
    left: u64,
    tally: Tally,
    bar: ProgressBar,
}

impl Replay {
    /// How many more of `wanted` payloads to take; 0 ends the run.
    fn room(&self, wanted: usize) -> usize {
        if self.tally.failures_in_a_row() >= MAX_FAILURES_IN_A_ROW {
            return 0;
        }
        wanted.min(usize::try_from(self.left).unwrap_or(usize::MAX))
    }

    /// Hands every event to ingest, some at once; what became of each, as it comes.
    async fn send<T>(&self, events: Vec<(T, Vec<u8>)>) -> Result<Vec<(T, Taken)>, Failure> {
        let Some(ingest) = &self.ingest else {
            return Ok(Vec::new());
        };
        let mut calls = JoinSet::new();
        let mut waiting = Vec::new();
        for (item, event) in events {
            let (ingest, number) = (ingest.clone(), waiting.len());
            calls.spawn(async move { (number, ingest.take(event).await) });
            waiting.push(Some(item));
        }
        let mut outcomes = Vec::new();
        while let Some(joined) = calls.join_next().await {
            let Ok((number, taken)) = joined else {
                continue;
            };
            if let Some(item) = waiting.get_mut(number).and_then(Option::take) {
                outcomes.push((item, taken?));
            }
        }
        Ok(outcomes)
    }

    /// Writes down what became of one payload.
    fn count(&mut self, from: From, outcome: Outcome) {
        self.left = self.left.saturating_sub(1);
        self.tally.add(from, outcome);
        self.bar.inc(1);
    }
}
