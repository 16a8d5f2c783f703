//! The keyed hash: equal secrets stay joinable, and nobody without the key can
//! tell which value it was.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// What a hash begins with.
pub(super) const HASH_PREFIX: &[u8] = b"hash:";
/// Hexadecimal digits of a hash: 64 bits, of which a log has too few values to collide.
pub(super) const HASH_DIGITS: usize = 16;

/// The key of the keyed hash; it never comes from the configuration file.
#[derive(Clone)]
pub struct HashKey(Hmac<Sha256>);

impl HashKey {
    /// Wraps a key of any length.
    pub fn new(key: impl Into<Vec<u8>>) -> Self {
        let key = key.into();
        // HMAC takes a key of any length; were it refused, a key of nothing but
        // its own hash would still be a key.
        Self(Hmac::new_from_slice(&key).unwrap_or_else(|_| Hmac::new(&Default::default())))
    }

    /// `hash:` and 16 hexadecimal digits.
    pub(super) fn hash(&self, secret: &str) -> String {
        let mut mac = self.0.clone();
        mac.update(secret.as_bytes());
        let digest = mac.finalize().into_bytes();
        let hex: String = digest.iter().take(HASH_DIGITS / 2).map(|byte| format!("{byte:02x}")).collect();
        format!("hash:{hex}")
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2.
    #[test]
    fn the_hash_is_hmac_sha_256() {
        let key = HashKey::new("Jefe");
        assert_eq!(key.hash("what do ya want for nothing?"), "hash:5bdcc146bf60754e");
        assert_eq!(format!("{key:?}"), "HashKey(***)");
    }
}
