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

/// Whether `next` begins a line of its own where `head` may have been cut: with
/// a date and time that nothing quotes, or, where `head` did not begin with
/// such a time, with a level. What Lambda writes of an invocation counts as well.
pub(in crate::stitch) fn is_framed(head: &str, next: &str) -> bool {
    const LAMBDA: [&str; 4] =
        ["START RequestId: ", "END RequestId: ", "REPORT RequestId: ", "INIT_START Runtime"];
    if LAMBDA.iter().any(|word| next.starts_with(word)) || is_timed(next) {
        return true;
    }
    let levelled = |line: &str| {
        let bytes = line.as_bytes();
        begins_with_level(bytes.strip_prefix(b"[").unwrap_or(bytes))
    };
    // Lower-case words are prose, unless a sign makes them a level.
    let is_plain_word = next.starts_with(|c: char| c.is_ascii_lowercase())
        && next.split_once(|c: char| !c.is_ascii_alphabetic()).is_some_and(|(word, _)| {
            next.get(word.len()..).is_some_and(|rest| !rest.starts_with(": ") && !rest.starts_with(" - "))
        });
    levelled(next) && !is_plain_word && !is_timed(head) && !begins_with_key(head.as_bytes())
}

/// Whether a line begins with both a date and a time of day.
fn is_timed(line: &str) -> bool {
    let bytes = line.as_bytes();
    let text = match bytes {
        [b'[' | b'<' | b'(', rest @ ..] => rest,
        // The first letter of glog's and Ruby's levels.
        [b'I' | b'W' | b'E' | b'F', rest @ ..] if is_form(rest, b"0000 00:00:00") => return true,
        [b'D' | b'I' | b'W' | b'E' | b'F' | b'A', b',', b' ', b'[', rest @ ..] => rest,
        _ => bytes,
    };
    // A priority of syslog.
    let priority = text.iter().take(3).take_while(|b| b.is_ascii_digit()).count();
    let text = match text.get(priority..) {
        Some([b'>', rest @ ..]) if priority > 0 => rest,
        _ => text,
    };
    const FORMS: [&[u8]; 12] = [
        b"0000-00-00T00:00:00",
        b"0000-00-00 00:00:00",
        b"0000/00/00 00:00:00",
        b"0000.00.00 00:00:00",
        b"00000000 00:00:00",
        b"00000000T000000",
        b"00/aaa/0000:00:00:00",
        b"00/00/00 00:00:00",
        b"00 aaa 0000 00:00:00",
        b"aaa 00 00:00:00",
        b"aaa  0 00:00:00",
        b"aaa aaa 00 00:00:00",
    ];
    let is_whole = |form: &&[u8]| {
        // In a statement or a list a time is quoted, or an element.
        is_form(text, form) && !matches!(text.get(form.len()), Some(b'\'' | b'"' | b'\\'))
    };
    if FORMS.iter().any(is_whole) {
        return true;
    }
    // `10.0.0.1 - - [21/Nov/2026:07:00:00 +0000]`
    let has_address = bytes.iter().take(MAX_HEAD_BYTES).take_while(|b| is_address(**b)).count() >= 7;
    let head = bytes.get(..MAX_HEAD_BYTES).unwrap_or(bytes);
    has_address
        && memmem::find(head, b" [")
            .is_some_and(|at| bytes.get(at + 2..).is_some_and(|text| is_form(text, b"00/aaa/0000:00:00:00")))
}

fn is_address(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':')
}

/// Whether a text begins as the form does, in which `0` is any digit and `a` any letter.
fn is_form(text: &[u8], form: &[u8]) -> bool {
    text.len() >= form.len()
        && text.iter().zip(form).all(|(byte, wanted)| match wanted {
            b'0' => byte.is_ascii_digit(),
            b'a' => byte.is_ascii_alphabetic(),
            _ => byte == wanted,
        })
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
    fn what_follows_a_cut_is_a_line_of_its_own_by_its_whole_time_or_level() {
        let (timed, plain) = ("2026-11-21 06:59:59 INFO insert", "aaaa");
        for next in [
            "2026-11-21 07:00:00 INFO x",
            "[2026-11-21T07:00:00.1Z] x",
            "20261121 07:00:00 x",
            "Nov 21 07:00:00 host x",
            "<13>Nov  1 07:00:00 host x",
            "[Sat Nov 21 07:00:00 2026] [error] x",
            "I1121 07:00:00.000000 1 x.go:1] x",
            "E, [2026-11-21T07:00:00 #1] ERROR -- : x",
            "10.0.0.1 - - [21/Nov/2026:07:00:00 +0000] \"GET / HTTP/1.1\" 200 1",
            "START RequestId: 1",
        ] {
            assert!(is_framed(timed, next) && is_framed(plain, next), "{next}");
        }
        for next in ["ERROR x", "[WARN] x", "info: x", "INFO:x"] {
            assert!(is_framed(plain, next) && !is_framed(timed, next), "{next}");
        }
        for next in [
            "word=hunter2 y",
            "level=info msg=x",
            "2026-11-21', 1)",
            "2026-11-21 07:00:00'), ('b'",
            "07:00:00'), ('b'",
            "11-21 07:00:00",
            "1763708400123 x",
            "Nov 21",
            "10.0.0.1 up",
            "error was",
            "",
        ] {
            assert!(!is_framed(timed, next) && !is_framed(plain, next), "{next}");
        }
    }

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
