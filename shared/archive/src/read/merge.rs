//! Several objects as one sequence of rows by (time, event ids), each record once.
//!
//! An object is opened when the rows have come to its first time, and let go
//! when its last row was given: what is held in memory is of objects that
//! overlap in time. A row is left out when other rows, given before or known,
//! hold all of its events. Repeats at the same time are always found; at other
//! times within the bounds of [`MergeLimits`].

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::sync::Arc;

use super::ReadError;
use super::column::ColumnSet;
use super::fetch::{MAX_REQUESTS, all};
use super::file::OpenFile;
use super::filter::Wanted;
use super::rows::{Columns, Cursor, Identity, Order};
use super::seen::{Batches, EventId, Seen};
use super::together::{MergedRows, Together};
use super::values::Scratch;
use crate::key::ObjectKey;
use crate::row::StoredRow;
use crate::store::{Listed, ObjectReader};

/// Twice what an event's own time may differ from when CloudWatch was given it:
/// as far apart are the times that two parses give one event.
const WINDOW_MILLIS: i64 = 30 * 60 * 1000;

/// Some 30 MB.
const MAX_SEEN_EVENTS: usize = 500_000;

/// What is read ahead of objects whose time has not yet come.
const MAX_AHEAD_BYTES: u64 = 8 << 20;

/// An object to merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeInput {
    /// The object.
    pub listed: Listed,
    /// Its rows are known already: they are not given, and neither are others
    /// that hold the same events.
    pub known: bool,
}

/// What bounds a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MergeLimits {
    /// How many event ids are remembered, to tell repeats at other times by.
    pub max_seen_events: usize,
    /// For how long they are, in milliseconds of the rows' times.
    pub window_millis: i64,
}

impl Default for MergeLimits {
    fn default() -> Self {
        Self { max_seen_events: MAX_SEEN_EVENTS, window_millis: WINDOW_MILLIS }
    }
}

/// An object that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The object.
    pub key: ObjectKey,
    /// Why.
    pub reason: String,
}

/// What became of a merge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct Merged {
    /// Rows that were given.
    pub rows: u64,
    /// Rows that were left out, since other rows hold their events.
    pub repeated_rows: u64,
    /// Rows of known inputs.
    pub known_rows: u64,
    /// Rows that the other inputs have by their metadata: all of them, whatever is wanted.
    pub rows_in_files: u64,
    /// Bytes of those, by their listing.
    pub bytes_in_files: u64,
    /// Inputs that were opened.
    pub objects_read: u64,
    /// Bytes that the store gave.
    pub bytes_read: u64,
    /// Bytes of objects and decoded pages that were held at once, at most.
    pub peak_held_bytes: usize,
    /// Inputs that are foreign or damaged. Rows that were read before the damage
    /// was found have been given.
    pub foreign: Vec<Skipped>,
}

/// What rows are sorted by; the greatest comes first out of a heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    /// Turned around for the newest first.
    time: i64,
    id: EventId,
    /// A record of more events comes before one of fewer.
    more: Reverse<u32>,
}

/// Turns times around, so that the newest are least.
fn turned(order: Order, millis: i64) -> i64 {
    match order {
        Order::OldestFirst => millis,
        Order::NewestFirst => !millis,
    }
}

impl Position {
    /// A row without a time is sorted as one of 1970.
    fn of<'a>(order: Order, row: &Identity<'a>, batches: &mut Batches<'a>) -> Self {
        let more = row.more_event_ids.map_or(0, |ids| ids.bytes().filter(|byte| *byte == b',').count() + 1);
        let millis = row.timestamp.unwrap_or_default();
        Self { time: turned(order, millis), id: batches.id_of(row), more: Reverse(more as u32) }
    }
}

/// An input that is open.
#[derive(Debug)]
struct Open {
    cursor: Cursor,
    /// Positions of the rows of the current set of pages, in their order, and the rows.
    positions: Vec<(Position, u32)>,
    at: usize,
    held_bytes: usize,
}

/// An input that waits.
#[derive(Debug)]
enum Ahead<E> {
    Closed,
    Open(Box<OpenFile>),
    Failed(ReadError<E>),
}

