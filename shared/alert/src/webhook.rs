//! An alert for a program: JSON, signed as Standard Webhooks has it, so that the
//! libraries of that specification verify it.
//!
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use std::fmt;

use base64_simd::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use crate::message::AlertMessage;

/// What a key begins with.
const KEY_PREFIX: &str = "whsec_";
/// The shortest and the longest key, in bytes before base64.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The body: `type` (`alert.firing`, `alert.resolved`, `alert.repeated`,
/// `alert.flapping`), `timestamp`, and the message as `data`.
pub fn webhook_body(message: &AlertMessage, now_rfc3339: &str) -> String {
    let status = json!(message.status);
    let kind = format!("alert.{}", status.as_str().unwrap_or_default());
    json!({"type": kind, "timestamp": now_rfc3339, "data": message}).to_string()
}

/// A key that cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the webhook's key must be \"whsec_\" and the base64 of 24 to 64 random bytes; make one with: echo \"whsec_$(openssl rand -base64 32)\""
)]
pub struct KeyError;

/// The key that a webhook's bodies are signed with. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookKey(Vec<u8>);

impl WebhookKey {
    /// Reads a key: `whsec_` and base64.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let base64 = text.trim().strip_prefix(KEY_PREFIX).ok_or(KeyError)?;
        let bytes = STANDARD.decode_to_vec(base64).map_err(|_| KeyError)?;
        if KEY_BYTES.contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(KeyError) }
    }

    /// The header `webhook-signature` of a body that is sent under this id at
    /// this time, in seconds: HMAC-SHA256 of `id.time.body`.
    pub fn sign(&self, id: &str, timestamp_s: i64, body: &str) -> Result<String, KeyError> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).map_err(|_| KeyError)?;
        mac.update(format!("{id}.{timestamp_s}.{body}").as_bytes());
        Ok(format!("v1,{}", STANDARD.encode_to_string(mac.finalize().into_bytes())))
    }
}

impl fmt::Debug for WebhookKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookKey(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_specification() {
        // The example of the specification's reference libraries.
        let key = WebhookKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature =
            key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#).unwrap();
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert!(!format!("{key:?}").contains("MfKQ"));
    }

    #[test]
    fn a_key_has_its_length() {
        let of = |bytes: usize| format!("whsec_{}", STANDARD.encode_to_string(vec![7; bytes]));
        for (text, good) in [
            (of(24), true),
            (of(64), true),
            (of(23), false),
            (of(65), false),
            ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(), false),
            ("whsec_no base64!".to_owned(), false),
        ] {
            assert_eq!(WebhookKey::parse(&text).is_ok(), good, "{text}");
        }
    }
}
