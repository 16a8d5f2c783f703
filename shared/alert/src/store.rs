//! What the state machine needs from the outside: states with their outbox and
//! history, silences, the notice board of peeks, and where to park messages.

use std::collections::BTreeSet;
use std::error::Error;
use std::future::Future;

use crate::group::RuleId;
use crate::history::HistoryEntry;
use crate::outbox::Owed;
use crate::silence::Silence;
use crate::state::RuleState;

/// Whether a write that names the version it replaces took place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Written {
    /// It did.
    Done,
    /// Somebody else was there first; nothing was changed.
    Conflict,
}

/// Keeps the states of rules, what they owe, and how far each group is evaluated.
pub trait AlertStore: Send + Sync {
    /// Why it could not.
    type Error: Error + Send + Sync + 'static;

    /// The states of all rules, ordered by rule.
    fn states(&self) -> impl Future<Output = Result<Vec<RuleState>, Self::Error>> + Send;

    /// The state of one rule.
    fn state(&self, rule: &RuleId) -> impl Future<Output = Result<Option<RuleState>, Self::Error>> + Send;

    /// Writes a state whose version is one above the version it replaces, what it
    /// owes, and its entry in the history: all of it or nothing. Version 1
    /// replaces nothing.
    fn save(
        &self,
        state: &RuleState,
        owed: &[Owed],
        entry: Option<&HistoryEntry>,
    ) -> impl Future<Output = Result<Written, Self::Error>> + Send;

    /// What is owed, in the order of the keys.
    fn owed(&self) -> impl Future<Output = Result<Vec<Owed>, Self::Error>> + Send;

    /// Moves the lease of a message, if it is as it was read.
    fn lease(&self, owed: &Owed, until_ms: i64) -> impl Future<Output = Result<Written, Self::Error>> + Send;

    /// Takes a message out of the outbox; it may be gone already.
    fn settled(&self, owed: &Owed) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// The history of the days that `from_ms` and `to_ms` are in and of those
    /// between, the oldest entry first.
    fn history(
        &self,
        from_ms: i64,
        to_ms: i64,
    ) -> impl Future<Output = Result<Vec<HistoryEntry>, Self::Error>> + Send;

    /// The cursors of all groups, ordered by name: the last evaluation time of
    /// each that is done.
    fn cursors(&self) -> impl Future<Output = Result<Vec<(String, i64)>, Self::Error>> + Send;

    /// Moves a group's cursor on; it never goes back.
    fn advance_cursor(
        &self,
        group: &str,
        to_ms: i64,
    ) -> impl Future<Output = Result<Written, Self::Error>> + Send;
}

/// Keeps silences.
pub trait SilenceStore: Send + Sync {
    /// Why it could not.
    type Error: Error + Send + Sync + 'static;

    /// Every silence, those that are over lately too, ordered by id.
    fn silences(&self) -> impl Future<Output = Result<Vec<Silence>, Self::Error>> + Send;

    /// Writes a silence over the one of the same id.
    fn put_silence(&self, silence: &Silence) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// Where ingest says which rules may have something to tell, and evaluate reads it:
/// one notice a moment, however many batches write on it.
pub trait PeekBoard: Send + Sync {
    /// Why it could not.
    type Error: Error + Send + Sync + 'static;

    /// Adds rules to the notice of `until_ms`. Whether it is the first to do so.
    fn announce(
        &self,
        until_ms: i64,
        rules: &BTreeSet<RuleId>,
    ) -> impl Future<Output = Result<bool, Self::Error>> + Send;

    /// Takes the notice of `until_ms` down: who adds to it later is the first again.
    fn take(&self, until_ms: i64) -> impl Future<Output = Result<BTreeSet<RuleId>, Self::Error>> + Send;
}

/// Asks for a peek.
pub trait PeekCaller: Send + Sync {
    /// Why it could not.
    type Error: Error + Send + Sync + 'static;

    /// Asks for the peek of `until_ms`; it does not wait for it.
    fn call(&self, until_ms: i64) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// Where messages wait for an operator.
pub trait Parking: Send + Sync {
    /// Why it could not.
    type Error: Error + Send + Sync + 'static;

    /// Parks a message; it may be there already.
    fn park(&self, owed: &Owed) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// What is parked, in the order of the keys.
    fn parked(&self) -> impl Future<Output = Result<Vec<Owed>, Self::Error>> + Send;

    /// Takes a message away; it may be gone already.
    fn unpark(&self, owed: &Owed) -> impl Future<Output = Result<(), Self::Error>> + Send;
}
