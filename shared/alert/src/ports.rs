//! What alerting needs from the outside: a store of partials and a way to tell
//! people. The stores of the state machine are in [`crate::store`].

use std::error::Error;
use std::future::Future;

use crate::leaf::LeafId;
use crate::message::AlertMessage;
use crate::partial::Partial;
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

/// Tells people.
pub trait Notifier: Send + Sync {
    /// Why it could not.
    type Error: Error + Send + Sync + 'static;

    /// Publishes a message. It may be published again after a crash.
    fn publish(&self, message: &AlertMessage) -> impl Future<Output = Result<(), Self::Error>> + Send;
}
