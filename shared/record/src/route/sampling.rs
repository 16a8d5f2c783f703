//! Which requests a sampler keeps: a decision that needs no memory and comes
//! out the same in every batch, stream, function and retry.

use serde::Deserialize;

use crate::record::LogRecord;

/// What a sampler keeps whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SampleBy {
    /// The trace id; where a line has none its request id, else the line is for itself.
    #[default]
    TraceId,
    /// The request id; where a line has none its trace id, else the line is for itself.
    RequestId,
}

impl SampleBy {
    /// What the record is sampled by. A request id that was derived from the log
    /// stream is none: it would keep or drop the stream as a whole.
    fn id_of<'r>(self, record: &'r LogRecord<'_>) -> &'r str {
        let trace = record.trace_id.as_deref();
        let request = record.has_own_request_id().then_some(&*record.request_id);
        let id = match self {
            Self::TraceId => trace.or(request),
            Self::RequestId => request.or(trace),
        };
        id.unwrap_or(record.event_id)
    }
}

/// The share of requests that is kept, and what a request is known by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    percent: f64,
    by: SampleBy,
}

impl Share {
    pub(super) fn new(percent: f64, by: SampleBy) -> Self {
        Self { percent, by }
    }

    /// Whether the record belongs to a request that is kept. What is kept at one
    /// share is kept at every larger one, so services with different samplers
    /// agree on the requests that the smallest share keeps.
    pub(super) fn keeps(self, record: &LogRecord<'_>) -> bool {
        position(self.by.id_of(record)) * 100.0 < self.percent
    }
}

/// Where an id lies between 0 and 1, evenly spread: 64-bit FNV-1a over its
/// letters and digits, the letters small and the hyphens of a UUID left out,
/// then the finalizer of MurmurHash3. Fixed for good, without a seed: a change
/// would tear requests apart that are on their way.
/// <http://www.isthe.com/chongo/tech/comp/fnv/>,
/// <https://github.com/aappleby/smhasher/wiki/MurmurHash3>
fn position(id: &str) -> f64 {
    let bytes = id.bytes().filter(|byte| *byte != b'-').map(|byte| byte.to_ascii_lowercase());
    let mut hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^= hash >> 33;
    // The upper 53 bits are what a double holds exactly.
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_spread_evenly_whatever_their_form() {
        let forms: [fn(u32) -> String; 4] = [
            |n| format!("req-{n}"),
            |n| format!("{n:032x}"),
            |n| format!("1-{:08x}-{n:024x}", 0x6740_0000 + n / 50),
            |n| format!("{:056}", 38_700_000_000_000_u64 + u64::from(n)),
        ];
        for form in forms {
            let kept = |percent: f64| (0..20_000).filter(|n| position(&form(*n)) * 100.0 < percent).count();
            // Four standard deviations around the wanted share of 20,000.
            for (percent, least, most) in [(1.0, 144, 256), (10.0, 1_830, 2_170), (50.0, 9_717, 10_283)] {
                let kept = kept(percent);
                assert!((least..=most).contains(&kept), "{kept} at {percent} % of {}", form(7));
            }
            assert_eq!((kept(0.0), kept(100.0)), (0, 20_000));
        }
    }

    #[test]
    fn the_spelling_of_an_id_does_not_matter() {
        let uuid = "0F8FAD5B-d9cb-469f-a165-70867728950e";
        assert_eq!(position(uuid), position(&uuid.to_lowercase().replace('-', "")));
        assert_ne!(position("a"), position("b"));
    }

    /// Values of another implementation of the two published algorithms, in Python.
    #[test]
    fn the_hash_is_fixed_for_good() {
        for (id, expected) in [
            ("", 0.936_769_448_390_44),
            ("req_abc123", 0.732_307_720_964_348_4),
            ("4bf92f3577b34da6a3ce929d0e0e4736", 0.900_039_038_991_916_3),
        ] {
            assert!((position(id) - expected).abs() < 1e-14, "{id}: {}", position(id));
        }
    }
}
