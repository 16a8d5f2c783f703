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

/// Digits of an object's id; a merged object's has `m` before them.
const ID_DIGITS: usize = 32;

/// What the key of an object under `logs/` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogKey<'k> {
    /// The retention class.
    pub class: RetentionClass,
    /// The day of every record in the object.
    pub day: Day,
    /// The hour of the first record, 0 to 23.
    pub hour: u8,
    /// The time of the first record, in milliseconds since the epoch.
    pub first_millis: i64,
    /// The time of the last record, in milliseconds since the epoch.
    pub last_millis: i64,
    /// The id: of a batch, or of a merged object's content.
    pub id: &'k str,
}

impl LogKey<'_> {
    /// Whether `compact` wrote the object.
    pub fn is_merged(&self) -> bool {
        self.id.starts_with('m')
    }
}

impl ObjectKey {
    /// A key as a listing gives it, or of an object that is no batch.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The prefix of a partition: `logs/class=<class>/dt=<day>/`.
    pub fn partition(class: RetentionClass, day: Day) -> String {
        format!("logs/class={}/dt={day}/", class.as_str())
    }

    /// The key of a merged object: named by its content, so that the same key
    /// means the same bytes. `id_hex` is 32 hexadecimal digits of their hash.
    pub fn of_merged(
        class: RetentionClass,
        day: Day,
        first_millis: i64,
        last_millis: i64,
        id_hex: &str,
    ) -> Self {
        Self::of_log(class, day, first_millis, last_millis, &format!("m{id_hex}"))
    }

    fn of_log(class: RetentionClass, day: Day, first: i64, last: i64, id: &str) -> Self {
        let hour = civil_time(first).hour();
        Self(format!("{}{hour:02}-{first}-{last}-{id}.parquet", Self::partition(class, day)))
    }

    /// What the key says, where it is one that Catchment writes: exactly, or
    /// the object is foreign.
    pub fn parse(&self) -> Option<LogKey<'_>> {
        let (class, rest) = self.0.strip_prefix("logs/class=")?.split_once("/dt=")?;
        let (day, name) = rest.split_once('/')?;
        let (hour, rest) = name.strip_suffix(".parquet")?.split_once('-')?;
        let (rest, id) = rest.rsplit_once('-')?;
        // A time before 1970 begins with a minus of its own.
        let (sign, rest) = rest.strip_prefix('-').map_or(("", rest), |rest| ("-", rest));
        let (first, last) = rest.split_once('-')?;
        let digits = id.strip_prefix('m').unwrap_or(id);
        let key = LogKey {
            class: RetentionClass::from_name(class)?,
            day: day.parse().ok()?,
            hour: hour.parse().ok()?,
            first_millis: format!("{sign}{first}").parse().ok()?,
            last_millis: last.parse().ok()?,
            id,
        };
        let is_ours = digits.len() == ID_DIGITS
            && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
            && key.first_millis <= key.last_millis
            && [key.first_millis, key.last_millis].iter().all(|time| civil_time(*time).date() == key.day)
            && Self::of_log(key.class, key.day, key.first_millis, key.last_millis, id) == *self;
        is_ours.then_some(key)
    }

    /// `logs/class=<class>/dt=<day>/<HH>-<first ms>-<last ms>-<batch id>.parquet`.
    ///
    /// `records` are sorted by time and of one day; hour and times are theirs.
    /// An empty slice counts as the epoch.
    pub fn of_batch(class: RetentionClass, day: Day, records: &[LogRecord<'_>], batch: &BatchId) -> Self {
        let first = records.first().map_or(0, LogRecord::time_millis);
        let last = records.last().map_or(0, LogRecord::time_millis);
        Self::of_log(class, day, first, last, batch.as_str())
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

/// Midnight UTC, in milliseconds since the epoch.
pub(crate) fn day_start_millis(day: Day) -> i64 {
    TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).map_or(0, Timestamp::as_millisecond)
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
    fn a_key_says_what_went_into_it_and_a_foreign_one_says_nothing() {
        let id = "0123456789abcdef0123456789abcdef";
        let day = civil::date(2024, 12, 18);
        let (first, last) = (1_734_480_000_000, 1_734_566_399_999);
        let key = ObjectKey::of_merged(RetentionClass::Short, day, first, last, id);
        assert_eq!(
            key.as_str(),
            format!("logs/class=short/dt=2024-12-18/00-1734480000000-1734566399999-m{id}.parquet")
        );
        let parsed = key.parse().unwrap();
        assert!(parsed.is_merged());
        assert_eq!((parsed.class, parsed.day, parsed.hour), (RetentionClass::Short, day, 0));
        assert_eq!((parsed.first_millis, parsed.last_millis, parsed.id.len()), (first, last, 33));

        let good = key.as_str();
        for (part, other) in [
            ("logs/", "log/"),
            ("short", "forever"),
            ("dt=2024-12-18", "dt=2024-12-19"),
            ("2024-12-18", "18.12.2024"),
            ("/00-", "/01-"),
            ("/00-", "/0-"),
            ("/00-", "/00-x/"),
            ("1734480000000", "01734480000000"),
            ("1734480000000", "1734566399999999"),
            ("1734566399999", "1734566400000"),
            ("1734566399999", "1734479999999"),
            ("-m0", "-M0"),
            ("-m0", "-m"),
            ("abcdef.", "ABCDEF."),
            (".parquet", ".parquet.tmp"),
        ] {
            let foreign = good.replacen(part, other, 1);
            assert_ne!(foreign, good);
            assert_eq!(ObjectKey::new(&foreign).parse(), None, "{foreign}");
        }
    }

    #[test]
    fn times_before_1970_and_beyond_the_calendar_have_keys_too() {
        let id = "0123456789abcdef0123456789abcdef";
        for (day, first, last) in [
            (civil::date(1969, 12, 31), -86_400_000, -1),
            (civil::date(1970, 1, 1), 0, 86_399_999),
            (civil::date(1970, 1, 1), i64::MIN, i64::MIN + 1),
            (civil::date(1970, 1, 1), i64::MAX - 1, i64::MAX),
        ] {
            let key = ObjectKey::of_merged(RetentionClass::Long, day, first, last, id);
            let parsed = key.parse().unwrap();
            assert_eq!((parsed.day, parsed.first_millis, parsed.last_millis), (day, first, last));
        }
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
