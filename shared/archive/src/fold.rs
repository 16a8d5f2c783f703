//! What `line` and `message` repeat of other columns, and how it is left out.
//!
//! In files since schema version 3 a U+001A in these two columns begins a
//! placeholder; the next character says of what. A U+001A of the line's own is
//! U+001A `0`. What other columns of the row hold is left out of `line`, and of
//! `message` (in files of version 3 that `ingest` wrote, the message out of the
//! line only):
//!
//! | after U+001A | stands for | in SQL (each within `coalesce(…, '')`) |
//! |---|---|---|
//! | `m` | the message, whole | `whole_message` |
//! | `j` | the same as JSON writes it | `replace(replace(replace(replace(replace(whole_message, '\', '\\'), '"', '\"'), chr(10), '\n'), chr(13), '\r'), chr(9), '\t')` |
//! | `r` `t` `s` `u` `p` `l` `h` `e` | that column | `request_id` `trace_id` `span_id` `user_id` `path` `severity_text` `http_method` `event_name` |
//! | `c` | the status | `CAST(status_code AS varchar)` |
//! | `i` | `HH:MM:SS` in UTC | `substr(CAST("timestamp" AS varchar), 12, 8)` |
//! | `f` | the milliseconds, three digits | `lpad(CAST(date_diff('millisecond', TIMESTAMP '1970-01-01 00:00:00', "timestamp") % 1000 AS varchar), 3, '0')` |
//! | `B` `D` … `Z` (even: `B` is 2) | the n-th piece of `attributes` between quotes | `split_part(attributes, '"', n)` |
//! | `C` `E` … `Y` (odd: `C` is 3) | what is in the n-th piece beside punctuation: a number | `translate(split_part(attributes, '"', n), ':,{}[]', '')` |
//! | `0` | U+001A itself | `chr(26)` |
//!
//! So `whole_line` is `line` with `replace(…, chr(26) || 'm', whole_message)`
//! and so on around it in any order, `0` last: no text that is put in has a
//! U+001A (a line or message that has one is stored literally). `whole_message`
//! is `message` with `r t s u p h c` put in, `0` last. Backslashes in the table
//! are themselves: neither Trino nor DuckDB reads escapes in `'…'`.

mod encode;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt::Write;

use memchr::{memchr, memchr_iter};

pub(crate) use encode::Folder;

use crate::row::StoredRow;

/// Begins a placeholder in a stored line or message.
pub(crate) const MARK: u8 = 0x1a;

/// Stands for the message, in the lines of `ingest` too.
const MESSAGE: &str = "\u{1a}m";

/// Milliseconds of the years 1970 to 9999, whose time of day is in lines as it is in SQL.
const PLAIN_YEARS: std::ops::Range<i64> = 0..253_402_300_800_000;

const DAY_MILLIS: i64 = 86_400_000;

/// What stands around the pieces of `attributes` that are no texts.
fn is_punctuation(char: char) -> bool {
    matches!(char, ':' | ',' | '{' | '}' | '[' | ']')
}

/// A line or message as a file of schema version 3 holds it literally; readers
/// of older versions give rows this way, too.
pub fn escape_line(line: &str) -> Cow<'_, str> {
    if memchr(MARK, line.as_bytes()).is_none() {
        return Cow::Borrowed(line);
    }
    Cow::Owned(line.replace('\u{1a}', "\u{1a}0"))
}

/// The line without its message, where that is a piece of it in memory: it need
/// not be searched for. Lines that have a U+001A come back as [`escape_line`] has them.
pub(crate) fn without_message<'l>(line: &'l str, message: &str, out: &'l mut String) -> &'l str {
    let around = || {
        let at = message.as_ptr().addr().checked_sub(line.as_ptr().addr())?;
        Some((line.get(..at)?, line.get(at + message.len()..)?))
    };
    out.clear();
    if memchr(MARK, line.as_bytes()).is_some() {
        out.push_str(&escape_line(line));
        return out;
    }
    match around().filter(|_| message.len() > MESSAGE.len()) {
        Some((before, after)) => {
            [before, MESSAGE, after].into_iter().for_each(|piece| out.push_str(piece));
            out
        }
        None => line,
    }
}

