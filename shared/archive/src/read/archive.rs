//! The archive as one sequence of rows: day by day, whatever object they are in.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::Arc;

use catchment_record::RetentionClass;

use super::column::ColumnSet;
use super::fetch::{MAX_REQUESTS, all};
use super::file::OpenFile;
use super::filter::{Filter, Wanted};
use super::merge::{Merge, MergeInput, MergeLimits, Skipped};
use super::rows::Order;
use super::{ReadError, TimeRange};
use crate::key::{Day, ObjectKey};
use crate::row::StoredRow;
use crate::store::{Listed, MAX_KEYS, ObjectReader};

/// What reading took so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct ReadCounts {
    /// Objects in the partitions that were listed so far.
    pub objects_listed: u64,
    /// Their bytes.
    pub bytes_listed: u64,
    /// Of them: replaced by a merged one.
    pub objects_replaced: u64,
    /// Of them: without a wanted row, as their keys, statistics and bloom filters say.
    pub objects_pruned: u64,
    /// Of them: opened, if only for their footer.
    pub objects_read: u64,
    /// Bytes that the store gave.
    pub bytes_read: u64,
    /// Rows that were given.
    pub rows: u64,
    /// Rows that repeat others.
    pub repeated_rows: u64,
    /// Bytes of objects and decoded pages that were held at once, at most.
    pub peak_held_bytes: usize,
    /// Objects that are foreign or damaged.
    pub foreign: Vec<Skipped>,
}

/// An object that can have wanted rows; it may be open already.
type Chosen = (MergeInput, Option<OpenFile>);

/// Reads the archive in a store.
#[derive(Debug)]
pub struct ArchiveReader<'s, S> {
    store: &'s S,
    columns: ColumnSet,
}

impl<'s, S: ObjectReader> ArchiveReader<'s, S> {
    /// A reader; nothing is read yet.
    pub fn new(store: &'s S) -> Self {
        Self { store, columns: ColumnSet::ALL }
    }

    /// Rows have only these columns, and those that identify them; the others are null.
    pub fn columns(self, columns: ColumnSet) -> Self {
        Self { columns: columns.and(ColumnSet::IDENTITY), ..self }
    }

    /// The rows of these objects, which may be gone already: then the answer is
    /// [`ReadError::Gone`]. What merged objects replace is not left out.
    pub fn read_objects(
        &self,
        objects: Vec<Listed>,
        range: TimeRange,
        filter: &Filter,
        order: Order,
    ) -> Merge<'s, S> {
        let inputs = objects.into_iter().map(|listed| (MergeInput { listed, known: false }, None)).collect();
        let wanted = Some(Arc::new(Wanted::new(filter, range)));
        Merge::wanting(self.store, inputs, order, MergeLimits::default(), self.columns, wanted)
    }

    /// The rows of a time range and of some retention classes. Days are listed
    /// now, and their objects when their time comes.
    pub async fn read(
        &self,
        range: TimeRange,
        classes: &[RetentionClass],
        filter: Filter,
        order: Order,
    ) -> Result<ArchiveRows<'s, S>, ReadError<S::Error>> {
        let mut days = BTreeSet::new();
        let mut partitions = HashSet::new();
        let mut counts = ReadCounts::default();
        for class in classes {
            let prefix = format!("logs/class={}/", class.as_str());
            let folders = self.store.folders(&prefix).await;
            for folder in folders.map_err(|source| ReadError::List { prefix: prefix.clone(), source })? {
                let name = folder.strip_prefix(&prefix).and_then(|name| name.strip_suffix('/'));
                let day = name.and_then(|name| name.strip_prefix("dt=")?.parse::<Day>().ok());
                match day.filter(|day| ObjectKey::partition(*class, *day) == folder) {
                    Some(day) if range.meets(day) => {
                        days.insert(day);
                        partitions.insert((day, *class));
                    }
                    Some(_) => {}
                    None => counts.foreign.push(Skipped {
                        key: ObjectKey::new(folder),
                        reason: "it is no partition: dt=YYYY-MM-DD".to_owned(),
                    }),
                }
            }
        }
        let mut days: VecDeque<_> = days
            .into_iter()
            .map(|day| {
                let has = |class: &&RetentionClass| partitions.contains(&(day, **class));
                (day, classes.iter().filter(has).copied().collect())
            })
            .collect();
        if order == Order::NewestFirst {
            days.make_contiguous().reverse();
        }
        let wanted = Arc::new(Wanted::new(&filter, range));
        let (store, columns) = (self.store, self.columns);
        Ok(ArchiveRows { store, columns, range, order, wanted, days, merge: None, counts })
    }
}

