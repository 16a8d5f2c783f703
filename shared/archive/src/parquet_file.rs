//! Records to one Parquet file: zstd, rows in the order given (by time), one row group.
//!
//! The crate `parquet` writes what makes it a Parquet file: page headers, bloom
//! filters, metadata, schema. The values are laid into the pages here, straight
//! from the records, into buffers and with a zstd context that are used again
//! for the next file: a small file costs little else (ADR 0013).

mod buffer;
mod chunk;
mod dictionary;
pub(crate) mod encoding;
mod gather;
mod merged;
mod repeats;
mod texts;

use std::cell::RefCell;
use std::fmt;
use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use catchment_record::LogRecord;
pub use parquet::errors::ParquetError;
use parquet::file::metadata::{
    FileMetaData, KeyValue, ParquetMetaData, ParquetMetaDataWriter, RowGroupMetaData,
};
use parquet::file::writer::TrackedWrite;
use parquet::schema::types::SchemaDescriptor;
use zstd::bulk::Compressor;

use crate::row::{NewRow, NewRows};
use crate::schema::{SCHEMA_VERSION, SCHEMA_VERSION_KEY, each_column, parquet_schema};
use chunk::{ChunkWriter, Effort, MAX_KEPT_BYTES, RowColumns, Scratch};
pub use merged::{MergedWriter, Written};

/// Lines of about this many bytes make a page, one line at least: what a reader
/// must hold in memory to see one value.
const PAGE_BYTES: usize = 1 << 18;

/// A page has at most this many rows.
const PAGE_ROWS: usize = 20_000;

/// What zstd does is worth its time up to here. In merged files level 3 would
/// be larger for texts full of numbers: it takes short matches that do not pay.
const ZSTD_LEVEL: i32 = 1;

/// What a Parquet file begins with.
const MAGIC: &[u8] = b"PAR1";

/// The version in the file's metadata: data pages are of version 1.
const FORMAT_VERSION: i32 = 1;

/// In the one form that parquet-java reads; it distrusts files that it cannot name.
/// <https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift> (`created_by`)
const CREATED_BY: &str = concat!("catchment version ", env!("CARGO_PKG_VERSION"));

/// Writes Parquet files, one after the other, with the same buffers.
pub struct ParquetEncoder {
    schema: Arc<SchemaDescriptor>,
    zstd: Compressor<'static>,
    scratch: Scratch,
    rows: NewRows,
    /// How large the last file was: about as large is the next.
    file_bytes: usize,
}

impl fmt::Debug for ParquetEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParquetEncoder").finish_non_exhaustive()
    }
}

impl ParquetEncoder {
    /// An encoder; errors mean no memory.
    pub fn new() -> Result<Self, ParquetError> {
        Ok(Self {
            schema: parquet_schema()?,
            zstd: Compressor::new(ZSTD_LEVEL)?,
            scratch: Scratch::default(),
            rows: NewRows::new(),
            file_bytes: 0,
        })
    }

    /// Writes the records as one Parquet file. Errors mean a bug or no memory:
    /// no record is too odd to be written.
    pub fn encode(&mut self, records: &[LogRecord<'_>]) -> Result<Bytes, ParquetError> {
        let mut sink = TrackedWrite::new(Vec::with_capacity(self.file_bytes));
        sink.write_all(MAGIC)?;
        let mut row_groups = Vec::new();
        if !records.is_empty() {
            let row_group = self.row_group(records, &mut sink);
            self.rows.clear(MAX_KEPT_BYTES);
            row_groups.push(row_group?);
        }
        let metadata = FileMetaData::new(
            FORMAT_VERSION,
            row_groups.iter().map(RowGroupMetaData::num_rows).sum(),
            Some(CREATED_BY.to_owned()),
            Some(vec![KeyValue::new(SCHEMA_VERSION_KEY.to_owned(), SCHEMA_VERSION.to_owned())]),
            Arc::clone(&self.schema),
            None,
        );
        let mut file = sink.into_inner()?;
        ParquetMetaDataWriter::new(&mut file, &ParquetMetaData::new(metadata, row_groups)).finish()?;
        self.file_bytes = file.len().min(MAX_KEPT_BYTES);
        Ok(Bytes::from(file))
    }

    fn row_group(
        &mut self,
        records: &[LogRecord<'_>],
        sink: &mut TrackedWrite<Vec<u8>>,
    ) -> Result<RowGroupMetaData, ParquetError> {
        let start = sink.bytes_written();
        let folded = self.rows.fold(records);
        let rows = self.rows.rows(records, &folded);
        let pages = pages(&rows);
        let page_rows: Vec<_> = pages.iter().map(|page| page.len()).collect();
        let mut chunks = ChunkWriter::new(
            &self.schema,
            Effort::Quick,
            &mut self.zstd,
            &mut self.scratch,
            &page_rows,
            sink,
        );
        each_column(&mut RowColumns { chunks: &mut chunks, pages: &pages })?;
        let columns = chunks.finish()?;
        RowGroupMetaData::builder(Arc::clone(&self.schema))
            .set_num_rows(as_i64(rows.len()))
            .set_total_byte_size(columns.iter().map(|column| column.uncompressed_size()).sum())
            .set_column_metadata(columns)
            .set_ordinal(0)
            .set_file_offset(as_i64(start))
            .build()
    }
}

/// Writes the records as one Parquet file, with the encoder that this thread
/// keeps. Errors mean a bug or no memory: no record is too odd to be written.
pub fn write_parquet(records: &[LogRecord<'_>]) -> Result<Bytes, ParquetError> {
    thread_local!(static ENCODER: RefCell<Option<ParquetEncoder>> = const { RefCell::new(None) });
    ENCODER.with_borrow_mut(|encoder| match encoder {
        Some(encoder) => encoder.encode(records),
        None => encoder.insert(ParquetEncoder::new()?).encode(records),
    })
}

/// The rows of each page, the same in every column.
fn pages<'s, 'r>(rows: &'s [NewRow<'r>]) -> Vec<&'s [NewRow<'r>]> {
    let (mut pages, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (at, row) in rows.iter().enumerate() {
        let is_full = bytes + row.record.line.len() > PAGE_BYTES || at - start == PAGE_ROWS;
        if is_full && at > start {
            pages.extend(rows.get(start..at));
            (start, bytes) = (at, 0);
        }
        bytes += row.record.line.len();
    }
    pages.extend(rows.get(start..));
    pages
}

fn as_i64(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
