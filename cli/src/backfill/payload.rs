//! Log events cut into payloads, in the envelope that a subscription sends.
//!
//! The cut depends on the events and their order alone: on the hour they are of,
//! their log stream, and named limits. A second run over the same hours makes the
//! same payloads, byte for byte, and ingest finds each of them in the archive.

use std::collections::BTreeMap;
use std::fmt::Write;

use libdeflater::{CompressionLvl, Compressor};
use serde_json::{Value, json};

use crate::failure::Failure;

/// Payloads never hold events of two hours: the unit that compaction works by, too.
pub const WINDOW_MILLIS: i64 = 3_600_000;
/// Log events that a payload holds at most, as `PutLogEvents` does.
pub const MAX_PAYLOAD_EVENTS: u64 = 10_000;
/// The largest decompressed payload, in bytes of JSON, but for a single event that is
/// larger. Even where nothing compresses, the event that Lambda gets stays below its 6 MB.
pub const MAX_PAYLOAD_BYTES: usize = 4 << 20;
/// Bytes that are held over all streams of an hour before every stream is cut.
pub const MAX_HELD_BYTES: usize = 64 << 20;
/// What gzip is told: deterministic, and CloudWatch's own payloads are no smaller.
const GZIP_LEVEL: i32 = 6;

/// What the payloads of a log group have in common.
#[derive(Debug, Clone)]
pub struct Address {
    /// The account that owns the log group.
    pub owner: String,
    /// The log group.
    pub log_group: String,
    /// The subscription filter that would have delivered it.
    pub filter: String,
}

/// One log event, as `FilterLogEvents` gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// CloudWatch's id of it: the same one that a subscription delivers.
    pub id: &'a str,
    /// Milliseconds since the epoch.
    pub timestamp: i64,
    /// The line.
    pub message: &'a str,
}

/// Events of one stream and hour, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// How many.
    pub events: u64,
    /// The envelope's JSON.
    pub json: String,
}

/// Events that belong to no payload yet, by hour and stream.
#[derive(Debug)]
pub struct Cutter {
    address: Address,
    open: BTreeMap<(i64, String), Payload>,
    held_bytes: usize,
}

impl Cutter {
    /// Nothing yet.
    pub fn new(address: Address) -> Self {
        Self { address, open: BTreeMap::new(), held_bytes: 0 }
    }

    /// Takes an event; the payloads that this completes.
    pub fn push(&mut self, stream: &str, event: &Event<'_>) -> Vec<Payload> {
        let window = event.timestamp.div_euclid(WINDOW_MILLIS);
        // Events come sorted by time: earlier hours have all they get. (One that comes
        // late all the same begins a payload of its own.)
        let mut done = self.close_before(window);
        let json =
            json!({ "id": event.id, "timestamp": event.timestamp, "message": event.message }).to_string();
        let key = (window, stream.to_owned());
        let is_full = |open: &Payload| {
            open.events >= MAX_PAYLOAD_EVENTS
                || open.json.len() + json.len() + TAIL.len() + 1 > MAX_PAYLOAD_BYTES
        };
        if self.open.get(&key).is_some_and(is_full) {
            done.extend(self.open.remove(&key).map(|full| self.close(full)));
        }
        let Self { address, open, held_bytes } = self;
        let open = open.entry(key).or_insert_with(|| {
            let json = head(address, stream);
            *held_bytes += json.len();
            Payload { events: 0, json }
        });
        let before = open.json.len();
        if open.events > 0 {
            open.json.push(',');
        }
        open.json.push_str(&json);
        open.events += 1;
        *held_bytes += open.json.len() - before;
        if self.held_bytes >= MAX_HELD_BYTES {
            done.extend(self.finish());
        }
        done
    }

    /// Every payload that is still open, in the order of hours and streams.
    pub fn finish(&mut self) -> Vec<Payload> {
        self.close_before(i64::MAX)
    }

    fn close_before(&mut self, window: i64) -> Vec<Payload> {
        if self.open.first_key_value().is_none_or(|((first, _), _)| *first >= window) {
            return Vec::new();
        }
        let later = self.open.split_off(&(window, String::new()));
        let done = std::mem::replace(&mut self.open, later);
        done.into_values().map(|open| self.close(open)).collect()
    }

