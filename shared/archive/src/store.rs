//! What the archive asks of an object store: write once.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use crate::key::ObjectKey;

/// What a conditional write found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// The object is new.
    Created,
    /// An object stood there already and was left as it is.
    AlreadyThere,
}

/// An object store that can write an object once.
pub trait ArchiveStore: Send + Sync {
    /// Why a write failed.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Writes an object where none is. When this returns, the object is durable.
    fn put_if_absent(
        &self,
        key: &ObjectKey,
        body: Bytes,
    ) -> impl Future<Output = Result<Put, Self::Error>> + Send;
}

/// The in-memory twin, for unit tests and benchmarks.
#[derive(Debug, Default)]
pub struct MemoryArchive(Mutex<BTreeMap<ObjectKey, Bytes>>);

impl MemoryArchive {
    /// Everything in the store, by key.
    pub fn objects(&self) -> BTreeMap<ObjectKey, Bytes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ArchiveStore for MemoryArchive {
    type Error = Infallible;

    async fn put_if_absent(&self, key: &ObjectKey, body: Bytes) -> Result<Put, Infallible> {
        let mut objects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if objects.contains_key(key) {
            return Ok(Put::AlreadyThere);
        }
        objects.insert(key.clone(), body);
        Ok(Put::Created)
    }
}

/// The suite that every implementation of [`ArchiveStore`] must pass; `salt`
/// keeps its keys apart from those of an earlier run. Panics where it fails.
#[allow(clippy::expect_used)]
pub async fn check_archive_store(store: &impl ArchiveStore, salt: &str) {
    let keys = crate::QuarantineKeys::of_payload(salt.as_bytes());
    let put = async |key, body: &'static [u8]| {
        store.put_if_absent(key, Bytes::from_static(body)).await.expect("a write")
    };
    assert_eq!(put(&keys.payload, b"one").await, Put::Created);
    assert_eq!(put(&keys.payload, b"two").await, Put::AlreadyThere, "written once");
    assert_eq!(put(&keys.reason, b"").await, Put::Created, "another key, an empty object");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_twin_passes_the_suite_and_keeps_the_first_body() {
        let store = MemoryArchive::default();
        check_archive_store(&store, "twin").await;
        let bodies: Vec<_> = store.objects().into_values().collect();
        assert_eq!(bodies, [Bytes::from_static(b"one"), Bytes::new()]);
    }
}