impl<'a> StoredRow<'a> {
    /// The line as it came, redacted.
    pub fn line(&self) -> Cow<'a, str> {
        let stored = self.line.unwrap_or_default();
        if memchr(MARK, stored.as_bytes()).is_none() {
            return Cow::Borrowed(stored);
        }
        let mut line = String::with_capacity(stored.len() * 2);
        self.unfold_line(&mut line);
        Cow::Owned(line)
    }

    /// Adds the line as it came to `out`: [`Self::line`] with a buffer that stays.
    pub fn unfold_line(&self, out: &mut String) {
        unfold(self.line.unwrap_or_default(), out, |letter, out| match letter {
            b'm' => self.unfold_message(out),
            b'j' => put_json(&self.message(), out),
            _ => self.put(letter, out),
        });
    }

    /// What the line says, without its frame.
    pub fn message(&self) -> Cow<'a, str> {
        let stored = self.message.unwrap_or_default();
        if memchr(MARK, stored.as_bytes()).is_none() {
            return Cow::Borrowed(stored);
        }
        let mut message = String::with_capacity(stored.len() * 2);
        self.unfold_message(&mut message);
        Cow::Owned(message)
    }

    /// Adds the message to `out`.
    pub fn unfold_message(&self, out: &mut String) {
        unfold(self.message.unwrap_or_default(), out, |letter, out| self.put(letter, out));
    }

    /// Nanoseconds since the epoch, whether stored or not.
    pub fn time_unix_nano(&self) -> Option<i64> {
        self.time_unix_nano.or_else(|| self.timestamp?.checked_mul(1_000_000))
    }

    /// When CloudWatch was given the event, in milliseconds since the epoch, whether stored or not.
    pub fn observed_millis(&self) -> Option<i64> {
        self.observed_timestamp.or(self.timestamp)
    }

    /// Puts in what a placeholder stands for.
    fn put(&self, letter: u8, out: &mut String) {
        let column = match letter {
            b'0' => Some("\u{1a}"),
            b'r' => self.request_id,
            b't' => self.trace_id,
            b's' => self.span_id,
            b'u' => self.user_id,
            b'p' => self.path,
            b'l' => self.severity_text,
            b'h' => self.http_method,
            b'e' => self.event_name,
            b'c' => return self.status_code.into_iter().for_each(|code| put_number(code, out)),
            b'i' | b'f' => {
                return self.timestamp.into_iter().for_each(|millis| put_time(letter, millis, out));
            }
            b'B'..=b'Z' => return put_piece(self.attributes.unwrap_or_default(), letter, out),
            _ => None,
        };
        out.push_str(column.unwrap_or_default());
    }
}

/// Copies `stored`, with `put` for each placeholder.
fn unfold(stored: &str, out: &mut String, put: impl Fn(u8, &mut String)) {
    let mut rest = stored;
    while let Some((text, after)) = rest.split_once('\u{1a}') {
        out.push_str(text);
        let mut after = after.chars();
        if let Some(letter) = after.next() {
            put(u8::try_from(letter).unwrap_or_default(), out);
        }
        rest = after.as_str();
    }
    out.push_str(rest);
}

/// Whether JSON writes the text with escapes (of those that are folded).
fn has_escapes(text: &str) -> bool {
    text.bytes().any(|byte| matches!(byte, b'"' | b'\\' | b'\n' | b'\r' | b'\t'))
}

fn put_json(text: &str, out: &mut String) {
    for char in text.chars() {
        match char {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ => out.push(char),
        }
    }
}

fn put_number(number: i32, out: &mut String) {
    // Writing to a String cannot fail.
    let _written = write!(out, "{number}");
}

/// `HH:MM:SS`, or three digits of milliseconds.
fn put_time(letter: u8, millis: i64, out: &mut String) {
    let of_day = millis.rem_euclid(DAY_MILLIS);
    let seconds = of_day / 1000;
    let two = |number: i64, out: &mut String| {
        out.push(digit(number / 10));
        out.push(digit(number % 10));
    };
    if letter == b'f' {
        out.push(digit(of_day / 100 % 10));
        return two(of_day % 100, out);
    }
    two(seconds / 3600, out);
    out.push(':');
    two(seconds / 60 % 60, out);
    out.push(':');
    two(seconds % 60, out);
}

fn digit(number: i64) -> char {
    char::from(b'0' + (number % 10) as u8)
}

/// The piece of `attributes` that a capital letter from `B` on stands for.
fn put_piece(attributes: &str, letter: u8, out: &mut String) {
    let index = usize::from(letter - b'A');
    let mut quotes = memchr_iter(b'"', attributes.as_bytes()).chain([attributes.len()]);
    let begin = quotes.nth(index.saturating_sub(1)).map_or(attributes.len(), |quote| quote + 1);
    let piece = quotes.next().and_then(|end| attributes.get(begin..end)).unwrap_or_default();
    // Counted from 1, pieces between quotes are even.
    if index % 2 == 1 {
        out.push_str(piece);
    } else {
        out.extend(piece.chars().filter(|char| !is_punctuation(*char)));
    }
}