    fn close(&mut self, mut payload: Payload) -> Payload {
        self.held_bytes -= payload.json.len();
        payload.json.push_str(TAIL);
        payload
    }
}

/// What ends an envelope.
const TAIL: &str = "]}";

fn head(address: &Address, stream: &str) -> String {
    let Address { owner, log_group, filter } = address;
    let text = |text: &str| Value::from(text).to_string();
    let mut json = String::from(r#"{"messageType":"DATA_MESSAGE","#);
    // Writing into a string cannot fail.
    write!(
        json,
        r#""owner":{},"logGroup":{},"logStream":{},"subscriptionFilters":[{}],"logEvents":["#,
        text(owner),
        text(log_group),
        text(stream),
        text(filter)
    )
    .ok();
    json
}

impl Payload {
    /// The event for ingest: base64 of gzip, and the mark that says that these log
    /// events are history, which alert rules do not look at.
    pub fn to_event(&self) -> Result<Vec<u8>, Failure> {
        let level = CompressionLvl::new(GZIP_LEVEL).unwrap_or_default();
        let mut compressor = Compressor::new(level);
        let mut gzip = vec![0; compressor.gzip_compress_bound(self.json.len())];
        let size = compressor
            .gzip_compress(self.json.as_bytes(), &mut gzip)
            .map_err(|err| Failure::Rejected(format!("a payload cannot be compressed: {err}")))?;
        gzip.truncate(size);
        let data = base64_simd::STANDARD.encode_to_string(gzip);
        Ok(json!({ "awslogs": { "data": data }, "history": true }).to_string().into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use catchment_record::{Envelope, MessageType, gunzip};

    const HOUR: i64 = WINDOW_MILLIS;

    fn cutter() -> Cutter {
        Cutter::new(Address {
            owner: "123456789012".into(),
            log_group: "/ecs/\"odd\"".into(),
            filter: "prod-catchment".into(),
        })
    }

    /// Cuts events of (stream, milliseconds, line); the stream of each payload and its lines.
    fn cut(events: &[(&str, i64, &str)]) -> Vec<(String, Vec<String>)> {
        let mut cutter = cutter();
        let mut payloads = Vec::new();
        for (i, (stream, timestamp, message)) in events.iter().enumerate() {
            let id = format!("{i:056}");
            payloads.extend(cutter.push(stream, &Event { id: &id, timestamp: *timestamp, message }));
        }
        payloads.extend(cutter.finish());
        assert_eq!(cutter.held_bytes, 0);
        let read = |payload: &Payload| {
            let envelope = Envelope::parse(payload.json.as_bytes()).unwrap();
            assert_eq!(envelope.log_events.len() as u64, payload.events);
            let lines = envelope.log_events.iter().map(|event| event.message.to_string());
            (envelope.log_stream.to_string(), lines.collect())
        };
        payloads.iter().map(read).collect()
    }

    fn lines(stream: &str, lines: &[&str]) -> (String, Vec<String>) {
        (stream.to_owned(), lines.iter().map(|line| (*line).to_owned()).collect())
    }

    #[test]
    fn a_payload_holds_one_stream_and_one_hour() {
        let payloads = cut(&[
            ("b", HOUR, "1"),
            ("a", HOUR + 1, "2"),
            ("b", 2 * HOUR - 1, "3"),
            ("b", 2 * HOUR, "4"),
            ("a", 2 * HOUR, "5"),
            // Out of order, as CloudWatch never should: lost it is not.
            ("a", HOUR + 2, "6"),
            ("a", 2 * HOUR + 1, "7"),
        ]);
        assert_eq!(
            payloads,
            [
                lines("a", &["2"]),
                lines("b", &["1", "3"]),
                lines("a", &["6"]),
                lines("a", &["5", "7"]),
                lines("b", &["4"]),
            ]
        );
    }

    #[test]
    fn the_envelope_is_a_subscriptions() {
        let mut cutter = cutter();
        let event = Event { id: "0123", timestamp: 5, message: "a \"b\"\n\u{1}é" };
        assert!(cutter.push("s/1", &event).is_empty());
        let payload = cutter.finish().remove(0);
        let sent: Value = serde_json::from_slice(&payload.to_event().unwrap()).unwrap();
        assert_eq!(sent["history"], true);
        let json = gunzip(sent["awslogs"]["data"].as_str().unwrap()).unwrap();
        let envelope = Envelope::parse(&json).unwrap();
        assert_eq!(envelope.message_type, MessageType::Data);
        assert_eq!((&*envelope.owner, &*envelope.log_group), ("123456789012", "/ecs/\"odd\""));
        assert_eq!(&*envelope.log_stream, "s/1");
        let read = &envelope.log_events[0];
        assert_eq!((&*read.id, read.timestamp, &*read.message), ("0123", 5, event.message));
        let fields: Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(fields["subscriptionFilters"], json!(["prod-catchment"]));
    }

    #[test]
    fn the_event_limit_holds_at_its_edge() {
        let most = usize::try_from(MAX_PAYLOAD_EVENTS).unwrap();
        let one_more = vec![("s", 0, "x"); most + 1];
        let sizes: Vec<_> = cut(&one_more).into_iter().map(|(_, lines)| lines.len()).collect();
        assert_eq!(sizes, [most, 1]);
        assert_eq!(cut(&one_more[1..]).len(), 1);
    }

    #[test]
    fn the_byte_limit_holds_at_its_edge_and_one_large_event_goes_alone() {
        let frame = {
            let mut cutter = cutter();
            let id = format!("{:056}", 0);
            for _ in 0..2 {
                assert!(cutter.push("s", &Event { id: &id, timestamp: 0, message: "" }).is_empty());
            }
            cutter.finish().remove(0).json.len()
        };
        let half = "x".repeat((MAX_PAYLOAD_BYTES - frame) / 2);
        let rest = "x".repeat(MAX_PAYLOAD_BYTES - frame - half.len());
        assert_eq!(cut(&[("s", 0, &half), ("s", 0, &rest)]).len(), 1);
        let longer = format!("{rest}x");
        assert_eq!(cut(&[("s", 0, &half), ("s", 0, &longer)]).len(), 2);
        let large = "x".repeat(MAX_PAYLOAD_BYTES);
        assert_eq!(cut(&[("s", 0, "a"), ("s", 0, &large), ("s", 0, "b")]).len(), 3);
    }

    #[test]
    fn what_is_held_is_bounded_over_all_streams() {
        let mut cutter = cutter();
        let line = "x".repeat(1 << 20);
        let (mut sent, mut most) = (0, 0);
        for i in 0..70 {
            let event = Event { id: "1", timestamp: 0, message: &line };
            sent += cutter.push(&format!("stream-{i}"), &event).len();
            most = most.max(cutter.held_bytes);
        }
        assert!(most < MAX_HELD_BYTES && most > MAX_HELD_BYTES - (3 << 20), "{most}");
        assert_eq!(sent + cutter.finish().len(), 70);
    }

    #[test]
    fn even_what_does_not_compress_fits_into_an_invocation() {
        // Letters at random: gzip finds little in them.
        let mut state = 1_u64;
        let mut letter = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from_u32(0x4e00 + (state >> 50) as u32).unwrap()
        };
        let line: String = (0..200_000).map(|_| letter()).collect();
        let mut cutter = cutter();
        let mut largest = 0;
        for i in 0..20 {
            let id = i.to_string();
            for payload in cutter.push("s", &Event { id: &id, timestamp: 0, message: &line }) {
                assert!(payload.json.len() <= MAX_PAYLOAD_BYTES);
                largest = largest.max(payload.to_event().unwrap().len());
            }
        }
        assert!(largest > 1 << 20 && largest < crate::ingest::MAX_EVENT_BYTES, "{largest}");
        // Base64 makes 4 bytes of 3, and gzip adds next to nothing to what it cannot shrink.
        const { assert!(MAX_PAYLOAD_BYTES / 3 * 4 + (64 << 10) < crate::ingest::MAX_EVENT_BYTES) };
    }

    #[test]
    fn the_same_events_make_the_same_payloads_byte_for_byte() {
        let event = |i: i64| (format!("{i:056}"), i * 700_000, format!("line {i}"));
        let run = || {
            let mut cutter = cutter();
            let mut sent = Vec::new();
            for i in 0..100 {
                let (id, timestamp, message) = event(i);
                let stream = format!("s{}", i % 3);
                sent.extend(cutter.push(&stream, &Event { id: &id, timestamp, message: &message }));
            }
            sent.extend(cutter.finish());
            sent.iter().map(|payload| payload.to_event().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(run(), run());
        assert!(run().len() > 20);
    }
}
