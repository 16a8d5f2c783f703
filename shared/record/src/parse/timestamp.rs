//! Timestamps as log lines write them.
//!
//! A time without a zone is taken as UTC: containers and Lambda run in UTC. One
//! scanner of small pieces (a number, a month's name, a time of day, a zone)
//! reads every form; which one it is shows in the first few bytes.

use super::EventTime;
use civil::{Date, NANOS_PER_DAY, year_of};
use cursor::Cursor;

mod civil;
mod clf;
mod cursor;

const NANOS_PER_MILLI: i64 = 1_000_000;
/// A number of seconds that stands for a time is at least this: 2001-09-09.
const MIN_EPOCH_SECONDS: i64 = 1_000_000_000;
/// And less than this: 2100-01-01.
const MAX_EPOCH_SECONDS: i64 = 4_102_444_800;
/// A number of seconds with an exponent has no more digits than this.
const MAX_SCIENTIFIC_BYTES: usize = 32;
/// How many years a date without one may lie from what is known: 8, the longest
/// time between two days of February 29.
const MAX_YEARS_AWAY: i64 = 8;

/// When a line says it happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineTime {
    /// Nanoseconds since the Unix epoch.
    Instant(i64),
    /// A day without its year, and nanoseconds since its midnight.
    NoYear { month: u8, day: u8, nanos: i64 },
    /// Nanoseconds since midnight.
    TimeOfDay(i64),
}

impl LineTime {
    /// Nanoseconds since the Unix epoch. What the line leaves out (the year, the
    /// day) is chosen so that it comes nearest to the event's time; for a line
    /// of a file, so that it is the latest that is not after the reading.
    pub(crate) fn to_nanos(self, known: EventTime) -> Option<i64> {
        let (known_nanos, may_be_after) = match known {
            EventTime::Arrived(millis) => (millis.saturating_mul(NANOS_PER_MILLI), true),
            EventTime::ReadAt(millis) => (millis.saturating_mul(NANOS_PER_MILLI), false),
        };
        let known_day = known_nanos.div_euclid(NANOS_PER_DAY);
        let nearest = |candidates: &mut dyn Iterator<Item = i64>| {
            candidates
                .filter(|nanos| may_be_after || *nanos <= known_nanos)
                .min_by_key(|nanos| nanos.abs_diff(known_nanos))
        };
        match self {
            Self::Instant(nanos) => Some(nanos),
            Self::NoYear { month, day, nanos } => {
                let year = year_of(known_day);
                let at = |year| Some(Date { year, month, day }.days()? * NANOS_PER_DAY + nanos);
                // Next year's first: around New Year it is the nearest.
                nearest(&mut (year - 1..=year + 1).filter_map(at))
                    .or_else(|| nearest(&mut (year - MAX_YEARS_AWAY..=year + MAX_YEARS_AWAY).filter_map(at)))
            }
            Self::TimeOfDay(nanos) => {
                nearest(&mut (known_day - 1..=known_day + 1).map(|day| day * NANOS_PER_DAY + nanos))
            }
        }
    }
}

/// A timestamp found at the start of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    /// When.
    pub time: LineTime,
    /// How many bytes of the text it took.
    pub len: usize,
}

/// Reads a timestamp of any form at the very start of `text`:
/// - RFC 3339 and its relatives (`-`, `/` or `.` in the date; `T`, `-`, `_`, `,`
///   or spaces behind it; `.`, `,` or `:` before the fraction; a zone or none);
/// - `17/06/09 20:10:40`, `12/19/2024 10:30:15 AM`, `19.12.2024 10:30:15`,
///   `03-17 16:13:38.811`, `10.30 16:49:06`;
/// - `20241219T103015Z`, `081109 203615`, `20241219103015`;
/// - with a month's name: `10/Oct/2000:13:55:36 -0700`, `Jun 14 15:16:01`,
///   `Dec 19, 2024 10:30:15 AM`, `19 Dec 2024 10:30:15`, ctime, RFC 2822;
/// - a time of day alone; a number since the epoch of 10, 13, 16 or 19 digits.
pub(crate) fn leading(text: &str) -> Option<Found> {
    let bytes = text.as_bytes();
    match bytes.first()? {
        b'0'..=b'9' => iso(bytes).or_else(|| numeric(bytes)),
        b'A'..=b'Z' => with_names(bytes),
        _ => None,
    }
}

