//! What alerting needs from the outside: two stores and a way to tell people.

use std::error::Error;
use std::future::Future;

use crate::group::RuleId;
use crate::leaf::LeafId;
use crate::message::AlertMessage;
use crate::partial::Partial;
use crate::state::AlertState;
use crate::window::StoredWindow;

/// Keeps partials until their windows are past.
pub trait PartialStore: Send + Sync {
    /// Why it could not.
    type Error: Error + Send + Sync + 'static;

    /// Records the partials of a batch. Recording them again changes nothing:
    /// leaf, bucket and batch are the key.
    fn record(
        &self,
        batch_id: &str,
        partials: &[Partial],
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// The partials of the buckets that end in `(from_ms, to_ms]`, put together.
    fn window(
        &self,
        leaf: &LeafId,
        from_ms: i64,
        to_ms: i64,
    ) -> impl Future<Output = Result<StoredWindow, Self::Error>> + Send;
}

/// Whether a write that names the version it replaces took place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Written {
    /// It did.
    Done,
    /// Somebody else was there first; nothing was changed.
    Conflict,
}

/// Keeps alert states and how far each group is evaluated.
pub trait AlertStore: Send + Sync {
    /// Why it could not.
    type Error: Error + Send + Sync + 'static;

    /// The states of a rule's series, ordered by series.
    fn states(&self, rule: &RuleId) -> impl Future<Output = Result<Vec<AlertState>, Self::Error>> + Send;

    /// Writes a state whose version is one above the version it replaces;
    /// version 1 replaces nothing.
    fn save(&self, state: &AlertState) -> impl Future<Output = Result<Written, Self::Error>> + Send;

    /// Deletes a state of exactly this version.
    fn delete(&self, state: &AlertState) -> impl Future<Output = Result<Written, Self::Error>> + Send;

    /// The last evaluation time of a group that is done.
    fn cursor(&self, group: &str) -> impl Future<Output = Result<Option<i64>, Self::Error>> + Send;

    /// Moves a group's cursor on; it never goes back.
    fn advance_cursor(
        &self,
        group: &str,
        to_ms: i64,
    ) -> impl Future<Output = Result<Written, Self::Error>> + Send;
}

/// Tells people.
pub trait Notifier: Send + Sync {
    /// Why it could not.
    type Error: Error + Send + Sync + 'static;

    /// Publishes a message. It may be published again after a crash.
    fn publish(&self, message: &AlertMessage) -> impl Future<Output = Result<(), Self::Error>> + Send;
}
