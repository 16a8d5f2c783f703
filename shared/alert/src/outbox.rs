//! The outbox: messages that are owed. A message is put there in one write with
//! the state that says that people know it, and leaves when it is published, or
//! parked where an operator finds it.

use serde::{Deserialize, Serialize};

use crate::message::AlertMessage;
use crate::state::RuleState;

/// For how long whoever publishes a message has it for themselves: longer than
/// all attempts of one publication take. A crash delays a message by this.
pub const LEASE_MS: i64 = 45_000;
/// How long a message is tried before it is parked.
pub const PARK_AFTER_MS: i64 = 3_600_000;

/// A message that is owed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Owed {
    /// Its place: the rule, then the order in which the rule's messages came about.
    pub key: String,
    /// The message.
    pub message: AlertMessage,
    /// Since when it is owed, in milliseconds.
    pub since_ms: i64,
    /// Until this moment somebody is at it.
    pub leased_until_ms: i64,
}

impl Owed {
    /// What a step of `state` owes, for whoever writes it to publish. `state` is
    /// the one that is written with it: its version is the new one.
    pub fn of(state: &RuleState, messages: Vec<AlertMessage>, now_ms: i64) -> Vec<Self> {
        let owed = messages.into_iter().enumerate().map(|(place, message)| Self {
            key: format!("{}#{:013}#{place:02}", state.rule, state.version),
            message,
            since_ms: now_ms,
            leased_until_ms: now_ms + LEASE_MS,
        });
        owed.collect()
    }

    /// The rule that owes it.
    pub fn rule(&self) -> &str {
        self.key.split('#').next().unwrap_or(&self.key)
    }

    /// Whether nobody is at it.
    pub fn is_free(&self, now_ms: i64) -> bool {
        self.leased_until_ms <= now_ms
    }

    /// Whether it has been tried for long enough.
    pub fn is_overdue(&self, now_ms: i64) -> bool {
        now_ms - self.since_ms >= PARK_AFTER_MS
    }

    /// Its key in the bucket, once it is parked.
    pub fn parked_key(&self) -> String {
        format!("{PARKED_PREFIX}{}.json", self.key.replace('#', "-"))
    }
}

/// Where in the archive bucket messages are parked.
pub const PARKED_PREFIX: &str = "parked/";
