//! The stores of the state machine in memory, for tests and for trying rules out.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::group::RuleId;
use crate::history::HistoryEntry;
use crate::outbox::Owed;
use crate::silence::Silence;
use crate::state::RuleState;
use crate::store::{AlertStore, Parking, PeekBoard, PeekCaller, SilenceStore, Written};

/// States, outbox, history, cursors, silences and the notice board in memory.
#[derive(Debug, Default)]
pub struct MemoryAlerts {
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    states: BTreeMap<RuleId, RuleState>,
    owed: BTreeMap<String, Owed>,
    history: Vec<HistoryEntry>,
    cursors: BTreeMap<String, i64>,
    silences: BTreeMap<String, Silence>,
    notices: BTreeMap<i64, BTreeSet<RuleId>>,
}

impl MemoryAlerts {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        // A panic elsewhere leaves whole maps behind, so a poisoned lock is usable.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AlertStore for MemoryAlerts {
    type Error = Infallible;

    async fn states(&self) -> Result<Vec<RuleState>, Infallible> {
        Ok(self.tables().states.values().cloned().collect())
    }

    async fn state(&self, rule: &RuleId) -> Result<Option<RuleState>, Infallible> {
        Ok(self.tables().states.get(rule).cloned())
    }

    async fn save(
        &self,
        state: &RuleState,
        owed: &[Owed],
        entry: Option<&HistoryEntry>,
    ) -> Result<Written, Infallible> {
        let mut tables = self.tables();
        if tables.states.get(&state.rule).map_or(0, |stored| stored.version) + 1 != state.version {
            return Ok(Written::Conflict);
        }
        tables.states.insert(state.rule.clone(), state.clone());
        tables.owed.extend(owed.iter().map(|owed| (owed.key.clone(), owed.clone())));
        tables.history.extend(entry.cloned());
        Ok(Written::Done)
    }

    async fn owed(&self) -> Result<Vec<Owed>, Infallible> {
        Ok(self.tables().owed.values().cloned().collect())
    }

    async fn lease(&self, owed: &Owed, until_ms: i64) -> Result<Written, Infallible> {
        match self.tables().owed.get_mut(&owed.key) {
            Some(stored) if stored.leased_until_ms == owed.leased_until_ms => {
                stored.leased_until_ms = until_ms;
                Ok(Written::Done)
            }
            _ => Ok(Written::Conflict),
        }
    }

    async fn settled(&self, owed: &Owed) -> Result<(), Infallible> {
        self.tables().owed.remove(&owed.key);
        Ok(())
    }

    async fn history(&self, from_ms: i64, to_ms: i64) -> Result<Vec<HistoryEntry>, Infallible> {
        let days: Vec<String> = HistoryEntry::days(from_ms, to_ms).collect();
        let entries = self.tables().history.clone();
        let mut entries: Vec<_> = entries.into_iter().filter(|entry| days.contains(&entry.day())).collect();
        entries.sort_by_key(|entry| (entry.at_ms, entry.rule.clone(), entry.version));
        Ok(entries)
    }

    async fn cursors(&self) -> Result<Vec<(String, i64)>, Infallible> {
        Ok(self.tables().cursors.iter().map(|(group, at)| (group.clone(), *at)).collect())
    }

    async fn advance_cursor(&self, group: &str, to_ms: i64) -> Result<Written, Infallible> {
        let mut tables = self.tables();
        if tables.cursors.get(group).is_some_and(|at| *at >= to_ms) {
            return Ok(Written::Conflict);
        }
        tables.cursors.insert(group.to_owned(), to_ms);
        Ok(Written::Done)
    }
}

impl SilenceStore for MemoryAlerts {
    type Error = Infallible;

    async fn silences(&self) -> Result<Vec<Silence>, Infallible> {
        Ok(self.tables().silences.values().cloned().collect())
    }

    async fn put_silence(&self, silence: &Silence) -> Result<(), Infallible> {
        self.tables().silences.insert(silence.id.clone(), silence.clone());
        Ok(())
    }
}

impl PeekBoard for MemoryAlerts {
    type Error = Infallible;

    async fn announce(&self, until_ms: i64, rules: &BTreeSet<RuleId>) -> Result<bool, Infallible> {
        let mut tables = self.tables();
        let is_first = !tables.notices.contains_key(&until_ms);
        tables.notices.entry(until_ms).or_default().extend(rules.iter().cloned());
        Ok(is_first)
    }

    async fn take(&self, until_ms: i64) -> Result<BTreeSet<RuleId>, Infallible> {
        Ok(self.tables().notices.remove(&until_ms).unwrap_or_default())
    }
}

/// Keeps what was parked.
#[derive(Debug, Default)]
pub struct MemoryParking(Mutex<BTreeMap<String, Owed>>);

impl MemoryParking {
    fn messages(&self) -> MutexGuard<'_, BTreeMap<String, Owed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Parking for MemoryParking {
    type Error = Infallible;

    async fn park(&self, owed: &Owed) -> Result<(), Infallible> {
        self.messages().insert(owed.parked_key(), owed.clone());
        Ok(())
    }

    async fn parked(&self) -> Result<Vec<Owed>, Infallible> {
        Ok(self.messages().values().cloned().collect())
    }

    async fn unpark(&self, owed: &Owed) -> Result<(), Infallible> {
        self.messages().remove(&owed.parked_key());
        Ok(())
    }
}

/// Keeps what was asked for; can be told to fail.
#[derive(Debug, Default)]
pub struct MemoryCaller {
    calls: Mutex<Vec<i64>>,
    is_broken: Mutex<bool>,
}

/// The failure a [`MemoryCaller`] was told to have.
#[derive(Debug, thiserror::Error)]
#[error("told to fail")]
pub struct CallRefused;

impl MemoryCaller {
    /// Every call fails from now on.
    pub fn break_down(&self) {
        *self.is_broken.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// What was asked for, in order.
    pub fn calls(&self) -> Vec<i64> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl PeekCaller for MemoryCaller {
    type Error = CallRefused;

    async fn call(&self, until_ms: i64) -> Result<(), CallRefused> {
        if *self.is_broken.lock().unwrap_or_else(PoisonError::into_inner) {
            return Err(CallRefused);
        }
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(until_ms);
        Ok(())
    }
}
