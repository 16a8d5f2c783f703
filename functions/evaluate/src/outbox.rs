//! Sends what is owed, rule by rule in order; parks what could not be sent.
//!
//! Always true: a message leaves the outbox after it was published or parked, and
//! not before; of two invocations only the one that has the lease publishes.

use std::collections::BTreeSet;

use catchment_alert::{AlertStore, LEASE_MS, Notifier, Owed, Parking, Written};

use crate::report::Report;

/// After so many failures one after the other the topic counts as down, and the
/// rest waits for the next minute.
pub const MAX_FAILURES_IN_A_ROW: usize = 3;

/// The outbox of an invocation.
#[derive(Debug)]
pub struct Outbox<'a, A, N, K> {
    /// Where messages wait.
    pub alerts: &'a A,
    /// Who tells people.
    pub notifier: &'a N,
    /// Where to with what cannot be told.
    pub parking: &'a K,
    /// Rules of which an earlier message is not out yet: the order stays.
    pub blocked: BTreeSet<String>,
    failures: usize,
}

impl<'a, A: AlertStore, N: Notifier, K: Parking> Outbox<'a, A, N, K> {
    /// Nothing is known yet.
    pub fn new(alerts: &'a A, notifier: &'a N, parking: &'a K) -> Self {
        Self { alerts, notifier, parking, blocked: BTreeSet::new(), failures: 0 }
    }

    /// Publishes what earlier evaluations left.
    pub async fn drain(&mut self, now_ms: i64, report: &mut Report) {
        let owed = match self.alerts.owed().await {
            Ok(owed) => owed,
            Err(error) => {
                report.stores_failed += 1;
                return tracing::error!(%error, "the outbox cannot be read");
            }
        };
        for mut owed in owed {
            if self.blocked.contains(owed.rule()) || !owed.is_free(now_ms) {
                self.blocked.insert(owed.rule().to_owned());
                continue;
            }
            match self.alerts.lease(&owed, now_ms + LEASE_MS).await {
                Ok(Written::Done) => owed.leased_until_ms = now_ms + LEASE_MS,
                // Another invocation is at it.
                Ok(Written::Conflict) => {
                    self.blocked.insert(owed.rule().to_owned());
                    continue;
                }
                Err(error) => {
                    report.stores_failed += 1;
                    self.blocked.insert(owed.rule().to_owned());
                    tracing::error!(%error, "a message cannot be leased");
                    continue;
                }
            }
            self.send(&owed, now_ms, report).await;
        }
    }

    /// Takes note of what waits, without touching it.
    pub async fn look(&mut self, report: &mut Report) {
        match self.alerts.owed().await {
            Ok(owed) => self.blocked.extend(owed.iter().map(|owed| owed.rule().to_owned())),
            Err(error) => {
                report.stores_failed += 1;
                tracing::error!(%error, "the outbox cannot be read");
            }
        }
    }

    /// Publishes what this invocation has just written, and so has the lease of.
    pub async fn publish(&mut self, fresh: &[Owed], now_ms: i64, report: &mut Report) {
        for owed in fresh {
            if self.blocked.contains(owed.rule()) {
                self.release(owed, now_ms, report).await;
            } else {
                self.send(owed, now_ms, report).await;
            }
        }
    }

    async fn send(&mut self, owed: &Owed, now_ms: i64, report: &mut Report) {
        let is_down = self.failures >= MAX_FAILURES_IN_A_ROW;
        if !is_down {
            match self.notifier.publish(&owed.message).await {
                Ok(()) => {
                    self.failures = 0;
                    report.notifications_sent += 1;
                    return self.settle(owed, report).await;
                }
                Err(error) => {
                    self.failures += 1;
                    report.notifications_failed += 1;
                    tracing::error!(alert = owed.message.name, %error, "a notification is not out; it will be tried again");
                }
            }
        }
        if owed.is_overdue(now_ms) {
            match self.parking.park(owed).await {
                Ok(()) => {
                    report.notifications_parked += 1;
                    tracing::error!(
                        alert = owed.message.name,
                        key = owed.parked_key(),
                        "a notification is parked"
                    );
                    return self.settle(owed, report).await;
                }
                Err(error) => {
                    report.stores_failed += 1;
                    tracing::error!(%error, "a notification cannot be parked; it stays owed");
                }
            }
        }
        self.release(owed, now_ms, report).await;
    }

    async fn settle(&self, owed: &Owed, report: &mut Report) {
        if let Err(error) = self.alerts.settled(owed).await {
            report.stores_failed += 1;
            tracing::warn!(%error, "a message stays in the outbox and will be told twice");
        }
    }

    /// Gives a message back to the next minute.
    async fn release(&mut self, owed: &Owed, now_ms: i64, report: &mut Report) {
        self.blocked.insert(owed.rule().to_owned());
        match self.alerts.lease(owed, now_ms).await {
            Ok(Written::Done | Written::Conflict) => {}
            Err(error) => {
                report.stores_failed += 1;
                tracing::warn!(%error, "a lease runs on; the message goes out when it is over");
            }
        }
    }
}
