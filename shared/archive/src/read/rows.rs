//! The rows of one object, a set of pages at a time.
//!
//! Held in memory are the stored bytes of one row group's columns, and of each
//! column one decoded page. Columns that only wanted rows need are fetched when
//! there is one.

use std::sync::Arc;

use super::column::{Column, ColumnSet};
use super::file::OpenFile;
use super::filter::Wanted;
use super::values::{Scratch, Values};
use super::views::{PageNumbers, PageTexts};
use super::{Damage, ReadError};
use crate::row::StoredRow;
use crate::store::ObjectReader;

/// Which rows come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// By rising time.
    #[default]
    OldestFirst,
    /// By falling time.
    NewestFirst,
}

/// The decoded columns of a row group.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    values: Vec<Option<Values>>,
    /// Those that were decoded last and have a value in any row: the others are not even looked at.
    shown: ColumnSet,
    is_folded: bool,
}

impl Columns {
    pub(super) fn get(&self, column: Column) -> Option<&Values> {
        if !self.shown.has(column) {
            return None;
        }
        self.values.get(column as usize)?.as_ref()
    }

    /// Whether its rows are folded, each of them: there is nothing left to fold.
    pub fn is_folded(&self) -> bool {
        self.is_folded
    }

    /// The texts of a column.
    pub fn texts(&self, column: Column) -> PageTexts<'_> {
        self.get(column).map_or(PageTexts::Same(None), Values::texts)
    }

    /// The numbers of a column; of doubles, their bits.
    pub fn numbers(&self, column: Column) -> PageNumbers<'_> {
        self.get(column).map(Values::all_numbers).unwrap_or_default()
    }

    fn put(&mut self, values: Values) {
        self.values.resize_with(Column::ALL.len(), || None);
        let column = values.column as usize;
        if let Some(place) = self.values.get_mut(column) {
            *place = Some(values);
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Values> {
        self.values.iter().flatten()
    }

    fn decode(&mut self, columns: ColumnSet, row: u32, scratch: &mut Scratch) -> Result<(), Damage> {
        self.shown = ColumnSet::default();
        for values in self.values.iter_mut().flatten().filter(|values| columns.has(values.column)) {
            values.decode(row, scratch)?;
            if values.has_any() {
                self.shown = self.shown.and(ColumnSet::of(&[values.column]));
            }
        }
        Ok(())
    }

    /// A row as it is stored; columns that are not decoded are null.
    pub fn row(&self, row: u32) -> StoredRow<'_> {
        use Column::*;
        let text = |column| self.get(column)?.text(row);
        let long = |column| self.get(column)?.number(row);
        let int = |column| self.get(column)?.number(row).map(|number| number as i32);
        StoredRow {
            timestamp: long(Timestamp),
            time_unix_nano: long(TimeUnixNano),
            observed_timestamp: long(ObservedTimestamp),
            event_id: text(EventId),
            account_id: text(AccountId),
            region: text(Region),
            log_group: text(LogGroup),
            log_stream: text(LogStream),
            service: text(Service),
            environment: text(Environment),
            cluster: text(Cluster),
            workload: text(Workload),
            instance: text(Instance),
            container: text(Container),
            format: text(Format),
            severity_number: int(SeverityNumber),
            severity_text: text(SeverityText),
            message: text(Message),
            trace_id: text(TraceId),
            span_id: text(SpanId),
            request_id: text(RequestId),
            user_id: text(UserId),
            event_name: text(EventName),
            http_method: text(HttpMethod),
            path: text(Path),
            status_code: int(StatusCode),
            duration_ms: long(DurationMs).map(|bits| f64::from_bits(bits as u64)),
            line: text(Line),
            attributes: text(Attributes),
            redactions: text(Redactions),
            parse_error: text(ParseError),
            more_event_ids: text(MoreEventIds),
            event_batch: text(EventBatch),
            event_index: int(EventIndex),
        }
    }

    /// What identifies rows.
    pub(super) fn identities(&self) -> Identities<'_> {
        Identities {
            timestamp: self.numbers(Column::Timestamp),
            observed_timestamp: self.numbers(Column::ObservedTimestamp),
            event_id: self.texts(Column::EventId),
            more_event_ids: self.texts(Column::MoreEventIds),
            event_batch: self.texts(Column::EventBatch),
            event_index: self.numbers(Column::EventIndex),
        }
    }
}

