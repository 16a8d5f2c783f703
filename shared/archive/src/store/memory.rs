//! The in-memory twin, for unit tests and benchmarks.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, Range};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::{ArchiveStore, Deleted, Expiry, Listed, MAX_KEYS, ObjectReader, ObjectWriter, Put};
use crate::key::ObjectKey;

/// An archive in memory, with a clock of its own that only moves when it is told to.
#[derive(Debug, Default)]
pub struct MemoryArchive(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<ObjectKey, Object>,
    undeletable: BTreeSet<ObjectKey>,
    now_millis: i64,
}

#[derive(Debug)]
struct Object {
    body: Bytes,
    modified_millis: i64,
    expiry: Expiry,
}

/// The twin could not read the file that it was given.
#[derive(Debug, thiserror::Error)]
#[error("read {path}: {source}")]
pub struct MemoryError {
    path: String,
    source: std::io::Error,
}

impl MemoryArchive {
    /// Everything in the store, by key.
    pub fn objects(&self) -> BTreeMap<ObjectKey, Bytes> {
        self.state().objects.iter().map(|(key, object)| (key.clone(), object.body.clone())).collect()
    }

    /// Objects written from now on were written at `millis` since the epoch.
    pub fn set_now(&self, millis: i64) {
        self.state().now_millis = millis;
    }

    /// From now on this key cannot be deleted.
    pub fn refuse_deletion(&self, key: ObjectKey) {
        self.state().undeletable.insert(key);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, key: &ObjectKey, body: Bytes, expiry: Expiry) -> Put {
        let mut state = self.state();
        let modified_millis = state.now_millis;
        if state.objects.contains_key(key) {
            return Put::AlreadyThere;
        }
        state.objects.insert(key.clone(), Object { body, modified_millis, expiry });
        Put::Created
    }
}

impl ArchiveStore for MemoryArchive {
    type Error = MemoryError;

    async fn put_if_absent(&self, key: &ObjectKey, body: Bytes) -> Result<Put, MemoryError> {
        Ok(self.put(key, body, Expiry::On))
    }
}

impl ObjectReader for MemoryArchive {
    type Error = MemoryError;

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<Listed>, MemoryError> {
        let begin = match after.filter(|after| *after >= prefix) {
            Some(after) => Bound::Excluded(ObjectKey::new(after)),
            None => Bound::Included(ObjectKey::new(prefix)),
        };
        let listed = self
            .state()
            .objects
            .range((begin, Bound::Unbounded))
            .take_while(|(key, _)| key.as_str().starts_with(prefix))
            .take(MAX_KEYS)
            .map(|(key, object)| Listed {
                key: key.clone(),
                bytes: object.body.len() as u64,
                modified_millis: object.modified_millis,
            })
            .collect();
        Ok(listed)
    }

    async fn folders(&self, prefix: &str) -> Result<Vec<String>, MemoryError> {
        let folders: BTreeSet<String> = self
            .state()
            .objects
            .keys()
            .filter_map(|key| key.as_str().strip_prefix(prefix)?.split_once('/'))
            .map(|(folder, _)| format!("{prefix}{folder}/"))
            .collect();
        Ok(folders.into_iter().collect())
    }

    async fn get(&self, key: &ObjectKey) -> Result<Option<Bytes>, MemoryError> {
        Ok(self.state().objects.get(key).map(|object| object.body.clone()))
    }

    async fn get_range(&self, key: &ObjectKey, range: Range<u64>) -> Result<Option<Bytes>, MemoryError> {
        let body = self.get(key).await?;
        Ok(body.map(|body| {
            let at = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(body.len());
            body.slice(at(range.start)..at(range.end))
        }))
    }
}

impl ObjectWriter for MemoryArchive {
    async fn put_file_if_absent(
        &self,
        key: &ObjectKey,
        file: &Path,
        expiry: Expiry,
    ) -> Result<Put, MemoryError> {
        let body =
            std::fs::read(file).map_err(|source| MemoryError { path: file.display().to_string(), source })?;
        Ok(self.put(key, body.into(), expiry))
    }

    async fn delete(&self, keys: &[ObjectKey]) -> Result<Deleted, MemoryError> {
        let mut state = self.state();
        let mut answer = Deleted::default();
        for key in keys {
            if state.undeletable.contains(key) {
                answer.failed.push((key.clone(), "it may not be deleted".to_owned()));
            } else {
                state.objects.remove(key);
                answer.deleted.push(key.clone());
            }
        }
        Ok(answer)
    }

    async fn set_expiry(&self, key: &ObjectKey, expiry: Expiry) -> Result<bool, MemoryError> {
        Ok(self.state().objects.get_mut(key).map(|object| object.expiry = expiry).is_some())
    }

    async fn expiry(&self, key: &ObjectKey) -> Result<Option<Expiry>, MemoryError> {
        Ok(self.state().objects.get(key).map(|object| object.expiry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{check_archive_store, check_object_writer};

    #[tokio::test]
    async fn the_twin_passes_the_suites_and_keeps_the_first_body() {
        let store = MemoryArchive::default();
        check_archive_store(&store, "twin").await;
        let bodies: Vec<_> = store.objects().into_values().collect();
        assert_eq!(bodies, [Bytes::from_static(b"one"), Bytes::new()]);

        let stays = ObjectKey::new("suite/stays");
        store.put_if_absent(&stays, Bytes::new()).await.unwrap();
        store.refuse_deletion(stays.clone());
        let folder = tempfile::tempdir().unwrap();
        check_object_writer(&store, folder.path(), Some(stays)).await;
    }

    #[tokio::test]
    async fn objects_are_as_old_as_the_clock_said() {
        let store = MemoryArchive::default();
        for (name, now) in [("a", 5), ("b", 7)] {
            store.set_now(now);
            store.put_if_absent(&ObjectKey::new(name), Bytes::new()).await.unwrap();
        }
        let times: Vec<_> =
            store.list("", None).await.unwrap().iter().map(|listed| listed.modified_millis).collect();
        assert_eq!(times, [5, 7]);
    }
}
