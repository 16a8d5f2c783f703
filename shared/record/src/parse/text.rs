//! Plain text: the time and the level where they stand out, the rest is the message.

use std::borrow::Cow;

use super::attributes::Attributes;
use super::severity::severity_number;
use super::timestamp::{self, LineTime};
use crate::record::LogRecord;

/// How far into a line, behind its time, a level is looked for, in bytes.
const LEVEL_WITHIN_BYTES: usize = 96;

/// What a line of plain text shows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Text<'a> {
    /// When.
    pub time: Option<LineTime>,
    /// The level as written.
    pub level: Option<&'a str>,
    /// The logger's name: the one word between time and level.
    pub logger: Option<&'a str>,
    /// The request id that Lambda's runtimes write between time and level.
    pub request_id: Option<&'a str>,
    /// What is left.
    pub message: &'a str,
}

/// Fills the record from a line of plain text. Every line is one; nothing can go wrong.
pub(crate) fn parse<'a>(line: &'a str, record: &mut LogRecord<'a>) {
    let text = read(line);
    if let Some(time) = text.time {
        record.believe(time);
    }
    record.severity_text = text.level.map(Cow::Borrowed);
    record.severity_number = text.level.and_then(severity_number);
    record.message = Cow::Borrowed(text.message);
    if let Some(request_id) = text.request_id {
        record.request_id = Cow::Borrowed(request_id);
    }
    let mut attributes = Attributes::default();
    attributes.some_text("logger", text.logger);
    record.attributes = attributes.finish();
}

fn read(line: &str) -> Text<'_> {
    let start = line.trim_start_matches([' ', '[', '\t']);
    let (time, rest) = match timestamp::leading(start) {
        Some(found) => (Some(found.time), start.get(found.len..).unwrap_or_default()),
        None => (None, line),
    };
    let Some((before, level, after)) = find_level(rest) else {
        return Text { time, message: trim_separators(rest), ..Text::default() };
    };
    let between = trim_separators(before);
    let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':' | b'/' | b'$');
    if !between.bytes().all(is_name) {
        // More than a name before the level is part of what the line says.
        return Text { time, level: Some(level), message: trim_separators(rest), ..Text::default() };
    }
    let word = Some(between).filter(|word| !word.is_empty());
    Text {
        time,
        level: Some(level),
        logger: word.filter(|word| !is_uuid(word)),
        request_id: word.filter(|word| is_uuid(word)),
        message: trim_separators(after),
    }
}

/// The first word that is a level: all capitals (`WARN`), or in any case where
/// brackets, a colon or a tab set it apart (`[error]`, `warning:`).
fn find_level(text: &str) -> Option<(&str, &str, &str)> {
    let is_word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'=' | b'/');
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len().min(LEVEL_WITHIN_BYTES) {
        let len = bytes.iter().skip(at).take_while(|b| is_word(**b)).count();
        let word = text.get(at..at + len).unwrap_or_default();
        if word.as_bytes().first().is_some_and(u8::is_ascii_alphabetic) && severity_number(word).is_some() {
            let capitals = word.bytes().all(|b| b.is_ascii_uppercase());
            let before = at.checked_sub(1).and_then(|i| bytes.get(i));
            let after = bytes.get(at + len);
            let set_apart = matches!((before, after), (Some(b'['), Some(b']')) | (Some(b'\t'), Some(b'\t')))
                || (at == 0 || before == Some(&b' ')) && after == Some(&b':');
            if capitals || set_apart {
                return Some((text.get(..at)?, word, text.get(at + len..)?));
            }
        }
        at += len.max(1);
    }
    None
}

fn trim_separators(text: &str) -> &str {
    let text = text.trim_start_matches([' ', '\t', ']', '|', ':', ')']);
    let text = text.strip_prefix("- ").unwrap_or(text);
    let text = text.trim_end_matches([' ', '\t', '\n', '\r', '[', '|', '(']);
    text.strip_suffix(" -").unwrap_or(text).trim_start()
}

fn is_uuid(word: &str) -> bool {
    word.len() == 36
        && word.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-12-19T10:30:15Z.
    const BASE: i64 = 1_734_604_215_000_000_000;

    #[test]
    fn lines_as_people_have_them() {
        let none = Text::default;
        for (line, expected) in [
            (
                "2024-12-19 10:30:15 - personal_assistant.core - INFO - Enhanced LTM components initialized",
                Text {
                    time: Some(LineTime::Instant(BASE)),
                    level: Some("INFO"),
                    logger: Some("personal_assistant.core"),
                    message: "Enhanced LTM components initialized",
                    ..none()
                },
            ),
            (
                "2024-12-19T10:30:15.000Z\t0f8fad5b-d9cb-469f-a165-70867728950e\tERROR\tpayment failed",
                Text {
                    time: Some(LineTime::Instant(BASE)),
                    level: Some("ERROR"),
                    request_id: Some("0f8fad5b-d9cb-469f-a165-70867728950e"),
                    message: "payment failed",
                    ..none()
                },
            ),
            (
                "[2024-12-19 10:30:15 +0000] [42] [INFO] Listening at: http://0.0.0.0:8000",
                Text {
                    time: Some(LineTime::Instant(BASE)),
                    level: Some("INFO"),
                    message: "[42] [INFO] Listening at: http://0.0.0.0:8000",
                    ..none()
                },
            ),
            ("[WARN] disk at 91%", Text { level: Some("WARN"), message: "disk at 91%", ..none() }),
            ("error: cannot open file", Text { level: Some("error"), message: "cannot open file", ..none() }),
            ("no error here, all is fine", Text { message: "no error here, all is fine", ..none() }),
            (
                "Traceback INFORMATIONAL nothing",
                Text { message: "Traceback INFORMATIONAL nothing", ..none() },
            ),
            ("", none()),
        ] {
            assert_eq!(read(line), expected, "{line}");
        }
    }

    #[test]
    fn a_level_is_looked_for_only_near_the_start() {
        let near = format!("{} ERROR x", "a".repeat(LEVEL_WITHIN_BYTES - 2));
        let far = format!("{} ERROR x", "a".repeat(LEVEL_WITHIN_BYTES - 1));
        assert_eq!(read(&near).level, Some("ERROR"));
        assert_eq!(read(&far).level, None);
    }
}
