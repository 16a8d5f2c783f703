//! The archive as it grows: rows of the last while, then those of every object
//! that is new, each once.
//!
//! New objects are found by listing. Lately written ones have times of now: a
//! [`Sweep::Recent`] lists from ten minutes ago. Events that come late are found
//! by a [`Sweep::Whole`] of today and yesterday. What was written before the last
//! whole sweep was seen by it, so only later objects are remembered.
//!
//! Merged objects are passed over: what they hold was in others before. A late
//! event whose object is merged between two whole sweeps is not seen.

use std::collections::{BTreeSet, HashMap};

use catchment_record::RetentionClass;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::archive::ArchiveReader;
use super::filter::Filter;
use super::merge::Merge;
use super::rows::Order;
use super::seen::{EventId, Seen};
use super::{ArchiveRows, ColumnSet, ReadError, TimeRange};
use crate::key::{Day, ObjectKey};
use crate::row::StoredRow;
use crate::store::{Listed, MAX_KEYS, ObjectReader};

/// Event ids that are remembered: some 30 MB.
const MAX_SEEN_EVENTS: usize = 500_000;
/// A recent sweep begins so long ago, and clocks may be ahead by as much.
const RECENT_MILLIS: i64 = 10 * 60 * 1000;
/// An object may be seen so long after the time that it says it was written at:
/// a folder's files may be copies that have the times of their originals.
const LATE_MILLIS: i64 = 15 * 60 * 1000;
/// How often in a row objects may vanish while the last while is read.
const MAX_RELISTS: u32 = 10;

/// Which objects are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sweep {
    /// Those with events of the last ten minutes: a listing a retention class.
    Recent,
    /// Those with events of today and yesterday.
    Whole,
}

/// What identifies an object: its first time and its id.
type ObjectId = (i64, u128);

/// Rows as they come.
#[derive(Debug)]
pub struct Follower<'s, S: ObjectReader> {
    store: &'s S,
    classes: Vec<RetentionClass>,
    filter: Filter,
    columns: ColumnSet,
    since: TimeRange,
    current: Current<'s, S>,
    /// Objects that were written since `floor_millis`.
    objects: HashMap<ObjectId, i64>,
    /// What was written before this is known.
    floor_millis: i64,
    /// The last time of writing that a whole sweep saw.
    newest_millis: i64,
    /// The objects that are being read.
    reading: Vec<Listed>,
    seen: Seen,
    relists: u32,
    /// A read failed: it begins anew.
    is_broken: bool,
}

