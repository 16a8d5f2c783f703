//! What a file's footer says: which columns there are, where their pages
//! stand, and what is known of the values.
//!
//! <https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift>

use std::ops::Range;

use super::Damage;
use super::column::{Column, Physical};
use super::thrift::{Kind, Thrift};
use crate::schema::{REPLACES_KEY, SCHEMA_VERSION, SCHEMA_VERSION_KEY};

/// What a file ends with: the footer's length and `PAR1`.
pub(super) const TAIL_BYTES: u64 = 8;

const MAGIC: &[u8] = b"PAR1";

/// A footer that is longer is not ours: one of a file of 512 MB has about 0.5 MB.
pub(super) const MAX_FOOTER_BYTES: u64 = 8 << 20;

/// More leaf columns than this are not ours.
const MAX_LEAVES: usize = 1000;

/// More row groups than this are not ours.
const MAX_ROW_GROUPS: usize = 4096;

/// A row group of more rows is not ours; row numbers within one are `u32`.
const MAX_GROUP_ROWS: u64 = 1 << 24;

/// How pages are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    None,
    Zstd,
}

/// Where the pages of a column of a row group stand, and what they hold.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    pub column: Column,
    pub codec: Codec,
    /// The bytes of its pages, headers included.
    pub bytes: Range<u64>,
    pub nulls: Option<u64>,
    /// Plain-encoded; absent where the writer left it out.
    pub min: Option<Box<[u8]>>,
    pub max: Option<Box<[u8]>>,
    /// Header and bits.
    pub bloom: Option<Range<u64>>,
}

/// Rows that are stored together.
#[derive(Debug, Clone)]
pub(super) struct RowGroup {
    pub rows: u32,
    pub chunks: Vec<Chunk>,
}

impl RowGroup {
    pub fn chunk(&self, column: Column) -> Option<&Chunk> {
        self.chunks.iter().find(|chunk| chunk.column == column)
    }
}

/// What is read before anything else.
#[derive(Debug, Clone)]
pub(super) struct Footer {
    pub rows: u64,
    pub schema_version: u8,
    pub row_groups: Vec<RowGroup>,
    /// `catchment.replaces` as it stands there.
    pub replaces: Option<String>,
}

/// The footer's length, from the file's last [`TAIL_BYTES`].
pub(super) fn footer_bytes(tail: &[u8], file_bytes: u64) -> Result<u64, Damage> {
    let no_parquet = Damage::new("it does not end as a Parquet file does");
    let Some((length, magic)) = tail.split_first_chunk::<4>() else {
        return Err(no_parquet);
    };
    if magic != MAGIC {
        return Err(no_parquet);
    }
    let length = u64::from(u32::from_le_bytes(*length));
    if length > MAX_FOOTER_BYTES {
        return Err(Damage::new(format!(
            "its footer has {length} bytes, more than {MAX_FOOTER_BYTES} bytes are not ours"
        )));
    }
    if length + TAIL_BYTES + MAGIC.len() as u64 > file_bytes {
        return Err(Damage::new("its footer is longer than the file"));
    }
    Ok(length)
}

impl Footer {
    /// Reads a footer without its tail; `file_bytes` is the file's size.
    pub fn parse(bytes: &[u8], file_bytes: u64) -> Result<Self, Damage> {
        let mut thrift = Thrift::new(bytes);
        let (mut leaves, mut row_groups, mut pairs, mut rows) = (None, Vec::new(), Pairs::default(), 0);
        let mut last = 0;
        while let Some((id, kind)) = thrift.field(&mut last)? {
            match (id, kind) {
                (2, Kind::List) => leaves = Some(schema(&mut thrift)?),
                (3, Kind::Int) => rows = thrift.size()?,
                (4, Kind::List) => {
                    let leaves = leaves.as_deref().ok_or(Damage::new("its footer has no schema"))?;
                    row_groups = structures(&mut thrift, MAX_ROW_GROUPS, |thrift| {
                        row_group(thrift, leaves, file_bytes)
                    })?;
                }
                (5, Kind::List) => pairs = key_values(&mut thrift)?,
                (_, kind) => thrift.skip(kind)?,
            }
        }
        let in_groups: u64 = row_groups.iter().map(|group| u64::from(group.rows)).sum();
        if rows != in_groups {
            return Err(Damage::new("its row groups have another number of rows than it says"));
        }
        Ok(Self { rows, schema_version: pairs.version()?, row_groups, replaces: pairs.replaces })
    }
}

