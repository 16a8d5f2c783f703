//! The ports kept in memory, for tests and for trying rules out.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::leaf::LeafId;
use crate::message::AlertMessage;
use crate::partial::Partial;
use crate::ports::{Notifier, PartialStore};
use crate::window::{StoredWindow, WindowBuilder};

/// Leaf, bucket end and batch id.
pub type PartialKey = (LeafId, i64, String);

/// Partials in memory.
#[derive(Debug, Default)]
pub struct MemoryPartials {
    partials: Mutex<BTreeMap<PartialKey, Partial>>,
}

impl MemoryPartials {
    /// Everything that is stored.
    pub fn snapshot(&self) -> BTreeMap<PartialKey, Partial> {
        lock(&self.partials).clone()
    }
}

/// A panic elsewhere leaves whole maps behind, so a poisoned lock is usable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PartialStore for MemoryPartials {
    type Error = Infallible;

    async fn record(&self, batch_id: &str, partials: &[Partial]) -> Result<(), Infallible> {
        let mut stored = lock(&self.partials);
        for partial in partials {
            let key = (partial.leaf.clone(), partial.bucket_end_ms, batch_id.to_owned());
            stored.insert(key, partial.clone());
        }
        Ok(())
    }

    async fn window(&self, leaf: &LeafId, from_ms: i64, to_ms: i64) -> Result<StoredWindow, Infallible> {
        let mut window = WindowBuilder::default();
        for ((of, end, _), partial) in lock(&self.partials).iter() {
            if of == leaf && *end > from_ms && *end <= to_ms {
                window.add(partial.clone());
            }
        }
        Ok(window.finish())
    }
}

/// Keeps what was published; can be told to fail.
#[derive(Debug, Default)]
pub struct MemoryNotifier {
    published: Mutex<Vec<AlertMessage>>,
    failures: Mutex<usize>,
}

/// The failure a [`MemoryNotifier`] was told to have.
#[derive(Debug, thiserror::Error)]
#[error("told to fail")]
pub struct ToldToFail;

impl MemoryNotifier {
    /// Lets the next `times` publications fail.
    pub fn fail_next(&self, times: usize) {
        *lock(&self.failures) = times;
    }

    /// What was published, in order.
    pub fn published(&self) -> Vec<AlertMessage> {
        lock(&self.published).clone()
    }
}

impl Notifier for MemoryNotifier {
    type Error = ToldToFail;

    async fn publish(&self, message: &AlertMessage) -> Result<(), ToldToFail> {
        let mut failures = lock(&self.failures);
        if *failures > 0 {
            *failures -= 1;
            return Err(ToldToFail);
        }
        lock(&self.published).push(message.clone());
        Ok(())
    }
}
