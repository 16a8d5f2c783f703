//! The audit trail: which records are audit entries, what an entry says, under
//! which keys it stands, and what a store must be able to do. It knows nothing
//! of DynamoDB. Entries are written once: a replay finds the entry and leaves it.

mod entry;
mod extract;
mod store;

pub use entry::{
    AuditEntry, DAY_SHARDS, ItemKeys, MAX_DEPTH, MAX_KEY_NAME_BYTES, MAX_TEXT_BYTES, MAX_VALUES_BYTES,
};
pub use extract::extract;
pub use store::{AuditStore, MemoryAudit, Written, check_audit_store};
