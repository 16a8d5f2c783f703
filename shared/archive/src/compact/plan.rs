//! What to merge with what: a decision about one partition's listing, without I/O.
//!
//! Objects whose times overlap are merged together, whatever they are: that
//! sorts late events in, and removes what an interrupted merge or a second
//! compactor left twice. Objects of `ingest` are always merged; merged ones only
//! when something overlaps them or when they are small and their day is over.

use catchment_record::RetentionClass;

use super::CompactLimits;
use crate::key::{Day, ObjectKey, day_start_millis};
use crate::store::Listed;

const HOUR_MILLIS: i64 = 3_600_000;
const DAY_MILLIS: i64 = 24 * HOUR_MILLIS;

/// Memory that an open object takes: the stored bytes of one row group …
const MAX_ROW_GROUP_BYTES: u64 = 6 << 20;
/// … and a decoded page of every column …
const MAX_PAGE_BYTES: u64 = 4 << 20;
/// … which are this many times their stored bytes where the object is small …
const PAGE_EXPANSION: u64 = 8;
/// … and its metadata.
const METADATA_BYTES: u64 = 64 << 10;

/// A retention class on a day: what is merged together at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition {
    /// The retention class.
    pub class: RetentionClass,
    /// The day.
    pub day: Day,
}

impl Partition {
    /// What the keys of its objects begin with.
    pub fn prefix(&self) -> String {
        ObjectKey::partition(self.class, self.day)
    }
}

/// One merge: some objects become others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Where.
    pub partition: Partition,
    /// What is replaced, by rising time of the first row.
    pub inputs: Vec<Listed>,
    /// What is only read for its event ids, and stays.
    pub known: Vec<Listed>,
    /// Outputs are cut here.
    pub cut_bytes: u64,
    /// An output ends before this time, so that what comes later and is not part
    /// of this step overlaps little of what this step writes.
    pub cut_before: Option<i64>,
}

/// How far a partition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Hours are closed up to this time.
    Hours(i64),
    /// The day is over.
    Day,
    /// So long that what was merged there earlier is not rewritten.
    Old,
}

/// An object as the plan sees it.
#[derive(Debug, Clone, Copy)]
struct Span<'l> {
    listed: &'l Listed,
    first: i64,
    last: i64,
    is_merged: bool,
}

/// The steps that a partition needs now; none when it is as it should be. Keys
/// of other partitions and foreign ones are left out. Steps share no object.
/// When they are done, what they wrote may need more: plan again.
pub fn plan(partition: Partition, listed: &[Listed], now_millis: i64, limits: &CompactLimits) -> Vec<Step> {
    let phase = phase(partition.day, now_millis, limits);
    let mut spans: Vec<Span<'_>> = listed.iter().filter_map(|listed| span(partition, listed)).collect();
    spans.sort_by(|a, b| (a.first, a.last, &a.listed.key).cmp(&(b.first, b.last, &b.listed.key)));
    let since = now_millis.saturating_sub(limits.rewrite_window_millis);
    let stays = |span: &Span<'_>| span.is_merged && span.listed.modified_millis < since;
    let (old, mut spans): (Vec<_>, Vec<_>) =
        spans.into_iter().partition(|span| phase == Phase::Old && stays(span));
    if let Phase::Hours(end) = phase {
        spans.retain(|span| span.last < end);
    }

    let mut steps = Vec::new();
    for group in groups(&spans, phase, limits) {
        for (inputs, cut_before) in split(group, limits) {
            let (Some(first), Some(last)) = (inputs.first(), inputs.iter().map(|span| span.last).max())
            else {
                continue;
            };
            let near = |span: &&Span<'_>| {
                span.last >= first.first.saturating_sub(limits.merge.window_millis)
                    && span.first <= last.saturating_add(limits.merge.window_millis)
            };
            steps.push(Step {
                partition,
                cut_bytes: cut_bytes(total_bytes(inputs), limits),
                cut_before,
                inputs: inputs.iter().map(|span| span.listed.clone()).collect(),
                known: old.iter().filter(near).map(|span| span.listed.clone()).collect(),
            });
        }
    }
    steps
}

