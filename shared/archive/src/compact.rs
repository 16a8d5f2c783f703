//! The compactor: small objects become large ones, sorted by time, each record once.
//!
//! ```text
//! Compactor::run   every partition: finish what was interrupted, plan, do the steps
//!   ├ plan         a partition's listing -> steps; pure
//!   └ step         Merge -> Parts -> put -> count -> delete
//! ```
//!
//! What always holds: an object is deleted only after objects that hold all of
//! its rows are durable. So a crash at any place, and a second compactor at any
//! time, leave rows in two objects at most, never in none; the plan merges what
//! overlaps, and the merge leaves repeated events out.

mod holds;
mod limits;
mod parts;
mod plan;
mod report;
mod step;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use catchment_record::RetentionClass;
use jiff::{SignedDuration, Timestamp};

use crate::key::{Day, ObjectKey};
use crate::read::{OpenFile, ReadError, Skipped};
use crate::retention::Holds;
use crate::store::{Expiry, Listed, ObjectReader, ObjectWriter};
use step::{Outcome, StepError};

pub use limits::{CompactLimits, MERGE_WINDOW_DAYS};
pub use plan::{Partition, Step, plan};
pub use report::{CompactReport, MAX_NAMED};

/// Where the classes' folders are.
const LOGS_PREFIX: &str = "logs/";
/// Partitions that are older than the merge window are looked at in this hour of the day, UTC.
const OLD_PARTITIONS_HOUR: i8 = 3;
/// An object that `ingest` wrote this long ago has not been merged with others, and
/// may never be, in milliseconds.
const WAITS_MILLIS: i64 = 3 * 3_600_000;
/// How often a partition is listed anew since another compactor was faster.
const MAX_OVERTAKEN: u32 = 3;
/// How often a partition is planned in a run: a merge in levels needs a few.
const MAX_PLANS: u32 = 1000;
/// After so many failures there is no use in going on.
const MAX_FAILURES: usize = 5;

/// What a run looks at; everything where nothing is named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scope {
    /// Only this class.
    pub class: Option<RetentionClass>,
    /// Only this day.
    pub day: Option<Day>,
}

/// Compacts an archive.
#[derive(Debug)]
pub struct Compactor<'s, S> {
    store: &'s S,
    limits: CompactLimits,
    scratch: PathBuf,
    /// Objects that could not be read, and why, over all runs: a key never gets
    /// other content, and reading them again would only cost time.
    damaged: Mutex<BTreeMap<ObjectKey, String>>,
}

/// Why a partition was left before its end.
enum Stop {
    OutOfTime,
    Failed(String),
}

impl<'s, S: ObjectWriter> Compactor<'s, S> {
    /// A compactor of `store`. `scratch` is a folder that is there and that
    /// nobody else writes to; it holds one output at a time.
    pub fn new(store: &'s S, scratch: impl Into<PathBuf>, limits: CompactLimits) -> Self {
        Self { store, limits, scratch: scratch.into(), damaged: Mutex::default() }
    }

    /// Does what is to be done at `now_millis`, as far as time allows. It never
    /// fails as a whole: what did is in the report, and the next run goes on.
    pub async fn run(
        &self,
        scope: Scope,
        now_millis: i64,
        time_left: &(dyn Fn() -> Duration + Sync),
    ) -> CompactReport {
        let mut run = Run {
            compactor: self,
            now_millis,
            time_left,
            held: Holds::default(),
            spent: Duration::ZERO,
            report: CompactReport::default(),
        };
        if let Err(Stop::Failed(failure)) = run.all(scope).await {
            run.report.failures.push(failure);
        }
        run.report
    }

