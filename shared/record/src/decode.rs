//! From `awslogs.data` to log events: base64, gunzip, envelope.
//!
//! Format: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html>.
//! All or nothing: a truncated or corrupted payload is an error, never fewer events.
//! Bounded: [`MAX_DECOMPRESSED_BYTES`], [`MAX_EVENTS`], and
//! [`MAX_LINE_BYTES`](crate::MAX_LINE_BYTES), beyond which a line is kept and not looked into.

use std::borrow::Cow;

use libdeflater::{DecompressionError, Decompressor};
use serde::Deserialize;

mod reader;

/// The largest decompressed payload that is taken on. CloudWatch publishes no
/// cap; a payload of 1 MB of real logs decompresses to 5 to 20 MB.
pub const MAX_DECOMPRESSED_BYTES: usize = 32 << 20;

/// The most log events that one payload may hold. `PutLogEvents` takes 10,000.
pub const MAX_EVENTS: usize = 100_000;

/// The trailer of a gzip stream ends with the decompressed size, 4 bytes little endian.
const GZIP_SIZE_BYTES: usize = 4;

/// Why a payload cannot be decoded. A retry never helps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not base64.
    #[error("the payload is not base64")]
    Base64,
    /// Not gzip, cut short, or its checksum or size does not fit.
    #[error("the payload is not a whole gzip stream: {reason}")]
    Gzip {
        /// What gave it away.
        reason: &'static str,
    },
    /// Larger than [`MAX_DECOMPRESSED_BYTES`].
    #[error(
        "the payload states a decompressed size of {size} bytes; the limit MAX_DECOMPRESSED_BYTES is {MAX_DECOMPRESSED_BYTES}"
    )]
    TooLarge {
        /// The decompressed size that the stream states, in bytes.
        size: usize,
    },
    /// Not the JSON of a subscription.
    #[error("the payload is not a CloudWatch Logs subscription message: {reason}")]
    Envelope {
        /// The JSON parser's message, which names line and column and no content.
        reason: String,
    },
    /// More than [`MAX_EVENTS`] log events.
    #[error("the payload holds {events} log events; the limit MAX_EVENTS is {MAX_EVENTS}")]
    TooManyEvents {
        /// How many there are.
        events: usize,
    },
}

/// Decodes base64 and gunzips in one go; the bytes are the envelope's JSON.
pub fn gunzip(data: &str) -> Result<Vec<u8>, DecodeError> {
    let compressed =
        base64_simd::STANDARD.decode_to_vec(data.trim_ascii().as_bytes()).map_err(|_| DecodeError::Base64)?;
    gunzip_bytes(&compressed)
}

/// Gunzips what Kinesis delivers: no base64 around it. CloudWatch writes one
/// gzip member; of a second one nothing is read, so a stream with several is an
/// error rather than a part of itself.
pub fn gunzip_bytes(compressed: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let size = compressed
        .last_chunk::<GZIP_SIZE_BYTES>()
        .map(|bytes| u32::from_le_bytes(*bytes) as usize)
        .ok_or(DecodeError::Gzip { reason: "it is too short" })?;
    if size > MAX_DECOMPRESSED_BYTES {
        return Err(DecodeError::TooLarge { size });
    }
    let mut json = vec![0; size];
    let written =
        Decompressor::new().gzip_decompress(compressed, &mut json).map_err(|err| DecodeError::Gzip {
            reason: match err {
                DecompressionError::BadData => "its data is corrupt or cut short",
                DecompressionError::InsufficientSpace => "it is longer than its trailer says",
            },
        })?;
    if written != size {
        return Err(DecodeError::Gzip { reason: "it is shorter than its trailer says" });
    }
    Ok(json)
}

/// What CloudWatch sends the message for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum MessageType {
    /// Log events.
    #[serde(rename = "DATA_MESSAGE")]
    Data,
    /// A check that the destination can be reached: acknowledge and do nothing.
    #[serde(rename = "CONTROL_MESSAGE")]
    Control,
}

/// A subscription message, borrowed from its JSON. Fields not named here
/// (`policyLevel`, `extractedFields`, what AWS may yet invent) are passed over.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope<'a> {
    /// Log events, or a check of the destination.
    pub message_type: MessageType,
    /// The account that owns the log group, 12 digits.
    #[serde(borrow)]
    pub owner: Cow<'a, str>,
    /// The log group's name.
    #[serde(borrow)]
    pub log_group: Cow<'a, str>,
    /// The log stream's name; one message holds events of one stream.
    #[serde(borrow)]
    pub log_stream: Cow<'a, str>,
    /// The events, in the order in which they came.
    #[serde(borrow)]
    pub log_events: Vec<LogEvent<'a>>,
}

/// CloudWatch's raw entry.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct LogEvent<'a> {
    /// 56 digits that identify the event: the key for deduplication.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    /// Milliseconds since the epoch, as the log driver stated them.
    pub timestamp: i64,
    /// The line.
    #[serde(borrow)]
    pub message: Cow<'a, str>,
}

