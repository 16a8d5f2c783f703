//! The two frames that most services write, read by their places: Python's
//! `time - logger - LEVEL - message` and Spring Boot's
//! `time LEVEL pid --- [thread] logger : message`.
//!
//! Only where every part is as plain as it mostly is; whatever is not, is left
//! to the scanner, which reads the same of these lines.

use super::{Frame, MAX_FRAME_BYTES};
use crate::parse::severity::name_number;
use crate::parse::text::token::{is_number, is_uuid};
use crate::parse::timestamp;

/// The blanks that the scanner takes off a message.
const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

/// The frame of a line that is one of the two; `None` says nothing of the line.
pub(super) fn read(text: &str) -> Option<Frame<'_>> {
    if !matches!(text.as_bytes(), [b'0'..=b'9', _, _, _, b'-', _, _, b'-', ..]) {
        return None;
    }
    let found = timestamp::leading(text)?;
    let rest = text.get(found.len..)?;
    let frame = match rest.strip_prefix(" - ") {
        Some(rest) => dashes(rest)?,
        None => spring(rest)?,
    };
    let is_short = text.len() - frame.message.len() < MAX_FRAME_BYTES / 2;
    let message = frame.message.trim_matches(BLANKS);
    is_short.then_some(Frame { time: Some(found.time), message, ..frame })
}

/// `logger - LEVEL - message`.
fn dashes(rest: &str) -> Option<Frame<'_>> {
    let (logger, rest) = logger(rest)?;
    let (level, rest) = level(rest.strip_prefix(" - ")?)?;
    let message = rest.strip_prefix(" - ")?;
    // A level may stand in the logger's place.
    if logger.len() < 2 || name_number(logger).is_some() {
        return None;
    }
    Some(Frame { level: Some(level), logger: Some(logger), message, ..Frame::default() })
}

/// `LEVEL pid --- [thread] logger : message`.
fn spring(rest: &str) -> Option<Frame<'_>> {
    let (level, rest) = level(rest.strip_prefix(' ')?.trim_start_matches(' '))?;
    let rest = rest.strip_prefix(' ')?.trim_start_matches(' ');
    let (pid, rest) = run(rest, |byte| byte.is_ascii_digit())?;
    let rest = rest.strip_prefix(" --- [")?.trim_start_matches(' ');
    let (thread, rest) = run(rest, |byte| byte.is_ascii_alphanumeric() || byte == b'-')?;
    let (logger, rest) = logger(rest.strip_prefix("] ")?)?;
    let rest = rest.strip_prefix(' ')?.trim_start_matches(' ').strip_prefix(": ")?;
    let is_name = thread.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
    let is_thread = is_name && !thread.starts_with("pid") && !thread.starts_with("req-") && !is_uuid(thread);
    // Behind the colon the scanner looks on: it stops at a word of letters alone.
    let (_, after) = run(rest, |byte| byte.is_ascii_alphabetic())?;
    let is_message = matches!(after.as_bytes(), [b' ', next, ..] if next.is_ascii_alphanumeric());
    if !is_thread || !is_message || !is_number(pid) {
        return None;
    }
    Some(Frame {
        level: Some(level),
        logger: Some(logger),
        thread: Some(thread),
        pid: Some(pid),
        message: rest,
        ..Frame::default()
    })
}

/// A level that stands where one is expected.
fn level(text: &str) -> Option<((&str, u8), &str)> {
    let (level, rest) = run(text, |byte| byte.is_ascii_uppercase())?;
    let number = match level {
        "TRACE" => 1,
        "DEBUG" => 5,
        "INFO" => 9,
        "WARN" | "WARNING" => 13,
        "ERROR" => 17,
        "CRITICAL" => 21,
        _ => return None,
    };
    Some(((level, number), rest))
}

/// A logger's name of letters, digits, `_` and single dots.
fn logger(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = run(text, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))?;
    name.as_bytes().first().filter(|byte| byte.is_ascii_alphabetic() || **byte == b'_')?;
    Some((name, rest))
}

/// The bytes that `is_part` takes, at least one, and what is behind them.
#[inline]
fn run(text: &str, is_part: impl Fn(u8) -> bool) -> Option<(&str, &str)> {
    let len = text.bytes().position(|byte| !is_part(byte))?;
    text.split_at_checked(len).filter(|_| len > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::text::frame::scan;
    use proptest::prelude::*;

    #[test]
    fn the_usual_lines_are_read_here() {
        for line in [
            "2024-12-19 10:30:15,123 - app.core - WARNING - low disk",
            "2024-12-19 10:30:15.123  INFO 1 --- [           main] c.s.Cart                 : Started in 2 s",
            "2024-12-19T10:30:15.123Z ERROR 1 --- [nio-8080-exec-1] c.s.Cart : order 7 failed\n\tat x",
        ] {
            assert!(read(line).is_some(), "{line}");
        }
    }

    proptest! {
        #[test]
        fn it_reads_what_the_scanner_reads(
            time in "2024-12-19[ T]10:30:15[.,]?[0-9]{0,3}Z?",
            level in " {0,2}(TRACE|DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL|LOG|Info)",
            pid in "[0-9]{1,11}",
            thread in " {0,3}(main|info|pid[0-9]|req-1|[a-z]-[0-9]{1,3}|[0-9]+|[A-Fa-f0-9]{8}(-[a-f0-9]{4}){3}-[a-f0-9]{12})",
            logger in "(info|I|E|error[0-9]?|[a-zA-Z_]{1,6}|[a-z]\\.[A-Z][a-z]{2}|[a-z_.0-9]{1,8}|Mon|Dec) {0,2}",
            message in "( {0,2}[a-zA-Z]{1,6}[ :.{|\\[-]{0,2}[a-z0-9:|\\[ -]{0,5}|[ -~é\t]{0,20})",
        ) {
            for line in [
                format!("{time} - {logger} - {level} - {message}"),
                format!("{time} - {} - {} - {message}", logger.trim(), level.trim()),
                format!("{time} {level} {pid} --- [{thread}] {logger} : {message}"),
                format!("{time}{level} {pid} --- [{thread}] {logger}: {message}"),
            ] {
                if let Some(frame) = read(&line) {
                    prop_assert_eq!(frame, scan(&line), "{}", line);
                }
            }
        }
    }
}
