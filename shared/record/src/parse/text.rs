//! Plain text: its frame by one scanner for all loggers, the rest is the message.

use std::borrow::Cow;

use super::attributes::Attributes;
use super::logfmt;
use crate::record::LogRecord;
use frame::{Frame, MAX_FRAME_BYTES, level_number};
use token::is_failure;

pub(crate) mod frame;
#[cfg(test)]
mod tests;
mod token;

/// How far into a message a level is looked for, in bytes, where the frame has none.
const LEVEL_WITHIN_BYTES: usize = 96;
/// Levels that count in the middle of a message, in capitals.
const SHOUTED: [&str; 9] =
    ["ERROR", "WARN", "WARNING", "FATAL", "CRITICAL", "SEVERE", "PANIC", "INFO", "DEBUG"];
/// A lower-case word before a level, at the start of a line, is a program's name
/// from this length on, in bytes: shorter ones are `no`, `an`, `at`.
const MIN_PROGRAM_BYTES: usize = 3;
/// The longest name of a failure, and of the file that it came from, in bytes.
const MAX_NAME_BYTES: usize = 128;
/// Room for the attributes of most lines.
const ATTRIBUTES_BYTES: usize = 120;

/// Fills the record from a line of plain text. Every line is one; nothing can go wrong.
pub(crate) fn parse<'a>(line: &'a str, record: &mut LogRecord<'a>) {
    let frame = frame::read(line);
    fill(&frame, record);
    // The words of a failure's message are not its level.
    if frame.level.is_none()
        && let Some(number) = failure_number(frame.message)
    {
        (record.severity_text, record.severity_number) = (None, Some(number));
    }
    if frame.time.is_some() && begins_with_pair(frame.message) {
        // Of two levels the pairs' stands; one must be there.
        let parse = if frame.level.is_some() { logfmt::parse } else { logfmt::parse_with_level };
        parse(frame.message, record);
    }
}

/// The severity of what a runtime writes of a program that failed, which states
/// no level: the words that it begins with, or the failure's name and the frames below.
fn failure_number(message: &str) -> Option<u8> {
    const ERROR: u8 = 17;
    const FATAL: u8 = 21;
    const ERRORS: [&str; 6] = [
        "Traceback (most recent call last)",
        "Exception in thread ",
        "Unhandled exception",
        "Unhandled Exception",
        "Uncaught ",
        "uncaughtException",
    ];
    let first = message.as_bytes().first()?;
    if matches!(first, b'T' | b'E' | b'U' | b'u') && ERRORS.iter().any(|start| message.starts_with(start)) {
        return Some(ERROR);
    }
    // Rust; the thread's id may stand behind its name.
    if *first == b't' && message.starts_with("thread '") {
        let line = message.get(..MAX_FRAME_BYTES).unwrap_or(message);
        return line.contains(" panicked at ").then_some(FATAL);
    }
    // `a.b.CException: …` and its frames, `a/b.rb:1:in 'f': … (CError)`.
    let is_name =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$' | b'/' | b'-');
    let len = message.bytes().take(MAX_NAME_BYTES).take_while(is_name).count();
    let (name, rest) = message.split_at_checked(len)?;
    let is_ruby_file = name.ends_with(".rb");
    if !is_ruby_file && !is_failure(name) {
        return None;
    }
    let (line, frames) = rest.split_once('\n').unwrap_or((rest, ""));
    let is_java_or_node =
        || frames.trim_start().starts_with("at ") && matches!(line.as_bytes(), [] | [b':', ..]);
    let is_ruby = || {
        let failure = line.trim_end().strip_suffix(')').filter(|_| line.contains(":in "))?;
        failure.rsplit_once(" (").filter(|(_, name)| is_failure(name))
    };
    let is_found = if is_ruby_file { is_ruby().is_some() } else { is_java_or_node() };
    is_found.then_some(ERROR)
}

