//! An audit entry and the keys of its item.

use std::borrow::Cow;

use jiff::Timestamp;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// How many bytes of JSON `actor`, `old_values`, `new_values` and `metadata` may
/// take together. A DynamoDB item holds 400 KB; the whole line is in the archive
/// under the entry's id all the same.
pub const MAX_VALUES_BYTES: usize = 300_000;

/// How many bytes of each other text an entry takes.
pub const MAX_TEXT_BYTES: usize = 2048;

/// How deep values may be nested; DynamoDB takes 32 levels, the item's own included.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
pub const MAX_DEPTH: usize = 30;

/// How many bytes of an entity's or actor's name go into a key as they are. A
/// partition key holds 2,048 bytes; a longer name is cut and closed by a hash of
/// the whole, and stands in full in the item's attributes.
pub const MAX_KEY_NAME_BYTES: usize = 512;

/// Over how many partitions the index by day spreads a day's entries.
pub const DAY_SHARDS: u64 = 8;

/// Who did what to which thing, when, and from where.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// The log event's id: the entry's identity, and its pointer into the archive.
    pub id: String,
    /// When it happened, in milliseconds since the epoch.
    pub timestamp_millis: i64,
    /// Who did it, as the line described them.
    pub actor: Map<String, Value>,
    /// The actor's id; `unknown` where the line names none.
    pub actor_id: String,
    /// What was done (`user.login`).
    pub action: String,
    /// The kind of thing it was done to.
    pub entity_type: String,
    /// Which one; `unknown` where the line names none.
    pub entity_id: String,
    /// The thing before.
    pub old_values: Option<Value>,
    /// The thing after.
    pub new_values: Option<Value>,
    /// Whatever else the line said about it.
    pub metadata: Option<Value>,
    /// Where the values above were too large for an item and are only in the archive.
    pub truncated: bool,
    /// The actor's address.
    pub ip_address: Option<String>,
    /// The actor's client.
    pub user_agent: Option<String>,
    /// The trace it belongs to.
    pub trace_id: Option<String>,
    /// The service that logged it.
    pub service: String,
    /// When CloudWatch was given the line, in milliseconds since the epoch.
    pub created_at_millis: i64,
}

/// The keys of an entry's item, in the table and its indexes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemKeys {
    /// Table: `ENT#<entity type>#<entity id>`.
    pub pk: String,
    /// Table and indexes: `<RFC 3339 time, milliseconds>#<id>`.
    pub sk: String,
    /// Index `by-actor`: `ACT#<actor id>`.
    pub actor_pk: String,
    /// Index `by-day`: `DAY#<YYYY-MM-DD>#<shard>`.
    pub day_pk: String,
}

impl AuditEntry {
    /// When it happened, as RFC 3339 with milliseconds: sorts as text.
    pub fn timestamp(&self) -> String {
        rfc3339_millis(self.timestamp_millis)
    }

    /// When CloudWatch was given the line, as RFC 3339 with milliseconds.
    pub fn created_at(&self) -> String {
        rfc3339_millis(self.created_at_millis)
    }

    /// The keys of the entry's item.
    pub fn keys(&self) -> ItemKeys {
        let timestamp = self.timestamp();
        let day = timestamp.split('T').next().unwrap_or_default();
        let shard =
            self.id.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(byte)) % DAY_SHARDS;
        ItemKeys {
            pk: format!("ENT#{}#{}", key_name(&self.entity_type), key_name(&self.entity_id)),
            sk: format!("{timestamp}#{}", self.id),
            actor_pk: format!("ACT#{}", key_name(&self.actor_id)),
            day_pk: format!("DAY#{day}#{shard}"),
        }
    }
}

fn key_name(name: &str) -> Cow<'_, str> {
    if name.len() <= MAX_KEY_NAME_BYTES {
        return Cow::Borrowed(name);
    }
    let hash: String = Sha256::digest(name).iter().map(|byte| format!("{byte:02x}")).collect();
    let kept = name.get(..name.floor_char_boundary(MAX_KEY_NAME_BYTES - hash.len())).unwrap_or_default();
    Cow::Owned(format!("{kept}{hash}"))
}

fn rfc3339_millis(millis: i64) -> String {
    let time = Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{time:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded_in_keys_at_the_edge() {
        let fits = "é".repeat(MAX_KEY_NAME_BYTES / 2);
        assert_eq!(key_name(&fits), fits);
        let (long, other) = (format!("{fits}x"), format!("{fits}y"));
        assert!(key_name(&long).len() <= MAX_KEY_NAME_BYTES);
        assert_ne!(key_name(&long), key_name(&other), "cut names do not meet");
    }
}