/// The rows of a time range, each record once.
#[derive(Debug)]
pub struct ArchiveRows<'s, S: ObjectReader> {
    store: &'s S,
    columns: ColumnSet,
    range: TimeRange,
    order: Order,
    wanted: Arc<Wanted>,
    /// Partitions that are still to be read, and their classes.
    days: VecDeque<(Day, Vec<RetentionClass>)>,
    merge: Option<Merge<'s, S>>,
    /// Of what is behind.
    counts: ReadCounts,
}

impl<'s, S: ObjectReader> ArchiveRows<'s, S> {
    /// The next row, as stored; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<StoredRow<'_>>, ReadError<S::Error>> {
        Ok(if self.advance().await? { self.row() } else { None })
    }

    /// Goes to the next row; `false` at the end.
    pub(super) async fn advance(&mut self) -> Result<bool, ReadError<S::Error>> {
        loop {
            if let Some(merge) = &mut self.merge {
                if merge.advance().await? {
                    return Ok(true);
                }
                self.counts = self.counts();
                self.merge = None;
            }
            let Some((day, classes)) = self.days.pop_front() else { return Ok(false) };
            self.merge = Some(self.open_day(day, &classes).await?);
        }
    }

    /// The row that it went to.
    pub(super) fn row(&self) -> Option<StoredRow<'_>> {
        self.merge.as_ref().and_then(Merge::row)
    }

    /// What it took so far.
    pub fn counts(&self) -> ReadCounts {
        let mut counts = self.counts.clone();
        if let Some(merge) = &self.merge {
            let merged = merge.result();
            counts.objects_read += merged.objects_read;
            counts.bytes_read += merged.bytes_read;
            counts.rows += merged.rows;
            counts.repeated_rows += merged.repeated_rows;
            counts.peak_held_bytes = counts.peak_held_bytes.max(merged.peak_held_bytes);
            counts.foreign.extend(merged.foreign.iter().cloned());
        }
        counts
    }

    /// How many days are still to be read, the current one not counted.
    pub fn days_left(&self) -> usize {
        self.days.len()
    }

    async fn open_day(
        &mut self,
        day: Day,
        classes: &[RetentionClass],
    ) -> Result<Merge<'s, S>, ReadError<S::Error>> {
        let mut inputs = Vec::new();
        for class in classes {
            inputs.extend(self.choose(&ObjectKey::partition(*class, day)).await?);
        }
        let (wanted, limits) = (Some(Arc::clone(&self.wanted)), MergeLimits::default());
        Ok(Merge::wanting(self.store, inputs, self.order, limits, self.columns, wanted))
    }

    /// Everything under a prefix.
    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, ReadError<S::Error>> {
        let mut found: Vec<Listed> = Vec::new();
        loop {
            let after = found.last().map(|listed| listed.key.as_str().to_owned());
            let page = self.store.list(prefix, after.as_deref()).await;
            let page = page.map_err(|source| ReadError::List { prefix: prefix.to_owned(), source })?;
            if page.is_empty() {
                return Ok(found);
            }
            found.extend(page);
        }
    }

    /// What has a key of ours: merged objects, and those of ingest.
    fn admit(&mut self, listed: Vec<Listed>) -> (Vec<Listed>, Vec<Listed>) {
        let (mut merged, mut single) = (Vec::new(), Vec::new());
        for listed in listed {
            self.counts.objects_listed += 1;
            self.counts.bytes_listed += listed.bytes;
            match listed.key.parse().map(|key| key.is_merged()) {
                Some(true) => merged.push(listed),
                Some(false) => single.push(listed),
                None => {
                    let reason = "its key is none that Catchment writes".to_owned();
                    self.counts.foreign.push(Skipped { key: listed.key, reason });
                }
            }
        }
        (merged, single)
    }

    /// The objects of a partition that can have wanted rows. Merged ones are
    /// opened, since they say what they replace; when values are looked up, all are.
    async fn choose(&mut self, prefix: &str) -> Result<Vec<Chosen>, ReadError<S::Error>> {
        let listed = self.list(prefix).await?;
        let known: HashSet<_> = listed.iter().map(|listed| listed.key.clone()).collect();
        let (merged, mut single) = self.admit(listed);
        let mut chosen = self.open(merged).await?;
        let replaced: HashSet<_> = chosen.iter().flat_map(|(_, file)| file.replaces()).cloned().collect();
        // The pages of a listing are of different times: it may show the last part of a
        // merge, which says what is replaced, and miss one before. In a listing that
        // begins now all of them are, or what became of them.
        if known.len() >= MAX_KEYS && !known.is_disjoint(&replaced) {
            let mut later = self.list(prefix).await?;
            later.retain(|listed| !known.contains(&listed.key));
            let (merged, more) = self.admit(later);
            chosen.extend(self.open(merged).await?);
            single.extend(more);
        }
        let range = self.range;
        let mut keep = |listed: &Listed| {
            let is_replaced = replaced.contains(&listed.key);
            let is_in_range = range.meets_key(&listed.key);
            self.counts.objects_replaced += u64::from(is_replaced);
            self.counts.objects_pruned += u64::from(!is_replaced && !is_in_range);
            !is_replaced && is_in_range
        };
        chosen.retain(|(listed, _)| keep(listed));
        let single: Vec<_> = single.into_iter().filter(|listed| keep(listed)).collect();

        let mut inputs = Vec::new();
        let mut waiting: VecDeque<_> = chosen.into();
        while !waiting.is_empty() {
            let some: Vec<_> = waiting.drain(..waiting.len().min(MAX_REQUESTS)).collect();
            let (listed, files): (Vec<_>, Vec<_>) = some.into_iter().unzip();
            let pruned = files.into_iter().map(|file| Box::pin(self.prune(file)));
            let pruned = all(pruned.collect()).await;
            for (listed, file) in listed.into_iter().zip(pruned) {
                inputs.extend(self.input(listed, file)?);
            }
        }
        if self.wanted.lookups() == 0 {
            inputs.extend(single.into_iter().map(|listed| (MergeInput { listed, known: false }, None)));
            return Ok(inputs);
        }
        for some in single.chunks(MAX_REQUESTS) {
            let opened = some.iter().map(|listed| {
                Box::pin(async { self.prune(OpenFile::open(self.store, listed).await?).await })
            });
            let opened = all(opened.collect()).await;
            for (listed, file) in some.iter().zip(opened) {
                self.counts.objects_read += 1;
                inputs.extend(self.input(listed.clone(), file)?);
            }
        }
        Ok(inputs)
    }

    /// Opens objects; those that are foreign are reported and left out.
    async fn open(&mut self, listed: Vec<Listed>) -> Result<Vec<(Listed, OpenFile)>, ReadError<S::Error>> {
        let mut opened = Vec::with_capacity(listed.len());
        for some in listed.chunks(MAX_REQUESTS) {
            let files = some.iter().map(|listed| Box::pin(OpenFile::open(self.store, listed)));
            for (listed, file) in some.iter().zip(all(files.collect()).await) {
                if let Some(file) = self.keep(file)? {
                    opened.push((listed.clone(), file));
                }
            }
        }
        Ok(opened)
    }

    async fn prune(&self, mut file: OpenFile) -> Result<OpenFile, ReadError<S::Error>> {
        file.prune(self.store, &self.wanted).await?;
        Ok(file)
    }

    /// Counts what was opened; one that is foreign is reported and left out.
    fn keep(
        &mut self,
        file: Result<OpenFile, ReadError<S::Error>>,
    ) -> Result<Option<OpenFile>, ReadError<S::Error>> {
        match file {
            Ok(file) => {
                self.counts.objects_read += 1;
                Ok(Some(file))
            }
            Err(ReadError::Foreign { key, reason }) => {
                self.counts.foreign.push(Skipped { key, reason });
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// What is merged of a file that was pruned.
    fn input(
        &mut self,
        listed: Listed,
        file: Result<OpenFile, ReadError<S::Error>>,
    ) -> Result<Option<Chosen>, ReadError<S::Error>> {
        match file {
            Ok(file) if file.row_groups.is_empty() => {
                self.counts.objects_pruned += 1;
                self.counts.bytes_read += file.bytes_read();
                Ok(None)
            }
            Ok(file) => Ok(Some((MergeInput { listed, known: false }, Some(file)))),
            Err(ReadError::Foreign { key, reason }) => {
                self.counts.foreign.push(Skipped { key, reason });
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