fn phase(day: Day, now_millis: i64, limits: &CompactLimits) -> Phase {
    let end = day_start_millis(day).saturating_add(DAY_MILLIS);
    if now_millis >= end.saturating_add(limits.merge_window_millis) {
        Phase::Old
    } else if now_millis >= end.saturating_add(limits.day_grace_millis) {
        Phase::Day
    } else {
        let closed = now_millis.saturating_sub(limits.hour_grace_millis);
        Phase::Hours(closed.saturating_sub(closed.rem_euclid(HOUR_MILLIS)))
    }
}

fn span(partition: Partition, listed: &Listed) -> Option<Span<'_>> {
    let key = listed.key.parse()?;
    let is_here = (key.class, key.day) == (partition.class, partition.day);
    is_here.then_some(Span {
        listed,
        first: key.first_millis,
        last: key.last_millis,
        is_merged: key.is_merged(),
    })
}

fn total_bytes(spans: &[Span<'_>]) -> u64 {
    spans.iter().map(|span| span.listed.bytes).sum()
}

/// Outputs of about the target size, of equal size; one output is never cut
/// before the limit.
fn cut_bytes(total: u64, limits: &CompactLimits) -> u64 {
    let target = limits.target_bytes.max(1);
    let parts = (total + target / 2) / target;
    if parts <= 1 { limits.max_bytes } else { total / parts }
}

/// Runs of spans that a step may take together: what overlaps, and neighbours
/// that are better joined. Runs that are as they should be are left out.
fn groups<'s, 'l>(spans: &'s [Span<'l>], phase: Phase, limits: &CompactLimits) -> Vec<&'s [Span<'l>]> {
    let mut groups = Vec::new();
    let mut rest = spans;
    while !rest.is_empty() {
        let mut group = Run::of(rest.get(..cluster(rest, limits)).unwrap_or(rest));
        while let Some(behind) = rest.get(group.length..).filter(|behind| !behind.is_empty()) {
            let next = Run::of(behind.get(..cluster(behind, limits)).unwrap_or(behind));
            if !group.takes(&next, phase, limits) {
                break;
            }
            group.add(&next);
        }
        let (spans, behind) = rest.split_at_checked(group.length).unwrap_or((rest, &[]));
        if group.needs_work {
            groups.push(spans);
        }
        rest = behind;
    }
    groups
}

/// Spans that a step may take together, in sum.
struct Run {
    length: usize,
    bytes: u64,
    /// Memory when most of them are open.
    peak: u64,
    hour: Option<i64>,
    needs_work: bool,
}

