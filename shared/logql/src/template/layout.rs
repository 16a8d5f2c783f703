//! Times in Go's layouts, where `2006-01-02 15:04:05` is an example that stands
//! for the parts of a time.
//!
//! Reference: <https://pkg.go.dev/time#pkg-constants>.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time as CivilTime};
use jiff::tz::{Offset, TimeZone};

use super::value::Time;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// A part of a layout.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Part<'a> {
    Text(&'a str),
    LongYear,
    Year,
    LongMonth,
    Month,
    ZeroMonth,
    NumMonth,
    LongWeekday,
    Weekday,
    ZeroDay,
    UnderDay,
    Day,
    YearDay,
    Hour,
    ZeroHour12,
    Hour12,
    ZeroMinute,
    Minute,
    ZeroSecond,
    Second,
    /// The sign before it, the digits, and whether zeros at the end go.
    Fraction(char, usize, bool),
    UpperPm,
    LowerPm,
    ZoneName,
    /// Whether `Z` stands for zero, whether a colon stands between, whether there are minutes.
    Zone(bool, bool, bool),
}

/// Longest first where one begins with another.
const PARTS: [(&str, Part<'static>); 28] = [
    ("January", Part::LongMonth),
    ("Jan", Part::Month),
    ("Monday", Part::LongWeekday),
    ("Mon", Part::Weekday),
    ("MST", Part::ZoneName),
    ("2006", Part::LongYear),
    ("002", Part::YearDay),
    ("01", Part::ZeroMonth),
    ("02", Part::ZeroDay),
    ("03", Part::ZeroHour12),
    ("04", Part::ZeroMinute),
    ("05", Part::ZeroSecond),
    ("06", Part::Year),
    ("15", Part::Hour),
    ("_2", Part::UnderDay),
    ("1", Part::NumMonth),
    ("2", Part::Day),
    ("3", Part::Hour12),
    ("4", Part::Minute),
    ("5", Part::Second),
    ("PM", Part::UpperPm),
    ("pm", Part::LowerPm),
    ("Z07:00", Part::Zone(true, true, true)),
    ("Z0700", Part::Zone(true, false, true)),
    ("Z07", Part::Zone(true, false, false)),
    ("-07:00", Part::Zone(false, true, true)),
    ("-0700", Part::Zone(false, false, true)),
    ("-07", Part::Zone(false, false, false)),
];

/// Calls `visit` with each part; it may stop.
fn each_part<'a>(layout: &'a str, mut visit: impl FnMut(Part<'a>) -> Option<()>) -> Option<()> {
    let mut rest = layout;
    while let Some(c) = rest.chars().next() {
        if let Some((part, used)) = fraction(rest) {
            visit(part)?;
            rest = rest.get(used..).unwrap_or_default();
        } else if let Some((word, part)) = PARTS.iter().find(|(word, _)| rest.starts_with(word)) {
            visit(*part)?;
            rest = rest.get(word.len()..).unwrap_or_default();
        } else {
            let (text, tail) = rest.split_at(c.len_utf8());
            visit(Part::Text(text))?;
            rest = tail;
        }
    }
    Some(())
}

/// `.000` or `,999`, not followed by another digit.
fn fraction(text: &str) -> Option<(Part<'static>, usize)> {
    let sign = text.chars().next().filter(|c| matches!(c, '.' | ','))?;
    let tail = text.get(1..)?;
    let digit = tail.chars().next().filter(|c| matches!(c, '0' | '9'))?;
    let count = tail.len() - tail.trim_start_matches(digit).len();
    let followed = tail.get(count..)?.starts_with(|c: char| c.is_ascii_digit());
    (!followed && count <= 9).then_some((Part::Fraction(sign, count, digit == '9'), 1 + count))
}

fn civil(time: Time) -> (DateTime, i32) {
    let timestamp = Timestamp::from_nanosecond(i128::from(time.nanos)).unwrap_or_default();
    let offset = Offset::from_seconds(time.offset_s).unwrap_or(Offset::UTC);
    (offset.to_datetime(timestamp), offset.seconds())
}

/// The time in a layout. The zero time, which a text that is no time is read
/// as, is the beginning of the year 1.
pub(super) fn format(layout: &str, time: Time) -> String {
    let (at, offset_s) =
        if time.nanos == i64::MIN { (Date::constant(1, 1, 1).at(0, 0, 0, 0), 0) } else { civil(time) };
    let mut out = String::new();
    each_part(layout, |part| {
        let hour12 = if at.hour() % 12 == 0 { 12 } else { at.hour() % 12 };
        let month = MONTHS.get(usize::from(at.month().unsigned_abs()) - 1).copied().unwrap_or_default();
        let day = DAYS
            .get(usize::from(at.weekday().to_monday_zero_offset().unsigned_abs()))
            .copied()
            .unwrap_or_default();
        let pm = at.hour() >= 12;
        let text = match part {
            Part::Text(text) => text.to_owned(),
            Part::LongYear => format!("{:04}", at.year()),
            Part::Year => format!("{:02}", at.year().rem_euclid(100)),
            Part::LongMonth => month.to_owned(),
            Part::Month => month.chars().take(3).collect(),
            Part::ZeroMonth => format!("{:02}", at.month()),
            Part::NumMonth => at.month().to_string(),
            Part::LongWeekday => day.to_owned(),
            Part::Weekday => day.chars().take(3).collect(),
            Part::ZeroDay => format!("{:02}", at.day()),
            Part::UnderDay => format!("{:2}", at.day()),
            Part::Day => at.day().to_string(),
            Part::YearDay => format!("{:03}", at.day_of_year()),
            Part::Hour => format!("{:02}", at.hour()),
            Part::ZeroHour12 => format!("{hour12:02}"),
            Part::Hour12 => hour12.to_string(),
            Part::ZeroMinute => format!("{:02}", at.minute()),
            Part::Minute => at.minute().to_string(),
            Part::ZeroSecond => format!("{:02}", at.second()),
            Part::Second => at.second().to_string(),
            Part::Fraction(sign, digits, trims) => fraction_text(at.subsec_nanosecond(), sign, digits, trims),
            Part::UpperPm => if pm { "PM" } else { "AM" }.to_owned(),
            Part::LowerPm => if pm { "pm" } else { "am" }.to_owned(),
            Part::ZoneName if offset_s == 0 => "UTC".to_owned(),
            Part::ZoneName => zone_text(offset_s, false, true),
            Part::Zone(true, ..) if offset_s == 0 => "Z".to_owned(),
            Part::Zone(_, colon, minutes) => zone_text(offset_s, colon, minutes),
        };
        out.push_str(&text);
        Some(())
    });
    out
}

fn fraction_text(nanos: i32, sign: char, digits: usize, trims: bool) -> String {
    let all = format!("{nanos:09}");
    let mut text = all.get(..digits).unwrap_or_default();
    if trims {
        text = text.trim_end_matches('0');
        if text.is_empty() {
            return String::new();
        }
    }
    format!("{sign}{text}")
}

fn zone_text(offset_s: i32, colon: bool, minutes: bool) -> String {
    let sign = if offset_s < 0 { '-' } else { '+' };
    let size = offset_s.unsigned_abs();
    let (hours, rest) = (size / 3600, size / 60 % 60);
    match (colon, minutes) {
        (true, _) => format!("{sign}{hours:02}:{rest:02}"),
        (false, true) => format!("{sign}{hours:02}{rest:02}"),
        (false, false) => format!("{sign}{hours:02}"),
    }
}

/// As Go prints a time.
pub(super) fn go_string(time: Time) -> String {
    format("2006-01-02 15:04:05.999999999 -0700 MST", time)
}

/// The time that a text in this layout says; without a zone in it, in `zone`.
pub(super) fn parse(layout: &str, text: &str, zone: &TimeZone) -> Option<Time> {
    let mut rest = text;
    let (mut year, mut month, mut day) = (1, 1, 1);
    let (mut hour, mut minute, mut second, mut nanos) = (0, 0, 0, 0);
    let mut pm = None;
    let mut offset_s = None;
    let mut seconds_read = false;
    each_part(layout, |part| {
        if !matches!(part, Part::Fraction(..)) && seconds_read {
            // Go accepts a fraction behind the seconds that the layout does not name.
            seconds_read = false;
            if let Some((value, tail)) = read_fraction(rest) {
                (nanos, rest) = (value, tail);
            }
        }
        match part {
            Part::Text(text) => rest = rest.strip_prefix(text)?,
            Part::LongYear => year = number(&mut rest, 4, 4)?,
            Part::Year => {
                let two = number(&mut rest, 2, 2)?;
                year = if two >= 69 { 1900 + two } else { 2000 + two };
            }
            Part::LongMonth => month = name(&mut rest, &MONTHS, usize::MAX)?,
            Part::Month => month = name(&mut rest, &MONTHS, 3)?,
            Part::LongWeekday => drop(name(&mut rest, &DAYS, usize::MAX)?),
            Part::Weekday => drop(name(&mut rest, &DAYS, 3)?),
            Part::ZeroMonth => month = number(&mut rest, 2, 2)?,
            Part::NumMonth => month = number(&mut rest, 1, 2)?,
            Part::ZeroDay => day = number(&mut rest, 2, 2)?,
            Part::UnderDay | Part::Day => {
                rest = rest.strip_prefix(' ').unwrap_or(rest);
                day = number(&mut rest, 1, 2)?;
            }
            Part::YearDay => drop(number(&mut rest, 3, 3)?),
            Part::Hour => hour = number(&mut rest, 1, 2)?,
            Part::ZeroHour12 => hour = number(&mut rest, 2, 2)?,
            Part::Hour12 => hour = number(&mut rest, 1, 2)?,
            Part::ZeroMinute => minute = number(&mut rest, 2, 2)?,
            Part::Minute => minute = number(&mut rest, 1, 2)?,
            Part::ZeroSecond => {
                second = number(&mut rest, 2, 2)?;
                seconds_read = true;
            }
            Part::Second => {
                second = number(&mut rest, 1, 2)?;
                seconds_read = true;
            }
            Part::Fraction(_, _, trims) => {
                seconds_read = false;
                match read_fraction(rest) {
                    Some((value, tail)) => (nanos, rest) = (value, tail),
                    None if trims => {}
                    None => return None,
                }
            }
            Part::UpperPm | Part::LowerPm => {
                let (two, tail) = rest.split_at_checked(2)?;
                pm = Some(two.eq_ignore_ascii_case("pm"));
                rest = tail;
            }
            Part::ZoneName => {
                let end = rest.find(|c: char| !c.is_ascii_uppercase()).unwrap_or(rest.len());
                rest = rest.get(end..)?;
            }
            Part::Zone(z, colon, minutes) => {
                if z && let Some(tail) = rest.strip_prefix('Z') {
                    (offset_s, rest) = (Some(0), tail);
                } else {
                    offset_s = Some(read_zone(&mut rest, colon, minutes)?);
                }
            }
        }
        Some(())
    })?;
    if seconds_read && let Some((value, tail)) = read_fraction(rest) {
        (nanos, rest) = (value, tail);
    }
    if !rest.is_empty() {
        return None;
    }
    let hour = match pm {
        Some(true) if hour < 12 => hour + 12,
        Some(false) if hour == 12 => 0,
        _ => hour,
    };
    let small = |number: i32| i8::try_from(number).ok();
    let date = Date::new(i16::try_from(year).ok()?, small(month)?, small(day)?).ok()?;
    let clock = CivilTime::new(small(hour)?, small(minute)?, small(second)?, nanos).ok()?;
    let at = date.to_datetime(clock);
    let zone = match offset_s {
        Some(offset_s) => TimeZone::fixed(Offset::from_seconds(offset_s).ok()?),
        None => zone.clone(),
    };
    let zoned = at.to_zoned(zone).ok()?;
    let nanos = i64::try_from(zoned.timestamp().as_nanosecond()).ok()?;
    Some(Time { nanos, offset_s: zoned.offset().seconds() })
}

fn number(rest: &mut &str, least: usize, most: usize) -> Option<i32> {
    let digits = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if digits < least {
        return None;
    }
    let (number, tail) = rest.split_at_checked(digits)?;
    *rest = tail;
    number.parse().ok()
}

/// The number of the name, from 1.
fn name(rest: &mut &str, names: &[&str], letters: usize) -> Option<i32> {
    for (number, name) in (1..).zip(names) {
        let word = name.get(..letters.min(name.len()))?;
        if let Some((head, tail)) = rest.split_at_checked(word.len())
            && head.eq_ignore_ascii_case(word)
        {
            *rest = tail;
            return Some(number);
        }
    }
    None
}

fn read_fraction(text: &str) -> Option<(i32, &str)> {
    let tail = text.strip_prefix(['.', ','])?;
    let digits = tail.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = tail.split_at_checked(digits)?;
    if digits == 0 {
        return None;
    }
    let padded: String = number.chars().chain(std::iter::repeat('0')).take(9).collect();
    Some((padded.parse().ok()?, rest))
}

fn read_zone(rest: &mut &str, colon: bool, minutes: bool) -> Option<i32> {
    let sign = match rest.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    *rest = rest.get(1..)?;
    let hours = number(rest, 2, 2)?;
    if colon {
        *rest = rest.strip_prefix(':')?;
    }
    let minutes = if minutes { number(rest, 2, 2)? } else { 0 };
    Some(sign * (hours * 3600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Time = Time { nanos: 1_136_214_245_123_400_000, offset_s: 0 };

    #[test]
    fn layouts_are_examples() {
        for (layout, expected) in [
            ("2006-01-02T15:04:05.000Z07:00", "2006-01-02T15:04:05.123Z"),
            ("Mon Jan _2 15:04:05 2006", "Mon Jan  2 15:04:05 2006"),
            ("Monday, 02-Jan-06 15:04:05 MST", "Monday, 02-Jan-06 15:04:05 UTC"),
            ("3:04PM", "3:04PM"),
            ("05.999999 -0700", "05.1234 +0000"),
            ("002", "002"),
        ] {
            assert_eq!(format(layout, AT), expected, "{layout}");
        }
        assert_eq!(go_string(AT), "2006-01-02 15:04:05.1234 +0000 UTC");
    }

    #[test]
    fn texts_are_read_by_their_layout() {
        let seconds = |layout, text, zone: &str| {
            let zone = if zone.is_empty() { TimeZone::UTC } else { TimeZone::get(zone).unwrap() };
            parse(layout, text, &zone).map(|time| time.nanos / 1_000_000_000)
        };
        assert_eq!(seconds("2006-01-02", "2021-11-02", ""), Some(1_635_811_200));
        assert_eq!(
            seconds("2006-01-02T15:04:05Z07:00", "2021-11-02T01:00:00+01:00", ""),
            Some(1_635_811_200)
        );
        assert_eq!(seconds("Jan 2 2006 3:04PM", "Nov 2 2021 1:00PM", ""), Some(1_635_858_000));
        assert_eq!(seconds("2006-01-02 15:04", "2021-07-01 00:00", "America/New_York"), Some(1_625_112_000));
        assert_eq!(seconds("2006-01-02", "2021-13-02", ""), None);
        assert_eq!(seconds("2006-01-02", "x", ""), None);
    }
}
