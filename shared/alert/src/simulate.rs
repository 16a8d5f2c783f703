//! Rules over entries in memory, tick by tick, without a clock: for tests of
//! rules and for what they would have told of the past.
//!
//! The way is that of the functions: entries become [`Partial`]s as in ingest,
//! windows are put together and evaluated as in evaluate, and the states move on
//! as there. Only peeks (evaluations before a window is over) are left out: an
//! alert that they would begin begins at the next tick.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use catchment_logql::{Entry, LabelKind, Labels, STREAM_LABELS};

use crate::group::{Evaluated, Group, Rule};
use crate::leaf::LeafId;
use crate::partial::{MAX_PARTIALS_PER_BATCH, Partial};
use crate::rules::RuleSet;
use crate::state::{Look, Phase, RuleState};
use crate::window::{StoredWindow, WindowBuilder};

/// The most failed evaluations that are kept; the others are counted.
const MAX_FAILURES: usize = 100;

/// Rules that run over entries.
#[derive(Debug)]
pub struct Simulation<'r> {
    rules: &'r RuleSet,
    runs: Vec<RuleRun<'r>>,
    /// The partials that a window to come may ask for, by leaf and end of bucket.
    partials: BTreeMap<LeafId, BTreeMap<i64, Vec<Partial>>>,
    done: Simulated,
}

/// A line with its labels, on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedEntry {
    time_nanos: i64,
    line: String,
    labels: BTreeMap<String, String>,
}

impl OwnedEntry {
    /// A line at a time, in nanoseconds since the epoch. Labels named as those of a
    /// stream are the stream's, the others are the line's.
    pub fn new(time_nanos: i64, line: String, labels: BTreeMap<String, String>) -> Self {
        Self { time_nanos, line, labels }
    }

    /// A copy with those of these labels that the entry has.
    pub fn of(entry: &impl Entry, names: &[&str]) -> Self {
        let label = |name: &&str| Some(((*name).to_owned(), entry.label(name)?.into_owned()));
        let labels = names.iter().filter_map(label).collect();
        Self::new(entry.timestamp_nanos(), entry.line().to_owned(), labels)
    }

    /// Its time, in milliseconds since the epoch.
    pub fn millis(&self) -> i64 {
        self.time_nanos.div_euclid(1_000_000)
    }
}

impl Entry for OwnedEntry {
    fn timestamp_nanos(&self) -> i64 {
        self.time_nanos
    }

    fn line(&self) -> &str {
        &self.line
    }

    fn label(&self, name: &str) -> Option<Cow<'_, str>> {
        self.labels.get(name).map(|value| Cow::Borrowed(value.as_str()))
    }

    fn label_kind(&self, name: &str) -> LabelKind {
        if STREAM_LABELS.contains(&name) { LabelKind::Stream } else { LabelKind::Metadata }
    }

    fn visit_labels(&self, visit: &mut dyn FnMut(&str, &str)) {
        let of_stream = self.labels.iter().filter(|(name, _)| STREAM_LABELS.contains(&name.as_str()));
        of_stream.for_each(|(name, value)| visit(name, value));
    }
}

/// What came of it so far.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Simulated {
    /// Every alert that began, in the order in which they began.
    pub episodes: Vec<Episode>,
    /// The samples of recording rules, in the order of time.
    pub samples: Vec<RecordedSample>,
    /// Evaluations that failed, the first ones of them.
    pub failures: Vec<FailedEvaluation>,
    /// How many failed.
    pub failed: u64,
    /// How many evaluations were made, of all rules.
    pub evaluations: u64,
    /// How many lines matched a leaf of a rule.
    pub matched_lines: u64,
    /// The most series that one evaluation left out, by rule.
    pub cut_series: BTreeMap<String, u64>,
}

/// An alert from its begin to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Episode {
    /// The group's name.
    pub group: String,
    /// The alert's name.
    pub alert: String,
    /// Its labels, its name among them.
    pub labels: Labels,
    /// The first evaluation at which the condition held, in milliseconds.
    pub active_at_ms: i64,
    /// When it began to fire; `None` where the condition did not hold for long enough.
    pub fired_at_ms: Option<i64>,
    /// When it was over; `None` where it still is on.
    pub ended_at_ms: Option<i64>,
    /// The value furthest beyond the threshold.
    pub peak: f64,
}

/// An alert that is pending or firing at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct ActiveAlert {
    /// The group's name.
    pub group: String,
    /// The alert's name.
    pub alert: String,
    /// Whether it fires.
    pub is_firing: bool,
    /// Its labels, its name among them.
    pub labels: Labels,
    /// Its annotations, rendered.
    pub annotations: BTreeMap<String, String>,
    /// The value.
    pub value: f64,
}

