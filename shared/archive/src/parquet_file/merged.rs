//! Sorted rows to one merged Parquet file, row group by row group.

use std::fmt;
use std::io::Write;
use std::sync::Arc;

use parquet::errors::ParquetError;
use parquet::file::metadata::{
    FileMetaData, KeyValue, ParquetMetaData, ParquetMetaDataWriter, RowGroupMetaData,
};
use parquet::file::writer::TrackedWrite;
use parquet::schema::types::SchemaDescriptor;
use sha2::{Digest, Sha256};
use zstd::bulk::Compressor;

use super::buffer::Buffer;
use super::chunk::{ChunkWriter, Effort, Scratch};
use super::{CREATED_BY, FORMAT_VERSION, MAGIC, ZSTD_LEVEL, as_i64};
use crate::fold::Folder;
use crate::key::ObjectKey;
use crate::read::{Columns, Place};
use crate::row::StoredRow;
use crate::schema::{
    LITERAL_SCHEMA_VERSION, MERGE_KEY, REPLACES_KEY, SCHEMA_VERSION, SCHEMA_VERSION_KEY, parquet_schema,
};

/// A row group is written when its texts are of this many bytes …
const ROW_GROUP_BYTES: usize = 16 << 20;

/// … or when it has about this many rows.
const ROW_GROUP_ROWS: usize = 1 << 17;

/// What a finished file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Rows in the file.
    pub rows: u64,
    /// The least `timestamp` of its rows; 0 where none has one.
    pub first_millis: i64,
    /// The greatest.
    pub last_millis: i64,
    /// Bytes of the file.
    pub bytes: u64,
    /// 32 hexadecimal digits of a hash of the file's bytes.
    pub id_hex: String,
}

/// Writes rows, in the order given, to one merged file. Holds one row group at most.
pub struct MergedWriter<W: Write + Send> {
    sink: TrackedWrite<Hashed<W>>,
    schema: Arc<SchemaDescriptor>,
    zstd: Compressor<'static>,
    scratch: Scratch,
    folder: Folder,
    buffer: Buffer,
    row_groups: Vec<RowGroupMetaData>,
    first_millis: Option<i64>,
    last_millis: Option<i64>,
    merge_id: Option<String>,
    is_literal: bool,
}

impl<W: Write + Send> fmt::Debug for MergedWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MergedWriter").field("row_groups", &self.row_groups.len()).finish_non_exhaustive()
    }
}

impl<W: Write + Send> MergedWriter<W> {
    /// A writer of one file to `sink`. Errors mean no memory, or are the sink's.
    pub fn new(sink: W) -> Result<Self, ParquetError> {
        let mut sink = TrackedWrite::new(Hashed { sink, hash: Sha256::new() });
        sink.write_all(MAGIC)?;
        Ok(Self {
            sink,
            schema: parquet_schema()?,
            zstd: Compressor::new(ZSTD_LEVEL)?,
            scratch: Scratch::default(),
            folder: Folder::new(),
            buffer: Buffer::new()?,
            row_groups: Vec::new(),
            first_millis: None,
            last_millis: None,
            merge_id: None,
            is_literal: false,
        })
    }

    /// Stores rows as they are given, for readers that know nothing of folding:
    /// larger, and plain to whoever opens the file.
    pub fn literal(mut self) -> Self {
        self.is_literal = true;
        self
    }

    /// Names the merge that the file is a part of.
    pub fn of_merge(mut self, id: impl Into<String>) -> Self {
        self.merge_id = Some(id.into());
        self
    }

    /// Takes rows from the first on, one at least; how many it took. Folds them where
    /// an input's are not. Writes a row group when one is full.
    pub(crate) fn push_merged(
        &mut self,
        inputs: &[&Columns],
        places: &[Place],
    ) -> Result<usize, ParquetError> {
        if !inputs.iter().all(|input| input.is_folded()) {
            for place in places {
                let row = inputs.get(place.input as usize).map(|input| input.row(place.row));
                self.push(&row.unwrap_or_default())?;
            }
            return Ok(places.len());
        }
        let added = self.buffer.gather(inputs, places);
        if let Some((first, last)) = added.millis {
            self.saw(first);
            self.saw(last);
        }
        self.write_full()?;
        Ok(added.rows)
    }

