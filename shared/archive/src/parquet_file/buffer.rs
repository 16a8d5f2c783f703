//! The rows of a row group, column by column, until there are enough of them.

use std::borrow::Cow;
use std::io::Write;

use parquet::errors::ParquetError;

use super::PAGE_ROWS;
use super::chunk::ChunkWriter;
use super::repeats::{Repeats, Rows};
use super::texts::Texts;
use crate::read::Column as Named;
use crate::row::StoredRow;
use crate::schema::{Columns, Storage, each_column};

/// A page ends with the row that makes its texts so many bytes, those of all
/// columns together that do not repeat.
const PAGE_TEXT_BYTES: usize = 2 << 20;

/// The values of a column.
#[derive(Debug)]
pub(super) enum Column {
    Longs(Repeats<Option<i64>>),
    Ints(Repeats<Option<i32>>),
    /// Their bits: 0 and -0 differ.
    Doubles(Repeats<Option<u64>>),
    Texts(Storage, Texts),
}

/// Rows that make one row group.
#[derive(Debug)]
pub(super) struct Buffer {
    columns: Vec<Column>,
    rows: usize,
    bytes: usize,
    /// Rows of each page, and the bytes of texts in the last.
    pages: Vec<usize>,
    page_bytes: usize,
}

impl Buffer {
    pub fn new() -> Result<Self, ParquetError> {
        let mut columns = New(Vec::new());
        each_column::<StoredRow<'_>>(&mut columns)?;
        Ok(Self { columns: columns.0, rows: 0, bytes: 0, pages: Vec::new(), page_bytes: 0 })
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes of the texts in it, without those of the rows that repeat.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Rows of each page.
    pub fn pages(&self) -> &[usize] {
        &self.pages
    }

    pub fn push(&mut self, row: &StoredRow<'_>) -> Result<(), ParquetError> {
        let mut bytes = 0;
        each_column(&mut Push { row, columns: self.columns.iter_mut(), bytes: &mut bytes })?;
        self.added(1, bytes);
        Ok(())
    }

    /// Rows were added to every column, with so many bytes of texts.
    pub(super) fn added(&mut self, rows: usize, bytes: usize) {
        match self.pages.last_mut() {
            Some(last) if *last + rows <= PAGE_ROWS && self.page_bytes < PAGE_TEXT_BYTES => *last += rows,
            _ => {
                self.pages.push(rows);
                self.page_bytes = 0;
            }
        }
        self.page_bytes += bytes;
        self.bytes += bytes;
        self.rows += rows;
    }

    pub(super) fn column(&mut self, column: Named) -> Option<&mut Column> {
        self.columns.get_mut(column as usize)
    }

    pub fn clear(&mut self) {
        (self.rows, self.bytes, self.page_bytes) = (0, 0, 0);
        self.pages.clear();
        for column in &mut self.columns {
            match column {
                Column::Longs(values) => values.clear(),
                Column::Ints(values) => values.clear(),
                Column::Doubles(values) => values.clear(),
                Column::Texts(_, texts) => texts.clear(),
            }
        }
    }

    /// Writes the columns.
    pub fn write<W: Write + Send>(&self, chunks: &mut ChunkWriter<'_, W>) -> Result<(), ParquetError> {
        let pages = self.pages.as_slice();
        for column in &self.columns {
            match column {
                Column::Longs(values) => match values.rows() {
                    Rows::Same(value) => chunks.longs(&repeat(value, pages))?,
                    Rows::Each(values) => chunks.longs(&split(values, pages))?,
                },
                Column::Ints(values) => match values.rows() {
                    Rows::Same(value) => chunks.ints(&repeat(value, pages))?,
                    Rows::Each(values) => chunks.ints(&split(values, pages))?,
                },
                Column::Doubles(values) => match values.rows() {
                    Rows::Same(value) => chunks.doubles(&repeat(value.map(f64::from_bits), pages))?,
                    Rows::Each(values) => {
                        let pages = split(values, pages).into_iter();
                        let pages: Vec<_> =
                            pages.map(|page| page.map(|bits| bits.map(f64::from_bits))).collect();
                        chunks.doubles(&pages)?;
                    }
                },
                Column::Texts(storage, texts) => {
                    if let Some((entries, indices)) = texts.dictionary() {
                        chunks.dictionary(*storage, entries, indices)?;
                        continue;
                    }
                    let mut start = 0;
                    let plain = |rows: usize| {
                        start += rows;
                        (rows, texts.plain(start - rows..start))
                    };
                    let pages: Vec<_> = texts.plain_pages(pages).into_iter().map(plain).collect();
                    chunks.plain(*storage, &pages)?;
                }
            }
        }
        Ok(())
    }
}

/// The values of each page.
fn split<'v, T: Copy>(
    values: &'v [Option<T>],
    pages: &[usize],
) -> Vec<impl Iterator<Item = Option<T>> + Clone + use<'v, T>> {
    let mut rest = values;
    pages
        .iter()
        .map(|rows| {
            let (page, after) = rest.split_at_checked(*rows).unwrap_or((rest, &[]));
            rest = after;
            page.iter().copied()
        })
        .collect()
}