/// A sample of a recording rule.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedSample {
    /// The group's name.
    pub group: String,
    /// The rule's name: that of the metric.
    pub record: String,
    /// The labels.
    pub labels: Labels,
    /// When, in milliseconds.
    pub at_ms: i64,
    /// The value.
    pub value: f64,
}

/// An evaluation that gave no answer; the states stayed as they were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedEvaluation {
    /// The group's name.
    pub group: String,
    /// The rule's name.
    pub rule: String,
    /// When, in milliseconds.
    pub at_ms: i64,
    /// Why.
    pub reason: String,
}

/// One rule on its way.
#[derive(Debug)]
struct RuleRun<'r> {
    group: &'r Group,
    rule: &'r Rule,
    state: RuleState,
    is_recorded: bool,
    /// The next evaluation.
    next_ms: i64,
    /// The episodes that are not over, by labels.
    open: BTreeMap<Labels, Episode>,
}

impl<'r> Simulation<'r> {
    /// Rules whose first evaluation is the first multiple of their interval that
    /// is not before `from_ms`.
    pub fn new(rules: &'r RuleSet, from_ms: i64) -> Self {
        let of_group = |group: &'r Group| {
            let first = from_ms.saturating_add(group.interval_ms - 1).div_euclid(group.interval_ms);
            let alerts = group.rules.iter().map(|rule| (rule, false));
            alerts.chain(group.records.iter().map(|rule| (rule, true))).map(move |(rule, is_recorded)| {
                RuleRun {
                    group,
                    rule,
                    is_recorded,
                    state: RuleState::new(group, rule),
                    next_ms: first * group.interval_ms,
                    open: BTreeMap::new(),
                }
            })
        };
        let runs = rules.groups().iter().flat_map(of_group).collect();
        Self { rules, runs, partials: BTreeMap::new(), done: Simulated::default() }
    }

    /// The time `(from, to]` whose entries evaluations from `from_ms` to `to_ms` look
    /// at, in milliseconds; none where there is no rule.
    pub fn span(rules: &RuleSet, from_ms: i64, to_ms: i64) -> Option<(i64, i64)> {
        let windows = rules.groups().iter().flat_map(|group| {
            group.rules.iter().chain(&group.records).flat_map(move |rule| {
                rule.windows(group, from_ms).into_iter().chain(rule.windows(group, to_ms))
            })
        });
        windows.reduce(|(from, to), (other_from, other_to)| (from.min(other_from), to.max(other_to)))
    }

    /// Takes entries in, in any order. Those that come after the evaluations
    /// that would count them are late, as they are with the functions.
    pub fn add<E: Entry>(&mut self, entries: impl IntoIterator<Item = E>) {
        // An entry makes one partial a leaf at most: a batch of these is never cut.
        let most = (MAX_PARTIALS_PER_BATCH / self.rules.leaf_ids().count().max(1)).max(1);
        let mut entries = entries.into_iter();
        loop {
            let mut taken = 0;
            let batch = self.rules.partials(entries.by_ref().take(most).inspect(|_| taken += 1));
            self.done.matched_lines += batch.matched_lines;
            for partial in batch.partials {
                let buckets = self.partials.entry(partial.leaf.clone()).or_default();
                buckets.entry(partial.bucket_end_ms).or_default().push(partial);
            }
            if taken < most {
                return;
            }
        }
    }

    /// Makes every evaluation up to `to_ms`, which is included.
    pub fn run_to(&mut self, to_ms: i64) {
        for run in &mut self.runs {
            while run.next_ms <= to_ms {
                run.evaluate(&self.partials, &mut self.done);
                run.next_ms += run.group.interval_ms;
            }
        }
        self.forget();
    }

    /// What is active after the last evaluation, in the order of the rules, then the labels.
    pub fn active(&self) -> Vec<ActiveAlert> {
        self.runs.iter().flat_map(RuleRun::active).collect()
    }

    /// What the recording rules of this name came to at their last evaluation that is not after `at_ms`.
    pub fn recorded(&self, record: &str, at_ms: i64) -> Vec<&RecordedSample> {
        let runs = self.runs.iter().filter(|run| run.is_recorded && run.rule.name == record);
        let ticks = runs.map(|run| {
            let interval_ms = run.group.interval_ms;
            (run.group.name.as_str(), at_ms.div_euclid(interval_ms) * interval_ms)
        });
        let ticks: BTreeSet<_> = ticks.collect();
        let of_tick =
            |it: &&RecordedSample| it.record == record && ticks.contains(&(it.group.as_str(), it.at_ms));
        self.done.samples.iter().filter(of_tick).collect()
    }

    /// What came of it, the alerts that are still on among it.
    pub fn finish(mut self) -> Simulated {
        for run in &mut self.runs {
            self.done.episodes.extend(std::mem::take(&mut run.open).into_values());
        }
        let key = |it: &Episode| (it.active_at_ms, it.group.clone(), it.alert.clone(), it.labels.clone());
        self.done.episodes.sort_by_cached_key(key);
        self.done.samples.sort_by_key(|sample| sample.at_ms);
        self.done
    }

    /// What came of it so far, without the alerts that are still on.
    pub fn so_far(&self) -> &Simulated {
        &self.done
    }

    /// Drops what no window to come asks for.
    fn forget(&mut self) {
        let mut needed: BTreeMap<&LeafId, i64> = BTreeMap::new();
        for run in &self.runs {
            for (leaf, (from_ms, _)) in run.rule.leaves.iter().zip(run.rule.windows(run.group, run.next_ms)) {
                let from = needed.entry(&leaf.id).or_insert(from_ms);
                *from = from_ms.min(*from);
            }
        }
        for (leaf, from_ms) in needed {
            if let Some(buckets) = self.partials.get_mut(leaf) {
                *buckets = buckets.split_off(&(from_ms + 1));
            }
        }
    }
}

