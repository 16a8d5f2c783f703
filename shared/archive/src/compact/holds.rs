//! What legal holds say of what the compactor writes.

use crate::key::ObjectKey;
use crate::retention::Holds;
use crate::store::Expiry;

/// Whether an output may expire. What has no key of ours is kept.
pub(super) fn expiry_of(holds: &Holds, key: &ObjectKey) -> Expiry {
    holds.expiry_of(key).unwrap_or(Expiry::Held)
}
