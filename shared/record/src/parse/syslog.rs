//! Syslog: RFC 3164 with the variations that daemons really write, and RFC 5424.

mod bsd;
mod structured;

use std::borrow::Cow;

use super::scan::{Scanner, number};
use super::severity::{name_number, severity_number};
use super::text::frame;
use super::{access, error_log, json, logfmt, proxy};
use crate::record::LogRecord;

/// The names of severities 0 to 7, as `syslog.conf` has them.
const SEVERITIES: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

/// The names of facilities 0 to 23.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];

/// Fills the record and returns true, or leaves it as it was.
pub(crate) fn parse<'a>(text: &'a str, record: &mut LogRecord<'a>) -> bool {
    match text.as_bytes().first() {
        Some(b'<') => with_priority(text, record).is_some(),
        Some(b'A'..=b'Z' | b'*') => bsd::parse(text, None, record).is_some(),
        Some(b'0'..=b'9') => {
            octet_counted(text, record).or_else(|| bsd::parse_iso(text, None, record)).is_some()
        }
        _ => false,
    }
}

/// `123 <34>1 …`: how RFC 6587 frames messages on a stream.
///
/// <https://datatracker.ietf.org/doc/html/rfc6587#section-3.4.1>
fn octet_counted<'a>(text: &'a str, record: &mut LogRecord<'a>) -> Option<()> {
    let digits = text.bytes().take(6).position(|b| b == b' ')?;
    let (count, rest) = text.split_at_checked(digits)?;
    let message = rest.get(1..).filter(|message| message.starts_with('<'))?;
    number(count)?;
    with_priority(message, record)
}

fn with_priority<'a>(text: &'a str, record: &mut LogRecord<'a>) -> Option<()> {
    let (priority, rest) = priority(text)?;
    if matches!(rest.as_bytes(), [b'1'..=b'9', b' ', ..]) {
        return structured::parse(rest.get(2..)?, priority, record);
    }
    let rest = without_sequence_number(rest);
    bsd::parse(rest, Some(priority), record).or_else(|| bsd::parse_iso(rest, Some(priority), record))
}

/// What follows the `29: ` that Cisco counts its messages with.
fn without_sequence_number(text: &str) -> &str {
    match text.split_once(": ") {
        Some((digits, rest)) if number(digits).is_some() => rest,
        _ => text,
    }
}

/// `<34>`: facility times eight, plus severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Priority {
    facility: &'static str,
    severity: &'static str,
}

impl Priority {
    fn fill(self, record: &mut LogRecord<'_>) {
        record.severity_text = Some(Cow::Borrowed(self.severity));
        record.severity_number = severity_number(self.severity);
    }
}

fn priority(text: &str) -> Option<(Priority, &str)> {
    let mut line = Scanner::new(text);
    line.eat("<")?;
    let digits = line.rest().bytes().take(4).position(|b| b == b'>')?;
    let value = usize::try_from(number(line.take(digits)?)?).ok()?;
    line.eat(">")?;
    let (facility, severity) = (FACILITIES.get(value / 8)?, SEVERITIES.get(value % 8)?);
    Some((Priority { facility, severity }, line.rest()))
}

/// Fills the record from a message that is written in a format of its own, and
/// returns true: servers and applications log through syslog.
fn hand_on<'a>(app: &str, message: &'a str, record: &mut LogRecord<'a>) -> bool {
    match app {
        "haproxy" => proxy::parse(message, record),
        "nginx" | "httpd" | "apache" | "apache2" => {
            access::parse(message, record) || error_log::parse(message, record)
        }
        _ => json::parse_message(message, record) || logfmt::parse_with_level(message, record),
    }
}

/// The level that a message states: at its start, or in the frame that the
/// application put before it, which begins with a time.
fn level_of(message: &str) -> Option<(&str, u8)> {
    if let Some(level) = level_at_start(message) {
        return Some((level, plain_level(level)?));
    }
    let start = message.strip_prefix('[').unwrap_or(message);
    if !start.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let frame = frame::read(message);
    frame.time.and(frame.level)
}

