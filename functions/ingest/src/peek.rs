//! After a batch: asks `evaluate` to look at the rules that its lines may have made
//! true, before their windows are over.
//!
//! Batches share a notice for each second: each adds its rules to it, and the
//! first one invokes `evaluate`, which takes the notice down when the second is
//! over. So there is one invocation a second at most, however many batches there
//! are, and each batch's partials are written before it is looked at.
//!
//! Always true: what fails here fails no batch, for the minute's tick sees the
//! lines anyway; it is counted.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use catchment_alert::{PeekBoard, PeekCaller, RuleId};

/// The span that one notice is for.
pub const NOTICE_MS: i64 = 1_000;

/// What asking came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// `evaluate` was invoked.
    Called,
    /// It will look: somebody invoked it already.
    Joined,
    /// It will not look before the next tick.
    Failed,
}

/// Asks for peeks.
#[derive(Debug)]
pub struct Peeks<B, C> {
    board: B,
    caller: C,
    /// The notice that this process wrote last, and what it added to it.
    known: Mutex<(i64, BTreeSet<RuleId>)>,
}

impl<B: PeekBoard, C: PeekCaller> Peeks<B, C> {
    /// Asks through these.
    pub fn new(board: B, caller: C) -> Self {
        Self { board, caller, known: Mutex::default() }
    }

    /// Asks for a look at these rules soon after `now_ms`.
    pub async fn ask(&self, rules: &BTreeSet<RuleId>, now_ms: i64) -> Asked {
        let until_ms = (now_ms.div_euclid(NOTICE_MS) + 1) * NOTICE_MS;
        if self.is_known(until_ms, rules) {
            return Asked::Joined;
        }
        let is_first = match self.board.announce(until_ms, rules).await {
            Ok(is_first) => is_first,
            Err(error) => {
                tracing::warn!(%error, "no peek is asked for; the next tick sees the lines");
                return Asked::Failed;
            }
        };
        if is_first && let Err(error) = self.caller.call(until_ms).await {
            tracing::warn!(%error, "no peek takes place; the next tick sees the lines");
            return Asked::Failed;
        }
        self.remember(until_ms, rules);
        if is_first { Asked::Called } else { Asked::Joined }
    }

    fn is_known(&self, until_ms: i64, rules: &BTreeSet<RuleId>) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.0 == until_ms && rules.is_subset(&known.1)
    }

    fn remember(&self, until_ms: i64, rules: &BTreeSet<RuleId>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.0 != until_ms {
            *known = (until_ms, BTreeSet::new());
        }
        known.1.extend(rules.iter().cloned());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use catchment_alert::{MemoryAlerts, MemoryCaller};

    use super::*;

    /// The twins, shared between two processes.
    #[derive(Default, Clone)]
    struct Shared(Arc<(MemoryAlerts, MemoryCaller)>);

    impl PeekBoard for Shared {
        type Error = <MemoryAlerts as PeekBoard>::Error;
        async fn announce(&self, until_ms: i64, rules: &BTreeSet<RuleId>) -> Result<bool, Self::Error> {
            self.0.0.announce(until_ms, rules).await
        }
        async fn take(&self, until_ms: i64) -> Result<BTreeSet<RuleId>, Self::Error> {
            self.0.0.take(until_ms).await
        }
    }

    impl PeekCaller for Shared {
        type Error = <MemoryCaller as PeekCaller>::Error;
        async fn call(&self, until_ms: i64) -> Result<(), Self::Error> {
            self.0.1.call(until_ms).await
        }
    }

    fn set(names: &[&str]) -> BTreeSet<RuleId> {
        names.iter().map(|name| RuleId::new("g", name, "x")).collect()
    }

    #[tokio::test]
    async fn batches_of_one_second_share_one_invocation() {
        let shared = Shared::default();
        let process = || Peeks::new(shared.clone(), shared.clone());
        let (one, other) = (process(), process());
        assert_eq!(one.ask(&set(&["a"]), 10_000).await, Asked::Called);
        assert_eq!(one.ask(&set(&["a"]), 10_500).await, Asked::Joined, "it knows");
        assert_eq!(other.ask(&set(&["b"]), 10_999).await, Asked::Joined);
        assert_eq!(one.ask(&set(&["a", "c"]), 10_999).await, Asked::Joined, "a rule more");
        assert_eq!(shared.0.1.calls(), [11_000]);
        assert_eq!(shared.take(11_000).await.unwrap(), set(&["a", "b", "c"]));
        assert_eq!(one.ask(&set(&["a"]), 11_000).await, Asked::Called, "another second");
        // Whoever is late, after the notice was taken down, is the first again.
        assert_eq!(other.ask(&set(&["d"]), 10_999).await, Asked::Called);
        assert_eq!(shared.0.1.calls(), [11_000, 12_000, 11_000]);
    }

    #[tokio::test]
    async fn a_failure_is_told_and_tried_again() {
        let shared = Shared::default();
        shared.0.1.break_down();
        let peeks = Peeks::new(shared.clone(), shared.clone());
        assert_eq!(peeks.ask(&set(&["a"]), 0).await, Asked::Failed);
        assert_eq!(peeks.ask(&set(&["a"]), 1_000).await, Asked::Failed, "the next second");
    }
}
