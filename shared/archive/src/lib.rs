//! The archive: how records become Parquet objects, under which keys they
//! stand, and what a store must be able to do. It knows nothing of S3.

pub mod compact;
mod event_id;
mod fold;
mod key;
mod parquet_file;
pub mod query;
mod read;
pub mod retention;
mod row;
mod schema;
mod store;

pub use fold::escape_line;
pub use key::{Day, LogKey, ObjectKey, QuarantineKeys, split_by_day};
pub use parquet_file::{MergedWriter, ParquetEncoder, ParquetError, Written, write_parquet};
pub use read::{
    ArchiveReader, ArchiveRows, Batch, Column, ColumnSet, Filter, Follower, Lookup, Merge, MergeInput,
    MergeLimits, Merged, OpenFile, Order, ReadCounts, ReadError, Rows, Skipped, Sweep, TimeRange,
};
pub use row::StoredRow;
pub use schema::{MERGE_KEY, REPLACES_KEY, SCHEMA_VERSION, SCHEMA_VERSION_KEY};
pub use store::{
    ArchiveStore, Deleted, Expiry, FolderArchive, FolderError, Listed, MAX_KEYS, MemoryArchive, MemoryError,
    ObjectReader, ObjectWriter, Put, check_archive_store, check_object_writer,
};
