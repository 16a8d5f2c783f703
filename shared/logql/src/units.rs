//! Values with units as Go reads and writes them: durations, sizes, numbers.
//!
//! Errors are the texts that Go's libraries give, because Loki shows them in
//! `__error_details__`.

use std::fmt::Write as _;

const SECOND: f64 = 1e9;

/// Go's units of a duration, in nanoseconds, and behind them days and weeks.
const DURATION_UNITS: [(&str, f64); 10] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("μs", 1e3),
    ("ms", 1e6),
    ("s", SECOND),
    ("m", 60.0 * SECOND),
    ("h", 3600.0 * SECOND),
    ("d", 24.0 * 3600.0 * SECOND),
    ("w", 7.0 * 24.0 * 3600.0 * SECOND),
];
/// How many of them are Go's.
const GO_UNITS: usize = 8;

/// Units of a size by their letters in lower case.
const SIZE_UNITS: [(&str, f64); 26] = [
    ("", 1.0),
    ("b", 1.0),
    ("k", 1e3),
    ("kb", 1e3),
    ("ki", 1024.0),
    ("kib", 1024.0),
    ("m", 1e6),
    ("mb", 1e6),
    ("mi", 1_048_576.0),
    ("mib", 1_048_576.0),
    ("g", 1e9),
    ("gb", 1e9),
    ("gi", 1_073_741_824.0),
    ("gib", 1_073_741_824.0),
    ("t", 1e12),
    ("tb", 1e12),
    ("ti", 1_099_511_627_776.0),
    ("tib", 1_099_511_627_776.0),
    ("p", 1e15),
    ("pb", 1e15),
    ("pi", 1_125_899_906_842_624.0),
    ("pib", 1_125_899_906_842_624.0),
    ("e", 1e18),
    ("eb", 1e18),
    ("ei", 1_152_921_504_606_846_976.0),
    ("eib", 1_152_921_504_606_846_976.0),
];

/// Reads a duration as Go's `time.ParseDuration`, in nanoseconds.
pub(crate) fn go_duration(text: &str) -> Result<i64, String> {
    read_duration(text, DURATION_UNITS.get(..GO_UNITS).unwrap_or_default())
        .map_err(|why| format!("time: {why}"))
}

/// The same with days and weeks, as a range may be written.
pub(crate) fn duration_with_days(text: &str) -> Result<i64, String> {
    read_duration(text, &DURATION_UNITS)
}

fn read_duration(text: &str, units: &[(&str, f64)]) -> Result<i64, String> {
    let invalid = || format!("invalid duration {}", quote(text));
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        if number.matches('.').count() > 1 || !number.bytes().any(|b| b.is_ascii_digit()) {
            return Err(invalid());
        }
        let end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, next) = after.split_at(end);
        if unit.is_empty() {
            return Err(format!("missing unit in duration {}", quote(text)));
        }
        let Some((_, nanos)) = units.iter().find(|(name, _)| *name == unit) else {
            return Err(format!("unknown unit {} in duration {}", quote(unit), quote(text)));
        };
        // Whole numbers stay exact: the unit is whole as well.
        let number: f64 = number.parse().map_err(|_| invalid())?;
        total += number * nanos;
        rest = next;
    }
    if total >= 9.223_372_036_854_775e18 {
        return Err(invalid());
    }
    let nanos = total.trunc() as i64;
    Ok(if negative { -nanos } else { nanos })
}

/// Writes a duration in nanoseconds so that [`go_duration`] reads it again.
pub(crate) fn format_nanos(nanos: i64) -> String {
    let mut rest = nanos.unsigned_abs();
    let mut text = String::new();
    if nanos < 0 {
        text.push('-');
    }
    let units = [
        ("h", 3_600_000_000_000),
        ("m", 60_000_000_000),
        ("s", 1_000_000_000),
        ("ms", 1_000_000),
        ("us", 1_000),
        ("ns", 1),
    ];
    for (unit, length) in units {
        if rest >= length {
            // Writing to a string cannot fail.
            write!(text, "{}{unit}", rest / length).ok();
            rest %= length;
        }
    }
    if nanos == 0 {
        text.push_str("0s");
    }
    text
}

/// Reads a size such as `5MB` (1000) or `5MiB` (1024), in bytes.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number = number.replace(',', "");
    let value = float(&number)?;
    let unit = unit.trim().to_lowercase();
    let Some((_, factor)) = SIZE_UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(format!("unhandled size name: {unit}"));
    };
    let size = value * factor;
    if size >= 1.8e19 {
        return Err(format!("too large: {text}"));
    }
    Ok(size as u64)
}

/// Reads a number as Go's `strconv.ParseFloat`.
pub(crate) fn float(text: &str) -> Result<f64, String> {
    let syntax = || format!("strconv.ParseFloat: parsing {}: invalid syntax", quote(text));
    let value: f64 = text.parse().map_err(|_| syntax())?;
    if value.is_infinite() && text.bytes().any(|b| b.is_ascii_digit()) {
        return Err(format!("strconv.ParseFloat: parsing {}: value out of range", quote(text)));
    }
    Ok(value)
}