/// The value of every row of each page.
fn repeat<T: Copy>(value: T, pages: &[usize]) -> Vec<impl Iterator<Item = T> + Clone + use<T>> {
    pages.iter().map(|rows| std::iter::repeat_n(value, *rows)).collect()
}

/// Makes the columns.
struct New(Vec<Column>);

impl New {
    fn add(&mut self, column: Column) -> Result<(), ParquetError> {
        self.0.push(column);
        Ok(())
    }
}

impl<R> Columns<R> for New {
    fn time(&mut self, _: &'static str, _: impl Fn(&R) -> Option<i64>) -> Result<(), ParquetError> {
        self.add(Column::Longs(Repeats::default()))
    }

    fn long(&mut self, _: &'static str, _: impl Fn(&R) -> Option<i64>) -> Result<(), ParquetError> {
        self.add(Column::Longs(Repeats::default()))
    }

    fn int(&mut self, _: &'static str, _: impl Fn(&R) -> Option<i32>) -> Result<(), ParquetError> {
        self.add(Column::Ints(Repeats::default()))
    }

    fn double(&mut self, _: &'static str, _: impl Fn(&R) -> Option<f64>) -> Result<(), ParquetError> {
        self.add(Column::Doubles(Repeats::default()))
    }

    fn text(
        &mut self,
        _: &'static str,
        storage: Storage,
        _: impl for<'r> Fn(&'r R) -> Option<&'r str>,
    ) -> Result<(), ParquetError> {
        self.add(Column::Texts(storage, Texts::default()))
    }

    fn made(
        &mut self,
        _: &'static str,
        storage: Storage,
        _: impl for<'r> Fn(&'r R) -> Option<Cow<'r, str>>,
    ) -> Result<(), ParquetError> {
        self.add(Column::Texts(storage, Texts::default()))
    }
}

/// Adds a row to the columns, which come in their order.
struct Push<'p, 'a> {
    row: &'p StoredRow<'a>,
    columns: std::slice::IterMut<'p, Column>,
    bytes: &'p mut usize,
}

impl Push<'_, '_> {
    fn push_text(&mut self, text: Option<&str>) -> Result<(), ParquetError> {
        if let Some(Column::Texts(_, texts)) = self.columns.next() {
            *self.bytes += texts.push(text);
        }
        Ok(())
    }

    fn push_long(&mut self, long: Option<i64>) -> Result<(), ParquetError> {
        if let Some(Column::Longs(values)) = self.columns.next() {
            values.push(long);
        }
        Ok(())
    }
}

impl<'a> Columns<StoredRow<'a>> for Push<'_, 'a> {
    fn time(
        &mut self,
        _: &'static str,
        value: impl Fn(&StoredRow<'a>) -> Option<i64>,
    ) -> Result<(), ParquetError> {
        self.push_long(value(self.row))
    }

    fn long(
        &mut self,
        _: &'static str,
        value: impl Fn(&StoredRow<'a>) -> Option<i64>,
    ) -> Result<(), ParquetError> {
        self.push_long(value(self.row))
    }

    fn int(
        &mut self,
        _: &'static str,
        value: impl Fn(&StoredRow<'a>) -> Option<i32>,
    ) -> Result<(), ParquetError> {
        if let Some(Column::Ints(values)) = self.columns.next() {
            values.push(value(self.row));
        }
        Ok(())
    }

    fn double(
        &mut self,
        _: &'static str,
        value: impl Fn(&StoredRow<'a>) -> Option<f64>,
    ) -> Result<(), ParquetError> {
        if let Some(Column::Doubles(values)) = self.columns.next() {
            values.push(value(self.row).map(f64::to_bits));
        }
        Ok(())
    }

    fn text(
        &mut self,
        _: &'static str,
        _: Storage,
        value: impl for<'r> Fn(&'r StoredRow<'a>) -> Option<&'r str>,
    ) -> Result<(), ParquetError> {
        self.push_text(value(self.row))
    }

    fn made(
        &mut self,
        _: &'static str,
        _: Storage,
        value: impl for<'r> Fn(&'r StoredRow<'a>) -> Option<Cow<'r, str>>,
    ) -> Result<(), ParquetError> {
        self.push_text(value(self.row).as_deref())
    }
}