#[derive(Debug)]
enum Current<'s, S: ObjectReader> {
    Nothing,
    Past(Box<ArchiveRows<'s, S>>),
    New(Box<Merge<'s, S>>),
}

impl<'s, S: ObjectReader> Follower<'s, S> {
    /// Follows from `since_millis` on; what is there is listed now.
    pub async fn start(
        store: &'s S,
        classes: &[RetentionClass],
        filter: Filter,
        columns: ColumnSet,
        since_millis: i64,
        now_millis: i64,
    ) -> Result<Self, ReadError<S::Error>> {
        let mut follower = Self {
            store,
            classes: classes.to_vec(),
            filter,
            columns,
            since: TimeRange { first_millis: since_millis, ..TimeRange::ALL },
            current: Current::Nothing,
            objects: HashMap::new(),
            floor_millis: i64::MIN,
            newest_millis: i64::MIN,
            reading: Vec::new(),
            seen: Seen::new(MAX_SEEN_EVENTS, i64::MAX),
            relists: 0,
            is_broken: false,
        };
        let _known = follower.look(Sweep::Whole, now_millis).await?;
        follower.read_past().await?;
        Ok(follower)
    }

    /// Looks for new objects, whose rows [`Self::next`] gives then; how many there are.
    pub async fn poll(&mut self, sweep: Sweep, now_millis: i64) -> Result<usize, ReadError<S::Error>> {
        let found = self.look(sweep, now_millis).await?;
        let count = found.len();
        if count > 0 {
            self.reading = found;
            self.read_new();
        }
        Ok(count)
    }

    /// The next row that was not given before, the oldest of what was found first;
    /// `None` until something new is found. After an error it may be called again.
    pub async fn next(&mut self) -> Result<Option<StoredRow<'_>>, ReadError<S::Error>> {
        if self.is_broken {
            match self.current {
                Current::Nothing => {}
                Current::Past(_) => self.read_past().await?,
                Current::New(_) => self.read_new(),
            }
            self.is_broken = false;
        }
        loop {
            let advanced = match &mut self.current {
                Current::Nothing => return Ok(None),
                Current::Past(rows) => rows.advance().await,
                Current::New(merge) => merge.advance().await,
            };
            match advanced {
                Ok(true) => {}
                Ok(false) => {
                    self.current = Current::Nothing;
                    return Ok(None);
                }
                Err(ReadError::Gone { key }) => {
                    self.without(&key).await?;
                    continue;
                }
                Err(error) => {
                    self.is_broken = true;
                    return Err(error);
                }
            }
            let row = match &self.current {
                Current::Nothing => None,
                Current::Past(rows) => rows.row(),
                Current::New(merge) => merge.row(),
            };
            let id = row.map(|row| (EventId::of_row(&(&row).into()), row.timestamp.unwrap_or_default()));
            if id.is_some_and(|(id, millis)| id == EventId::NONE || self.seen.add(id, millis)) {
                break;
            }
        }
        Ok(match &self.current {
            Current::Nothing => None,
            Current::Past(rows) => rows.row(),
            Current::New(merge) => merge.row(),
        })
    }

    /// Begins anew without an object that vanished; rows that were given are known.
    async fn without(&mut self, key: &ObjectKey) -> Result<(), ReadError<S::Error>> {
        if matches!(self.current, Current::New(_)) {
            self.reading.retain(|listed| listed.key != *key);
            self.read_new();
            return Ok(());
        }
        self.relists += 1;
        if self.relists > MAX_RELISTS {
            return Err(ReadError::Gone { key: key.clone() });
        }
        self.read_past().await
    }

    async fn read_past(&mut self) -> Result<(), ReadError<S::Error>> {
        let reader = ArchiveReader::new(self.store).columns(self.columns);
        let rows = reader.read(self.since, &self.classes, self.filter.clone(), Order::OldestFirst).await?;
        self.current = Current::Past(Box::new(rows));
        Ok(())
    }

    fn read_new(&mut self) {
        let reader = ArchiveReader::new(self.store).columns(self.columns);
        let objects = self.reading.clone();
        let merge = reader.read_objects(objects, TimeRange::ALL, &self.filter, Order::OldestFirst);
        self.current = Current::New(Box::new(merge));
    }

    /// The objects that were not there before.
    async fn look(&mut self, sweep: Sweep, now_millis: i64) -> Result<Vec<Listed>, ReadError<S::Error>> {
        let mut new = Vec::new();
        let mut newest = self.newest_millis;
        for (prefix, after) in self.places(sweep, now_millis) {
            for listed in self.list(&prefix, after, sweep).await? {
                let Some(key) = listed.key.parse().filter(|key| !key.is_merged()) else { continue };
                let Ok(id) = u128::from_str_radix(key.id, 16) else { continue };
                newest = newest.max(listed.modified_millis);
                let is_late = listed.modified_millis < self.floor_millis;
                if is_late || self.objects.insert((key.first_millis, id), listed.modified_millis).is_some() {
                    continue;
                }
                new.push(listed);
            }
        }
        if sweep == Sweep::Whole {
            // What was written before this was there when this sweep began.
            self.floor_millis = newest.saturating_sub(LATE_MILLIS);
            self.objects.retain(|_, written| *written >= self.floor_millis);
        }
        self.newest_millis = newest;
        Ok(new)
    }

    /// Where to list, and behind which key.
    fn places(&self, sweep: Sweep, now_millis: i64) -> Vec<(String, Option<String>)> {
        let from = now_millis.saturating_sub(RECENT_MILLIS);
        let mut days: BTreeSet<Day> =
            [from, now_millis.saturating_add(RECENT_MILLIS)].into_iter().map(day).collect();
        if sweep == Sweep::Whole {
            days.extend(day(now_millis).checked_sub(1.day()));
        }
        let classes = self.classes.iter();
        let partitions = classes.flat_map(|class| days.iter().map(|day| (*class, *day)));
        partitions
            .map(|(class, at)| {
                let prefix = ObjectKey::partition(class, at);
                let is_first = sweep == Sweep::Recent && at == day(from);
                let after = is_first.then(|| format!("{prefix}{:02}-{from}", hour(from)));
                (prefix, after)
            })
            .collect()
    }

    async fn list(
        &self,
        prefix: &str,
        mut after: Option<String>,
        sweep: Sweep,
    ) -> Result<Vec<Listed>, ReadError<S::Error>> {
        let mut found: Vec<Listed> = Vec::new();
        loop {
            let page = self.store.list(prefix, after.as_deref()).await;
            let page = page.map_err(|source| ReadError::List { prefix: prefix.to_owned(), source })?;
            let Some(last) = page.last() else { return Ok(found) };
            after = Some(last.key.as_str().to_owned());
            // A page that is not full is the last one, as good as always; a whole sweep makes sure.
            let is_last = page.len() < MAX_KEYS && sweep == Sweep::Recent;
            found.extend(page);
            if is_last {
                return Ok(found);
            }
        }
    }
}

fn day(millis: i64) -> Day {
    utc(millis).date()
}

fn hour(millis: i64) -> i8 {
    utc(millis).hour()
}

fn utc(millis: i64) -> jiff::civil::DateTime {
    TimeZone::UTC.to_datetime(Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH))
}
