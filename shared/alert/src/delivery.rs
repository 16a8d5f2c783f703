//! What delivery to people must remember: which channel has taken which message,
//! so that a retry for one channel does not repeat another, and in which thread
//! of a chat an alert is told.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Remembers what went out.
pub trait DeliveryStore: Send + Sync {
    /// Why it could not.
    type Error: Error + Send + Sync + 'static;

    /// Whether the channel has taken the message.
    fn is_delivered(
        &self,
        message_id: &str,
        channel: &str,
    ) -> impl Future<Output = Result<bool, Self::Error>> + Send;

    /// Notes that it has.
    fn note_delivered(
        &self,
        message_id: &str,
        channel: &str,
        now_ms: i64,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// The thread of an alert in a place, such as a Slack channel.
    fn thread(
        &self,
        alert_id: &str,
        place: &str,
    ) -> impl Future<Output = Result<Option<String>, Self::Error>> + Send;

    /// Keeps the thread of an alert; a later one takes its place.
    fn keep_thread(
        &self,
        alert_id: &str,
        place: &str,
        thread: &str,
        now_ms: i64,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// The same in memory.
#[derive(Debug, Default)]
pub struct MemoryDeliveries {
    delivered: Mutex<BTreeSet<(String, String)>>,
    threads: Mutex<BTreeMap<(String, String), String>>,
}

/// A panic elsewhere leaves whole maps behind, so a poisoned lock is usable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn key(a: &str, b: &str) -> (String, String) {
    (a.to_owned(), b.to_owned())
}

impl DeliveryStore for MemoryDeliveries {
    type Error = Infallible;

    async fn is_delivered(&self, message_id: &str, channel: &str) -> Result<bool, Infallible> {
        Ok(lock(&self.delivered).contains(&key(message_id, channel)))
    }

    async fn note_delivered(&self, message_id: &str, channel: &str, _now_ms: i64) -> Result<(), Infallible> {
        lock(&self.delivered).insert(key(message_id, channel));
        Ok(())
    }

    async fn thread(&self, alert_id: &str, place: &str) -> Result<Option<String>, Infallible> {
        Ok(lock(&self.threads).get(&key(alert_id, place)).cloned())
    }

    async fn keep_thread(
        &self,
        alert_id: &str,
        place: &str,
        thread: &str,
        _now_ms: i64,
    ) -> Result<(), Infallible> {
        lock(&self.threads).insert(key(alert_id, place), thread.to_owned());
        Ok(())
    }
}