impl RuleRun<'_> {
    fn evaluate(&mut self, partials: &BTreeMap<LeafId, BTreeMap<i64, Vec<Partial>>>, done: &mut Simulated) {
        let (group, rule, at_ms) = (self.group, self.rule, self.next_ms);
        done.evaluations += 1;
        let leaves = rule.leaves.iter().zip(rule.windows(group, at_ms));
        let stored = leaves.map(|(leaf, window)| window_of(partials.get(&leaf.id), window)).collect();
        let evaluated = match rule.evaluate(group, stored) {
            Ok(evaluated) => evaluated,
            Err(err) => return self.failed(err.to_string(), done),
        };
        if evaluated.cut_series > 0 {
            let cut = done.cut_series.entry(rule.name.clone()).or_default();
            *cut = evaluated.cut_series.max(*cut);
        }
        if self.is_recorded {
            done.samples.extend(evaluated.values.into_iter().map(|(labels, value)| RecordedSample {
                group: group.name.clone(),
                record: rule.name.clone(),
                labels: Labels::new(rule.alert_labels(&labels, value).into_iter().collect()),
                at_ms,
                value,
            }));
            return;
        }
        self.advance(&evaluated);
        let over: Vec<_> = self.open.iter().filter(|(_, it)| it.ended_at_ms.is_some()).collect();
        let over: Vec<Labels> = over.into_iter().map(|(labels, _)| labels.clone()).collect();
        done.episodes.extend(over.iter().filter_map(|labels| self.open.remove(labels)));
    }

    /// Moves the states on to what holds now, and the episodes with them.
    fn advance(&mut self, evaluated: &Evaluated) {
        let _changes = self.state.advance(self.rule, evaluated, self.next_ms, Look::Tick);
        for state in &self.state.series {
            let (rule, group) = (self.rule, self.group);
            let episode = self.open.entry(state.labels.clone()).or_insert_with(|| Episode {
                group: group.name.clone(),
                alert: rule.name.clone(),
                labels: state.labels.clone(),
                active_at_ms: state.active_at_ms,
                fired_at_ms: None,
                ended_at_ms: None,
                peak: state.peak,
            });
            (episode.fired_at_ms, episode.peak) = (state.fired_at_ms, state.peak);
            episode.ended_at_ms = (state.phase == Phase::Resolved).then_some(self.next_ms);
        }
        self.state.series.retain(|state| state.phase != Phase::Resolved);
    }

    fn failed(&self, reason: String, done: &mut Simulated) {
        done.failed += 1;
        if done.failures.len() < MAX_FAILURES {
            let (group, rule) = (self.group.name.clone(), self.rule.name.clone());
            done.failures.push(FailedEvaluation { group, rule, at_ms: self.next_ms, reason });
        }
    }

    fn active(&self) -> impl Iterator<Item = ActiveAlert> + '_ {
        let (group, rule) = (self.group, self.rule);
        self.state.series.iter().map(|state| ActiveAlert {
            group: group.name.clone(),
            alert: rule.name.clone(),
            is_firing: state.phase == Phase::Firing,
            labels: state.labels.clone(),
            annotations: rule
                .annotations
                .iter()
                .map(|(name, text)| (name.clone(), text.render(state.sample.iter(), state.value)))
                .collect(),
            value: state.value,
        })
    }
}

fn window_of(buckets: Option<&BTreeMap<i64, Vec<Partial>>>, (from_ms, to_ms): (i64, i64)) -> StoredWindow {
    let mut window = WindowBuilder::default();
    if let Some(buckets) = buckets {
        let partials = buckets.range(from_ms + 1..=to_ms).flat_map(|(_, partials)| partials);
        partials.for_each(|partial| window.add(partial.clone()));
    }
    window.finish()
}