    fn damaged(&self) -> MutexGuard<'_, BTreeMap<ObjectKey, String>> {
        self.damaged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One run.
struct Run<'r, 's, S> {
    compactor: &'r Compactor<'s, S>,
    now_millis: i64,
    time_left: &'r (dyn Fn() -> Duration + Sync),
    held: Holds,
    /// Time that steps took which were ended.
    spent: Duration,
    report: CompactReport,
}

impl<S: ObjectWriter> Run<'_, '_, S> {
    async fn all(&mut self, scope: Scope) -> Result<(), Stop> {
        self.held = Holds::read(self.compactor.store).await.map_err(failed("the holds"))?;
        for class in RetentionClass::ALL {
            if scope.class.is_none_or(|wanted| wanted == class) {
                self.class(class, scope.day).await?;
            }
        }
        match scope {
            Scope { class: None, day: None } => self.beside_the_classes().await,
            _ => Ok(()),
        }
    }

    /// Every partition of a class that is due, by day.
    async fn class(&mut self, class: RetentionClass, day: Option<Day>) -> Result<(), Stop> {
        let folder = format!("{LOGS_PREFIX}class={}/", class.as_str());
        let prefix = day.map_or_else(|| folder.clone(), |day| ObjectKey::partition(class, day));
        let mut after = match day {
            Some(_) => None,
            None => self.first_due_day().map(|day| format!("{folder}dt={day}")),
        };
        let mut partition: Option<Partition> = None;
        let mut listed: Vec<Listed> = Vec::new();
        loop {
            let page = self.compactor.store.list(&prefix, after.as_deref()).await.map_err(failed(&prefix))?;
            let Some(last) = page.last() else { break };
            let mut next = last.key.as_str().to_owned();
            for object in page {
                let Some(key) = object.key.parse() else {
                    self.foreign(object.key, "its key is none of Catchment's");
                    continue;
                };
                let this = Partition { class, day: key.day };
                if partition != Some(this) {
                    self.partition(partition.replace(this), std::mem::take(&mut listed)).await?;
                }
                if listed.len() == self.compactor.limits.max_listed {
                    // The rest of this partition comes when these have become fewer.
                    next = format!("{}~", this.prefix());
                    break;
                }
                listed.push(object);
            }
            after = Some(next);
        }
        self.partition(partition, listed).await
    }

    /// The first day that is looked at; `None` for all, once a day.
    fn first_due_day(&self) -> Option<Day> {
        let limits = &self.compactor.limits;
        let now = Timestamp::from_millisecond(self.now_millis).ok()?.to_zoned(jiff::tz::TimeZone::UTC);
        let window = SignedDuration::from_millis(limits.merge_window_millis.saturating_add(86_400_000));
        let first = now.date().checked_sub(window).ok()?;
        (now.hour() != OLD_PARTITIONS_HOUR).then_some(first)
    }

    /// Does what a partition needs.
    async fn partition(&mut self, partition: Option<Partition>, mut listed: Vec<Listed>) -> Result<(), Stop> {
        let Some(partition) = partition else { return Ok(()) };
        self.report.partitions += 1;
        self.leave_out_damaged(&mut listed);
        let done = match self.steps(partition, &mut listed).await {
            Ok(()) => self.hold_what_waits(&listed).await,
            stopped => stopped,
        };
        match done {
            Err(Stop::Failed(failure)) => {
                self.report.failures.push(failure);
                match self.report.failures.len() < MAX_FAILURES {
                    true => Ok(()),
                    false => Err(Stop::Failed("too much failed to go on".to_owned())),
                }
            }
            done => done,
        }
    }

