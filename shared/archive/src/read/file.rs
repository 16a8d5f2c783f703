//! One object: its footer, and which of its row groups can have wanted rows.

use super::column::{Column, ColumnSet};
use super::fetch::Source;
use super::filter::{Ask, Wanted};
use super::footer::{Footer, RowGroup, TAIL_BYTES, footer_bytes};
use super::rows::{Order, Rows};
use super::{Damage, ReadError};
use crate::key::ObjectKey;
use crate::store::{Listed, ObjectReader};

/// An object up to this size is read at once, with all that it holds.
const MAX_WHOLE_BYTES: u64 = 512 << 10;

/// What is read of the end of a larger one: the footer of a file of 256 MB has about 250 KB.
const TAIL_READ_BYTES: u64 = 320 << 10;

/// A row group whose columns have more compressed bytes is not ours: a batch
/// has at most 32 MiB of lines, a merged row group 24 MiB of texts or one line.
const MAX_GROUP_BYTES: u64 = 128 << 20;

/// An object whose footer was read.
#[derive(Debug, Clone)]
pub struct OpenFile {
    pub(super) source: Source,
    schema_version: u8,
    rows: u64,
    replaces: Vec<ObjectKey>,
    /// Those that can have wanted rows, in the order of the file.
    pub(super) row_groups: Vec<RowGroup>,
}

impl OpenFile {
    /// What opening reads of an object, at most, but for a footer that is larger than any of ours.
    pub(super) const MAX_READ_BYTES: u64 = MAX_WHOLE_BYTES;

    /// Reads the footer of a listed object; a small object is read whole.
    pub async fn open<S: ObjectReader>(store: &S, listed: &Listed) -> Result<Self, ReadError<S::Error>> {
        let mut source = Source::new(listed);
        let size = source.bytes;
        let foreign = |damage: Damage| damage.of(&listed.key);
        if size < TAIL_BYTES {
            return Err(foreign(Damage::new("it is too short for a Parquet file")));
        }
        let first = if size <= MAX_WHOLE_BYTES { 0 } else { size - TAIL_READ_BYTES };
        let mut end = source.range(store, first..size).await?;
        let length = footer_bytes(end.slice(end.len() - TAIL_BYTES as usize..).as_ref(), size);
        let footer_at = size - TAIL_BYTES - length.map_err(foreign)?;
        if first == 0 {
            source.keep(end.clone());
        }
        if footer_at < first {
            let before = source.range(store, footer_at..first).await?;
            end = [before, end].concat().into();
        }
        let from = end.len() - (size - footer_at) as usize;
        let footer = end.slice(from..end.len() - TAIL_BYTES as usize);
        let footer = Footer::parse(&footer, size).map_err(foreign)?;
        let replaces = replaced(&listed.key, footer.replaces.as_deref().unwrap_or_default());
        Ok(Self {
            source,
            schema_version: footer.schema_version,
            rows: footer.rows,
            replaces,
            row_groups: footer.row_groups,
        })
    }

    /// The object's key.
    pub fn key(&self) -> &ObjectKey {
        &self.source.key
    }

    /// The version of the schema that the file was written with: 1 is the oldest.
    pub fn schema_version(&self) -> u8 {
        self.schema_version
    }

    /// How many rows the file has.
    pub fn rows_in_file(&self) -> u64 {
        self.rows
    }

    /// The objects that this one, which was merged, replaces: all of its own partition.
    pub fn replaces(&self) -> &[ObjectKey] {
        &self.replaces
    }

    /// Whether a U+001A in a text stands there as it is.
    pub(super) fn escapes(&self) -> bool {
        self.schema_version < 3
    }

    /// Whether all that other columns say was left out of its rows.
    pub(super) fn is_folded(&self) -> bool {
        self.schema_version >= 4
    }

    /// Bytes that are held in memory.
    pub(super) fn held_bytes(&self) -> usize {
        let chunks: usize = self.row_groups.iter().map(|group| group.chunks.len()).sum();
        self.source.held_bytes() + chunks * size_of::<super::footer::Chunk>()
    }

    /// Bytes that the store gave so far.
    pub fn bytes_read(&self) -> u64 {
        self.source.bytes_read
    }

    /// Leaves out row groups that can have no wanted row, by statistics and
    /// bloom filters. Of a filter, only the block is read that answers.
    pub(super) async fn prune<S: ObjectReader>(
        &mut self,
        store: &S,
        wanted: &Wanted,
    ) -> Result<(), ReadError<S::Error>> {
        self.row_groups.retain(|group| {
            times(group).is_none_or(|(first, last)| wanted.range().overlaps(first, last))
                && wanted.may_match(group)
        });
        // Of each row group: which of the values that are looked up it may have.
        let mut hopes: Vec<Vec<bool>> = Vec::with_capacity(self.row_groups.len());
        let mut asked = Vec::new();
        for (group, number) in self.row_groups.iter().zip(0..) {
            let mut hope = vec![false; wanted.lookups()];
            for way in wanted.ways() {
                match way.ask(group) {
                    Ask::Never => {}
                    Ask::Maybe => way.hope(&mut hope),
                    Ask::Block(block) => asked.push((number, way, block)),
                }
            }
            hopes.push(hope);
        }
        let blocks: Vec<_> = asked.iter().map(|(_, _, block)| block.clone()).collect();
        let answers = self.source.ranges(store, &blocks).await?;
        for ((number, way, _), block) in asked.into_iter().zip(answers) {
            if let Some(hope) = hopes.get_mut::<usize>(number).filter(|_| way.may_be_in(&block)) {
                way.hope(hope);
            }
        }
        let mut hopes = hopes.iter();
        self.row_groups.retain(|_| hopes.next().is_none_or(|hope| hope.iter().all(|hope| *hope)));
        Ok(())
    }

