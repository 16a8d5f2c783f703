//! The columns of rows, one after the other.

use std::borrow::Cow;
use std::io::Write;

use parquet::errors::ParquetError;

use super::ChunkWriter;
use crate::row::Row;
use crate::schema::{Columns, Storage};

/// The columns of rows that lie in memory one after the other.
pub(in crate::parquet_file) struct RowColumns<'w, 'e, 'r, R, W: Write + Send> {
    pub chunks: &'w mut ChunkWriter<'e, W>,
    pub pages: &'w [&'r [R]],
}

impl<R: Row, W: Write + Send> Columns<R> for RowColumns<'_, '_, '_, R, W> {
    fn time(&mut self, _: &'static str, value: impl Fn(&R) -> Option<i64>) -> Result<(), ParquetError> {
        self.chunks.longs(&numbers(self.pages, &value))
    }

    fn long(&mut self, _: &'static str, value: impl Fn(&R) -> Option<i64>) -> Result<(), ParquetError> {
        self.chunks.longs(&numbers(self.pages, &value))
    }

    fn int(&mut self, _: &'static str, value: impl Fn(&R) -> Option<i32>) -> Result<(), ParquetError> {
        self.chunks.ints(&numbers(self.pages, &value))
    }

    fn double(&mut self, _: &'static str, value: impl Fn(&R) -> Option<f64>) -> Result<(), ParquetError> {
        self.chunks.doubles(&numbers(self.pages, &value))
    }

    fn text(
        &mut self,
        _: &'static str,
        storage: Storage,
        value: impl for<'x> Fn(&'x R) -> Option<&'x str>,
    ) -> Result<(), ParquetError> {
        let pages: Vec<_> = self.pages.iter().map(|page| page.iter().map(&value)).collect();
        self.chunks.texts(storage, &pages)
    }

    fn made(
        &mut self,
        _: &'static str,
        storage: Storage,
        value: impl for<'x> Fn(&'x R) -> Option<Cow<'x, str>>,
    ) -> Result<(), ParquetError> {
        let made: Vec<Vec<_>> = self.pages.iter().map(|page| page.iter().map(&value).collect()).collect();
        let pages: Vec<_> = made.iter().map(|page| page.iter().map(Option::as_deref)).collect();
        self.chunks.texts(storage, &pages)
    }
}

/// The numbers of each page.
fn numbers<'x, R, T>(
    pages: &'x [&[R]],
    value: &'x impl Fn(&R) -> Option<T>,
) -> Vec<impl Iterator<Item = Option<T>> + Clone> {
    pages.iter().map(|page| page.iter().map(value)).collect()
}
