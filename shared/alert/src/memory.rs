//! The ports kept in memory, for tests and for trying rules out.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};

use catchment_logql::Labels;

use crate::group::RuleId;
use crate::leaf::LeafId;
use crate::message::AlertMessage;
use crate::partial::Partial;
use crate::ports::{AlertStore, Notifier, PartialStore, Written};
use crate::state::AlertState;
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

/// Alert states and cursors in memory.
#[derive(Debug, Default)]
pub struct MemoryAlerts {
    states: Mutex<BTreeMap<(RuleId, Labels), AlertState>>,
    cursors: Mutex<BTreeMap<String, i64>>,
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

impl AlertStore for MemoryAlerts {
    type Error = Infallible;

    async fn states(&self, rule: &RuleId) -> Result<Vec<AlertState>, Infallible> {
        let states = lock(&self.states);
        Ok(states.values().filter(|state| state.rule == *rule).cloned().collect())
    }

    async fn save(&self, state: &AlertState) -> Result<Written, Infallible> {
        let mut states = lock(&self.states);
        let key = (state.rule.clone(), state.series.clone());
        if states.get(&key).map_or(0, |stored| stored.version) + 1 != state.version {
            return Ok(Written::Conflict);
        }
        states.insert(key, state.clone());
        Ok(Written::Done)
    }

    async fn delete(&self, state: &AlertState) -> Result<Written, Infallible> {
        let mut states = lock(&self.states);
        let key = (state.rule.clone(), state.series.clone());
        if states.get(&key).map(|stored| stored.version) != Some(state.version) {
            return Ok(Written::Conflict);
        }
        states.remove(&key);
        Ok(Written::Done)
    }

    async fn cursor(&self, group: &str) -> Result<Option<i64>, Infallible> {
        Ok(lock(&self.cursors).get(group).copied())
    }

    async fn advance_cursor(&self, group: &str, to_ms: i64) -> Result<Written, Infallible> {
        let mut cursors = lock(&self.cursors);
        if cursors.get(group).is_some_and(|at| *at >= to_ms) {
            return Ok(Written::Conflict);
        }
        cursors.insert(group.to_owned(), to_ms);
        Ok(Written::Done)
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