/// Whether a message begins with a pair as loggers that write logfmt begin theirs.
fn begins_with_pair(message: &str) -> bool {
    const KEYS: [&str; 7] = ["level=", "lvl=", "severity=", "msg=", "message=", "time=", "ts="];
    matches!(message.as_bytes().first(), Some(b'l' | b's' | b'm' | b't'))
        && KEYS.iter().any(|key| message.starts_with(key))
}

/// Fills the record from what a frame says.
pub(crate) fn fill<'a>(frame: &Frame<'a>, record: &mut LogRecord<'a>) {
    if let Some(time) = frame.time {
        let arrived = record.time_unix_nano;
        record.believe(time);
        // A local time without its zone is refused; the seconds know better.
        if let (Some(seconds), true) = (frame.seconds, record.time_unix_nano == arrived) {
            record.believe(seconds);
        }
    }
    if let Some((level, number)) =
        frame.level.or_else(|| level_in_message(frame.message, frame.time.is_some()))
    {
        record.severity_text = Some(Cow::Borrowed(level));
        record.severity_number = Some(number);
    }
    record.message = Cow::Borrowed(frame.message);
    if let Some(request_id) = frame.request_id {
        record.request_id = Cow::Borrowed(request_id);
    }
    let named = [
        ("logger", frame.logger),
        ("thread", frame.thread),
        ("host", frame.host),
        ("file", frame.file),
        ("span", frame.span),
    ];
    let numbers = [("pid", frame.pid), ("line_number", frame.line_number)];
    if named.iter().chain(&numbers).all(|(_, value)| value.is_none()) {
        return;
    }
    let mut attributes = Attributes::resume(record.attributes.take(), ATTRIBUTES_BYTES);
    for (key, value) in named {
        attributes.some_text(key, value);
    }
    for (key, value) in numbers {
        if let Some(value) = value {
            attributes.integer(key, value);
        }
    }
    record.attributes = attributes.finish();
}

/// The first word that is a level beyond doubt: all capitals (`WARN`), set apart
/// by brackets or a colon (`[error]`, `PHP Warning:`), or the first behind the time.
/// Without a time, capitals in the middle of a sentence (`no ERROR found`, `3
/// WARN`) are none; behind the first word alone, that is a program (`npm WARN`).
fn level_in_message(message: &str, has_time: bool) -> Option<(&str, u8)> {
    let bytes = message.as_bytes();
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'=' | b'/');
    let mut at = 0;
    let mut words = 0;
    let mut is_sentence = false;
    while at < bytes.len().min(LEVEL_WITHIN_BYTES) {
        let len = bytes.iter().skip(at).take(MAX_FRAME_BYTES).take_while(|byte| is_word(**byte)).count();
        let first = bytes.get(at).copied().unwrap_or_default();
        if (3..=13).contains(&len) && first.is_ascii_alphabetic() {
            let word = message.get(at..at + len)?;
            let before = at.checked_sub(1).and_then(|i| bytes.get(i)).copied();
            let after = bytes.get(at + len).copied();
            let is_shout = (has_time || !is_sentence)
                && bytes.get(at + 1).is_some_and(u8::is_ascii_uppercase)
                && matches!(before, None | Some(b' ' | b'\t' | b'[' | b'(' | b'|' | b':' | b'<'))
                && matches!(
                    after,
                    None | Some(b' ' | b'\t' | b']' | b')' | b'|' | b':' | b',' | b'>' | b'\n')
                )
                && SHOUTED.contains(&word);
            let is_apart = match (before, after) {
                (Some(b'['), Some(b']')) | (None | Some(b' '), Some(b':')) => true,
                _ => has_time && at == 0 && matches!(after, None | Some(b' ')),
            };
            if (is_shout || is_apart)
                && let Some(number) = level_number(word)
            {
                return Some((word, number));
            }
        }
        if len > 0 {
            words += 1;
            let is_program = words == 1 && len >= MIN_PROGRAM_BYTES && first.is_ascii_lowercase();
            is_sentence = !is_program && (first.is_ascii_lowercase() || first.is_ascii_digit());
        } else if first != b' ' {
            is_sentence = false;
        }
        at += len.max(1);
    }
    None
}
