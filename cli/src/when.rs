//! Points in time, as they are typed and shown: RFC 3339, or a day.

use catchment_logql::parse_duration;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// Reads `2026-11-20`, `2026-11-20T10:30` (both UTC) or RFC 3339 with an offset;
/// milliseconds since the epoch.
pub fn parse(text: &str) -> Result<i64, String> {
    let at_utc = |time: DateTime| TimeZone::UTC.to_timestamp(time).ok();
    let time = text.parse::<Timestamp>().ok();
    // Without an offset, a zone by name would be passed over.
    let civil = Some(text).filter(|text| !text.contains('['));
    // A day last: of a time it would read the day.
    let time = time.or_else(|| civil?.parse::<DateTime>().ok().and_then(at_utc));
    let time = time.or_else(|| civil?.parse::<Date>().ok().and_then(|day| at_utc(day.at(0, 0, 0, 0))));
    time.map(Timestamp::as_millisecond)
        .ok_or_else(|| "write a day (2026-11-20) or a time (2026-11-20T10:30:00Z), in UTC".to_owned())
}

/// Reads how long ago something was, as LogQL writes durations (`1h`, `7d`,
/// `1h30m`); milliseconds.
pub fn parse_ago(text: &str) -> Result<i64, String> {
    match parse_duration(text) {
        Ok(millis) if millis > 0 => Ok(millis),
        Ok(_) => Err("it must be more than nothing; write 1h, 7d or 1h30m".to_owned()),
        Err(err) => Err(err.to_string()),
    }
}

/// `2026-11-20T10:30:00Z`, without parts of a second.
pub fn shown(millis: i64) -> String {
    let seconds = Timestamp::from_second(millis.div_euclid(1000)).unwrap_or(Timestamp::UNIX_EPOCH);
    seconds.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_ago_is_a_duration_of_logql() {
        assert_eq!(parse_ago("1h30m"), Ok(5_400_000));
        assert_eq!(parse_ago("7d"), Ok(604_800_000));
        for text in ["", "0s", "-1h", "1", "hour"] {
            assert!(parse_ago(text).is_err(), "{text}");
        }
    }

    #[test]
    fn days_and_times_are_read_as_utc() {
        // 2026-11-20T00:00:00Z.
        let midnight = 1_795_132_800_000;
        for (text, millis) in [
            ("2026-11-20", midnight),
            ("2026-11-20T00:00", midnight),
            ("2026-11-20T10:30", midnight + 37_800_000),
            ("2026-11-20 10:30:00.250", midnight + 37_800_250),
            ("2026-11-20T10:30:00.250Z", midnight + 37_800_250),
            ("2026-11-20T12:30:00+02:00", midnight + 37_800_000),
        ] {
            assert_eq!(parse(text), Ok(millis), "{text}");
        }
        for text in
            ["", "yesterday", "20.11.2026", "2026-13-01", "1795132800000", "2026-11-20T10:30[Asia/Tokyo]"]
        {
            assert!(parse(text).unwrap_err().contains("2026-11-20"), "{text}");
        }
        assert_eq!(shown(midnight + 37_800_250), "2026-11-20T10:30:00Z");
    }
}
