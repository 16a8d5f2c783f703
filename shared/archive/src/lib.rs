//! The archive: how records become Parquet objects, under which keys they
//! stand, and what a store must be able to do. It knows nothing of S3.

mod key;
mod parquet_file;
pub mod retention;
mod schema;
mod store;

pub use key::{Day, LogKey, ObjectKey, QuarantineKeys, split_by_day};
pub use parquet_file::{ParquetEncoder, ParquetError, write_parquet};
pub use schema::SCHEMA_VERSION;
pub use store::{
    ArchiveStore, Deleted, Expiry, FolderArchive, FolderError, Listed, MAX_KEYS, MemoryArchive, MemoryError,
    ObjectReader, ObjectWriter, Put, check_archive_store, check_object_writer,
};