#[derive(Default)]
struct Pairs {
    version: Option<String>,
    replaces: Option<String>,
}

impl Pairs {
    fn version(&self) -> Result<u8, Damage> {
        let version = self.version.as_deref().ok_or(Damage::new("it does not say that it is Catchment's"))?;
        let newest: u8 = SCHEMA_VERSION.parse().unwrap_or(u8::MAX);
        match version.parse() {
            Ok(number) if (1..=newest).contains(&number) => Ok(number),
            _ => Err(Damage::new(format!(
                "its schema version is {version:?}, and this program reads 1 to {SCHEMA_VERSION}; \
                 a newer Catchment may have written it"
            ))),
        }
    }
}

/// Reads a list of structures.
fn structures<T>(
    thrift: &mut Thrift<'_>,
    most: usize,
    mut read: impl FnMut(&mut Thrift<'_>) -> Result<T, Damage>,
) -> Result<Vec<T>, Damage> {
    let (count, kind) = thrift.list()?;
    if count > most || (kind != Kind::Struct && count > 0) {
        return Err(Damage::new("its metadata has a list that is not ours"));
    }
    (0..count).map(|_| read(thrift)).collect()
}

/// The column of each leaf; `None` for one that is none of ours.
fn schema(thrift: &mut Thrift<'_>) -> Result<Vec<Option<Column>>, Damage> {
    let elements = structures(thrift, MAX_LEAVES + 1, |thrift| {
        let (mut physical, mut repetition, mut name, mut children) = (None, None, String::new(), 0);
        let mut last = 0;
        while let Some((id, kind)) = thrift.field(&mut last)? {
            match (id, kind) {
                (1, Kind::Int) => physical = Some(thrift.int()?),
                (3, Kind::Int) => repetition = Some(thrift.int()?),
                (4, Kind::Bytes) => name = thrift.text()?.to_owned(),
                (5, Kind::Int) => children = thrift.int()?,
                (_, kind) => thrift.skip(kind)?,
            }
        }
        Ok((physical, repetition, name, children))
    })?;
    let [_, leaves @ ..] = elements.as_slice() else {
        return Err(Damage::new("its schema is empty"));
    };
    let leaf = |(physical, repetition, name, children): &(Option<i64>, Option<i64>, String, i64)| {
        if *children != 0 {
            return Err(Damage::new(format!("its column {name:?} is nested")));
        }
        let Some(column) = Column::from_name(name) else { return Ok(None) };
        let expected = match column.physical() {
            Physical::Int32 => 1,
            Physical::Int64 => 2,
            Physical::Double => 5,
            Physical::Text => 6,
        };
        // Optional, as all of ours are.
        if (*physical, *repetition) != (Some(expected), Some(1)) {
            return Err(Damage::new(format!("its column {name:?} is of another type than ours")));
        }
        Ok(Some(column))
    };
    let leaves: Vec<_> = leaves.iter().map(leaf).collect::<Result<_, _>>()?;
    let mut seen = super::column::ColumnSet::default();
    for column in leaves.iter().flatten() {
        if seen.has(*column) {
            return Err(Damage::new(format!("it has two columns {:?}", column.name())));
        }
        seen = seen.and(super::column::ColumnSet::of(&[*column]));
    }
    Ok(leaves)
}

fn key_values(thrift: &mut Thrift<'_>) -> Result<Pairs, Damage> {
    let mut pairs = Pairs::default();
    structures(thrift, usize::MAX, |thrift| {
        let (mut key, mut value) = ("", None);
        let mut last = 0;
        while let Some((id, kind)) = thrift.field(&mut last)? {
            match (id, kind) {
                (1, Kind::Bytes) => key = thrift.text()?,
                (2, Kind::Bytes) => value = Some(thrift.text()?.to_owned()),
                (_, kind) => thrift.skip(kind)?,
            }
        }
        match key {
            SCHEMA_VERSION_KEY => pairs.version = value,
            REPLACES_KEY => pairs.replaces = value,
            _ => {}
        }
        Ok(())
    })?;
    Ok(pairs)
}

fn row_group(
    thrift: &mut Thrift<'_>,
    leaves: &[Option<Column>],
    file_bytes: u64,
) -> Result<RowGroup, Damage> {
    let (mut rows, mut chunks) = (0, Vec::new());
    let mut last = 0;
    while let Some((id, kind)) = thrift.field(&mut last)? {
        match (id, kind) {
            (1, Kind::List) => {
                let mut leaf = leaves.iter();
                let found = structures(thrift, leaves.len(), |thrift| {
                    let column = leaf.next().copied().flatten();
                    column_chunk(thrift, column, file_bytes)
                })?;
                if found.len() != leaves.len() {
                    return Err(Damage::new("a row group has fewer columns than the schema"));
                }
                chunks = found.into_iter().flatten().collect();
            }
            (3, Kind::Int) => rows = thrift.size()?,
            (_, kind) => thrift.skip(kind)?,
        }
    }
    if rows > MAX_GROUP_ROWS {
        return Err(Damage::new(format!(
            "a row group has {rows} rows, more than {MAX_GROUP_ROWS} are not ours"
        )));
    }
    Ok(RowGroup { rows: rows as u32, chunks })
}

/// Reads a column chunk; `None` where the column is none of ours.
fn column_chunk(
    thrift: &mut Thrift<'_>,
    column: Option<Column>,
    file_bytes: u64,
) -> Result<Option<Chunk>, Damage> {
    let mut found = None;
    let mut last = 0;
    while let Some((id, kind)) = thrift.field(&mut last)? {
        match (id, kind, column) {
            (3, Kind::Struct, Some(column)) => {
                found = Some(column_metadata(thrift, column, file_bytes)?);
            }
            (_, kind, _) => thrift.skip(kind)?,
        }
    }
    match (column, found) {
        (Some(column), None) => {
            Err(Damage::new(format!("it does not say where the pages of {:?} are", column.name())))
        }
        (_, found) => Ok(found),
    }
}

fn column_metadata(thrift: &mut Thrift<'_>, column: Column, file_bytes: u64) -> Result<Chunk, Damage> {
    let (mut codec, mut length, mut data_at, mut dictionary_at) = (0, 0, None, None);
    let (mut bloom_at, mut bloom_length) = (None, None);
    let (mut nulls, mut min, mut max) = (None, None, None);
    let mut last = 0;
    while let Some((id, kind)) = thrift.field(&mut last)? {
        match (id, kind) {
            (4, Kind::Int) => codec = thrift.int()?,
            (7, Kind::Int) => length = thrift.size()?,
            (9, Kind::Int) => data_at = Some(thrift.size()?),
            (11, Kind::Int) => dictionary_at = Some(thrift.size()?),
            (12, Kind::Struct) => {
                let mut last = 0;
                while let Some((id, kind)) = thrift.field(&mut last)? {
                    match (id, kind) {
                        (3, Kind::Int) => nulls = Some(thrift.size()?),
                        (5, Kind::Bytes) => max = Some(thrift.bytes()?.into()),
                        (6, Kind::Bytes) => min = Some(thrift.bytes()?.into()),
                        (_, kind) => thrift.skip(kind)?,
                    }
                }
            }
            (14, Kind::Int) => bloom_at = Some(thrift.size()?),
            (15, Kind::Int) => bloom_length = Some(thrift.size()?),
            (_, kind) => thrift.skip(kind)?,
        }
    }
    let codec = match codec {
        0 => Codec::None,
        6 => Codec::Zstd,
        other => {
            return Err(Damage::new(format!(
                "column {:?} is compressed with codec {other}, which none of ours is",
                column.name()
            )));
        }
    };
    let within = |start: u64, length: u64| {
        let end = start.checked_add(length).filter(|end| *end <= file_bytes);
        end.map(|end| start..end)
            .ok_or_else(|| Damage::new(format!("column {:?} reaches beyond the file", column.name())))
    };
    let data_at = data_at.ok_or(Damage::new("a column chunk has no pages"))?;
    // Some writers say 0 where there is no dictionary.
    let start = dictionary_at.filter(|at| *at > 0 && *at < data_at).unwrap_or(data_at);
    let bytes = within(start, length)?;
    let bloom = match (bloom_at, bloom_length) {
        (Some(at), Some(length)) => Some(within(at, length)?),
        _ => None,
    };
    Ok(Chunk { column, codec, bytes, nulls, min, max, bloom })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_footer_is_as_long_as_it_may_be_and_no_longer() {
        let tail = |length: u64| [&(length as u32).to_le_bytes()[..], MAGIC].concat();
        let largest = MAX_FOOTER_BYTES;
        assert_eq!(footer_bytes(&tail(largest), largest + 12), Ok(largest));
        assert!(footer_bytes(&tail(largest), largest + 11).is_err());
        assert!(footer_bytes(&tail(largest + 1), u64::MAX).is_err());
        assert!(footer_bytes(b"\0\0\0\0PAR2", 100).is_err());
        assert!(footer_bytes(b"PAR1", 100).is_err());
    }

    /// A length or a count, as Thrift's compact protocol has it.
    fn varint(mut number: u64, out: &mut Vec<u8>) {
        while number >= 0x80 {
            out.push(number as u8 | 0x80);
            number >>= 7;
        }
        out.push(number as u8);
    }

    /// A list of equal structures.
    fn structs(field: u8, count: usize, each: &[u8], out: &mut Vec<u8>) {
        out.extend([field, 0xfc]);
        varint(count as u64, out);
        (0..count).for_each(|_| out.extend_from_slice(each));
    }

    /// A footer of a file that has only columns that nobody knows.
    fn footer(leaves: usize, groups: usize, rows_each: u64) -> Result<Footer, Damage> {
        let mut out = Vec::new();
        // The root, which is not looked at, and leaves: their name alone.
        structs(0x29, 1 + leaves, b"\x48\x01x\0", &mut out);
        out.push(0x16);
        varint(2 * rows_each * groups as u64, &mut out);
        let mut group = Vec::new();
        structs(0x19, leaves, b"\0", &mut group);
        group.push(0x26);
        varint(2 * rows_each, &mut group);
        group.push(0);
        structs(0x19, groups, &group, &mut out);
        let pair =
            [b"\x18\x18", SCHEMA_VERSION_KEY.as_bytes(), b"\x18\x01", SCHEMA_VERSION.as_bytes(), b"\0"];
        structs(0x19, 1, &pair.concat(), &mut out);
        out.push(0);
        assert_eq!(SCHEMA_VERSION_KEY.len(), 0x18);
        Footer::parse(&out, 1000)
    }

    #[test]
    fn columns_row_groups_and_rows_are_as_many_as_they_may_be_and_no_more() {
        let refused = |result: Result<Footer, Damage>| result.unwrap_err().to_string();
        assert_eq!(footer(3, 2, 5).unwrap().rows, 10);
        assert!(footer(MAX_LEAVES, 1, 1).is_ok());
        assert!(refused(footer(MAX_LEAVES + 1, 1, 1)).contains("a list that is not ours"));
        assert_eq!(footer(1, MAX_ROW_GROUPS, 1).unwrap().row_groups.len(), MAX_ROW_GROUPS);
        assert!(refused(footer(1, MAX_ROW_GROUPS + 1, 1)).contains("a list that is not ours"));
        assert_eq!(footer(1, 1, MAX_GROUP_ROWS).unwrap().rows, MAX_GROUP_ROWS);
        assert!(refused(footer(1, 1, MAX_GROUP_ROWS + 1)).contains("more than 16777216 are not ours"));
    }
}