    async fn steps(&mut self, partition: Partition, listed: &mut Vec<Listed>) -> Result<(), Stop> {
        let Compactor { limits, .. } = self.compactor;
        let (mut is_finished, mut overtaken) = (false, 0);
        for _ in 0..MAX_PLANS {
            let steps = plan(partition, listed, self.now_millis, limits);
            if steps.is_empty() {
                return Ok(());
            }
            if !std::mem::replace(&mut is_finished, true) && self.finish(partition, listed).await? {
                continue;
            }
            let mut left = steps.len() as u64;
            for step in &steps {
                if !self.has_time_for(step) {
                    self.report.steps_left += left;
                    return Err(Stop::OutOfTime);
                }
                let before = (self.time_left)();
                let outcome = self.compactor.step(step, &self.held, self.now_millis, self.time_left).await;
                match outcome.map_err(|error| self.step_failed(partition, &error))? {
                    Outcome::Done(done) => {
                        self.spent += before.saturating_sub((self.time_left)());
                        self.done(step, done, listed);
                    }
                    Outcome::OutOfTime => {
                        self.report.steps_left += left;
                        return Err(Stop::OutOfTime);
                    }
                    Outcome::Overtaken => {
                        self.report.steps_overtaken += 1;
                        overtaken += 1;
                        if overtaken == MAX_OVERTAKEN {
                            self.report.steps_left += left;
                            return Ok(());
                        }
                        *listed = self.list(partition).await?;
                        listed.retain(|object| !self.compactor.damaged().contains_key(&object.key));
                        break;
                    }
                    Outcome::Foreign(foreign) => {
                        let new = foreign.into_iter().map(|Skipped { key, reason }| (key, reason));
                        self.compactor.damaged().extend(new);
                        self.leave_out_damaged(listed);
                        break;
                    }
                }
                left -= 1;
            }
        }
        Err(Stop::Failed(format!("{}: planned {MAX_PLANS} times and not at an end", partition.prefix())))
    }

    /// Keeps objects that a hold covers and no step rewrites: `ingest`, which knows
    /// nothing of holds, wrote them so that they expire.
    async fn hold_what_waits(&self, listed: &[Listed]) -> Result<(), Stop> {
        let waits = |object: &&Listed| {
            object.key.parse().is_some_and(|key| !key.is_merged())
                && self.now_millis - object.modified_millis > WAITS_MILLIS
        };
        for Listed { key, .. } in listed.iter().filter(waits) {
            if holds::expiry_of(&self.held, key) == Expiry::Held {
                let set = self.compactor.store.set_expiry(key, Expiry::Held).await;
                set.map_err(failed(key.as_str()))?;
            }
        }
        Ok(())
    }

    /// Deletes what merged objects say that they replaced: a run was interrupted
    /// before it did. Whether anything was.
    async fn finish(&mut self, partition: Partition, listed: &mut Vec<Listed>) -> Result<bool, Stop> {
        let store = self.compactor.store;
        let mut replaced = BTreeSet::new();
        let mut merged = Vec::new();
        for object in listed.iter().filter(|object| object.key.parse().is_some_and(|key| key.is_merged())) {
            match OpenFile::open(store, object).await {
                Ok(file) => {
                    replaced.extend(file.replaces().iter().cloned());
                    merged.push(object.key.clone());
                }
                // The step that needs it will say so.
                Err(ReadError::Foreign { .. } | ReadError::Gone { .. }) => {}
                Err(error) => return Err(self.step_failed(partition, &StepError::Read { error })),
            }
        }
        let leftovers: Vec<_> =
            listed.iter().map(|object| &object.key).filter(|key| replaced.contains(key)).cloned().collect();
        if leftovers.is_empty() {
            return Ok(false);
        }
        // The interrupted run did not look whether a hold had come.
        for key in merged.iter().filter(|key| !replaced.contains(*key)) {
            let expiry = holds::expiry_of(&self.held, key);
            store.set_expiry(key, expiry).await.map_err(failed(key.as_str()))?;
        }
        let answer = self.compactor.delete(&leftovers).await;
        let answer = answer.map_err(|error| self.step_failed(partition, &error))?;
        self.report.leftovers_deleted += answer.deleted.len() as u64;
        self.report.are_undeleted(answer.failed);
        // What could not be deleted is replaced all the same.
        listed.retain(|object| !replaced.contains(&object.key));
        Ok(true)
    }

