use super::*;
use proptest::prelude::*;

/// 2024-12-19T10:30:15Z in seconds, by `date -u -d … +%s`.
const BASE: i64 = 1_734_604_215;

fn instant(seconds: i64, nanos: i64) -> LineTime {
    LineTime::Instant(seconds * 1_000_000_000 + nanos)
}

/// `month`-`day` 10:30:15 and some nanoseconds.
fn no_year(month: u8, day: u8, nanos: i64) -> LineTime {
    LineTime::NoYear { month, day, nanos: 37_815_000_000_000 + nanos }
}

/// What is read ends where `|` stands in `text`.
fn check(text: &str, time: LineTime) {
    let len = text.find('¦').unwrap_or(text.len());
    let text = text.replacen('¦', "", 1);
    assert_eq!(leading(&text), Some(Found { time, len }), "{text}");
}

#[test]
fn year_first() {
    for text in [
        "2024-12-19T10:30:15Z¦ rest",
        "2024-12-19 10:30:15¦ - rest",
        "2024-12-19T11:30:15+01:00",
        "2024-12-19 05:30:15 -0500¦ x",
        "2024-12-19 10:30:15+00¦ UTC",
        "2024-12-19 02:30:15 PST¦ [12]",
        "2024-12-19 10:30:15 UTC¦:10.0.0.1",
        "2024/12/19 10:30:15¦ [error]",
        "2024.12.19 10:30:15¦ x",
        "2024-12-19, 10:30:15¦ x",
        "2024-12-19-10.30.15¦ x",
        "24/12/19 10:30:15¦ INFO",
        "241219 10:30:15¦ [Note]",
        "241219 103015¦ 148 INFO",
        "20241219T103015Z",
        "20241219-10:30:15¦|x",
        "20241219 10:30:15¦ x",
        "20241219103015¦ x",
        "2024-12-19 10:30:15¦ -1 items",
        "2024-12-19 10:30:15¦. Done",
        "2024-12-19 10:30:15¦, Info",
        "2024-12-19 10:30:15¦ UTCX",
        "2024-12-19  10:30:15¦ x",
    ] {
        check(text, instant(BASE, 0));
    }
    check("2024-12-19 10:30¦ x", instant(BASE - 15, 0));
    check("2024-12-19 10:30:60¦ x", instant(BASE + 44, 0));
}

#[test]
fn fractions() {
    check("2024-12-19 10:30:15,123¦ rest", instant(BASE, 123_000_000));
    check("2024-12-19T10:30:15.123456789Z", instant(BASE, 123_456_789));
    check("2024-12-19T10:30:15.1234567891234Z", instant(BASE, 123_456_789));
    check("2024-12-19 10:30:15.5 UTC¦ [1]", instant(BASE, 500_000_000));
    check("2024-12-19-10.30.15.363779¦ x", instant(BASE, 363_779_000));
    check("20241219-10:30:15:606¦|x", instant(BASE, 606_000_000));
    // Not padded: four milliseconds, not four tenths.
    check("20241219-10:30:15:4¦|x", instant(BASE, 4_000_000));
}

#[test]
fn day_or_month_first() {
    for text in [
        "12/19/2024 10:30:15 AM¦ x",
        "12/19/2024, 10:30:15 AM¦     LOG",
        "12/19/24 10:30:15¦ x",
        "19/12/2024 10:30:15¦ x",
        "19.12.2024 10:30:15¦ x",
        "19-12-2024 10:30:15¦ x",
        "12/19/2024 5:30:15 -0500¦ x",
    ] {
        check(text, instant(BASE, 0));
    }
    check("12/19/2024 10:30:15 PM¦ x", instant(BASE + 12 * 3600, 0));
    check("12/19/2024 12:30:15 am¦ x", instant(BASE - 10 * 3600, 0));
    check("12-19 10:30:15.811¦  1702", no_year(12, 19, 811_000_000));
    check("1.12.2024 10:30:15¦ x", instant(BASE - 18 * 86_400, 0));
    check("10.30 10:30:15¦] x", no_year(10, 30, 0));
    check("30.10 10:30:15¦ x", no_year(10, 30, 0));
}

#[test]
fn names() {
    for text in [
        "19/Dec/2024:03:30:15 -0700¦] \"GET",
        "19 Dec 2024 10:30:15¦ x",
        "19-Dec-2024 10:30:15¦ INFO",
        "19-Dec-24 10:30:15¦ INFO",
        "Thu, 19 Dec 2024 10:30:15 +0000¦ x",
        "Thu, 19 Dec 2024 10:30:15 GMT",
        "Thursday, 19-Dec-24 10:30:15 GMT",
        "Thu Dec 19 10:30:15 2024¦] [error]",
        "Thu Dec 19 10:30:15 UTC 2024¦ x",
        "Thu Dec 19 02:30:15 PST 2024¦ x",
        "Thu Dec 19 2024 10:30:15 GMT+0000¦ (Coordinated Universal Time)",
        "Dec 19, 2024 10:30:15 AM¦ org.x.Y",
        "Dec 19, 2024 10:30:15\u{202f}AM¦ org.x.Y",
        "Dec 19 2024 10:30:15¦: %SYS-5",
        "December 19, 2024 10:30:15¦ x",
    ] {
        check(text, instant(BASE, 0));
    }
    check("Thu Dec 19 10:30:15.123456 2024¦] x", instant(BASE, 123_456_000));
    check("19 Dec 2024 10:30:15.123¦ * x", instant(BASE, 123_000_000));
    check("Dec 19 10:30:15¦ host x", no_year(12, 19, 0));
    check("Dec  9 10:30:15¦ host x", no_year(12, 9, 0));
    check("Dec 9 10:30:15.5¦ host x", no_year(12, 9, 500_000_000));
    check("19 Dec 10:30:15¦ * x", no_year(12, 19, 0));
    check("Thu Dec 19 10:30:15¦ x", no_year(12, 19, 0));
    check("Feb 29 10:30:15¦ x", no_year(2, 29, 0));
    check("10:30:15.123¦ [main]", LineTime::TimeOfDay(37_815_123_000_000));
}