/// Reads `10/Oct/2000:13:55:36 -0700`, the time of access logs (without its
/// brackets), at the start of `text`.
pub(crate) fn clf(text: &str) -> Option<Found> {
    let bytes = text.as_bytes();
    clf::fixed(bytes)
        .or_else(|| matches!(bytes, [b'0'..=b'9', _, b'/', ..]).then(|| numeric(bytes)).flatten())
}

/// Reads `Jun 14 15:16:01`, the time of RFC 3164, with a fraction, a zone or a
/// year or without, at the start of `text`.
pub(crate) fn syslog(text: &str) -> Option<Found> {
    let mut cursor = Cursor::new(text.as_bytes(), 0);
    month_first(&mut cursor, false)
}

/// Reads `1219 10:30:15.678901`, the time of klog, at the start of `text`.
pub(crate) fn month_day(text: &str) -> Option<Found> {
    let mut cursor = Cursor::new(text.as_bytes(), 0);
    let day = cursor.exactly(4)?;
    cursor.spaces()?;
    let nanos = cursor.time_of_day()?;
    found_without_year(u8::try_from(day / 100).ok()?, day % 100, nanos, cursor)
}

/// Reads a field's whole value as a time: text as [`leading`] reads it, or a
/// number since the epoch, whose size tells seconds (with a fraction or
/// without), milliseconds, microseconds or nanoseconds.
pub(crate) fn from_field(value: &str) -> Option<LineTime> {
    let value = value.trim();
    let found = leading(value)?;
    (found.len == value.len()).then_some(found.time)
}

fn found(date: Date, nanos_of_day: i64, mut cursor: Cursor<'_>) -> Option<Found> {
    let east = cursor.zone()?;
    let nanos = date.days()?.checked_mul(NANOS_PER_DAY)?.checked_add(nanos_of_day)?.checked_sub(east)?;
    Some(Found { time: LineTime::Instant(nanos), len: cursor.at })
}

fn found_without_year(month: u8, day: i64, nanos_of_day: i64, mut cursor: Cursor<'_>) -> Option<Found> {
    let day = u8::try_from(day).ok()?;
    // Any leap year: whether the day is one is known.
    Date { year: 2000, month, day }.days()?;
    let east = cursor.zone()?;
    Some(Found { time: LineTime::NoYear { month, day, nanos: nanos_of_day - east }, len: cursor.at })
}

/// The most frequent form, by its fixed places: `2024-12-19T10:30:15`.
fn iso(bytes: &[u8]) -> Option<Found> {
    let [
        y1,
        y2,
        y3,
        y4,
        b'-' | b'/',
        o1,
        o2,
        b'-' | b'/',
        d1,
        d2,
        b'T' | b' ',
        h1,
        h2,
        b':',
        m1,
        m2,
        b':',
        s1,
        s2,
        ..,
    ] = bytes
    else {
        return None;
    };
    let digits = [y1, y2, y3, y4, o1, o2, d1, d2, h1, h2, m1, m2, s1, s2];
    if !digits.iter().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let two = |tens: &u8, ones: &u8| (tens - b'0') * 10 + (ones - b'0');
    let year = i64::from(two(y1, y2)) * 100 + i64::from(two(y3, y4));
    let date = Date { year, month: two(o1, o2), day: two(d1, d2) };
    let mut cursor = Cursor::new(bytes, 19);
    let nanos = cursor.after_second(two(h1, h2).into(), two(m1, m2).into(), two(s1, s2).into())?;
    found(date, nanos, cursor)
}