/// The columns of [`ColumnSet::IDENTITY`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Identities<'c> {
    timestamp: PageNumbers<'c>,
    observed_timestamp: PageNumbers<'c>,
    event_id: PageTexts<'c>,
    more_event_ids: PageTexts<'c>,
    event_batch: PageTexts<'c>,
    event_index: PageNumbers<'c>,
}

/// What identifies a row, and its time; as stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Identity<'c> {
    pub timestamp: Option<i64>,
    /// When CloudWatch was given the event, in milliseconds since the epoch.
    pub observed_millis: Option<i64>,
    pub event_id: Option<&'c str>,
    pub more_event_ids: Option<&'c str>,
    pub event_batch: Option<&'c str>,
    pub event_index: Option<i32>,
}

impl<'c> From<&StoredRow<'c>> for Identity<'c> {
    fn from(row: &StoredRow<'c>) -> Self {
        Self {
            timestamp: row.timestamp,
            observed_millis: row.observed_millis(),
            event_id: row.event_id,
            more_event_ids: row.more_event_ids,
            event_batch: row.event_batch,
            event_index: row.event_index,
        }
    }
}

impl<'c> Identities<'c> {
    pub fn of(&self, row: u32) -> Identity<'c> {
        let timestamp = self.timestamp.get(row);
        Identity {
            timestamp,
            observed_millis: self.observed_timestamp.get(row).or(timestamp),
            event_id: self.event_id.get(row),
            more_event_ids: self.more_event_ids.get(row),
            event_batch: self.event_batch.get(row),
            event_index: self.event_index.get(row).map(|index| index as i32),
        }
    }
}

/// A row group that is being read.
#[derive(Debug)]
struct Group {
    index: usize,
    fetched: ColumnSet,
    columns: Columns,
    /// Rows at which a page begins in any column, and the end.
    bounds: Vec<u32>,
    /// Bounds that are behind.
    done: usize,
}

impl Group {
    fn sets(&self) -> usize {
        self.bounds.len().saturating_sub(1)
    }

    /// Rows of the next set of pages.
    fn next(&self, order: Order) -> Option<(u32, u32)> {
        let left = self.sets().checked_sub(self.done + 1)?;
        let at = match order {
            Order::OldestFirst => self.done,
            Order::NewestFirst => left,
        };
        Some((*self.bounds.get(at)?, *self.bounds.get(at + 1)?))
    }

    /// Adds columns; sets of pages may have become smaller.
    fn add(&mut self, values: impl Iterator<Item = Values>, order: Order) {
        let next = self.next(order);
        values.for_each(|values| self.columns.put(values));
        let pages = self.columns.iter().flat_map(|values| &values.pages.data);
        let rows = self.bounds.last().copied();
        let mut bounds: Vec<u32> = pages.map(|page| page.first_row).chain([0]).chain(rows).collect();
        bounds.sort_unstable();
        bounds.dedup();
        self.bounds = bounds;
        let behind = |bound: u32| self.bounds.partition_point(|at| *at < bound);
        self.done = match (order, next) {
            (_, None) => self.done,
            (Order::OldestFirst, Some((start, _))) => behind(start),
            (Order::NewestFirst, Some((_, end))) => self.sets() - behind(end),
        };
    }
}

/// Goes through the rows of an object; buffers for decoding are lent to it.
#[derive(Debug)]
pub(super) struct Cursor {
    pub file: OpenFile,
    order: Order,
    columns: ColumnSet,
    wanted: Option<Arc<Wanted>>,
    groups_done: usize,
    group: Option<Group>,
    /// Rows of the row group that are wanted, of the current set of pages, in the order of reading.
    pub rows: Vec<u32>,
}

impl Cursor {
    pub fn new(file: OpenFile, order: Order, columns: ColumnSet, wanted: Option<Arc<Wanted>>) -> Self {
        Self { file, order, columns, wanted, groups_done: 0, group: None, rows: Vec::new() }
    }

    /// Bytes that are held in memory.
    pub fn held_bytes(&self) -> usize {
        let columns = self.group.iter().flat_map(|group| group.columns.iter());
        self.file.held_bytes() + self.rows.capacity() * 4 + columns.map(Values::held_bytes).sum::<usize>()
    }

    /// The decoded columns.
    pub fn columns(&self) -> Option<&Columns> {
        self.group.as_ref().map(|group| &group.columns)
    }

