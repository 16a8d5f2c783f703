//! Object keys. They derive from the batch's content alone: a retry writes the same key.

use std::fmt;

use catchment_record::{BatchId, LogRecord, RetentionClass};
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};

/// A day in UTC, the value of the partition column `dt`.
pub type Day = civil::Date;

/// The key of an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey(String);

impl ObjectKey {
    /// `logs/class=<class>/dt=<day>/<HH>-<first ms>-<last ms>-<batch id>.parquet`.
    ///
    /// `records` are sorted by time and of one day; hour and times are theirs.
    /// An empty slice counts as the epoch.
    pub fn of_batch(class: RetentionClass, day: Day, records: &[LogRecord<'_>], batch: &BatchId) -> Self {
        let first = records.first().map_or(0, LogRecord::time_millis);
        let last = records.last().map_or(0, LogRecord::time_millis);
        let hour = civil_time(first).hour();
        Self(format!(
            "logs/class={}/dt={day}/{hour:02}-{first}-{last}-{}.parquet",
            class.as_str(),
            batch.as_str()
        ))
    }

    /// The key as S3 takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a payload goes that cannot be decoded, and the reason beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineKeys {
    /// The payload as it came.
    pub payload: ObjectKey,
    /// Why, as JSON.
    pub reason: ObjectKey,
}

impl QuarantineKeys {
    /// The keys for a payload, named by its content.
    pub fn of_payload(payload: &[u8]) -> Self {
        let id = BatchId::of_payload(payload);
        Self {
            payload: ObjectKey(format!("quarantine/{}.payload", id.as_str())),
            reason: ObjectKey(format!("quarantine/{}.reason.json", id.as_str())),
        }
    }
}

/// Splits records that are sorted by time at midnight UTC, so that every object
/// lies in the partition of all its rows. Almost every batch is one part.
pub fn split_by_day<'r, 'a>(
    records: &'r [LogRecord<'a>],
) -> impl Iterator<Item = (Day, &'r [LogRecord<'a>])> {
    records
        .chunk_by(|a, b| day_number(a) == day_number(b))
        .filter_map(|part| Some((civil_time(part.first()?.time_millis()).date(), part)))
}

/// Days since the epoch: what tells days apart without a calendar.
fn day_number(record: &LogRecord<'_>) -> i64 {
    const MILLIS: i64 = 86_400_000;
    record.time_millis().div_euclid(MILLIS)
}

/// Times outside of what a calendar can show (years −9999 to 9999) count as the epoch.
fn civil_time(millis: i64) -> civil::DateTime {
    let timestamp = Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH);
    TimeZone::UTC.to_datetime(timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use catchment_record::{EventTime, LogGroup, LogStream, Source, redact};

    #[test]
    fn a_batch_across_midnight_is_two_objects_with_keys_of_their_own() {
        let source = Source::new("1", "r", LogGroup::new("g"), LogStream::new("s"), "prod");
        let line = redact("hello");
        // 2024-12-18T23:59:59.999Z and the two milliseconds after it.
        let midnight = 1_734_566_400_000;
        let records: Vec<_> = (-1..2)
            .map(|i| LogRecord::parse(&line, &source, "e", EventTime::Arrived(midnight + i)))
            .collect();
        let batch = BatchId::of_payload(b"x");
        let keys: Vec<_> = split_by_day(&records)
            .map(|(day, part)| ObjectKey::of_batch(RetentionClass::Long, day, part, &batch).to_string())
            .collect();
        let id = batch.as_str();
        assert_eq!(
            keys,
            [
                format!("logs/class=long/dt=2024-12-18/23-1734566399999-1734566399999-{id}.parquet"),
                format!("logs/class=long/dt=2024-12-19/00-1734566400000-1734566400001-{id}.parquet"),
            ]
        );
    }

    #[test]
    fn quarantine_keys_are_named_by_the_payload() {
        let keys = QuarantineKeys::of_payload(b"broken");
        assert_eq!(keys, QuarantineKeys::of_payload(b"broken"));
        assert_ne!(keys, QuarantineKeys::of_payload(b"other"));
        assert!(
            keys.payload.as_str().starts_with("quarantine/") && keys.payload.as_str().ends_with(".payload")
        );
        assert_eq!(keys.reason.as_str(), keys.payload.as_str().replace(".payload", ".reason.json"));
    }
}
