//! One step: its inputs merged into parts, the parts made durable, the inputs deleted.

use std::time::Duration;

use super::parts::{Part, Parts};
use super::{Compactor, Step, holds};
use crate::key::ObjectKey;
use crate::parquet_file::ParquetError;
use crate::read::{Merge, MergeInput, Merged, Order, ReadError, Skipped};
use crate::retention::Holds;
use crate::store::{Deleted, Listed, MAX_KEYS, ObjectReader, ObjectWriter, Put};

/// Rows that are merged and written at once, before the clock is looked at again.
const ROWS_AT_ONCE: usize = 4096;

/// What became of a step that did not fail.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The inputs are gone, but for those that could not be deleted.
    Done(Done),
    /// There is not enough time. What was written is a repetition until the next merge.
    OutOfTime,
    /// An input was gone: another compactor was faster.
    Overtaken,
    /// Inputs cannot be read; without them, the others can be merged.
    Foreign(Vec<Skipped>),
}

/// A step that was ended.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub outputs: Vec<Listed>,
    pub rows_in: u64,
    pub rows_out: u64,
    pub duplicates: u64,
    pub deleted: Vec<ObjectKey>,
    pub undeleted: Vec<(ObjectKey, String)>,
}

/// Why a step, or what comes before it, failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum StepError<E: std::error::Error + 'static> {
    #[error("{0}")]
    Store(#[source] E),
    #[error("{error}{}", because(error))]
    Read {
        #[source]
        error: ReadError<E>,
    },
    #[error("a merged file could not be written: {0}")]
    Write(#[from] ParquetError),
    #[error("{read} rows were read, {repeated} of them repeated, and {written} written; nothing was deleted")]
    Conservation { read: u64, repeated: u64, written: u64 },
    #[error("{0} would replace itself; nothing was deleted")]
    Circle(ObjectKey),
}

/// What a reader's error has below it.
fn because<E: std::error::Error + 'static>(error: &ReadError<E>) -> String {
    std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default()
}

/// Every row that the inputs have by their metadata was written, or is repeated.
fn conserved<E: std::error::Error + 'static>(merged: &Merged, written: u64) -> Result<(), StepError<E>> {
    let (read, repeated) = (merged.rows_in_files, merged.repeated_rows);
    if written == merged.rows && read == written + repeated {
        return Ok(());
    }
    Err(StepError::Conservation { read, repeated, written })
}

type Failed<S> = StepError<<S as ObjectReader>::Error>;