    /// A row of the decoded pages.
    pub fn row(&self, row: u32) -> StoredRow<'_> {
        self.group.as_ref().map(|group| group.columns.row(row)).unwrap_or_default()
    }

    /// Decodes the next set of pages that has wanted rows; `false` at the end.
    pub async fn advance<S: ObjectReader>(
        &mut self,
        store: &S,
        scratch: &mut Scratch,
    ) -> Result<bool, ReadError<S::Error>> {
        self.rows.clear();
        let first = match &self.wanted {
            Some(wanted) => wanted.columns(),
            None => self.columns,
        };
        loop {
            if self.group.is_none() && !self.open_group(store, first).await? {
                return Ok(false);
            }
            let Some(group) = &mut self.group else { continue };
            let Some((start, end)) = group.next(self.order) else {
                self.group = None;
                continue;
            };
            let damaged = |damage: Damage| damage.of(&self.file.source.key);
            group.columns.decode(first, start, scratch).map_err(damaged)?;
            self.rows.clear();
            self.rows.extend(start..end);
            if let Some(wanted) = &self.wanted {
                wanted.retain(&group.columns, &mut self.rows);
            }
            if self.rows.is_empty() {
                group.done += 1;
                continue;
            }
            let rest = self.columns.without(group.fetched);
            if rest != ColumnSet::default() {
                let index = group.index;
                let pages = self.file.fetch(store, index, rest).await?;
                let escapes = self.file.escapes();
                let Some(group) = &mut self.group else { continue };
                let values = pages.into_iter().map(|(column, pages)| Values::new(column, pages, escapes));
                group.add(values, self.order);
                group.fetched = group.fetched.and(rest);
                continue;
            }
            group.columns.decode(self.columns, start, scratch).map_err(damaged)?;
            group.done += 1;
            if self.order == Order::NewestFirst {
                self.rows.reverse();
            }
            return Ok(true);
        }
    }

    /// Fetches these columns of the next row group; `false` where there is none.
    async fn open_group<S: ObjectReader>(
        &mut self,
        store: &S,
        columns: ColumnSet,
    ) -> Result<bool, ReadError<S::Error>> {
        let Some(left) = self.file.row_groups.len().checked_sub(self.groups_done + 1) else {
            return Ok(false);
        };
        let index = match self.order {
            Order::OldestFirst => self.groups_done,
            Order::NewestFirst => left,
        };
        self.groups_done += 1;
        let Some(rows) = self.file.row_groups.get(index).map(|group| group.rows) else { return Ok(false) };
        let pages = self.file.fetch(store, index, columns).await?;
        let decoded = Columns { is_folded: self.file.is_folded(), ..Columns::default() };
        let mut group = Group { index, fetched: columns, columns: decoded, bounds: vec![0, rows], done: 0 };
        let escapes = self.file.escapes();
        let values = pages.into_iter().map(|(column, pages)| Values::new(column, pages, escapes));
        group.add(values, self.order);
        self.group = (rows > 0).then_some(group);
        Ok(true)
    }
}

/// The rows of one object.
#[derive(Debug)]
pub struct Rows<'s, S> {
    store: &'s S,
    cursor: Cursor,
    scratch: Scratch,
}

/// Rows of a set of pages.
#[derive(Debug)]
pub struct Batch<'b> {
    cursor: &'b Cursor,
}

impl<'b> Batch<'b> {
    /// How many rows.
    pub fn len(&self) -> usize {
        self.cursor.rows.len()
    }

    /// Whether there is none, which does not happen.
    pub fn is_empty(&self) -> bool {
        self.cursor.rows.is_empty()
    }

    /// The rows as stored, in the order asked for.
    pub fn rows(&self) -> impl Iterator<Item = StoredRow<'b>> {
        self.cursor.rows.iter().map(|row| self.cursor.row(*row))
    }
}

impl<'s, S: ObjectReader> Rows<'s, S> {
    pub(super) fn new(store: &'s S, file: OpenFile, order: Order, columns: ColumnSet) -> Self {
        Self { store, cursor: Cursor::new(file, order, columns, None), scratch: Scratch::new() }
    }

    /// Bytes that the store gave so far, with those that opening took.
    pub fn bytes_read(&self) -> u64 {
        self.cursor.file.bytes_read()
    }

    /// The next rows, as many as a set of pages has; `None` at the end.
    pub async fn next_batch(&mut self) -> Result<Option<Batch<'_>>, ReadError<S::Error>> {
        let is_more = self.cursor.advance(self.store, &mut self.scratch).await?;
        Ok(is_more.then_some(Batch { cursor: &self.cursor }))
    }
}
