//! Timestamps as log lines write them, to nanoseconds since the epoch.
//!
//! A time without a zone is taken as UTC: containers and Lambda run in UTC.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::EventTime;

/// When a line says it happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineTime {
    /// Nanoseconds since the Unix epoch.
    Instant(i64),
}

impl LineTime {
    /// Nanoseconds since the Unix epoch; what the line leaves out (the year) is
    /// chosen so that it comes nearest to what else is known.
    pub(crate) fn to_nanos(self, _known: EventTime) -> Option<i64> {
        match self {
            Self::Instant(nanos) => Some(nanos),
        }
    }
}

/// A timestamp found at the start of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    /// Nanoseconds since the Unix epoch.
    pub nanos: i64,
    /// How many bytes of the text it took.
    pub len: usize,
}

/// Reads a timestamp at the very start of `text`: RFC 3339 and its relatives
/// (`T` or a space between date and time, `.` or `,` before the fraction, `Z`,
/// an offset, `UTC` or nothing behind it), and `yy/MM/dd HH:mm:ss`.
pub(crate) fn leading(text: &str) -> Option<Found> {
    let mut cursor = Cursor { bytes: text.as_bytes(), at: 0 };
    let (year, separator) = match text.as_bytes() {
        [_, _, _, _, b'-' | b'/', ..] => {
            let year = cursor.digits(4)?;
            (year, cursor.byte()?)
        }
        [_, _, b'/', _, _, b'/', ..] => {
            let year = cursor.digits(2)?;
            (2000 + year, cursor.byte()?)
        }
        _ => return None,
    };
    let month = cursor.digits(2)?;
    cursor.expect(separator)?;
    let day = cursor.digits(2)?;
    if !matches!(cursor.byte()?, b'T' | b't' | b' ') {
        return None;
    }
    let hour = cursor.digits(2)?;
    cursor.expect(b':')?;
    let minute = cursor.digits(2)?;
    cursor.expect(b':')?;
    let second = cursor.digits(2)?;
    let nanosecond = cursor.fraction();
    let offset_seconds = cursor.offset();
    let civil = DateTime::new(
        i16::try_from(year).ok()?,
        i8::try_from(month).ok()?,
        i8::try_from(day).ok()?,
        i8::try_from(hour).ok()?,
        i8::try_from(minute).ok()?,
        // A leap second is the second before it, told again.
        i8::try_from(second.min(59)).ok()?,
        nanosecond,
    )
    .ok()?;
    let utc = TimeZone::UTC.to_timestamp(civil).ok()?.as_nanosecond();
    let nanos = i64::try_from(utc - i128::from(offset_seconds) * 1_000_000_000).ok()?;
    Some(Found { nanos, len: cursor.at })
}