#[test]
fn what_is_no_timestamp() {
    for text in [
        "",
        "2024-13-19 10:30:15",
        "2023-02-29 10:30:15",
        "2024-12-19",
        "2024-12-19 25:30:15",
        "2024-12-19 10:61:15",
        "hello 2024-12-19 10:30:15",
        "2024-12-1é 10:30:15",
        "10:30",
        "10:30:15x",
        "10.30 connections",
        "1.2.3.4 GET",
        "10-20 items",
        "May be 10:30:15",
        "Marching 14 15:16:01",
        "Feb 30 10:30:15",
        "Dec 19, 10:30:15",
        "1734604215x",
        "17346042150",
        "9999999999",
        "1734604215-3",
        "99999999999999999999999999",
    ] {
        assert_eq!(leading(text), None, "{text}");
    }
}

#[test]
fn field_timestamps() {
    for (value, time) in [
        ("2024-12-19T10:30:15Z", Some(instant(BASE, 0))),
        ("1734604215", Some(instant(BASE, 0))),
        ("1734604215.25", Some(instant(BASE, 250_000_000))),
        ("1.734604215123e+09", Some(instant(BASE, 123_000_000))),
        ("1.734604215123e+10", None),
        ("1734604215123", Some(instant(BASE, 123_000_000))),
        ("1734604215123.5", Some(instant(BASE, 123_500_000))),
        ("1734604215123456", Some(instant(BASE, 123_456_000))),
        ("1734604215123456789", Some(instant(BASE, 123_456_789))),
        ("1734604215.1234567891234", Some(instant(BASE, 123_456_789))),
        ("2024-12-19T10:30:15Z and more", None),
        ("12", None),
        ("1734604215.x", None),
        ("yesterday", None),
    ] {
        assert_eq!(from_field(value), time, "{value}");
    }
}

#[test]
fn helpers_for_one_form() {
    let clf_time = clf("10/Oct/2000:13:55:36 -0700] \"GET").unwrap();
    assert_eq!(clf_time, Found { time: instant(971_211_336, 0), len: 26 });
    assert_eq!(syslog("Dec 19 10:30:15 host").unwrap().len, 15);
    assert_eq!(syslog("2024-12-19 10:30:15"), None);
    assert_eq!(clf("[10/Oct/2000"), None);
}

#[test]
fn a_missing_year_is_the_nearest_or_in_a_file_the_latest() {
    let millis = |text: &str| match leading(text).unwrap().time {
        LineTime::Instant(nanos) => nanos / 1_000_000,
        other => panic!("{other:?}"),
    };
    for (line, event, expected) in [
        ("Dec 31 23:59:59", "2025-01-01 00:00:01", "2024-12-31 23:59:59"),
        ("Jan 01 00:00:01", "2024-12-31 23:59:59", "2025-01-01 00:00:01"),
        ("Jun 14 15:16:01", "2024-06-14 15:16:02", "2024-06-14 15:16:01"),
        ("Feb 29 10:00:00", "2025-03-01 00:00:00", "2024-02-29 10:00:00"),
        ("Feb 29 10:00:00", "2024-02-29 09:00:00", "2024-02-29 10:00:00"),
        ("23:59:59", "2024-12-19 00:00:01", "2024-12-18 23:59:59"),
        ("00:00:01", "2024-12-18 23:59:59", "2024-12-19 00:00:01"),
    ] {
        let known = EventTime::Arrived(millis(event));
        let found = leading(line).unwrap().time.to_nanos(known).unwrap();
        assert_eq!(found / 1_000_000, millis(expected), "{line} arrived {event}");
    }
    for (line, read, expected) in [
        ("Jan 01 00:00:01", "2024-12-31 23:59:59", "2024-01-01 00:00:01"),
        ("Dec 31 23:59:59", "2025-01-01 00:00:01", "2024-12-31 23:59:59"),
        ("Jun 14 15:16:01", "2024-06-14 15:16:01", "2024-06-14 15:16:01"),
        ("Jun 14 15:16:02", "2024-06-14 15:16:01", "2023-06-14 15:16:02"),
        ("Feb 29 10:00:00", "2024-02-29 09:00:00", "2020-02-29 10:00:00"),
        ("Feb 29 10:00:00", "1903-03-01 00:00:00", "1896-02-29 10:00:00"),
        ("10:30:16", "2024-12-19 10:30:15", "2024-12-18 10:30:16"),
    ] {
        let known = EventTime::ReadAt(millis(read));
        let found = leading(line).unwrap().time.to_nanos(known).unwrap();
        assert_eq!(found / 1_000_000, millis(expected), "{line} read {read}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_to_a_character(text: String, digits in "[0-9:./ TZ+,-]{0,40}", named in "(Thu |Dec |19 |10:30:15 |2024 |[A-Z+é -]){0,8}") {
        for text in [text, digits, named] {
            if let Some(found) = leading(&text) {
                prop_assert!(text.is_char_boundary(found.len) && found.len > 0);
            }
        }
    }

    #[test]
    fn instants_are_those_of_a_calendar_library(millis in -9_000_000_000_000..9_000_000_000_000_i64) {
        let text = jiff::Timestamp::from_millisecond(millis).unwrap().to_string();
        prop_assert_eq!(leading(&text).unwrap().time, LineTime::Instant(millis * 1_000_000));
    }
}
