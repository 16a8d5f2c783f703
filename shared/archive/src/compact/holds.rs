//! The legal holds that stand in the bucket.

use bytes::Bytes;

use crate::key::ObjectKey;
use crate::retention::{HOLDS_PREFIX, Holds, MAX_HOLD_BYTES};
use crate::store::{Expiry, ObjectReader};

/// Every hold. One that is gone between its listing and its reading is released;
/// one that is too large to be one counts as unreadable, and holds everything.
pub(super) async fn read<S: ObjectReader>(store: &S) -> Result<Holds, S::Error> {
    let mut objects: Vec<(ObjectKey, Bytes)> = Vec::new();
    let mut after: Option<ObjectKey> = None;
    loop {
        let page = store.list(HOLDS_PREFIX, after.as_ref().map(ObjectKey::as_str)).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.key.clone());
        for listed in page {
            if listed.bytes > MAX_HOLD_BYTES {
                objects.push((listed.key, Bytes::new()));
            } else if let Some(body) = store.get(&listed.key).await? {
                objects.push((listed.key, body));
            }
        }
    }
    Ok(Holds::parse(objects.iter().map(|(key, body)| (key.as_str(), &body[..]))))
}

/// Whether an output may expire. What has no key of ours is kept.
pub(super) fn expiry_of(holds: &Holds, key: &ObjectKey) -> Expiry {
    holds.expiry_of(key).unwrap_or(Expiry::Held)
}
