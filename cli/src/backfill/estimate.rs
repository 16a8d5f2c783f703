//! What a backfill will do and cost, before it does: from the size that CloudWatch
//! states and one page of the log group's events.

use super::payload::{MAX_PAYLOAD_BYTES, MAX_PAYLOAD_EVENTS, WINDOW_MILLIS};
use crate::ingest::PARALLEL;

/// Bytes of events that one answer of `FilterLogEvents` holds at most.
const PAGE_BYTES: u64 = 1 << 20;
/// Events of one answer at most.
const PAGE_EVENTS: u64 = 10_000;
/// The size of an event where no sample tells.
const UNKNOWN_EVENT_BYTES: u64 = 300;
/// What the envelope adds to an event: id, timestamp, quotes.
const ENVELOPE_BYTES: u64 = 110;
/// What ingest takes in per second with one vCPU, in bytes of lines: the slowest of
/// the corpora that `scripts/bench chain` measures, rounded down.
const INGEST_BYTES_PER_SECOND: f64 = 90e6;
/// What an invocation waits for AWS: a write to S3 and the answer's way.
const INVOCATION_SECONDS: f64 = 0.1;
/// Memory that comes with one vCPU, in MB.
const MEMORY_OF_A_VCPU: f64 = 1769.0;

/// List prices of us-east-1, in dollars. <https://aws.amazon.com/lambda/pricing/>,
/// <https://aws.amazon.com/s3/pricing/>.
const LAMBDA_GB_SECOND: f64 = 0.000_013_333_4;
const LAMBDA_REQUEST: f64 = 0.20 / 1e6;
const S3_PUT: f64 = 5.0 / 1e6;

/// What is known of a log group before its events are read.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// The bytes that CloudWatch says it stores of the group.
    pub stored_bytes: u64,
    /// How long these bytes took to come: since the group was made, or as long as it keeps events.
    pub stored_millis: i64,
    /// How much of that time is asked for.
    pub asked_millis: i64,
    /// One page of what is asked for.
    pub sample: Sample,
    /// The memory of ingest, in MB.
    pub ingest_memory_mb: f64,
    /// Requests a second.
    pub rate: f64,
}

/// One page of a log group's events.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sample {
    /// How many.
    pub events: u64,
    /// The bytes of their lines.
    pub bytes: u64,
    /// How many streams they are of.
    pub streams: u64,
}

/// What is to be expected.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Estimate {
    /// Bytes of lines.
    pub bytes: u64,
    /// Log events.
    pub events: u64,
    /// Calls of `FilterLogEvents`.
    pub requests: u64,
    /// Invocations of ingest, and objects that it writes.
    pub payloads: u64,
    /// GB-seconds of ingest.
    pub gb_seconds: f64,
    /// Dollars, at list price.
    pub dollars: f64,
    /// How long it takes.
    pub seconds: u64,
}

impl Estimate {
    /// The estimate for one log group.
    pub fn of(known: &Known) -> Self {
        let share = share(known.asked_millis, known.stored_millis);
        let bytes = (known.stored_bytes as f64 * share) as u64;
        let bytes_an_event = match known.sample.events {
            0 => UNKNOWN_EVENT_BYTES,
            events => (known.sample.bytes / events).max(1),
        };
        let events = bytes.div_ceil(bytes_an_event);
        let hours = u64::try_from(known.asked_millis / WINDOW_MILLIS).unwrap_or(0) + 1;
        // A page is full by bytes or by events; an hour without any costs a part of one.
        let requests = (bytes / PAGE_BYTES).max(events / PAGE_EVENTS) + hours.div_ceil(24);
        // A payload is full, or the last one of its stream and hour.
        let json_bytes = bytes + events * ENVELOPE_BYTES;
        let full = (json_bytes / MAX_PAYLOAD_BYTES as u64).max(events / MAX_PAYLOAD_EVENTS);
        let payloads = (full + hours * known.sample.streams.max(1)).min(events);
        let vcpus = known.ingest_memory_mb / MEMORY_OF_A_VCPU;
        let busy = bytes as f64 / (INGEST_BYTES_PER_SECOND * vcpus.max(f64::MIN_POSITIVE));
        let invoked_seconds = busy + payloads as f64 * INVOCATION_SECONDS;
        let gb_seconds = invoked_seconds * known.ingest_memory_mb / 1024.0;
        // Reading and sending go on side by side: the slower one counts.
        let seconds = (requests as f64 / known.rate).max(invoked_seconds / PARALLEL as f64);
        Self {
            bytes,
            events,
            requests,
            payloads,
            gb_seconds,
            dollars: gb_seconds * LAMBDA_GB_SECOND + payloads as f64 * (LAMBDA_REQUEST + S3_PUT),
            seconds: seconds as u64,
        }
    }

