//! Errors of one kind: the same message, but for what differs from one time to
//! the next (numbers, ids, what is quoted).
//!
//! A fingerprint is made where it is asked for, and stored nowhere: a record on
//! its way in and a row of the archive have the same one, and a better rule for
//! what differs changes no stored data. Changed rules give all errors new
//! fingerprints, though: alerts on new kinds of errors would all fire once.

use sha2::{Digest, Sha256};

/// How much of a message tells its kind, in bytes; what comes behind is left out.
pub const MAX_FINGERPRINT_BYTES: usize = 4096;
/// The least severity that has a fingerprint: ERROR.
const LEAST_SEVERITY: u8 = 17;
/// Bytes of the SHA-256 that a fingerprint shows.
const SHOWN_BYTES: usize = 8;
/// Stands for what differs.
const DIFFERS: char = '#';

/// The kind of an error, as 16 hexadecimal digits; `None` below ERROR, for a
/// record without severity, and for a message that says nothing.
///
/// Indented lines and lines that begin with `at ` are frames of a stack trace,
/// and left out: one error thrown at two places is one kind.
pub fn error_fingerprint(severity_number: Option<u8>, message: &str) -> Option<String> {
    if severity_number? < LEAST_SEVERITY {
        return None;
    }
    let kind = kind_of(message);
    if kind.is_empty() {
        return None;
    }
    let digest = Sha256::digest(kind.as_bytes());
    Some(digest.iter().take(SHOWN_BYTES).map(|byte| format!("{byte:02x}")).collect())
}

/// The message without what differs, a blank between its words.
fn kind_of(message: &str) -> String {
    let message = message.get(..message.floor_char_boundary(MAX_FINGERPRINT_BYTES)).unwrap_or_default();
    let mut kind = String::with_capacity(message.len());
    let is_frame = |line: &str| line.starts_with([' ', '\t']) || line.starts_with("at ");
    for (number, line) in message.trim().lines().enumerate() {
        if number == 0 || !is_frame(line) {
            Line { rest: line, kind: &mut kind }.read();
        }
    }
    kind
}

/// One line on its way into a kind.
struct Line<'a> {
    rest: &'a str,
    kind: &'a mut String,
}

impl Line<'_> {
    fn read(mut self) {
        let mut before = ' ';
        self.blank();
        while let Some(c) = self.rest.chars().next() {
            let length = if matches!(c, '"' | '\'' | '`') && !before.is_alphanumeric() {
                quoted_len(self.rest, c)
            } else {
                None
            };
            let (taken, differs) = match length {
                Some(length) => (length, true),
                None if is_word(c) => {
                    let word = self.rest.find(|c| !is_word(c)).unwrap_or(self.rest.len());
                    (word, self.rest.get(..word).is_some_and(is_different_each_time))
                }
                None => (c.len_utf8(), false),
            };
            let (text, rest) = self.rest.split_at_checked(taken).unwrap_or((self.rest, ""));
            self.rest = rest;
            before = text.chars().next_back().unwrap_or(' ');
            match (differs, c.is_whitespace()) {
                (true, _) => self.differs(),
                (false, true) => self.blank(),
                (false, false) => self.kind.push_str(text),
            }
        }
        let end = self.kind.trim_end().len();
        self.kind.truncate(end);
    }

    fn blank(&mut self) {
        if !self.kind.is_empty() && !self.kind.ends_with(' ') {
            self.kind.push(' ');
        }
    }

    /// `#`, once for what is joined: a date, an address, a list of numbers.
    fn differs(&mut self) {
        let joined = self.kind.trim_end().trim_end_matches(['.', ':', ',', '-', '/', '+']).trim_end();
        if joined.ends_with(DIFFERS) {
            let end = joined.len();
            self.kind.truncate(end);
        } else {
            self.kind.push(DIFFERS);
        }
    }
}

/// Of a word: ids, and numbers with their units, are one word each.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '@')
}

/// Numbers and ids have a digit; an address of a person has an `@` within.
fn is_different_each_time(word: &str) -> bool {
    word.bytes().any(|byte| byte.is_ascii_digit()) || word.bytes().skip(1).any(|byte| byte == b'@')
}

/// The length of a quoted text with its quotes; `None` where no quote ends it.
fn quoted_len(text: &str, quote: char) -> Option<usize> {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            c if c == quote && !chars.peek().is_some_and(|(_, next)| is_word(*next)) => return Some(at + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_differs_is_left_out() {
        for (message, kind) in [
            ("payment 4711 failed after 3 tries", "payment # failed after # tries"),
            ("user 8f14e45f-ceea-467f-9575-deadbeefcafe not found", "user # not found"),
            ("no order with id 'A-17' or \"B\\\"18\"", "no order with id # or #"),
            ("can't reach the customer's host", "can't reach the customer's host"),
            ("connect to 10.0.0.1:5432 timed out (1.5s)", "connect to # timed out (#)"),
            ("GET /orders/17/items: 502", "GET /orders/#/items: #"),
            ("bad values [1, 2, 3]", "bad values [#]"),
            ("2026-11-20T10:30:00.123Z  broken\tpipe ", "# broken pipe"),
            ("mail to anna@example.com bounced", "mail to #.com bounced"),
            ("cannot find @app/core", "cannot find @app/core"),
            ("retry - no answer", "retry - no answer"),
        ] {
            assert_eq!(kind_of(message), kind, "{message}");
        }
    }

    #[test]
    fn frames_of_a_stack_trace_are_left_out() {
        let python = "Traceback (most recent call last):\n  File \"/app/a.py\", line 3, in f\n    g()\nValueError: bad 7";
        assert_eq!(kind_of(python), "Traceback (most recent call last): ValueError: bad #");
        let node = "Error: no answer\n    at get (/app/a.js:3:4)\n    at run (/app/b.js:1:2)";
        assert_eq!(kind_of(node), "Error: no answer");
    }

    #[test]
    fn only_errors_have_one() {
        let of = |severity| error_fingerprint(severity, "it broke");
        assert_eq!(of(None), None);
        assert_eq!(of(Some(16)), None);
        assert_eq!(of(Some(17)), of(Some(24)));
        assert_eq!(of(Some(17)).map(|it| it.len()), Some(16));
        assert_eq!(error_fingerprint(Some(17), " "), None);
    }

    #[test]
    fn it_stays_the_same_from_version_to_version() {
        // printf 'payment # failed' | sha256sum
        assert_eq!(error_fingerprint(Some(17), "payment 12 failed").unwrap(), "e4c6cf268cc45f42");
    }

    #[test]
    fn what_is_behind_the_limit_tells_nothing() {
        let message = |length: usize, end: &str| format!("{}{end}", "x".repeat(length));
        let of = |message: String| error_fingerprint(Some(17), &message);
        assert_ne!(of(message(MAX_FINGERPRINT_BYTES - 1, "y")), of(message(MAX_FINGERPRINT_BYTES - 1, "z")));
        assert_eq!(of(message(MAX_FINGERPRINT_BYTES, "y")), of(message(MAX_FINGERPRINT_BYTES, "z")));
    }

    proptest! {
        #[test]
        fn any_message_has_a_kind_that_is_its_own(message: String, number: u64) {
            let kind = kind_of(&message);
            prop_assert!(kind.len() <= message.len() + 1);
            prop_assert_eq!(kind_of(&format!("{number} {message}")), kind_of(&format!("{} {message}", number / 2)));
        }
    }
}
