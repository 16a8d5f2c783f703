//! Short stable hashes for keys.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// The first 64 bits of the SHA-256 of the parts, in hex. Each part goes in
/// with its length, so that no two lists of parts run together.
pub(crate) fn short_hash<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    let mut hex = String::with_capacity(16);
    for byte in hasher.finalize().iter().take(8) {
        // Writing to a string cannot fail.
        let _: Result<(), std::fmt::Error> = write!(hex, "{byte:02x}");
    }
    hex
}