    /// Both.
    pub fn plus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes + other.bytes,
            events: self.events + other.events,
            requests: self.requests + other.requests,
            payloads: self.payloads + other.payloads,
            gb_seconds: self.gb_seconds + other.gb_seconds,
            dollars: self.dollars + other.dollars,
            seconds: self.seconds + other.seconds,
        }
    }
}

/// What part of the whole is asked for, 0 to 1.
fn share(asked: i64, whole: i64) -> f64 {
    if whole <= 0 {
        return 1.0;
    }
    (asked as f64 / whole as f64).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * WINDOW_MILLIS;

    fn known() -> Known {
        Known {
            stored_bytes: 30_000_000_000,
            stored_millis: 30 * DAY,
            asked_millis: 10 * DAY,
            sample: Sample { events: 5_000, bytes: 1_000_000, streams: 4 },
            ingest_memory_mb: 1769.0,
            rate: 4.0,
        }
    }

    #[test]
    fn a_third_of_the_time_is_a_third_of_the_bytes() {
        let estimate = Estimate::of(&known());
        assert_eq!(estimate.bytes, 10_000_000_000);
        assert_eq!(estimate.events, 50_000_000, "200 bytes an event");
        // 10 GB in pages of 1 MiB; 50 M events fill 5,000 of 10,000 each; and the days.
        assert_eq!(estimate.requests, 10_000_000_000 / (1 << 20) + 11);
        assert_eq!(estimate.seconds, estimate.requests / 4);
        // 50 M events fill 5,000 payloads by number, 3,695 by bytes; and 241 hours of 4 streams.
        assert_eq!(estimate.payloads, 5_000 + 241 * 4);
        // One vCPU: 111 s of work, and a tenth of a second for each payload.
        let seconds = 10e9 / 90e6 + 0.1 * 5_964.0;
        let gb_seconds = seconds * 1769.0 / 1024.0;
        assert!((estimate.gb_seconds - gb_seconds).abs() < 1.0);
        let dollars = gb_seconds * 0.000_013_333_4 + 5_964.0 * 5.2e-6;
        assert!((estimate.dollars - dollars).abs() < 1e-6, "{}", estimate.dollars);
    }

    #[test]
    fn nothing_stored_costs_nothing_and_more_time_than_there_is_costs_no_more() {
        let empty = Known { stored_bytes: 0, sample: Sample::default(), ..known() };
        let estimate = Estimate::of(&empty);
        assert_eq!((estimate.bytes, estimate.events, estimate.payloads), (0, 0, 0));
        assert_eq!(estimate.dollars, 0.0);
        let long = Known { asked_millis: 90 * DAY, ..known() };
        assert_eq!(Estimate::of(&long).bytes, 30_000_000_000);
        let young = Known { stored_millis: 0, ..known() };
        assert_eq!(Estimate::of(&young).bytes, 30_000_000_000);
    }

    #[test]
    fn a_quiet_group_takes_as_long_as_its_payloads_do() {
        let quiet = Estimate::of(&Known { stored_bytes: 3_000_000, ..known() });
        // 5,000 events in 241 hours of 4 streams; 964 payloads, a tenth of a second each, four at once.
        assert_eq!((quiet.events, quiet.requests, quiet.payloads), (5_000, 11, 964));
        assert_eq!(quiet.seconds, 24);
    }

    #[test]
    fn a_group_of_few_events_has_no_more_payloads_than_events() {
        let few = Known { stored_bytes: 3_000, ..known() };
        let estimate = Estimate::of(&few);
        assert_eq!((estimate.events, estimate.payloads), (5, 5));
    }
}
