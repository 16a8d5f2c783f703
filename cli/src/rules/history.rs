//! `catchment rules history`: what the archive holds is counted for rules that are new.
//!
//! A leaf (a range function of a rule) that is new is counted as lines arrive from a
//! moment on. What is older is read here, and recorded as ingest records it, ten
//! minutes of the archive as one batch: doing it again overwrites, so it may be
//! interrupted at any point. ADR 0027.

use std::collections::BTreeMap;

use catchment_alert::versions::{History, LeafStarts, MAX_HISTORY_WAIT_MS, Manifest, TAKE_UP_MS};
use catchment_alert::{Gather, LeafId, PartialStore, Rule, RuleSet, Written};
use catchment_archive::query::{Plan, RowEntry};
use catchment_archive::{ArchiveReader, ObjectReader, Order, ReadError};
use catchment_aws::alert_store::DynamoPartials;
use catchment_aws::archive::S3Archive;
use catchment_aws::clients;
use catchment_logql::{Entry, Expr, parse};
use catchment_record::RetentionClass;
use clap::Args;
use indicatif::ProgressBar;

use super::live::{Live, told};
use super::push::validated;
use crate::access::StackArgs;
use crate::failure::{Failure, innermost};
use crate::output::{bytes, count, progress_bar};

/// The most bytes of the archive that are read for the history of rules, unless told
/// otherwise: some minutes from where there is a fast line to S3.
pub const MAX_HISTORY_BYTES: u64 = 5_000_000_000;
/// What is recorded as one batch. A batch has [`catchment_alert::MAX_PARTIALS_PER_BATCH`]
/// partials at most: here 600 buckets of a second for each leaf of a rule.
const SLICE_MS: i64 = 10 * 60_000;
/// How long after that moment lines of before it come to the archive, as a rule.
const ARRIVAL_MS: i64 = 10_000;
/// Rows between two looks at how much was read.
const ROWS_A_LOOK: u64 = if cfg!(test) { 1 } else { 1024 };
/// How often objects may vanish while they are read: a compactor replaces them once.
const MAX_RELISTS: u32 = 10;
/// How often the manifest is written anew because others write it too.
const MAX_WRITES: u32 = 5;

/// Options of every command that makes rules active.
#[derive(Debug, Clone, Args)]
pub struct HistoryOptions {
    /// Do not count what the archive holds: new rules wait until their windows are full.
    #[arg(long)]
    pub no_history: bool,
    /// Read at most so many bytes of the archive; rules beyond it wait until their windows are full.
    #[arg(long, value_name = "BYTES", default_value_t = MAX_HISTORY_BYTES, conflicts_with = "no_history")]
    pub max_history_bytes: u64,
}

/// `catchment rules history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Which stack.
    #[command(flatten)]
    pub stack: StackArgs,
    /// Count it again, for all rules that were pushed: lines that came late are among it then.
    #[arg(long)]
    pub again: bool,
    /// What of the archive.
    #[command(flatten)]
    pub history: HistoryOptions,
}

/// Runs the command.
pub async fn run(args: &HistoryArgs) -> Result<(), Failure> {
    let live = Live::find(&args.stack).await?;
    let active = live.active().await?;
    let Some((manifest, _)) = active.manifest else {
        return told("nothing was pushed yet, so no rule is new");
    };
    let rules = validated(&active.files)?;
    let leaves = if args.again { manifest.since.clone() } else { pending(&manifest) };
    if leaves.is_empty() {
        return told(&format!("no rule of version {} waits for its history", manifest.version.number));
    }
    settle(&live, &leaves, &rules, &args.history).await
}

/// What is left to do once a manifest is active: every function takes it up, and what is
/// new begins with its history. `activated_ms` is when this command made it active.
pub async fn finish(
    live: &Live,
    manifest: &Manifest,
    activated_ms: Option<i64>,
    rules: &RuleSet,
    options: &HistoryOptions,
) -> Result<(), Failure> {
    if let Some(activated_ms) = activated_ms {
        live.wait_until_taken_up(activated_ms.saturating_add(TAKE_UP_MS)).await;
        told(&format!("every function runs version {}", manifest.version.number))?;
    }
    match pending(manifest) {
        leaves if leaves.is_empty() => Ok(()),
        leaves => settle(live, &leaves, rules, options).await,
    }
}

fn pending(manifest: &Manifest) -> LeafStarts {
    manifest.pending().map(|(id, start)| (id.to_owned(), start)).collect()
}