/// Everything else that begins with a digit.
fn numeric(bytes: &[u8]) -> Option<Found> {
    let start = Cursor::new(bytes, 0);
    let mut cursor = start;
    let (first, len) = cursor.number()?;
    match (len, cursor.peek()) {
        (1 | 2, Some(b':')) => {
            let mut cursor = start;
            let nanos = cursor.time_of_day()?;
            let east = cursor.zone()?;
            Some(Found { time: LineTime::TimeOfDay(nanos - east), len: cursor.at })
        }
        (1, Some(b'.')) if first == 1 && bytes.get(4).is_some_and(u8::is_ascii_digit) => scientific(bytes),
        (1 | 2, Some(separator @ (b'-' | b'/' | b'.' | b' '))) => {
            cursor.skip(&[separator]);
            match cursor.peek()? {
                b'0'..=b'9' if separator != b' ' => short_date(first, separator, cursor),
                b'A'..=b'Z' | b'a'..=b'z' => day_and_name(first, separator, cursor),
                _ => None,
            }
        }
        (4, Some(separator @ (b'-' | b'/' | b'.'))) => {
            cursor.skip(&[separator]);
            let month = cursor.one_or_two()?;
            cursor.skip(&[separator])?;
            let day = cursor.one_or_two()?;
            with_time(first, month, day, cursor)
        }
        (6, Some(b' ')) => packed(first + 20_000_000, cursor),
        (8, Some(b'T' | b' ' | b'-' | b'_')) => packed(first, cursor),
        (14, _) => {
            let (day, time) = (first / 1_000_000, first % 1_000_000);
            let nanos = cursor.after_second(time / 10_000, time / 100 % 100, time % 100)?;
            found(ymd(day / 10_000, day / 100 % 100, day % 100)?, nanos, cursor)
        }
        _ => epoch(first, len, cursor),
    }
}

/// `06 Nov 1994 08:49:37`, `10/Oct/2000:13:55:36 -0700`, `19-Dec-24 10:30:15`,
/// `19 Dec 10:30:15.123`, behind the day.
fn day_and_name(day: i64, separator: u8, mut cursor: Cursor<'_>) -> Option<Found> {
    let month = cursor.month()?;
    cursor.skip(&[separator])?;
    let before_year = cursor;
    let (year, len) = cursor.number()?;
    match len {
        4 => with_time(year, month.into(), day, cursor),
        2 if cursor.peek() != Some(b':') => with_time(2000 + year, month.into(), day, cursor),
        _ => {
            cursor = before_year;
            let nanos = cursor.time_of_day()?;
            found_without_year(month, day, nanos, cursor)
        }
    }
}

/// `17/06/09 …`, `12/19/2024 …`, `19.12.2024 …`, `03-17 …`, `10.30 …`, behind the
/// first number. Where the order of day and month cannot be told, the month
/// comes first, but for the years of four digits behind `.` and `-`.
fn short_date(first: i64, separator: u8, mut cursor: Cursor<'_>) -> Option<Found> {
    let second = cursor.one_or_two()?;
    if cursor.skip(&[separator]).is_none() {
        cursor.date_end()?;
        let (month, day) = if first <= 12 { (first, second) } else { (second, first) };
        let nanos = cursor.time_of_day()?;
        return found_without_year(u8::try_from(month).ok()?, day, nanos, cursor);
    }
    let (third, len) = cursor.number()?;
    if len == 4 {
        let is_day_first = second <= 12 && (first > 12 || separator != b'/');
        let (month, day) = if is_day_first { (second, first) } else { (first, second) };
        return with_time(third, month, day, cursor);
    }
    if len != 2 {
        return None;
    }
    with_time(2000 + first, second, third, cursor).or_else(|| with_time(2000 + third, first, second, cursor))
}

/// `20241219T103015Z`, `20171223-22:15:29:606`, `081109 203615`, behind the date.
fn packed(date: i64, mut cursor: Cursor<'_>) -> Option<Found> {
    cursor.date_end()?;
    let before = cursor;
    let nanos = cursor.packed_time().or_else(|| {
        cursor = before;
        cursor.time_of_day()
    })?;
    found(ymd(date / 10_000, date / 100 % 100, date % 100)?, nanos, cursor)
}

/// What stands behind a whole date.
fn with_time(year: i64, month: i64, day: i64, mut cursor: Cursor<'_>) -> Option<Found> {
    cursor.date_end()?;
    let before = cursor;
    let nanos = cursor.time_of_day().or_else(|| {
        cursor = before;
        cursor.hour_and_minute()
    })?;
    found(ymd(year, month, day)?, nanos, cursor)
}