impl<S: ObjectWriter> Compactor<'_, S> {
    /// Merges, writes, checks, deletes: in this order, so that a crash at any
    /// place leaves every row in at least one object.
    pub(super) async fn step(
        &self,
        step: &Step,
        held: &Holds,
        now_millis: i64,
        time_left: &(dyn Fn() -> Duration + Sync),
    ) -> Result<Outcome, Failed<S>> {
        let input = |known| move |listed: &Listed| MergeInput { listed: listed.clone(), known };
        let inputs = step.inputs.iter().map(input(false)).chain(step.known.iter().map(input(true)));
        let mut merge = Merge::new(self.store, inputs.collect(), Order::OldestFirst, self.limits.merge);
        let mut parts = Parts::new(step, &self.scratch, &self.limits);
        let mut done = Done::default();
        loop {
            if time_left() < self.limits.reserve {
                return Ok(Outcome::OutOfTime);
            }
            if !merge.result().foreign.is_empty() {
                return Ok(Outcome::Foreign(merge.finish().foreign));
            }
            parts.has_read(merge.result());
            let rows = match merge.next_rows(ROWS_AT_ONCE).await {
                Ok(Some(rows)) => rows,
                Ok(None) => break,
                Err(ReadError::Gone { .. }) => return Ok(Outcome::Overtaken),
                Err(error) => return Err(StepError::Read { error }),
            };
            let mut places = rows.places;
            while let Some(next) = places.first() {
                if parts.ends_before(next.millis)
                    && let Some(part) = parts.end(&[])?
                {
                    self.put(part, step, held, now_millis, &mut done).await?;
                }
                let taken = parts.push(&rows.inputs, places)?;
                places = places.get(taken..).unwrap_or_default();
            }
        }
        let merged = merge.finish();
        if !merged.foreign.is_empty() {
            return Ok(Outcome::Foreign(merged.foreign));
        }
        let replaced: Vec<_> = step.inputs.iter().map(|input| input.key.clone()).collect();
        let last = parts.end(&replaced)?;
        // Before the part is there that says what it replaces.
        let written = done.rows_out + last.as_ref().map_or(0, |part| part.written.rows);
        conserved(&merged, written)?;
        if let Some(last) = last {
            self.put(last, step, held, now_millis, &mut done).await?;
        }
        (done.rows_in, done.duplicates) = (merged.rows_in_files, merged.repeated_rows);
        self.follow_holds(held, &done.outputs).await?;
        let Deleted { deleted, failed } = self.delete(&replaced).await?;
        (done.deleted, done.undeleted) = (deleted, failed);
        Ok(Outcome::Done(done))
    }

    async fn put(
        &self,
        part: Part,
        step: &Step,
        held: &Holds,
        now_millis: i64,
        done: &mut Done,
    ) -> Result<(), Failed<S>> {
        let Part { written, key, file } = part;
        // A key hashes the merge that it is of, and so the keys of its inputs.
        if step.inputs.iter().any(|input| input.key == key) {
            return Err(StepError::Circle(key));
        }
        let expiry = holds::expiry_of(held, &key);
        let put = self.store.put_file_if_absent(&key, file.path(), expiry).await.map_err(StepError::Store)?;
        if put == Put::AlreadyThere {
            // It is the same, named by its content; a hold may have come since.
            self.store.set_expiry(&key, expiry).await.map_err(StepError::Store)?;
        }
        done.rows_out += written.rows;
        done.outputs.push(Listed { key, bytes: written.bytes, modified_millis: now_millis });
        Ok(())
    }

    /// A hold that was set or released since the run began may have missed what
    /// was written meanwhile: whoever sets one lists the objects after it is durable.
    async fn follow_holds(&self, before: &Holds, outputs: &[Listed]) -> Result<(), Failed<S>> {
        let now = Holds::read(self.store).await.map_err(StepError::Store)?;
        for output in outputs {
            let expiry = holds::expiry_of(&now, &output.key);
            if expiry != holds::expiry_of(before, &output.key) {
                self.store.set_expiry(&output.key, expiry).await.map_err(StepError::Store)?;
            }
        }
        Ok(())
    }

    /// Deletes any number of objects.
    pub(super) async fn delete(&self, keys: &[ObjectKey]) -> Result<Deleted, Failed<S>> {
        let mut all = Deleted::default();
        for keys in keys.chunks(MAX_KEYS) {
            let Deleted { deleted, failed } = self.store.delete(keys).await.map_err(StepError::Store)?;
            all.deleted.extend(deleted);
            all.failed.extend(failed);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_conserved_or_the_step_fails() {
        let check = |rows_in_files, rows, repeated_rows, written| {
            let merged = Merged { rows_in_files, rows, repeated_rows, ..Merged::default() };
            conserved::<std::io::Error>(&merged, written).map_err(|error| error.to_string())
        };
        assert_eq!(check(5, 3, 2, 3), Ok(()));
        assert_eq!(check(0, 0, 0, 0), Ok(()));
        assert_eq!(
            check(5, 3, 1, 3),
            Err("5 rows were read, 1 of them repeated, and 3 written; nothing was deleted".to_owned())
        );
        assert!(check(5, 3, 2, 2).is_err(), "a row was given and not written");
        assert!(check(4, 3, 2, 3).is_err(), "more rows than there are");
    }
}