    /// The rows of the row groups that are left, of these columns.
    pub fn rows<S: ObjectReader>(self, store: &S, order: Order, columns: ColumnSet) -> Rows<'_, S> {
        Rows::new(store, self, order, columns)
    }

    /// Fetches the pages of a row group's columns.
    pub(super) async fn fetch<S: ObjectReader>(
        &mut self,
        store: &S,
        group: usize,
        columns: ColumnSet,
    ) -> Result<Vec<(Column, super::page::Pages)>, ReadError<S::Error>> {
        let Some(group) = self.row_groups.get(group) else { return Ok(Vec::new()) };
        let chunks: Vec<_> = group.chunks.iter().filter(|chunk| columns.has(chunk.column)).collect();
        let ranges: Vec<_> = chunks.iter().map(|chunk| chunk.bytes.clone()).collect();
        let bytes: u64 = ranges.iter().map(|range| range.end - range.start).sum();
        if bytes > MAX_GROUP_BYTES {
            let what = format!("a row group has {bytes} bytes, more than {MAX_GROUP_BYTES} are not ours");
            return Err(Damage::new(what).of(&self.source.key));
        }
        let found = self.source.ranges(store, &ranges).await?;
        let pages = chunks
            .iter()
            .zip(found)
            .map(|(chunk, bytes)| Ok((chunk.column, super::page::Pages::scan(chunk, bytes, group.rows)?)));
        pages.collect::<Result<_, Damage>>().map_err(|damage| damage.of(&self.source.key))
    }
}

/// The keys in `replaces`, where they are of the partition of `key`: an object
/// has no say over others.
fn replaced(key: &ObjectKey, replaces: &str) -> Vec<ObjectKey> {
    let partition = key.as_str().rsplit_once('/').map_or("", |(partition, _)| partition);
    let keys = replaces.split('\n').filter(|name| !name.is_empty());
    let is_beside = |name: &&str| name.rsplit_once('/').is_none_or(|(folder, _)| folder == partition);
    let whole = |name: &str| match name.contains('/') {
        true => ObjectKey::new(name),
        false => ObjectKey::new(format!("{partition}/{name}")),
    };
    keys.filter(is_beside).map(whole).filter(|other| other != key).collect()
}

/// The first and the last time, as statistics have it; rows without a time count as 0.
fn times(group: &RowGroup) -> Option<(i64, i64)> {
    let chunk = group.chunk(Column::Timestamp)?;
    let number = |bytes: &Option<Box<[u8]>>| Some(i64::from_le_bytes(bytes.as_deref()?.try_into().ok()?));
    let nulls = chunk.nulls?;
    let (mut first, mut last) = match (number(&chunk.min), number(&chunk.max)) {
        (Some(first), Some(last)) => (first, last),
        _ if nulls == u64::from(group.rows) => (0, 0),
        _ => return None,
    };
    if nulls > 0 {
        (first, last) = (first.min(0), last.max(0));
    }
    Some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::footer::{Chunk, Codec};
    use crate::store::MemoryArchive;

    #[tokio::test]
    async fn a_row_group_is_as_large_as_it_may_be_and_no_larger() {
        for (bytes, is_asked_for) in [(MAX_GROUP_BYTES, true), (MAX_GROUP_BYTES + 1, false)] {
            let key = ObjectKey::new("logs/class=short/dt=2026-11-21/x.parquet");
            let listed = Listed { key, bytes: bytes + 4, modified_millis: 0 };
            let chunk = Chunk {
                column: Column::Line,
                codec: Codec::None,
                bytes: 4..4 + bytes,
                nulls: None,
                min: None,
                max: None,
                bloom: None,
            };
            let mut file = OpenFile {
                source: Source::new(&listed),
                schema_version: 3,
                rows: 1,
                replaces: Vec::new(),
                row_groups: vec![RowGroup { rows: 1, chunks: vec![chunk] }],
            };
            let columns = ColumnSet::of(&[Column::Line]);
            // What is asked for is not there.
            let error = file.fetch(&MemoryArchive::default(), 0, columns).await.unwrap_err();
            assert_eq!(matches!(error, ReadError::Gone { .. }), is_asked_for, "{error:?}");
            assert_eq!(matches!(error, ReadError::Foreign { .. }), !is_asked_for, "{error:?}");
        }
    }
}
