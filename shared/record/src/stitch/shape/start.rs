//! How log lines begin: with a time, a level, an address, a key or an object.

use memchr::memmem;

/// How far into a line a word of alarm is looked for, in bytes.
const MAX_HEAD_BYTES: usize = 256;

/// Whether a line begins as log lines do: with a time, a level, an address, a
/// key or an object. Such a line continues nothing that has no mark of it.
pub(in crate::stitch) fn is_start(line: &str) -> bool {
    let bytes = line.as_bytes();
    match bytes {
        [b'{', b'"' | b' ' | b'}', ..] => true,
        [b'[' | b'<' | b'(', rest @ ..] => begins_with_time(rest) || begins_with_level(rest),
        [first, ..] if first.is_ascii_digit() => begins_with_time(bytes),
        [b'I' | b'W' | b'E' | b'F', digits @ ..] if is_digits(digits, 4) => true,
        [b'D' | b'I' | b'W' | b'E' | b'F' | b'A', b',', b' ', b'[', ..] => true,
        _ => begins_with_level(bytes) || begins_with_time(bytes) || begins_with_key(bytes),
    }
}

/// Whether the beginning of the line speaks of trouble: an exception that
/// follows such a line is what it speaks of.
pub(in crate::stitch) fn is_alarm(line: &str) -> bool {
    const WORDS: [&str; 16] = [
        "ERROR", "Error", "error", "WARN", "warn", "Warn", "FATAL", "fatal", "CRIT", "crit", "SEVERE",
        "fail", "Fail", "xception", "panic", "EMERG",
    ];
    let head = line.as_bytes().get(..MAX_HEAD_BYTES).unwrap_or(line.as_bytes());
    WORDS.iter().any(|word| memmem::find(head, word.as_bytes()).is_some())
        || matches!(head, [b'E' | b'F' | b'W', rest @ ..] if is_digits(rest, 4) || rest.starts_with(b", ["))
}

fn is_digits(bytes: &[u8], count: usize) -> bool {
    bytes.get(..count).is_some_and(|digits| digits.iter().all(u8::is_ascii_digit))
}

/// A date, a time of day, an epoch, an address, a month or a day of the week.
fn begins_with_time(bytes: &[u8]) -> bool {
    let digits = bytes.iter().take(20).take_while(|b| b.is_ascii_digit()).count();
    let after = bytes.get(digits..).unwrap_or_default();
    match (digits, after) {
        (4, [b'-' | b'/' | b'.', rest @ ..]) => is_digits(rest, 2),
        (8, [b' ' | b'T' | b'-', rest @ ..]) => is_digits(rest, 2),
        (1..=2, [b'/' | b'-' | b' ', rest @ ..]) => is_digits(rest, 2) || is_calendar_name(rest),
        (1..=2, [b':', rest @ ..]) => is_digits(rest, 2),
        (1..=3, [b'.', rest @ ..]) => rest.iter().take(12).filter(|b| **b == b'.').count() >= 2,
        (6, [b' ', rest @ ..]) => is_digits(rest, 6),
        (10.., [] | [b' ' | b'.' | b',' | b'|' | b']' | b'\t', ..]) => true,
        (1..=3, [b'>', ..]) => true,
        (0, rest) => is_calendar_name(rest) && matches!(rest.get(3), Some(b' ' | b',' | b'-')),
        _ => false,
    }
}

fn is_calendar_name(bytes: &[u8]) -> bool {
    const NAMES: &[u8] = b"JanFebMarAprMayJunJulAugSepOctNovDecMonTueWedThuFriSatSun";
    bytes.get(..3).is_some_and(|name| NAMES.chunks_exact(3).any(|known| known == name))
}

/// A level, in any case, or a word that Lambda begins a line with; not the
/// beginning of a longer word, and `Error: x`, as programs print an exception, is none.
fn begins_with_level(bytes: &[u8]) -> bool {
    const WORDS: [&[u8]; 24] = [
        b"trace",
        b"debug",
        b"info",
        b"information",
        b"notice",
        b"warn",
        b"warning",
        b"error",
        b"err",
        b"fatal",
        b"critical",
        b"crit",
        b"severe",
        b"alert",
        b"emergency",
        b"dbug",
        b"trce",
        b"fail",
        b"verbose",
        b"start",
        b"end",
        b"report",
        b"init_start",
        b"fine",
    ];
    let length = bytes.iter().take(12).take_while(|b| b.is_ascii_alphabetic() || **b == b'_').count();
    let (word, after) = bytes.split_at_checked(length).unwrap_or_default();
    let is_separated =
        matches!(after, [b' ' | b':' | b']' | b'|' | b'\t' | b'>' | b'[' | b'(' | b',' | b'/' | b'-', ..]);
    let is_mixed = word.iter().any(u8::is_ascii_lowercase);
    is_separated
        && WORDS.iter().any(|level| word.eq_ignore_ascii_case(level))
        && !(is_mixed && after.starts_with(b": ") && matches!(word, b"Error" | b"Failure"))
        && !(is_mixed && matches!(word, b"start" | b"Start" | b"end" | b"End" | b"report" | b"Report"))
}

/// `ts=…`, `level=info`, `time="…"`.
fn begins_with_key(bytes: &[u8]) -> bool {
    let length = bytes
        .iter()
        .take(20)
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'@'))
        .count();
    length > 0 && matches!(bytes.get(length..), Some([b'=', value, ..]) if !matches!(value, b' ' | b'='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_line_is_told_by_its_beginning() {
        for line in [
            "2026-11-21 07:00:00 INFO x",
            "2026/11/21 07:00:00 x",
            "20261121 07:00:00 x",
            "21/Nov/2026:07:00:00 x",
            "17/06/09 20:10:40 INFO x",
            "07:00:00.123 x",
            "1763708400.123 x",
            "1763708400123 x",
            "Nov 21 07:00:00 host x",
            "[2026-11-21T07:00:00] x",
            "[Sat Nov 21 07:00:00 2026] [error] x",
            "[ERROR] x",
            "INFO: x",
            "warn - x",
            "fail: Shop.Cart[0]",
            "I1121 07:00:00.000000 1 x.go:1] x",
            "E, [2026-11-21T07:00:00 #1] ERROR -- : x",
            "<13>Nov 21 07:00:00 host x",
            "10.0.0.1 - - [21/Nov/2026:07:00:00 +0000] \"GET / HTTP/1.1\" 200 1",
            "level=info msg=x",
            "{\"a\":1}",
            "START RequestId: 1",
        ] {
            assert!(is_start(line), "{line}");
        }
        for line in [
            "Error: boom",
            "java.lang.Error: x",
            "informational",
            "errors: 3",
            "the end",
            "a = b",
            "}",
            "12 items",
            "1.5 GB",
            "End of file",
            "-- SQL",
            "",
            "name",
        ] {
            assert!(!is_start(line), "{line}");
        }
    }
}
