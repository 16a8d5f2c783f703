//! The files of a step, one after another, and where each ends.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{CompactLimits, Step};
use crate::key::ObjectKey;
use crate::parquet_file::{MergedWriter, ParquetError, Written};
use crate::read::{Columns, Merged, Place};

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
    /// No file is there yet, whatever was.
    fn new(path: PathBuf) -> io::Result<Self> {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(Self(path)),
        }
    }

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
    limits: &'s CompactLimits,
    open: Option<Open>,
    ended: u32,
    ended_bytes: u64,
    /// Bytes of all parts when last looked at, and then …
    written_bytes: u64,
    /// … what the rest of the inputs will come to, by estimate.
    rest_bytes: u64,
}

struct Open {
    writer: MergedWriter<BufWriter<File>>,
    file: Scratch,
    first_millis: i64,
    last_millis: i64,
}

impl<'s> Parts<'s> {
    /// No part yet; files will be in `folder`, which no other step uses at the same time.
    pub fn new(step: &'s Step, folder: &'s Path, limits: &'s CompactLimits) -> Self {
        let mut hash = Sha256::new();
        for listed in step.inputs.iter().chain(&step.known) {
            hash.update(listed.key.as_str());
            hash.update("\n");
        }
        let merge_id = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Self {
            step,
            folder,
            merge_id,
            limits,
            open: None,
            ended: 0,
            ended_bytes: 0,
            written_bytes: 0,
            rest_bytes: u64::MAX,
        }
    }

    /// The merge has come so far: the rest of the inputs becomes as much smaller as what is
    /// written did. Rows that wait for their row group count when it is written.
    pub fn has_read(&mut self, merged: &Merged) {
        let written = self.ended_bytes + self.open.as_ref().map_or(0, |open| open.writer.bytes_written());
        if written != self.written_bytes {
            self.written_bytes = written;
            let all: u64 = self.step.inputs.iter().map(|input| input.bytes).sum();
            let share = (merged.rows + merged.repeated_rows) as f64 / merged.rows_in_files.max(1) as f64;
            let read = (merged.bytes_in_files as f64 * share).max(1.0);
            self.rest_bytes = (written as f64 * (all as f64 - read).max(0.0) / read) as u64;
        }
    }

    /// Whether a part ends before a row of that time. Rows of one millisecond
    /// stay together as long as they fit.
    pub fn ends_before(&self, millis: i64) -> bool {
        let hard_limit = self.limits.max_bytes.saturating_sub(SLACK_BYTES);
        self.open.as_ref().is_some_and(|open| {
            open.writer.bytes_written() >= hard_limit || self.is_cut(open, open.last_millis, millis)
        })
    }

    /// Whether a part ends between two times.
    fn is_cut(&self, open: &Open, before: i64, millis: i64) -> bool {
        let is_cut = self.step.cut_before.is_some_and(|cut| open.first_millis < cut && cut <= millis);
        millis > before && (is_cut || self.is_full(open))
    }

    /// Whether a part is large enough. One takes a small rest too: by itself that
    /// would be small, and both would be merged again.
    fn is_full(&self, open: &Open) -> bool {
        let bytes = open.writer.bytes_written();
        let takes_rest = self.rest_bytes < self.limits.small_bytes
            && bytes.saturating_add(self.rest_bytes) <= self.limits.max_joined_bytes;
        bytes >= self.step.cut_bytes && !takes_rest
    }

    /// Takes rows from the first on; how many, one at least.
    pub fn push(&mut self, inputs: &[&Columns], places: &[Place]) -> Result<usize, ParquetError> {
        let Some(Place { millis, .. }) = places.first().copied() else { return Ok(0) };
        let mut open = match self.open.take() {
            Some(open) => open,
            None => {
                let path = self.folder.join(format!("{}-{}.parquet", self.merge_id, self.ended));
                // What a run that died left may be an object by now: it is not written to.
                let file = Scratch::new(path)?;
                let sink = BufWriter::new(File::create_new(file.path())?);
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
        self.ended_bytes += written.bytes;
        let super::Partition { class, day } = self.step.partition;
        let key =
            ObjectKey::of_merged(class, day, written.first_millis, written.last_millis, &written.id_hex);
        if key.parse().is_none() {
            return Err(ParquetError::General(format!("{key} has rows of another day")));
        }
        Ok(Some(Part { written, key, file }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_that_a_dead_run_left_here_is_not_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let (object, part) = (folder.path().join("object"), folder.path().join("part"));
        fs::write(&object, "rows").unwrap();
        fs::hard_link(&object, &part).unwrap();
        let scratch = Scratch::new(part).unwrap();
        File::create_new(scratch.path()).unwrap();
        drop(scratch);
        assert_eq!(fs::read(&object).unwrap(), b"rows");
    }
}
