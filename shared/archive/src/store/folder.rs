//! An archive in a folder of this machine: for the command and for benchmarks.
//!
//! A key is a path below the folder. Names that begin with a dot are not part of
//! the archive: parts of files that are being written, and the marks of holds.

use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::time::UNIX_EPOCH;

use bytes::Bytes;

use super::{ArchiveStore, Deleted, Expiry, Listed, MAX_KEYS, ObjectReader, ObjectWriter, Put};
use crate::key::ObjectKey;

/// An archive in a local folder.
#[derive(Debug)]
pub struct FolderArchive {
    root: PathBuf,
}

/// A file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{action} {}: {source}", path.display())]
pub struct FolderError {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl FolderArchive {
    /// The archive whose keys are the paths below `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The file of a key, which must stay below the folder.
    fn path(&self, key: &str) -> Result<PathBuf, FolderError> {
        let below = Path::new(key);
        let is_plain = below.components().all(
            |part| matches!(part, Component::Normal(name) if !name.as_encoded_bytes().starts_with(b".")),
        );
        let path = self.root.join(below);
        if is_plain {
            return Ok(path);
        }
        let source =
            io::Error::new(io::ErrorKind::InvalidInput, "a key's parts are names without a leading dot");
        Err(FolderError { action: "use the key", path, source })
    }

    /// Where a mark stands while a hold keeps the object.
    fn mark(&self, key: &ObjectKey) -> PathBuf {
        self.root.join(".held").join(key.as_str())
    }

    /// Has `write` make a file beside the place and links it there: an object is
    /// whole or not there.
    fn put(
        &self,
        key: &ObjectKey,
        expiry: Expiry,
        write: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<Put, FolderError> {
        let path = self.path(key.as_str())?;
        if path.exists() {
            return Ok(Put::AlreadyThere);
        }
        let part = self.root.join(part_name());
        let put = || {
            create_parent(&path)?;
            write(&part)?;
            File::open(&part)?.sync_all()?;
            if expiry == Expiry::Held {
                self.hold(key)?;
            }
            match fs::hard_link(&part, &path) {
                Err(err) if err.kind() == io::ErrorKind::AlreadyExists => Ok(Put::AlreadyThere),
                done => done.map(|()| Put::Created),
            }
        };
        let done = put().map_err(|source| FolderError { action: "write", path: path.clone(), source });
        match fs::remove_file(&part) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                done.and(Err(FolderError { action: "remove", path: part, source }))
            }
            _ => done,
        }
    }

    fn hold(&self, key: &ObjectKey) -> io::Result<()> {
        let mark = self.mark(key);
        create_parent(&mark)?;
        File::create(mark).map(|_| ())
    }

    /// Every file whose key begins with `prefix`, in the folders where such a key can be.
    fn walk(&self, folder: &str, prefix: &str, found: &mut Vec<Listed>) -> Result<(), FolderError> {
        for (name, entry) in self.entries(folder)? {
            let key = format!("{folder}{name}");
            let failed = |source| FolderError { action: "list", path: entry.path(), source };
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                let below = format!("{key}/");
                if below.starts_with(prefix) || prefix.starts_with(&below) {
                    self.walk(&below, prefix, found)?;
                }
            } else if key.starts_with(prefix) {
                let metadata = match entry.metadata() {
                    Err(err) if err.kind() == io::ErrorKind::NotFound => continue,
                    metadata => metadata.map_err(failed)?,
                };
                let written = metadata.modified().map_err(failed)?.duration_since(UNIX_EPOCH);
                let modified_millis =
                    written.map_or(0, |age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
                found.push(Listed { key: ObjectKey::new(key), bytes: metadata.len(), modified_millis });
            }
        }
        Ok(())
    }

    fn entries(&self, folder: &str) -> Result<Vec<(String, fs::DirEntry)>, FolderError> {
        let path = self.root.join(folder);
        let failed = |source| FolderError { action: "list", path: path.clone(), source };
        let entries = match fs::read_dir(&path) {
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut named = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.') {
                named.push((name, entry));
            }
        }
        Ok(named)
    }
}

/// A name that no other writer has, in this process or another, nor left: what is there
/// may be an object's second name, and is not written to.
fn part_name() -> String {
    // Its keys are random.
    format!(".part-{}-{:016x}", std::process::id(), RandomState::new().build_hasher().finish())
}

fn create_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