impl Run {
    fn of(spans: &[Span<'_>]) -> Self {
        Self {
            length: spans.len(),
            bytes: total_bytes(spans),
            peak: peak_open_bytes(spans),
            hour: spans.first().map(|span| span.first.div_euclid(HOUR_MILLIS)),
            needs_work: spans.len() > 1 || spans.iter().any(|span| !span.is_merged),
        }
    }

    /// Whether a neighbour that does not overlap becomes one object with it.
    fn takes(&self, next: &Self, phase: Phase, limits: &CompactLimits) -> bool {
        let length = self.length + next.length;
        let fits = self.bytes + next.bytes <= limits.max_joined_bytes
            && length <= limits.max_inputs
            && (length == 2 || self.peak.max(next.peak) <= limits.max_open_bytes)
            && self.bytes.min(next.bytes) < limits.small_bytes;
        fits && match phase {
            // Hours are not joined with each other, nor rewritten for a neighbour.
            Phase::Hours(_) => self.needs_work && next.needs_work && self.hour == next.hour,
            Phase::Day | Phase::Old => true,
        }
    }

    /// Neighbours are not open at the same time.
    fn add(&mut self, next: &Self) {
        self.length += next.length;
        self.bytes += next.bytes;
        self.peak = self.peak.max(next.peak);
        self.needs_work = true;
    }
}

/// How many of the spans, from the first one on, hang together.
fn cluster(spans: &[Span<'_>], limits: &CompactLimits) -> usize {
    let Some((first, others)) = spans.split_first() else { return 0 };
    let mut end = Edge::of(first);
    for (index, span) in others.iter().enumerate() {
        if !end.meets(span, limits) {
            return index + 1;
        }
        end.take(span);
    }
    spans.len()
}

/// Where spans end so far, and what ends there.
struct Edge {
    last: i64,
    bytes: u64,
    is_merged: bool,
}

impl Edge {
    fn of(span: &Span<'_>) -> Self {
        Self { last: span.last, bytes: span.listed.bytes, is_merged: span.is_merged }
    }

    /// Whether `span`, which begins no earlier, overlaps. Two large merged objects
    /// may share a millisecond: it has more rows than one object may hold.
    fn meets(&self, span: &Span<'_>, limits: &CompactLimits) -> bool {
        let touch_only = self.is_merged && span.is_merged;
        match span.first.cmp(&self.last) {
            std::cmp::Ordering::Less => true,
            std::cmp::Ordering::Equal => !touch_only || self.bytes + span.listed.bytes <= limits.target_bytes,
            std::cmp::Ordering::Greater => false,
        }
    }

    fn take(&mut self, span: &Span<'_>) {
        if span.last > self.last {
            *self = Self::of(span);
        } else if span.last == self.last {
            self.bytes += span.listed.bytes;
            self.is_merged &= span.is_merged;
        }
    }
}

/// The steps of a group: one, unless that would take too much at once.
fn split<'s, 'l>(group: &'s [Span<'l>], limits: &CompactLimits) -> Vec<(&'s [Span<'l>], Option<i64>)> {
    if peak_open_bytes(group) > limits.max_open_bytes {
        return too_deep(group, limits).into_iter().map(|chunk| (chunk, None)).collect();
    }
    // Long, but never many at once: from the beginning, as far as it goes. What
    // reaches beyond the cut is merged with the rest.
    let mut bytes = 0;
    let length = group
        .iter()
        .take(limits.max_inputs.max(2))
        .enumerate()
        .take_while(|(index, span)| {
            bytes += span.listed.bytes;
            *index < 2 || bytes <= limits.max_step_bytes
        })
        .count();
    let (inputs, rest) = group.split_at_checked(length).unwrap_or((group, &[]));
    vec![(inputs, rest.first().map(|span| span.first))]
}

/// More objects at the same time than memory holds: those that begin one after
/// another are merged as far as memory goes; what comes of it is merged again.
fn too_deep<'s, 'l>(group: &'s [Span<'l>], limits: &CompactLimits) -> Vec<&'s [Span<'l>]> {
    let mut chunks = Vec::new();
    let mut rest = group;
    while !rest.is_empty() {
        let mut open = Open::default();
        let (mut bytes, mut peak) = (0, 0);
        let length = rest
            .iter()
            .take(limits.max_inputs.max(2))
            .enumerate()
            .take_while(|(index, span)| {
                bytes += span.listed.bytes;
                peak = open.with(span).max(peak);
                *index < 2 || (peak <= limits.max_open_bytes && bytes <= limits.max_step_bytes)
            })
            .count();
        let (chunk, behind) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        // Merged objects that do not overlap would come out as they went in,
        // unless they are neighbours that become one.
        if chunk.len() == group.len() || chunk.iter().any(|span| !span.is_merged) || !is_disjoint(chunk) {
            chunks.push(chunk);
        }
        rest = behind;
    }
    chunks
}

fn is_disjoint(chunk: &[Span<'_>]) -> bool {
    chunk.is_sorted_by(|a, b| a.last < b.first)
}

/// The most memory that these take at any time of their merge.
fn peak_open_bytes(spans: &[Span<'_>]) -> u64 {
    let mut open = Open::default();
    spans.iter().map(|span| open.with(span)).max().unwrap_or_default()
}

/// What is open when the merge has come to some time.
#[derive(Default)]
struct Open(std::collections::BinaryHeap<std::cmp::Reverse<(i64, u64)>>, u64);

impl Open {
    /// The memory once `span` is open too; what ends before it is closed.
    fn with(&mut self, span: &Span<'_>) -> u64 {
        while let Some(std::cmp::Reverse((last, memory))) = self.0.peek().copied() {
            if last >= span.first {
                break;
            }
            self.0.pop();
            self.1 -= memory;
        }
        let stored = span.listed.bytes;
        let pages = stored.saturating_mul(PAGE_EXPANSION).min(MAX_PAGE_BYTES);
        let memory = stored.min(MAX_ROW_GROUP_BYTES) + pages + METADATA_BYTES;
        self.0.push(std::cmp::Reverse((span.last, memory)));
        self.1 += memory;
        self.1
    }
}