/// What the heap compares: the position, known inputs first, then the rank of the
/// input, so that the result is the same whatever the order of inputs.
type Head = Reverse<(Position, bool, usize)>;

/// Rows of several objects by (time, event ids), each record once.
#[derive(Debug)]
pub struct Merge<'s, S: ObjectReader> {
    store: &'s S,
    order: Order,
    columns: ColumnSet,
    wanted: Option<Arc<Wanted>>,
    /// By falling start: the last is opened next.
    waiting: Vec<(i64, MergeInput, Ahead<S::Error>)>,
    open: Vec<Option<Box<Open>>>,
    heads: BinaryHeap<Head>,
    /// The input whose row was given last.
    given: Option<usize>,
    together: Together,
    seen: Seen,
    scratch: Scratch,
    held_bytes: usize,
    result: Merged,
}

impl<'s, S: ObjectReader> Merge<'s, S> {
    /// Nothing is read yet. The order of `inputs` does not matter.
    pub fn new(store: &'s S, inputs: Vec<MergeInput>, order: Order, limits: MergeLimits) -> Self {
        let inputs = inputs.into_iter().map(|input| (input, None)).collect();
        Self::wanting(store, inputs, order, limits, ColumnSet::ALL, None)
    }

    /// Of rows that are `wanted` alone; some inputs may be open already.
    pub(super) fn wanting(
        store: &'s S,
        inputs: Vec<(MergeInput, Option<OpenFile>)>,
        order: Order,
        limits: MergeLimits,
        columns: ColumnSet,
        wanted: Option<Arc<Wanted>>,
    ) -> Self {
        let mut waiting: Vec<_> = inputs
            .into_iter()
            .map(|(input, file)| {
                let file = file.map_or(Ahead::Closed, |file| Ahead::Open(Box::new(file)));
                (start(order, &input.listed.key), input, file)
            })
            .collect();
        waiting.sort_by(|(a_start, a, _), (b_start, b, _)| {
            (b_start, &b.listed.key).cmp(&(a_start, &a.listed.key))
        });
        Self {
            store,
            order,
            columns,
            wanted,
            waiting,
            open: Vec::new(),
            heads: BinaryHeap::new(),
            given: None,
            together: Together::default(),
            seen: Seen::new(limits.max_seen_events, limits.window_millis),
            scratch: Scratch::new(),
            held_bytes: 0,
            result: Merged::default(),
        }
    }

