//! The files of a step, one after another, and where each ends.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{CompactLimits, Step};
use crate::key::ObjectKey;
use crate::parquet_file::{MergedWriter, ParquetError, Written};
use crate::read::{Columns, Place};

/// What is left below the largest size for a row group that waits and for the metadata.
const SLACK_BYTES: u64 = 16_000_000;

/// A file that is written to the end, and the key that it gets. Dropped, it is removed.
pub(super) struct Part {
    pub written: Written,
    pub key: ObjectKey,
    pub file: Scratch,
}

/// A file that is removed when nobody needs it any more.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Left behind, it is in a folder for such files; there is nobody to tell.
        drop(fs::remove_file(&self.0));
    }
}

/// Takes the rows of a step in their order.
pub(super) struct Parts<'s> {
    step: &'s Step,
    folder: &'s Path,
    merge_id: String,
    hard_limit: u64,
    open: Option<Open>,
    ended: u32,
}

struct Open {
    writer: MergedWriter<BufWriter<File>>,
    file: Scratch,
    first_millis: i64,
    last_millis: i64,
}

impl<'s> Parts<'s> {
    /// No part yet; files will be in `folder`, which no other step uses at the same time.
    pub fn new(step: &'s Step, folder: &'s Path, limits: &CompactLimits) -> Self {
        let mut hash = Sha256::new();
        for listed in step.inputs.iter().chain(&step.known) {
            hash.update(listed.key.as_str());
            hash.update("\n");
        }
        let merge_id = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let hard_limit = limits.max_bytes.saturating_sub(SLACK_BYTES);
        Self { step, folder, merge_id, hard_limit, open: None, ended: 0 }
    }

    /// Whether a part ends before a row of that time. Rows of one millisecond
    /// stay together as long as they fit.
    pub fn ends_before(&self, millis: i64) -> bool {
        self.open.as_ref().is_some_and(|open| {
            open.writer.bytes_written() >= self.hard_limit || self.is_cut(open, open.last_millis, millis)
        })
    }

    /// Whether a part ends between two times.
    fn is_cut(&self, open: &Open, before: i64, millis: i64) -> bool {
        let is_cut = self.step.cut_before.is_some_and(|cut| open.first_millis < cut && cut <= millis);
        millis > before && (open.writer.bytes_written() >= self.step.cut_bytes || is_cut)
    }

    /// Takes rows from the first on; how many, one at least.
    pub fn push(&mut self, inputs: &[&Columns], places: &[Place]) -> Result<usize, ParquetError> {
        let Some(Place { millis, .. }) = places.first().copied() else { return Ok(0) };
        let mut open = match self.open.take() {
            Some(open) => open,
            None => {
                let path = self.folder.join(format!("{}-{}.parquet", self.merge_id, self.ended));
                let file = Scratch(path);
                let sink = BufWriter::new(File::create(file.path())?);
                let writer = MergedWriter::new(sink)?.of_merge(self.merge_id.clone());
                Open { writer, file, first_millis: millis, last_millis: millis }
            }
        };
        let cut = places.array_windows().position(|[a, b]| self.is_cut(&open, a.millis, b.millis));
        let fitting = places.get(..cut.map_or(places.len(), |last| last + 1)).unwrap_or_default();
        let taken = open.writer.push_merged(inputs, fitting)?;
        let last = taken.checked_sub(1).and_then(|last| places.get(last));
        open.last_millis = last.map_or(open.last_millis, |place| place.millis);
        self.open = Some(open);
        Ok(taken)
    }

    /// Ends the part that is open, if one is. `replaces` is for the last.
    pub fn end(&mut self, replaces: &[ObjectKey]) -> Result<Option<Part>, ParquetError> {
        let Some(Open { writer, file, .. }) = self.open.take() else { return Ok(None) };
        self.ended += 1;
        let written = writer.finish(replaces)?;
        let super::Partition { class, day } = self.step.partition;
        let key =
            ObjectKey::of_merged(class, day, written.first_millis, written.last_millis, &written.id_hex);
        if key.parse().is_none() {
            return Err(ParquetError::General(format!("{key} has rows of another day")));
        }
        Ok(Some(Part { written, key, file }))
    }
}