/// The severity of a word that is hardly ever anything but a level; hosts and
/// programs are called `log`, `config` or `e`.
fn plain_level(word: &str) -> Option<u8> {
    const PLAIN: [&str; 13] = [
        "trace", "debug", "info", "notice", "warn", "warning", "error", "err", "crit", "critical", "fatal",
        "alert", "emerg",
    ];
    name_number(word).filter(|_| PLAIN.iter().any(|plain| word.eq_ignore_ascii_case(plain)))
}

/// A level at the very start of a message, where it is plainly one: `error: …`,
/// `[warn] …`, `ERROR …`.
fn level_at_start(message: &str) -> Option<&str> {
    let start = message.strip_prefix(['[', '<']).unwrap_or(message);
    let len = start.bytes().take(12).take_while(u8::is_ascii_alphabetic).count();
    let (word, rest) = start.split_at_checked(len)?;
    plain_level(word)?;
    let is_apart = match (message.len() == start.len(), rest.as_bytes().first()?) {
        (true, b':') | (false, b']' | b'>') => true,
        (true, b' ') => word.bytes().all(|b| b.is_ascii_uppercase()),
        _ => false,
    };
    is_apart.then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::testing::{not_mine, takes};
    use proptest::prelude::*;

    #[test]
    fn priorities() {
        for (text, expected) in [
            ("<0>x", Some(("kern", "emerg"))),
            ("<34>x", Some(("auth", "crit"))),
            ("<165>x", Some(("local4", "notice"))),
            ("<191>x", Some(("local7", "debug"))),
            ("<192>x", None),
            ("<>x", None),
            ("<1x>", None),
            ("<0034>", None),
            ("34>", None),
        ] {
            let found = priority(text).map(|(priority, _)| (priority.facility, priority.severity));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn levels_at_the_start_of_a_message() {
        for (message, expected) in [
            ("error: cannot open", Some("error")),
            ("Warning: low", Some("Warning")),
            ("[warn] low", Some("warn")),
            ("<notice> up", Some("notice")),
            ("ERROR cannot open", Some("ERROR")),
            ("Error while opening", None),
            ("info", None),
            ("E: cannot open", None),
            ("log: opened", None),
            ("errors: 5", None),
            ("[error cannot", None),
            ("", None),
        ] {
            assert_eq!(level_at_start(message), expected, "{message}");
        }
    }

    #[test]
    fn ordinary_text_is_not_syslog() {
        not_mine(
            parse,
            &[
                "",
                "<",
                "<html>",
                "<5> things",
                "<34>",
                "<34>plain words",
                "<999>Dec 19 10:30:15 h a: x",
                "May I ask",
                "Dec 19",
                "Dec 19 10:30:15",
                "Dec 19 10:30:15 INFO started: now",
                "Dec 19 10:30:15 ERROR: failed",
                "Dec 19 10:30:15 [error] app: failed",
                "Dec 19 10:30:15 nothing to say here",
                "Dec 32 10:30:15 host app: x",
                "Dec 19 24:30:15 host app: x",
                "12 monkeys",
                "2024-12-19T10:30:15Z INFO app: started",
                "2024-12-19T10:30:15.123Z host app: started",
                "2024-12-19T10:30:15.123+00:00 INFO app[12]: started",
            ],
        );
    }

    proptest! {
        #[test]
        fn any_line_is_taken_or_left(line: String, which in 0_usize..5, cut in 0_usize..120, noise in "[ \"\\\\\\[\\]<>0-9a-z=,:#*.-]{0,40}") {
            let starts = [
                "<34>1 2024-12-19T10:30:15Z h app 1 id [a@1 k=\"v\\\"\"][b c=\"d\"] message",
                "<34>Dec 19 10:30:15 h app[1]: error: x",
                "Dec 19 2024 10:30:15 h com.a[1] (Foo[2]): x",
                "2024-12-19T10:30:15.123456+00:00 h app[1]: x",
                "",
            ];
            let start = starts[which];
            let cut = start.get(..cut).unwrap_or(start);
            for line in [&line, &format!("{cut}{noise}"), &format!("{cut}{line}")] {
                takes(parse, line);
            }
        }
    }
}
