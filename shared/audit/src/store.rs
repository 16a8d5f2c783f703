//! What the audit trail asks of a table: write once.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::convert::Infallible;
use std::future::Future;
use std::sync::{Mutex, PoisonError};

use crate::entry::AuditEntry;

/// What became of the entries of a call; together they are all of them.
#[must_use]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Entries that are new.
    pub created: u64,
    /// Entries that stood there already and were left as they are.
    pub already_there: u64,
}

/// A table that can write an entry once.
pub trait AuditStore: Send + Sync {
    /// Why a write failed. Some entries may have been written all the same;
    /// calling again with all of them is safe.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Writes every entry that is not there yet.
    fn put_once(&self, entries: &[AuditEntry]) -> impl Future<Output = Result<Written, Self::Error>> + Send;
}

/// The in-memory twin, for unit tests and benchmarks: entries by their table key.
#[derive(Debug, Default)]
pub struct MemoryAudit(Mutex<BTreeMap<(String, String), AuditEntry>>);

impl MemoryAudit {
    /// Every entry, by partition and sort key.
    pub fn entries(&self) -> BTreeMap<(String, String), AuditEntry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl AuditStore for MemoryAudit {
    type Error = Infallible;

    async fn put_once(&self, entries: &[AuditEntry]) -> Result<Written, Infallible> {
        let mut stored = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut written = Written::default();
        for entry in entries {
            let keys = entry.keys();
            match stored.entry((keys.pk, keys.sk)) {
                Entry::Occupied(_) => written.already_there += 1,
                Entry::Vacant(place) => {
                    place.insert(entry.clone());
                    written.created += 1;
                }
            }
        }
        Ok(written)
    }
}

/// The suite that every implementation of [`AuditStore`] must pass; `salt`
/// keeps its entries apart from those of an earlier run. Panics where it fails.
#[allow(clippy::expect_used)]
pub async fn check_audit_store(store: &impl AuditStore, salt: &str) {
    let entry = |n: usize| AuditEntry {
        id: format!("{salt}-{n}"),
        timestamp_millis: 1_734_604_215_123,
        actor: serde_json::Map::from_iter([("id".to_owned(), "u1".into())]),
        actor_id: "u1".to_owned(),
        action: "user.login".to_owned(),
        entity_type: "user".to_owned(),
        entity_id: "u1".to_owned(),
        old_values: None,
        new_values: Some(serde_json::json!({"n": n, "nested": [1.5, null, "x"]})),
        metadata: None,
        truncated: false,
        ip_address: Some("10.0.0.1".to_owned()),
        user_agent: None,
        trace_id: None,
        service: "auth".to_owned(),
        created_at_millis: 1_734_604_215_124,
    };
    let entries: Vec<_> = (0..30).map(entry).collect();
    let (first, rest) = entries.split_at(10);
    let put = async |entries| store.put_once(entries).await.expect("a write");
    assert_eq!(put(first).await, Written { created: 10, already_there: 0 });
    assert_eq!(put(&entries).await, Written { created: 20, already_there: 10 }, "some are there");
    assert_eq!(put(rest).await, Written { created: 0, already_there: 20 }, "all are there");
    assert_eq!(put(&[]).await, Written::default(), "nothing to write");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_twin_passes_the_suite() {
        let store = MemoryAudit::default();
        check_audit_store(&store, "twin").await;
        assert_eq!(store.entries().len(), 30);
    }
}