/// Loads the history of these leaves, or says that it will not be.
async fn settle(
    live: &Live,
    leaves: &LeafStarts,
    rules: &RuleSet,
    options: &HistoryOptions,
) -> Result<(), Failure> {
    if options.no_history {
        return mark(live, leaves, History::Skipped).await;
    }
    let since_ms = leaves.values().map(|start| start.since_ms).max().unwrap_or_default();
    live.wait_until_taken_up(since_ms.saturating_add(ARRIVAL_MS)).await;
    let store = S3Archive::new(clients::s3(&live.of.config), &live.bucket);
    let partials =
        DynamoPartials::new(clients::dynamodb(&live.of.config), live.of.stack.output("StateTableName")?);
    let passes = passes(rules, leaves);
    let bar = progress_bar("hours of the archive");
    bar.set_length(passes.iter().map(Pass::hours).sum());
    let mut loader =
        Loader { store: &store, partials: &partials, bar, bytes_left: options.max_history_bytes, lines: 0 };
    let mut beyond = LeafStarts::new();
    let mut loaded = LeafStarts::new();
    for pass in &passes {
        match loader.load(pass).await? {
            true => loaded.extend(pass.leaves.clone()),
            false => beyond.extend(pass.leaves.clone()),
        }
    }
    loader.bar.finish_and_clear();
    // What no rule of these asks for waits for nothing.
    loaded
        .extend(leaves.iter().filter(|(id, _)| !beyond.contains_key(*id)).map(|(id, it)| (id.clone(), *it)));
    mark(live, &loaded, History::Loaded).await?;
    mark(live, &beyond, History::Skipped).await?;
    told(&format!("history: {} lines of the archive are counted for what is new", count(loader.lines)))?;
    match beyond.len() {
        0 => Ok(()),
        n => Err(Failure::Incomplete(format!(
            "the history of {n} range functions is more than {} and was left out, their rules wait until their \
             windows are full; `catchment rules history --again --max-history-bytes` reads more",
            bytes(options.max_history_bytes)
        ))),
    }
}

/// Notes in the manifest what became of the history of leaves, whoever else writes it.
async fn mark(live: &Live, leaves: &LeafStarts, history: History) -> Result<(), Failure> {
    if leaves.is_empty() {
        return Ok(());
    }
    for _ in 0..MAX_WRITES {
        let Some((manifest, etag)) = live.source.manifest().await? else { break };
        let next = manifest.clone().with_history(leaves, history);
        if next == manifest || live.source.activate(&next, Some(&etag)).await? == Written::Done {
            return Ok(());
        }
    }
    Err(Failure::Rejected(format!(
        "others change the rules all the time, and that the history is there could not be noted; \
         give `catchment rules history` again (without it the rules wait {} minutes)",
        MAX_HISTORY_WAIT_MS / 60_000
    )))
}

/// Leaves that are counted in one reading of the archive: those of one rule that began at
/// one time, each of them with the rule that looks back farthest.
struct Pass<'r> {
    rule: &'r Rule,
    rules: RuleSet,
    leaves: LeafStarts,
    /// `(from, until]`.
    from_ms: i64,
    until_ms: i64,
}

impl Pass<'_> {
    fn hours(&self) -> u64 {
        let millis = u64::try_from(self.until_ms - self.from_ms).unwrap_or_default();
        millis.div_ceil(3_600_000)
    }
}

fn passes<'r>(rules: &'r RuleSet, leaves: &LeafStarts) -> Vec<Pass<'r>> {
    // Which rule looks back farthest at a leaf, and how far.
    let mut farthest: BTreeMap<&LeafId, (i64, usize, &Rule)> = BTreeMap::new();
    let of = |group| move |rule| (group, rule);
    let with_groups =
        rules.groups().iter().flat_map(|group| group.rules.iter().chain(&group.records).map(of(group)));
    for (number, (group, rule)) in with_groups.enumerate() {
        for leaf in &rule.leaves {
            let span_ms = leaf.range_ms + leaf.offset_ms + group.query_offset_ms;
            let known = farthest.entry(&leaf.id).or_insert((span_ms, number, rule));
            if known.0 < span_ms {
                *known = (span_ms, number, rule);
            }
        }
    }
    let mut passes: BTreeMap<(usize, i64), Pass<'r>> = BTreeMap::new();
    for (id, start) in leaves {
        let id = LeafId::from_text(id);
        let Some((span_ms, number, rule)) = farthest.get(&id) else { continue };
        let pass = passes.entry((*number, start.since_ms)).or_insert_with(|| Pass {
            rule,
            rules: RuleSet::default(),
            leaves: LeafStarts::new(),
            from_ms: start.since_ms,
            until_ms: start.since_ms,
        });
        pass.from_ms = pass.from_ms.min(start.since_ms - span_ms);
        pass.leaves.insert(id.as_str().to_owned(), *start);
    }
    let mut passes: Vec<_> = passes.into_values().collect();
    for pass in &mut passes {
        pass.rules = rules.counting(&pass.leaves);
    }
    passes
}

