//! What the archive asks of an object store: ingest writes once, readers list
//! and read ranges, the compactor also deletes.

mod folder;
mod memory;
mod suite;

use std::future::Future;
use std::ops::Range;
use std::path::Path;

use bytes::Bytes;

use crate::key::ObjectKey;

pub use folder::{FolderArchive, FolderError};
pub use memory::{MemoryArchive, MemoryError};
pub use suite::{check_archive_store, check_object_writer};

/// The most keys a page of a listing holds, and the most that one deletion takes.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>,
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>.
pub const MAX_KEYS: usize = 1000;

/// What a conditional write found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// The object is new.
    Created,
    /// An object stood there already and was left as it is.
    AlreadyThere,
}

/// Whether lifecycle rules may remove an object when its time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// They may: what every object under `logs/` is written as.
    On,
    /// A hold keeps it.
    Held,
}

/// An object as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its key, which may be a foreign one.
    pub key: ObjectKey,
    /// Its size.
    pub bytes: u64,
    /// When it was written, in milliseconds since the epoch.
    pub modified_millis: i64,
}

/// What became of a deletion, key by key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct Deleted {
    /// These are gone, whether or not they were there.
    pub deleted: Vec<ObjectKey>,
    /// These are still there, each with the reason.
    pub failed: Vec<(ObjectKey, String)>,
}

/// An object store that can write an object once.
pub trait ArchiveStore: Send + Sync {
    /// Why a write failed.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Writes an object where none is. When this returns, the object is durable;
    /// under `logs/` its [`Expiry`] is on.
    fn put_if_absent(
        &self,
        key: &ObjectKey,
        body: Bytes,
    ) -> impl Future<Output = Result<Put, Self::Error>> + Send;
}

/// An object store that can be read.
pub trait ObjectReader: Send + Sync {
    /// Why a call failed.
    type Error: std::error::Error + Send + Sync + 'static;

    /// One page of the objects whose keys begin with `prefix` and come behind
    /// `after`, in the order of their keys' bytes: at most [`MAX_KEYS`], and none
    /// only at the end.
    fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
    ) -> impl Future<Output = Result<Vec<Listed>, Self::Error>> + Send;

    /// The folders directly below `prefix`, which ends in `/`, each as a prefix of its own.
    fn folders(&self, prefix: &str) -> impl Future<Output = Result<Vec<String>, Self::Error>> + Send;

    /// An object; `None` where there is none.
    fn get(&self, key: &ObjectKey) -> impl Future<Output = Result<Option<Bytes>, Self::Error>> + Send;

    /// Some of an object's bytes, fewer where it ends sooner; `None` where there
    /// is no object. `range` is not empty and begins within the object.
    fn get_range(
        &self,
        key: &ObjectKey,
        range: Range<u64>,
    ) -> impl Future<Output = Result<Option<Bytes>, Self::Error>> + Send;
}

/// An object store in which objects are replaced by others.
pub trait ObjectWriter: ObjectReader + ArchiveStore<Error = <Self as ObjectReader>::Error> {
    /// Writes a file where no object is. When this returns, the object is durable.
    /// Nobody writes to the file afterwards: it may have become the object.
    fn put_file_if_absent(
        &self,
        key: &ObjectKey,
        file: &Path,
        expiry: Expiry,
    ) -> impl Future<Output = Result<Put, <Self as ObjectReader>::Error>> + Send;

    /// Deletes up to [`MAX_KEYS`] objects, some of which may stay: the answer says which.
    fn delete(
        &self,
        keys: &[ObjectKey],
    ) -> impl Future<Output = Result<Deleted, <Self as ObjectReader>::Error>> + Send;

    /// Sets whether an object expires, in place; `false` where there is none.
    fn set_expiry(
        &self,
        key: &ObjectKey,
        expiry: Expiry,
    ) -> impl Future<Output = Result<bool, <Self as ObjectReader>::Error>> + Send;

    /// Whether an object expires; `None` where there is none.
    fn expiry(
        &self,
        key: &ObjectKey,
    ) -> impl Future<Output = Result<Option<Expiry>, <Self as ObjectReader>::Error>> + Send;
}