    fn saw(&mut self, millis: i64) {
        self.first_millis = Some(self.first_millis.map_or(millis, |first| first.min(millis)));
        self.last_millis = Some(self.last_millis.map_or(millis, |last| last.max(millis)));
    }

    fn write_full(&mut self) -> Result<(), ParquetError> {
        if self.buffer.bytes() >= ROW_GROUP_BYTES || self.buffer.rows() >= ROW_GROUP_ROWS {
            self.write_row_group()?;
        }
        Ok(())
    }

    /// Takes a row, literal or folded; writes a row group when one is full.
    pub fn push(&mut self, row: &StoredRow<'_>) -> Result<(), ParquetError> {
        row.timestamp.into_iter().for_each(|millis| self.saw(millis));
        if self.is_literal {
            self.buffer.push(row)?;
        } else {
            self.buffer.push(&self.folder.fold_row(row))?;
        }
        self.write_full()
    }

    /// Bytes of the file so far, without the rows that wait for their row group.
    pub fn bytes_written(&self) -> u64 {
        self.sink.bytes_written() as u64
    }

    /// Writes what is left and the metadata. `replaces` are the keys of what the
    /// merge replaces, in its last part: all of one partition.
    pub fn finish(mut self, replaces: &[ObjectKey]) -> Result<Written, ParquetError> {
        if self.buffer.rows() > 0 {
            self.write_row_group()?;
        }
        let rows: i64 = self.row_groups.iter().map(RowGroupMetaData::num_rows).sum();
        let version = if self.is_literal { LITERAL_SCHEMA_VERSION } else { SCHEMA_VERSION };
        let mut pairs = vec![KeyValue::new(SCHEMA_VERSION_KEY.to_owned(), version.to_owned())];
        if let Some(id) = self.merge_id {
            pairs.push(KeyValue::new(MERGE_KEY.to_owned(), id));
        }
        if !replaces.is_empty() {
            let keys: Vec<_> = replaces.iter().map(ObjectKey::as_str).collect();
            pairs.push(KeyValue::new(REPLACES_KEY.to_owned(), keys.join("\n")));
        }
        let metadata = FileMetaData::new(
            FORMAT_VERSION,
            rows,
            Some(CREATED_BY.to_owned()),
            Some(pairs),
            Arc::clone(&self.schema),
            None,
        );
        let metadata = ParquetMetaData::new(metadata, self.row_groups);
        ParquetMetaDataWriter::new(&mut self.sink, &metadata).finish()?;
        self.sink.flush()?;
        let bytes = self.sink.bytes_written() as u64;
        let digest = self.sink.into_inner()?.hash.finalize();
        Ok(Written {
            rows: u64::try_from(rows).unwrap_or_default(),
            first_millis: self.first_millis.unwrap_or_default(),
            last_millis: self.last_millis.unwrap_or_default(),
            bytes,
            id_hex: digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect(),
        })
    }

    fn write_row_group(&mut self) -> Result<(), ParquetError> {
        let start = self.sink.bytes_written();
        let rows = self.buffer.rows();
        let mut chunks = ChunkWriter::new(
            &self.schema,
            Effort::Thorough,
            &mut self.zstd,
            &mut self.scratch,
            self.buffer.pages(),
            &mut self.sink,
        );
        self.buffer.write(&mut chunks)?;
        let columns = chunks.finish()?;
        self.row_groups.push(
            RowGroupMetaData::builder(Arc::clone(&self.schema))
                .set_num_rows(as_i64(rows))
                .set_total_byte_size(columns.iter().map(|column| column.uncompressed_size()).sum())
                .set_column_metadata(columns)
                .set_ordinal(i32::try_from(self.row_groups.len()).unwrap_or(i32::MAX))
                .set_file_offset(as_i64(start))
                .build()?,
        );
        self.buffer.clear();
        Ok(())
    }
}

/// Hashes what it passes on.
struct Hashed<W> {
    sink: W,
    hash: Sha256,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.sink.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.sink.flush()
    }
}