/// Why a reading ended before its time.
enum Stop {
    /// An object vanished: begin again.
    Gone,
    /// More would be read than may be.
    TooMuch,
    /// For good.
    Failed(Failure),
}

impl<T: Into<Failure>> From<T> for Stop {
    fn from(failure: T) -> Self {
        Self::Failed(failure.into())
    }
}

struct Loader<'a, S, P> {
    store: &'a S,
    partials: &'a P,
    bar: ProgressBar,
    bytes_left: u64,
    lines: u64,
}

impl<S: ObjectReader, P: PartialStore> Loader<'_, S, P>
where
    Failure: From<S::Error> + From<P::Error>,
{
    /// Whether the history of a pass is there now; not, where it is too much.
    async fn load(&mut self, pass: &Pass<'_>) -> Result<bool, Failure> {
        let begun = self.bar.position();
        for _ in 0..=MAX_RELISTS {
            match self.read(pass, begun).await {
                Ok(lines) => {
                    self.lines += lines;
                    self.bar.set_position(begun + pass.hours());
                    return Ok(true);
                }
                Err(Stop::TooMuch) => return Ok(false),
                Err(Stop::Failed(failure)) => return Err(failure),
                Err(Stop::Gone) => {}
            }
        }
        Err(Failure::Network(
            "objects of the archive were replaced each time they were read; give `catchment rules history` again"
                .to_owned(),
        ))
    }

    async fn read(&mut self, pass: &Pass<'_>, begun: u64) -> Result<u64, Stop> {
        let Ok(Expr::Metric(expr)) = parse(&pass.rule.expr_text) else { return Ok(0) };
        let nanos = |millis: i64| millis.saturating_mul(1_000_000);
        let (from, until) = (nanos(pass.from_ms), nanos(pass.until_ms));
        let plan = Plan::of_metric(&expr, (from, until));
        let reader = ArchiveReader::new(self.store).columns(plan.columns);
        let rows = reader.read(plan.range, &RetentionClass::ALL, plan.filter, Order::OldestFirst).await;
        let mut rows = rows.map_err(of_read)?;
        let (mut lines, mut slice, mut gathered) = (0, i64::MIN, pass.rules.gather());
        let mut bytes_read = 0;
        for row_number in 0_u64.. {
            if row_number.is_multiple_of(ROWS_A_LOOK) {
                let read = rows.counts().bytes_read;
                self.bytes_left = self.bytes_left.checked_sub(read - bytes_read).ok_or(Stop::TooMuch)?;
                bytes_read = read;
            }
            let Some(row) = rows.next().await.map_err(of_read)? else { break };
            let entry = RowEntry::new(row);
            let at = entry.timestamp_nanos();
            if at <= from || at > until {
                continue;
            }
            let of = at.div_euclid(nanos(SLICE_MS));
            if of != slice {
                lines += self.record(slice, std::mem::replace(&mut gathered, pass.rules.gather())).await?;
                slice = of;
                let hours = (of * SLICE_MS - pass.from_ms).max(0) / 3_600_000;
                self.bar.set_position(begun + u64::try_from(hours).unwrap_or_default());
            }
            gathered.add(&entry);
        }
        lines += self.record(slice, gathered).await?;
        Ok(lines)
    }

    /// Records a slice; how many lines of it count.
    async fn record(&self, slice: i64, gathered: Gather<'_>) -> Result<u64, Stop> {
        let partials = gathered.finish();
        if !partials.partials.is_empty() {
            let batch = format!("history-{slice}");
            self.partials.record(&batch, &partials.partials).await.map_err(Failure::from)?;
        }
        Ok(partials.matched_lines)
    }
}

fn of_read<E>(err: ReadError<E>) -> Stop
where
    Failure: From<E>,
    E: std::error::Error + 'static,
{
    match err {
        ReadError::Gone { .. } => Stop::Gone,
        ReadError::Store { source, .. } | ReadError::List { source, .. } => Stop::Failed(source.into()),
        foreign @ ReadError::Foreign { .. } => Stop::Failed(Failure::Rejected(innermost(&foreign))),
    }
}

#[cfg(test)]
mod tests;