impl<'a> Envelope<'a> {
    /// Reads the JSON that [`gunzip`] gave.
    pub fn parse(json: &'a [u8]) -> Result<Self, DecodeError> {
        if let Some(envelope) = reader::read(json) {
            return Ok(envelope);
        }
        let envelope: Self =
            serde_json::from_slice(json).map_err(|err| DecodeError::Envelope { reason: describe(&err) })?;
        match envelope.log_events.len() {
            events if events > MAX_EVENTS => Err(DecodeError::TooManyEvents { events }),
            _ => Ok(envelope),
        }
    }
}

/// serde's own message may quote the payload (an unknown variant, a wrong type); this never does.
fn describe(err: &serde_json::Error) -> String {
    let what = match err.classify() {
        serde_json::error::Category::Syntax => "not JSON",
        serde_json::error::Category::Data => "a field is missing or of another type",
        serde_json::error::Category::Eof => "cut short",
        serde_json::error::Category::Io => "unreadable",
    };
    format!("{what} at line {} column {}", err.line(), err.column())
}

#[cfg(test)]
mod tests {
    use super::*;
    use libdeflater::{CompressionLvl, Compressor};
    use proptest::prelude::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut compressor = Compressor::new(CompressionLvl::default());
        let mut out = vec![0; compressor.gzip_compress_bound(bytes.len())];
        let size = compressor.gzip_compress(bytes, &mut out).unwrap();
        out.truncate(size);
        out
    }

    fn encode(bytes: &[u8]) -> String {
        base64_simd::STANDARD.encode_to_string(gzip(bytes))
    }

    #[test]
    fn an_envelope_is_read_with_fields_nobody_knows_yet() {
        let json = br#"{"messageType":"DATA_MESSAGE","owner":"123456789012","logGroup":"/ecs/a",
            "logStream":"s","subscriptionFilters":["f"],"policyLevel":"ACCOUNT_LEVEL_POLICY","new":[1],
            "logEvents":[{"id":"1","timestamp":5,"message":"a \"b\"","extractedFields":{"@aws.region":"eu-west-1"}}]}"#;
        let bytes = gunzip(&encode(json)).unwrap();
        let envelope = Envelope::parse(&bytes).unwrap();
        assert_eq!(envelope.message_type, MessageType::Data);
        assert_eq!(envelope.log_events[0].message, "a \"b\"");
        assert!(matches!(envelope.log_group, Cow::Borrowed("/ecs/a")));
    }

    #[test]
    fn every_truncation_is_an_error_and_none_a_partial_success() {
        let whole = gzip(&b"0123456789 some text that compresses, compresses".repeat(20));
        for cut in 0..whole.len() {
            let data = base64_simd::STANDARD.encode_to_string(&whole[..cut]);
            assert!(gunzip(&data).is_err(), "cut at {cut}");
        }
        let two = [gzip(b"first member"), gzip(b"the second one")].concat();
        assert!(gunzip(&base64_simd::STANDARD.encode_to_string(two)).is_err());
    }

    #[test]
    fn the_size_limit_holds_at_its_edge() {
        assert_eq!(
            gunzip(&encode(&vec![b'a'; MAX_DECOMPRESSED_BYTES])).unwrap().len(),
            MAX_DECOMPRESSED_BYTES
        );
        assert_eq!(
            gunzip(&encode(&vec![b'a'; MAX_DECOMPRESSED_BYTES + 1])),
            Err(DecodeError::TooLarge { size: MAX_DECOMPRESSED_BYTES + 1 })
        );
    }

    #[test]
    fn the_event_limit_holds_at_its_edge() {
        let with = |events: usize| {
            let list = vec![r#"{"id":"1","timestamp":0,"message":""}"#; events].join(",");
            format!(
                r#"{{"messageType":"DATA_MESSAGE","owner":"","logGroup":"","logStream":"","logEvents":[{list}]}}"#
            )
        };
        assert!(Envelope::parse(with(MAX_EVENTS).as_bytes()).is_ok());
        let err = Envelope::parse(with(MAX_EVENTS + 1).as_bytes()).unwrap_err();
        assert_eq!(err, DecodeError::TooManyEvents { events: MAX_EVENTS + 1 });
    }

    #[test]
    fn errors_do_not_quote_the_payload() {
        let err = Envelope::parse(br#"{"messageType":"hunter2"}"#).unwrap_err();
        assert!(!err.to_string().contains("hunter2"), "{err}");
        assert_eq!(gunzip("%%%"), Err(DecodeError::Base64));
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding_and_arbitrary_bytes_never_panic(bytes: Vec<u8>, text: String) {
            prop_assert_eq!(gunzip(&encode(&bytes)).unwrap(), bytes.clone());
            let _decoded = gunzip(&text).and_then(|json| Envelope::parse(&json).map(|_| ()));
            let _parsed = Envelope::parse(&bytes);
        }
    }
}
