//! What CloudWatch Logs invokes `ingest` with.

use libdeflater::{CompressionLvl, Compressor};
use serde_json::{Value, json};

/// The event of an invocation: `log_events` of one stream, as CloudWatch has them.
pub fn payload(log_group: &str, log_events: &[Value]) -> Value {
    let batch = json!({
        "messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": log_group,
        "logStream": "ecs/web/0123456789abcdef0123456789abcdef", "subscriptionFilters": ["f"],
        "logEvents": log_events,
    });
    let json = batch.to_string();
    let mut compressor = Compressor::new(CompressionLvl::fastest());
    let mut out = vec![0; compressor.gzip_compress_bound(json.len())];
    let size = compressor.gzip_compress(json.as_bytes(), &mut out).unwrap();
    out.truncate(size);
    json!({ "awslogs": { "data": base64_simd::STANDARD.encode_to_string(out) } })
}

/// The id that CloudWatch gives an event: `millis` · 2^144 + `batch` · 2^16 + `index`, in 56 digits.
pub fn event_id(millis: u64, batch: u32, index: u16) -> String {
    let mut digits = [0_u8; 56];
    let bits = |number: u64, count: u32| {
        (0..count).rev().map(move |bit| number.checked_shr(bit).unwrap_or(0) & 1 == 1)
    };
    let number =
        bits(millis, 64).chain(bits(0, 96)).chain(bits(batch.into(), 32)).chain(bits(index.into(), 16));
    for bit in number {
        let mut carry = u8::from(bit);
        for digit in digits.iter_mut().rev() {
            let doubled = *digit * 2 + carry;
            (*digit, carry) = (doubled % 10, doubled / 10);
        }
    }
    digits.iter().map(|digit| char::from(b'0' + digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_as_cloudwatch_writes_them() {
        // By Python: 1734516000000 * 2**144 + 7 * 2**16 + 3.
        assert_eq!(
            event_id(1_734_516_000_000, 7, 3),
            "38680999358774542328963967915400945405907127238656458755"
        );
        assert_eq!(event_id(0, 0, 9).trim_start_matches('0'), "9");
    }
}