    /// The next row, as stored; `None` at the end. After an error that is not
    /// the end of it, begin anew.
    pub async fn next(&mut self) -> Result<Option<StoredRow<'_>>, ReadError<S::Error>> {
        Ok(if self.advance().await? { self.row() } else { None })
    }

    /// The next rows, `most` at most; fewer where an input must decode its next
    /// pages, which takes the place of those that its rows are in. `None` at the
    /// end; errors as in [`Merge::next`].
    pub(crate) async fn next_rows(
        &mut self,
        most: usize,
    ) -> Result<Option<MergedRows<'_>>, ReadError<S::Error>> {
        self.together.clear();
        while self.together.places.len() < most {
            if let Some(given) = self.given {
                if self.next_position(given).is_none() && !self.together.places.is_empty() {
                    break;
                }
                self.given = None;
                self.step(given).await?;
            }
            self.open_due().await?;
            let Some(Reverse((position, is_new, rank))) = self.heads.peek().copied() else { break };
            self.given = Some(rank);
            if self.is_given(position, is_new, rank) {
                let row = self.open.get(rank).and_then(Option::as_ref).and_then(|open| open.row());
                let millis = turned(self.order, position.time);
                self.together.push(rank, row.unwrap_or_default(), millis);
            }
        }
        let open = |rank: &usize| self.open.get(*rank).and_then(Option::as_ref)?.cursor.columns();
        let inputs = self.together.ranks.iter().filter_map(open).collect();
        let places = self.together.places.as_slice();
        Ok((!places.is_empty()).then_some(MergedRows { inputs, places }))
    }

    /// Goes to the next row; `false` at the end.
    pub(super) async fn advance(&mut self) -> Result<bool, ReadError<S::Error>> {
        if let Some(given) = self.given.take() {
            self.step(given).await?;
        }
        loop {
            self.open_due().await?;
            let Some(Reverse((position, is_new, rank))) = self.heads.peek().copied() else {
                return Ok(false);
            };
            if self.is_given(position, is_new, rank) {
                self.given = Some(rank);
                return Ok(true);
            }
            self.step(rank).await?;
        }
    }

    /// The row that it went to.
    pub(super) fn row(&self) -> Option<StoredRow<'_>> {
        let open = self.open.get(self.given?)?.as_ref()?;
        Some(open.cursor.row(open.row()?))
    }

    /// What became of it so far.
    pub fn result(&self) -> &Merged {
        &self.result
    }

    /// What became of it.
    pub fn finish(mut self) -> Merged {
        for rank in 0..self.open.len() {
            self.close(rank);
        }
        self.result
    }

    /// Opens the inputs that can have a row before or at the first of the open ones.
    async fn open_due(&mut self) -> Result<(), ReadError<S::Error>> {
        while let Some((start, ..)) = self.waiting.last() {
            if self.heads.peek().is_some_and(|Reverse((position, ..))| position.time < *start) {
                break;
            }
            self.open_ahead().await;
            let Some((_, input, file)) = self.waiting.pop() else { break };
            let file = match file {
                Ahead::Open(file) => *file,
                Ahead::Failed(error) => {
                    self.skip(error)?;
                    continue;
                }
                Ahead::Closed => continue,
            };
            self.result.bytes_read += file.bytes_read();
            if !input.known {
                self.result.rows_in_files += file.rows_in_file();
                self.result.bytes_in_files += input.listed.bytes;
            }
            let columns = if input.known { ColumnSet::IDENTITY } else { self.columns };
            let cursor = Cursor::new(file, self.order, columns, self.wanted.clone());
            let open = Open { cursor, positions: Vec::new(), at: 0, held_bytes: 0 };
            let rank = self.open.len();
            self.open.push(Some(Box::new(open)));
            if let Some(position) = self.turn_page(rank).await? {
                self.heads.push(Reverse((position, !input.known, rank)));
            }
        }
        Ok(())
    }

    /// Opens inputs that come next, several at a time, when the next one is not open.
    async fn open_ahead(&mut self) {
        if !matches!(self.waiting.last(), Some((_, _, Ahead::Closed))) {
            return;
        }
        let mut bytes = 0;
        let (store, wanted) = (self.store, self.wanted.as_deref());
        let next = self.waiting.iter_mut().rev().take(MAX_REQUESTS).take_while(|(_, input, ahead)| {
            let is_first = bytes == 0;
            bytes += input.listed.bytes.min(OpenFile::MAX_READ_BYTES);
            matches!(ahead, Ahead::Closed) && (is_first || bytes <= MAX_AHEAD_BYTES)
        });
        let (places, opened): (Vec<_>, Vec<_>) = next
            .map(|(_, input, ahead)| {
                let listed = &input.listed;
                let open = Box::pin(async move {
                    let mut file = OpenFile::open(store, listed).await?;
                    if let Some(wanted) = wanted {
                        file.prune(store, wanted).await?;
                    }
                    Ok(file)
                });
                (ahead, open)
            })
            .unzip();
        let opened = all(opened).await;
        self.result.objects_read += opened.len() as u64;
        for (place, file) in places.into_iter().zip(opened) {
            *place = match file {
                Ok(file) => Ahead::Open(Box::new(file)),
                Err(error) => Ahead::Failed(error),
            };
        }
    }

    /// Goes to the next row of the input that is first.
    async fn step(&mut self, rank: usize) -> Result<(), ReadError<S::Error>> {
        let next = self.next_position(rank);
        if let Some(open) = self.open.get_mut(rank).and_then(Option::as_mut) {
            open.at += 1;
        }
        let next = match next {
            Some(position) => Some(position),
            None => self.turn_page(rank).await?,
        };
        if let Some(mut head) = self.heads.peek_mut() {
            match next {
                Some(position) => head.0.0 = position,
                None => drop(PeekMut::pop(head)),
            }
        }
        Ok(())
    }

    /// The position after the first row of an input, where it is decoded.
    fn next_position(&self, rank: usize) -> Option<Position> {
        let open = self.open.get(rank)?.as_ref()?;
        open.positions.get(open.at + 1).map(|(position, _)| *position)
    }

    /// Decodes the next set of pages of an input; its first row, or `None` at the end.
    async fn turn_page(&mut self, rank: usize) -> Result<Option<Position>, ReadError<S::Error>> {
        loop {
            let Some(open) = self.open.get_mut(rank).and_then(Option::as_mut) else { return Ok(None) };
            self.held_bytes -= std::mem::take(&mut open.held_bytes);
            let before = open.cursor.file.bytes_read();
            let is_more = open.cursor.advance(self.store, &mut self.scratch).await;
            self.result.bytes_read += open.cursor.file.bytes_read() - before;
            let is_more = match is_more {
                Ok(is_more) => is_more,
                Err(error) => {
                    self.close(rank);
                    self.skip(error)?;
                    return Ok(None);
                }
            };
            if !is_more {
                self.close(rank);
                return Ok(None);
            }
            open.fill(self.order);
            self.held_bytes += open.held_bytes;
            self.result.peak_held_bytes = self.result.peak_held_bytes.max(self.held_bytes);
            if let Some((position, _)) = open.positions.first() {
                return Ok(Some(*position));
            }
        }
    }

    fn close(&mut self, rank: usize) {
        if let Some(open) = self.open.get_mut(rank).and_then(Option::take) {
            self.held_bytes -= open.held_bytes;
        }
    }

    /// Reports an object that is foreign; other errors are the caller's.
    fn skip(&mut self, error: ReadError<S::Error>) -> Result<(), ReadError<S::Error>> {
        match error {
            ReadError::Foreign { key, reason } => {
                self.result.foreign.push(Skipped { key, reason });
                Ok(())
            }
            error => Err(error),
        }
    }

    /// Whether the row that is first is to be given; remembers its events.
    fn is_given(&mut self, position: Position, is_new: bool, rank: usize) -> bool {
        let Some(open) = self.open.get(rank).and_then(Option::as_ref) else { return false };
        let more = match position.more {
            Reverse(0) => None,
            _ => open
                .row()
                .zip(open.cursor.columns())
                .and_then(|(row, columns)| columns.identities().of(row).more_event_ids),
        };
        let time = turned(self.order, position.time);
        let more = || more.into_iter().flat_map(|ids| ids.split(',')).map(|id| position.id.of_more(id));
        let has_id = position.id != EventId::NONE;
        let mut is_repeated = has_id;
        if has_id {
            is_repeated &= !self.seen.add(position.id, time);
            more().for_each(|id| is_repeated &= !self.seen.add(id, time));
        }
        match (is_new, is_repeated) {
            (false, _) => self.result.known_rows += 1,
            (true, true) => self.result.repeated_rows += 1,
            (true, false) => self.result.rows += 1,
        }
        is_new && !is_repeated
    }
}

impl Open {
    /// Its first row.
    fn row(&self) -> Option<u32> {
        self.positions.get(self.at).map(|(_, row)| *row)
    }

    /// Sorts the rows of the set of pages, which are sorted by time at least.
    fn fill(&mut self, order: Order) {
        self.at = 0;
        self.positions.clear();
        let cursor = &self.cursor;
        let mut batches = Batches::default();
        if let Some(identities) = cursor.columns().map(Columns::identities) {
            let position = |row: &u32| (Position::of(order, &identities.of(*row), &mut batches), *row);
            self.positions.extend(cursor.rows.iter().map(position));
        }
        if !self.positions.is_sorted_by_key(|(position, _)| position) {
            self.positions.sort_by_key(|(position, _)| *position);
        }
        self.held_bytes = cursor.held_bytes() + self.positions.capacity() * size_of::<(Position, u32)>();
    }
}

/// Where an object's rows begin by its key, turned around for the newest first;
/// before everything where the key does not say.
fn start(order: Order, key: &ObjectKey) -> i64 {
    let times = key.parse().map(|key| match order {
        Order::OldestFirst => key.first_millis,
        Order::NewestFirst => key.last_millis,
    });
    times.map_or(i64::MIN, |millis| turned(order, millis))
}