/// A text in double quotes with Go's escapes.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                write!(out, "\\u{:04x}", u32::from(c)).ok();
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A number as Go's `%v` prints a float64: the shortest digits that mean it,
/// with an exponent from 1e+06 on and below 1e-04.
pub fn format_value(value: f64) -> String {
    general(value, &format!("{value:e}"), 6)
}

/// A number as Go's `%.ng` prints it: at most so many significant digits.
pub(crate) fn significant(value: f64, digits: usize) -> String {
    let digits = digits.max(1);
    let limit = i32::try_from(digits).unwrap_or(i32::MAX);
    general(value, &format!("{value:.*e}", digits - 1), limit)
}

/// Turns Rust's `d.ddde±x` into what Go's `%g` prints: without an exponent when
/// that is at least -4 and below `limit`, and without zeros at the end.
fn general(value: f64, scientific: &str, limit: i32) -> String {
    if !value.is_finite() {
        return format_float(value);
    }
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific.to_owned();
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(mantissa) => ("-", mantissa),
        None => ("", mantissa),
    };
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    let digits = match digits.trim_end_matches('0') {
        "" => "0",
        digits => digits,
    };
    let split = |at: usize| {
        let (whole, fraction) = digits.split_at_checked(at).unwrap_or((digits, ""));
        let zeros = "0".repeat(at.saturating_sub(digits.len()));
        if fraction.is_empty() { format!("{whole}{zeros}") } else { format!("{whole}.{fraction}") }
    };
    if exponent < -4 || exponent >= limit {
        let direction = if exponent < 0 { '-' } else { '+' };
        format!("{sign}{}e{direction}{:02}", split(1), exponent.abs())
    } else if exponent < 0 {
        let zeros = "0".repeat(usize::try_from(-exponent - 1).unwrap_or_default());
        format!("{sign}0.{zeros}{digits}")
    } else {
        format!("{sign}{}", split(usize::try_from(exponent + 1).unwrap_or_default()))
    }
}

/// A number as the API writes it (Go's `'f'` with the shortest digits): the
/// shortest text that reads back the same, with an exponent below 1e-4 and from 1e21.
pub(crate) fn format_float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e21).contains(&size) {
        let text = format!("{value:e}");
        if let Some((mantissa, exponent)) = text.split_once('e') {
            let (sign, digits) = match exponent.strip_prefix('-') {
                Some(digits) => ('-', digits),
                None => ('+', exponent),
            };
            return format!("{mantissa}e{sign}{digits:0>2}");
        }
        return text;
    }
    format!("{value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_go_s() {
        for (text, nanos) in [
            ("1s", 1_000_000_000),
            ("1.5h", 5_400_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("300ms", 300_000_000),
            ("2us3ns", 2_003),
            ("-1m", -60_000_000_000),
            ("0", 0),
            (".5s", 500_000_000),
        ] {
            assert_eq!(go_duration(text), Ok(nanos), "{text}");
        }
        assert_eq!(go_duration("x").unwrap_err(), "time: invalid duration \"x\"");
        assert_eq!(go_duration("5").unwrap_err(), "time: missing unit in duration \"5\"");
        assert_eq!(go_duration("5d").unwrap_err(), "time: unknown unit \"d\" in duration \"5d\"");
    }

    #[test]
    fn durations_are_written_as_they_are_read() {
        for nanos in [0, 1, -1, 1_500_000_000, 90_061_001_001_001, i64::from(i32::MAX)] {
            assert_eq!(go_duration(&format_nanos(nanos)), Ok(nanos));
        }
    }

    #[test]
    fn sizes_know_both_kinds_of_units() {
        for (text, size) in [
            ("1KB", 1000),
            ("1KiB", 1024),
            ("1.5kb", 1500),
            ("20B", 20),
            ("5 MiB", 5_242_880),
            ("3k", 3000),
            ("1G", 1_000_000_000),
        ] {
            assert_eq!(bytes(text), Ok(size), "{text}");
        }
        assert!(bytes("1xb").is_err());
        assert!(bytes("").is_err());
    }

    #[test]
    fn values_print_as_in_go() {
        // By the rule of strconv.FormatFloat(value, 'g', -1, 64).
        for (value, expected) in [
            (0.0, "0"),
            (6.0, "6"),
            (100_000.0, "100000"),
            (123_456.7, "123456.7"),
            (1_000_000.0, "1e+06"),
            (1_234_567.0, "1.234567e+06"),
            (0.1, "0.1"),
            (10.666_666_666_666_666, "10.666666666666666"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (-2.5, "-2.5"),
            (1e100, "1e+100"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(format_value(value), expected);
        }
        for (value, expected) in [(1.2345678, "1.235"), (123_456.0, "1.235e+05"), (0.5, "0.5")] {
            assert_eq!(significant(value, 4), expected);
        }
    }

    #[test]
    fn floats_are_printed_as_the_api_prints_them() {
        for (value, text) in
            [(1.5, "1.5"), (1e6, "1000000"), (1e21, "1e+21"), (1e-5, "1e-05"), (0.0001, "0.0001"), (0.0, "0")]
        {
            assert_eq!(format_float(value), text);
        }
    }
}
