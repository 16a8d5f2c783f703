//! Short stable hashes for keys.

use sha2::{Digest, Sha256};

/// The first 64 bits of the SHA-256 of the parts, in hex. Each part goes in
/// with its length, so that no two lists of parts run together.
pub(crate) fn short_hash<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The SHA-256 of a text, in hex.
pub(crate) fn content_hash(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