/// Reads a field's whole value as a time: text as [`leading`] reads it, or a
/// number since the epoch whose size tells seconds, milliseconds, microseconds
/// or nanoseconds (good from 2001 to 2286).
pub(crate) fn from_field(value: &str) -> Option<i64> {
    let value = value.trim();
    if let Some(found) = leading(value) {
        return (found.len == value.len()).then_some(found.nanos);
    }
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let number: i64 = whole.parse().ok()?;
    let unit_nanos: i64 = match whole.len() {
        10 => 1_000_000_000,
        13 => 1_000_000,
        16 => 1_000,
        19 => 1,
        _ => return None,
    };
    let mut nanos = number.checked_mul(unit_nanos)?;
    let mut digit_nanos = unit_nanos / 10;
    for digit in fraction.bytes() {
        if !digit.is_ascii_digit() {
            return None;
        }
        nanos = nanos.checked_add(i64::from(digit - b'0') * digit_nanos)?;
        digit_nanos /= 10;
    }
    Some(nanos)
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn expect(&mut self, wanted: u8) -> Option<()> {
        (self.byte()? == wanted).then_some(())
    }

    fn digit(&mut self) -> Option<u8> {
        let digit = self.peek().filter(u8::is_ascii_digit)?;
        self.at += 1;
        Some(digit - b'0')
    }

    fn digits(&mut self, count: usize) -> Option<u16> {
        (0..count).try_fold(0, |number, _| Some(number * 10 + u16::from(self.digit()?)))
    }

    /// The fraction of a second, in nanoseconds; digits past the ninth are passed over.
    fn fraction(&mut self) -> i32 {
        let start = self.at;
        if !matches!(self.byte(), Some(b'.' | b',')) {
            self.at = start;
            return 0;
        }
        let mut nanoseconds = 0;
        let mut scale = 100_000_000;
        let mut seen = false;
        while let Some(digit) = self.digit() {
            seen = true;
            nanoseconds += i32::from(digit) * scale;
            scale /= 10;
        }
        if !seen {
            self.at = start;
        }
        nanoseconds
    }

    /// Seconds east of UTC, of `Z`, `UTC`, `+01:00`, `+0100`, ` +01:00` or nothing.
    fn offset(&mut self) -> i32 {
        let start = self.at;
        let rest = self.bytes.get(start..).unwrap_or_default();
        if rest.starts_with(b"Z") || rest.starts_with(b"z") {
            self.at += 1;
            return 0;
        }
        if rest.starts_with(b" UTC") || rest.starts_with(b" GMT") {
            self.at += 4;
            return 0;
        }
        if self.peek() == Some(b' ') {
            self.at += 1;
        }
        self.numeric_offset().unwrap_or_else(|| {
            self.at = start;
            0
        })
    }

    fn numeric_offset(&mut self) -> Option<i32> {
        let sign = match self.byte()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let hours = i32::from(self.digits(2)?);
        if self.peek() == Some(b':') {
            self.at += 1;
        }
        let minutes = i32::from(self.digits(2)?);
        if self.peek().is_some_and(|b| b.is_ascii_alphanumeric()) || hours > 14 || minutes > 59 {
            return None;
        }
        Some(sign * (hours * 3600 + minutes * 60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-12-19T10:30:15Z, by `date -u -d … +%s`.
    const BASE: i64 = 1_734_604_215_000_000_000;

    #[test]
    fn leading_timestamps() {
        for (text, nanos, len) in [
            ("2024-12-19T10:30:15Z rest", BASE, 20),
            ("2024-12-19 10:30:15 - rest", BASE, 19),
            ("2024-12-19 10:30:15,123 rest", BASE + 123_000_000, 23),
            ("2024-12-19T10:30:15.123456789Z", BASE + 123_456_789, 30),
            ("2024-12-19T11:30:15+01:00", BASE, 25),
            ("2024-12-19 05:30:15 -0500", BASE, 25),
            ("2024-12-19 10:30:15.5 UTC [1]", BASE + 500_000_000, 25),
            ("2024/12/19 10:30:15 [error]", BASE, 19),
            ("24/12/19 10:30:15 INFO", BASE, 17),
            ("2024-12-19 10:30:15 -1 items", BASE, 19),
            ("2024-12-19 10:30:15. Done", BASE, 19),
        ] {
            assert_eq!(leading(text), Some(Found { nanos, len }), "{text}");
        }
        for text in [
            "",
            "2024-13-19 10:30:15",
            "2024-12-19",
            "10:30:15",
            "hello 2024-12-19 10:30:15",
            "2024-12-1é 10:30:15",
        ] {
            assert_eq!(leading(text), None, "{text}");
        }
    }

    #[test]
    fn field_timestamps() {
        for (value, nanos) in [
            ("2024-12-19T10:30:15Z", Some(BASE)),
            ("1734604215", Some(BASE)),
            ("1734604215.25", Some(BASE + 250_000_000)),
            ("1734604215123", Some(BASE + 123_000_000)),
            ("1734604215123456", Some(BASE + 123_456_000)),
            ("1734604215123456789", Some(BASE + 123_456_789)),
            ("2024-12-19T10:30:15Z and more", None),
            ("12", None),
            ("1734604215.x", None),
            ("yesterday", None),
        ] {
            assert_eq!(from_field(value), nanos, "{value}");
        }
    }
}