    /// Whether a step ends in time, if it takes as long for its bytes as those before it.
    fn has_time_for(&self, step: &Step) -> bool {
        let bytes: u64 = step.inputs.iter().map(|input| input.bytes).sum();
        let share = bytes as f64 / self.report.bytes_in.max(1) as f64;
        let needed = Duration::try_from_secs_f64(self.spent.as_secs_f64() * share).unwrap_or(Duration::MAX);
        (self.time_left)() >= needed.saturating_add(self.compactor.limits.reserve)
    }

    fn done(&mut self, step: &Step, done: step::Done, listed: &mut Vec<Listed>) {
        let report = &mut self.report;
        report.steps += 1;
        report.objects_in += step.inputs.len() as u64;
        report.bytes_in += step.inputs.iter().map(|input| input.bytes).sum::<u64>();
        report.objects_out += done.outputs.len() as u64;
        report.bytes_out += done.outputs.iter().map(|output| output.bytes).sum::<u64>();
        report.rows_in += done.rows_in;
        report.rows_out += done.rows_out;
        report.duplicates += done.duplicates;
        report.are_undeleted(done.undeleted);
        // What could not be deleted is replaced all the same: the next run tries again.
        let replaced: BTreeSet<_> = step.inputs.iter().map(|input| &input.key).collect();
        listed.retain(|object| !replaced.contains(&object.key));
        listed.extend(done.outputs);
    }

    async fn list(&self, partition: Partition) -> Result<Vec<Listed>, Stop> {
        let prefix = partition.prefix();
        let mut all: Vec<Listed> = Vec::new();
        while all.len() < self.compactor.limits.max_listed {
            let after = all.last().map(|last| last.key.as_str());
            let page = self.compactor.store.list(&prefix, after).await.map_err(failed(&prefix))?;
            if page.is_empty() {
                break;
            }
            all.extend(page);
        }
        Ok(all)
    }

    /// Objects under `logs/` that lie in no class's folder.
    async fn beside_the_classes(&mut self) -> Result<(), Stop> {
        let mut folders = RetentionClass::ALL.map(|class| format!("{LOGS_PREFIX}class={}/", class.as_str()));
        folders.sort();
        // One page before, between and behind the folders: what is wrong is seen, if not in full.
        for place in 0..=folders.len() {
            let before = place.checked_sub(1).and_then(|place| folders.get(place));
            let after = before.map(|folder| format!("{folder}\u{10FFFF}"));
            let end = folders.get(place);
            let page = self.compactor.store.list(LOGS_PREFIX, after.as_deref()).await;
            let is_before = |key: &str| end.is_none_or(|end| key < end.as_str());
            for object in page.map_err(failed(LOGS_PREFIX))? {
                if is_before(object.key.as_str()) {
                    self.foreign(object.key, "it is in no retention class's folder");
                }
            }
        }
        Ok(())
    }

    fn foreign(&mut self, key: ObjectKey, reason: &str) {
        self.report.is_foreign(Skipped { key, reason: reason.to_owned() });
    }

    /// Reports what is known to be damaged, and goes on without it.
    fn leave_out_damaged(&mut self, listed: &mut Vec<Listed>) {
        let damaged = self.compactor.damaged();
        listed.retain(|object| match damaged.get(&object.key) {
            Some(reason) => {
                self.report.is_foreign(Skipped { key: object.key.clone(), reason: reason.clone() });
                false
            }
            None => true,
        });
    }

    fn step_failed(&mut self, partition: Partition, error: &StepError<<S as ObjectReader>::Error>) -> Stop {
        if matches!(error, StepError::Conservation { .. } | StepError::Circle(_)) {
            self.report.conservation_violated += 1;
        }
        Stop::Failed(format!("{}: {error}", partition.prefix()))
    }
}

fn failed<E: std::fmt::Display>(what: &str) -> impl FnOnce(E) -> Stop {
    move |error| Stop::Failed(format!("{what}: {error}"))
}