fn ymd(year: i64, month: i64, day: i64) -> Option<Date> {
    Some(Date { year, month: u8::try_from(month).ok()?, day: u8::try_from(day).ok()? })
}

/// Everything that begins with a name: a weekday's or a month's.
fn with_names(bytes: &[u8]) -> Option<Found> {
    let mut cursor = Cursor::new(bytes, 0);
    if cursor.weekday().is_none() {
        return month_first(&mut Cursor::new(bytes, 0), false);
    }
    if !cursor.peek()?.is_ascii_digit() {
        return month_first(&mut cursor, true);
    }
    let day = cursor.one_or_two()?;
    let separator = cursor.skip(b" -")?;
    day_and_name(day, separator, cursor)
}

/// `Jun 14 15:16:01`, `Dec 19 2024 10:30:15`, `Dec 19, 2024 10:30:15 AM`, and
/// behind a weekday `Dec 04 04:47:44 2005`.
fn month_first(cursor: &mut Cursor<'_>, has_weekday: bool) -> Option<Found> {
    let month = cursor.month()?;
    cursor.spaces()?;
    let day = cursor.one_or_two()?;
    let comma = cursor.skip(b",");
    cursor.spaces()?;
    let before = *cursor;
    let (year, len) = cursor.number()?;
    if len == 4 {
        return with_time(year, month.into(), day, *cursor);
    }
    if comma.is_some() {
        return None;
    }
    *cursor = before;
    let nanos = cursor.time_of_day()?;
    let short = found_without_year(month, day, nanos, *cursor)?;
    if !has_weekday {
        return Some(short);
    }
    let with_year = || {
        let mut behind = Cursor { at: short.len, ..*cursor };
        behind.skip(b" ")?;
        let year = behind.exactly(4).filter(|_| behind.is_at_end_of_word())?;
        // The zone stands before the year: read once more, for its offset.
        let whole = found(ymd(year, month.into(), day)?, nanos, *cursor)?;
        Some(Found { len: behind.at, ..whole })
    };
    with_year().or(Some(short))
}

/// Seconds since the epoch as zap writes them by default: `1.734604215123e+09`.
fn scientific(bytes: &[u8]) -> Option<Found> {
    let len =
        bytes.iter().take(MAX_SCIENTIFIC_BYTES).take_while(|byte| b"0123456789.e+".contains(byte)).count();
    let text = std::str::from_utf8(bytes.get(..len)?).ok()?;
    text.strip_suffix("e+09")?;
    // Microseconds are as fine as such a number is.
    let micros = (text.parse::<f64>().ok()? * 1e6).round() as i64;
    let ends = bytes.get(len).is_none_or(u8::is_ascii_whitespace);
    ends.then_some(Found { time: LineTime::Instant(micros * 1_000), len })
}

/// A number since the epoch; its size tells the unit.
fn epoch(number: i64, len: usize, mut cursor: Cursor<'_>) -> Option<Found> {
    let unit_nanos: i64 = match len {
        10 => 1_000_000_000,
        13 => 1_000_000,
        16 => 1_000,
        19 => 1,
        _ => return None,
    };
    let mut nanos = number.checked_mul(unit_nanos)?;
    if !(MIN_EPOCH_SECONDS..MAX_EPOCH_SECONDS).contains(&nanos.div_euclid(1_000_000_000)) {
        return None;
    }
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    if cursor.peek() == Some(b'.') && cursor.bytes.get(cursor.at + 1).is_some_and(is_digit) {
        cursor.at += 1;
        let mut digit_nanos = unit_nanos / 10;
        while let Some(digit) = cursor.peek().filter(is_digit) {
            nanos += i64::from(digit - b'0') * digit_nanos;
            digit_nanos /= 10;
            cursor.at += 1;
        }
    }
    let ends = cursor.peek().is_none_or(|byte| byte.is_ascii_whitespace() || b"]),;|:\"'".contains(&byte));
    ends.then_some(Found { time: LineTime::Instant(nanos), len: cursor.at })
}

#[cfg(test)]
mod tests;