/// `None` for what is not there; a folder is no object.
fn if_there<T>(done: io::Result<T>) -> io::Result<Option<T>> {
    match done {
        Err(err) if matches!(err.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        done => done.map(Some),
    }
}

impl ArchiveStore for FolderArchive {
    type Error = FolderError;

    async fn put_if_absent(&self, key: &ObjectKey, body: Bytes) -> Result<Put, FolderError> {
        self.put(key, Expiry::On, |part| File::create_new(part)?.write_all(&body))
    }
}

impl ObjectReader for FolderArchive {
    type Error = FolderError;

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<Listed>, FolderError> {
        let mut found = Vec::new();
        // Only the folder that the prefix names can hold such keys.
        let folder = prefix.rfind('/').and_then(|end| prefix.get(..=end)).unwrap_or_default();
        self.walk(folder, prefix, &mut found)?;
        found.retain(|listed| after.is_none_or(|after| listed.key.as_str() > after));
        found.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        found.truncate(MAX_KEYS);
        Ok(found)
    }

    async fn folders(&self, prefix: &str) -> Result<Vec<String>, FolderError> {
        let mut folders: Vec<String> = self
            .entries(prefix)?
            .into_iter()
            .filter(|(_, entry)| entry.path().is_dir())
            .map(|(name, _)| format!("{prefix}{name}/"))
            .collect();
        folders.sort_unstable();
        Ok(folders)
    }

    async fn get(&self, key: &ObjectKey) -> Result<Option<Bytes>, FolderError> {
        let path = self.path(key.as_str())?;
        let body =
            if_there(fs::read(&path)).map_err(|source| FolderError { action: "read", path, source })?;
        Ok(body.map(Bytes::from))
    }

    async fn get_range(&self, key: &ObjectKey, range: Range<u64>) -> Result<Option<Bytes>, FolderError> {
        let path = self.path(key.as_str())?;
        let read = || {
            let Some(mut file) = if_there(File::open(&path))? else { return Ok(None) };
            file.seek(SeekFrom::Start(range.start))?;
            let wanted = range.end.saturating_sub(range.start);
            let mut body = Vec::with_capacity(usize::try_from(wanted).unwrap_or_default());
            file.take(wanted).read_to_end(&mut body)?;
            Ok(Some(Bytes::from(body)))
        };
        read().map_err(|source| FolderError { action: "read", path: path.clone(), source })
    }
}

impl ObjectWriter for FolderArchive {
    async fn put_file_if_absent(
        &self,
        key: &ObjectKey,
        file: &Path,
        expiry: Expiry,
    ) -> Result<Put, FolderError> {
        // A second name costs nothing; in another file system there is none to be had.
        let copy = |part: &Path| io::copy(&mut File::open(file)?, &mut File::create_new(part)?).map(drop);
        self.put(key, expiry, |part| fs::hard_link(file, part).or_else(|_| copy(part)))
    }

    async fn delete(&self, keys: &[ObjectKey]) -> Result<Deleted, FolderError> {
        let mut answer = Deleted::default();
        for key in keys {
            let remove = |path: &Path| if_there(fs::remove_file(path));
            match remove(&self.path(key.as_str())?).and_then(|_| remove(&self.mark(key))) {
                Ok(_) => answer.deleted.push(key.clone()),
                Err(err) => answer.failed.push((key.clone(), err.to_string())),
            }
        }
        Ok(answer)
    }

    async fn set_expiry(&self, key: &ObjectKey, expiry: Expiry) -> Result<bool, FolderError> {
        if !self.path(key.as_str())?.is_file() {
            return Ok(false);
        }
        let mark = self.mark(key);
        let done = match expiry {
            Expiry::Held => self.hold(key),
            Expiry::On => if_there(fs::remove_file(&mark)).map(|_| ()),
        };
        done.map(|()| true).map_err(|source| FolderError { action: "mark", path: mark, source })
    }

    async fn expiry(&self, key: &ObjectKey) -> Result<Option<Expiry>, FolderError> {
        let is_there = self.path(key.as_str())?.is_file();
        Ok(is_there.then(|| if self.mark(key).exists() { Expiry::Held } else { Expiry::On }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{check_archive_store, check_object_writer};

    #[tokio::test]
    async fn a_folder_passes_the_suites() {
        let (folder, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let store = FolderArchive::new(folder.path());
        check_archive_store(&store, "folder").await;
        // A folder is in the way of that key.
        let stays = ObjectKey::new("suite/stays");
        fs::create_dir_all(folder.path().join("suite/stays/below")).unwrap();
        check_object_writer(&store, scratch.path(), Some(stays)).await;
    }

    #[test]
    fn no_two_parts_have_one_name() {
        let names: std::collections::BTreeSet<_> = (0..1000).map(|_| part_name()).collect();
        assert_eq!(names.len(), 1000);
    }

    #[tokio::test]
    async fn no_key_leads_out_of_the_folder_or_to_what_is_hidden() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderArchive::new(folder.path());
        for key in ["../x", "/etc/passwd", "a/../../x", ".held/x", "a/.b"] {
            assert!(store.get(&ObjectKey::new(key)).await.is_err(), "{key}");
        }
    }
}
