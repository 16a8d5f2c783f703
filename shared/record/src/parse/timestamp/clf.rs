//! The time of access logs, by its fixed places: they have hardly any other form.

use super::civil::{Date, NANOS_PER_DAY, NANOS_PER_SECOND};
use super::{Found, LineTime};

/// Reads `10/Oct/2000:13:55:36 -0700` and nothing else.
pub(super) fn fixed(bytes: &[u8]) -> Option<Found> {
    let (text, _) = bytes.split_first_chunk::<26>()?;
    let [
        d1,
        d2,
        b'/',
        m1,
        m2,
        m3,
        b'/',
        y1,
        y2,
        y3,
        y4,
        b':',
        h1,
        h2,
        b':',
        n1,
        n2,
        b':',
        s1,
        s2,
        b' ',
        sign,
        z1,
        z2,
        z3,
        z4,
    ] = text
    else {
        return None;
    };
    let digits = [d1, d2, y1, y2, y3, y4, h1, h2, n1, n2, s1, s2, z1, z2, z3, z4];
    if !digits.iter().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let month = match [*m1, *m2, *m3] {
        [b'J', b'a', b'n'] => 1,
        [b'F', b'e', b'b'] => 2,
        [b'M', b'a', b'r'] => 3,
        [b'A', b'p', b'r'] => 4,
        [b'M', b'a', b'y'] => 5,
        [b'J', b'u', b'n'] => 6,
        [b'J', b'u', b'l'] => 7,
        [b'A', b'u', b'g'] => 8,
        [b'S', b'e', b'p'] => 9,
        [b'O', b'c', b't'] => 10,
        [b'N', b'o', b'v'] => 11,
        [b'D', b'e', b'c'] => 12,
        _ => return None,
    };
    let east: i64 = match sign {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let two = |tens: &u8, ones: &u8| (tens - b'0') * 10 + (ones - b'0');
    let year = i64::from(two(y1, y2)) * 100 + i64::from(two(y3, y4));
    let (hour, minute, second) = (two(h1, h2), two(n1, n2), two(s1, s2));
    let (east_hours, east_minutes) = (two(z1, z2), two(z3, z4));
    if hour > 23 || minute > 59 || second > 59 || east_hours > 14 || east_minutes > 59 {
        return None;
    }
    let seconds = |hours: u8, minutes: u8| i64::from(hours) * 3600 + i64::from(minutes) * 60;
    let of_day = seconds(hour, minute) + i64::from(second) - east * seconds(east_hours, east_minutes);
    let days = Date { year, month, day: two(d1, d2) }.days()?;
    let nanos = days.checked_mul(NANOS_PER_DAY)?.checked_add(of_day * NANOS_PER_SECOND)?;
    Some(Found { time: LineTime::Instant(nanos), len: text.len() })
}

#[cfg(test)]
mod tests {
    use super::super::numeric;
    use super::*;

    #[test]
    fn it_reads_what_the_reader_of_all_forms_reads() {
        for text in [
            "10/Oct/2000:13:55:36 -0700] \"GET",
            "19/Dec/2024:10:30:15 +0000]",
            "29/Feb/2024:23:59:59 +1400]",
            "01/Jan/1970:00:00:00 +0530",
        ] {
            assert!(fixed(text.as_bytes()).is_some(), "{text}");
            assert_eq!(fixed(text.as_bytes()), numeric(text.as_bytes()), "{text}");
        }
        for text in [
            "",
            "19/Dec/2024:10:30:15",
            "29/Feb/2023:10:30:15 +0000]",
            "19/Dez/2024:10:30:15 +0000]",
            "19/Dec/2024:24:30:15 +0000]",
            "19/Dec/2024:10:30:60 +0000]",
            "19/Dec/2024:10:30:15 +1500]",
            "19/Dec/2024:10:30:15 *0000]",
            "1a/Dec/2024:10:30:15 +0000]",
        ] {
            assert_eq!(fixed(text.as_bytes()), None, "{text}");
        }
    }
}
