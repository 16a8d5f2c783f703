//! Patterns of the operator's own, and how any finding keeps JSON JSON.

use super::settings::Pattern;
use super::{Finding, Form, Origin};

/// Matches of one pattern in one line. A search may read to the line's end for
/// each: past this many, the rest of the line is the secret.
const MAX_MATCHES: usize = 1000;

/// Adds what the pattern finds.
pub(super) fn scan(line: &str, index: usize, pattern: &Pattern, is_json: bool, found: &mut Vec<Finding>) {
    let mut walk = Walk::default();
    let has_group = pattern.regex.captures_len() > 1;
    let mut captures = pattern.regex.capture_locations();
    let (mut at, mut matches) = (0, 0);
    while at <= line.len() {
        let range = if has_group {
            let whole = pattern.regex.captures_read_at(&mut captures, line, at).map(|m| m.range());
            whole.map(|whole| (captures.get(1).unwrap_or((whole.start, whole.end)), whole.end))
        } else {
            pattern.regex.find_at(line, at).map(|m| ((m.start(), m.end()), m.end()))
        };
        let Some(((start, mut end), next)) = range else { return };
        matches += 1;
        if matches > MAX_MATCHES {
            end = line.len();
        }
        // A match of nothing hides nothing; the search goes on behind the next letter.
        at = if next > at { next } else { line.ceil_char_boundary(at + 1) };
        let bytes = line.as_bytes();
        if is_json {
            walk.pieces(bytes, start, end, |start, end, form| {
                found.push(Finding { origin: Origin::Custom(index), start, end, form });
            });
        } else if end > start {
            found.push(Finding { origin: Origin::Custom(index), start, end, form: Form::Text });
        }
        if matches > MAX_MATCHES {
            return;
        }
    }
}

/// A walk over the strings of a JSON line, from its start on and never back.
#[derive(Default)]
pub(super) struct Walk {
    at: usize,
    in_string: bool,
}

impl Walk {
    /// Goes on to `to` or, where that is inside an escape, behind the escape;
    /// whether that is in a string.
    pub(super) fn to(&mut self, bytes: &[u8], to: usize) -> bool {
        while self.at < to && self.step(bytes) {}
        self.in_string
    }

    /// Keeps a finding within the string that it begins in, and whole the escapes
    /// there: JSON stays JSON. False where nothing is left of it.
    ///
    /// A quote of its own is for what stands in no string or, with an odd number of
    /// backslashes, in a string of JSON inside a string.
    pub(super) fn clamp(&mut self, bytes: &[u8], finding: &mut Finding) -> bool {
        if !self.to(bytes, finding.start) {
            if let Form::Literal(_) = finding.form {
                finding.form = Form::Literal(0);
            }
            // A value that begins with the sign behind a string is that string's end.
            let first = bytes.get(finding.start);
            return finding.form != Form::Word || !matches!(first, Some(b'"' | b',' | b':' | b'}' | b']'));
        }
        if matches!(finding.form, Form::Literal(backslashes) if backslashes % 2 == 0) {
            finding.form = Form::Text;
        }
        finding.start = finding.start.max(self.at);
        while self.at < finding.end && bytes.get(self.at).is_some_and(|b| *b != b'"') {
            self.step(bytes);
        }
        finding.end = self.at.min(bytes.len());
        finding.start < finding.end
    }

    fn step(&mut self, bytes: &[u8]) -> bool {
        let rest = bytes.get(self.at..).unwrap_or_default();
        self.at += match rest {
            [b'\\', b'u', ..] if self.in_string => 6,
            [b'\\', ..] if self.in_string => 2,
            [b'"', ..] => {
                self.in_string = !self.in_string;
                1
            }
            [] => return false,
            _ => 1,
        };
        true
    }

    /// The parts of a match that may go: of strings what is between their quotes,
    /// of other values the whole; never a quote, colon, comma or bracket.
    fn pieces(&mut self, bytes: &[u8], start: usize, end: usize, mut piece: impl FnMut(usize, usize, Form)) {
        self.to(bytes, start);
        let mut from = None;
        while self.at < end {
            let (at, in_string) = (self.at, self.in_string);
            if !in_string && let Some((literal_start, literal_end)) = literal(bytes, at) {
                piece(literal_start, literal_end, Form::Literal(0));
                self.at = literal_end;
                continue;
            }
            if !self.step(bytes) {
                break;
            }
            match (in_string, self.in_string) {
                (true, true) => from = from.or(Some(at)),
                (true, false) => {
                    if let Some(from) = from.take() {
                        piece(from, at, Form::Text);
                    }
                }
                _ => {}
            }
        }
        if let Some(from) = from {
            piece(from, self.at.min(bytes.len()), Form::Text);
        }
    }
}

/// The number or word of JSON that the byte at `at` is part of.
pub(super) fn literal(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let is_part = |b: &&u8| b.is_ascii_alphanumeric() || matches!(**b, b'-' | b'+' | b'.');
    let before = bytes.get(..at)?.iter().rev().take(MAX_LITERAL_BYTES).take_while(is_part).count();
    let behind = bytes.get(at..)?.iter().take_while(is_part).count();
    (behind > 0).then_some((at - before, at + behind))
}

/// Bytes of a number that are looked back at for its beginning.
const MAX_LITERAL_BYTES: usize = 400;

/// The backslashes before the quote of the key whose value begins at `at`:
/// `"card":4111…`, at any depth of JSON inside JSON.
pub(super) fn key_quote(bytes: &[u8], at: usize) -> Option<usize> {
    let before = bytes.get(at.saturating_sub(64)..at)?.trim_ascii_end();
    let quoted = before.strip_suffix(b":")?.trim_ascii_end().strip_suffix(b"\"")?;
    Some(quoted.iter().rev().take_while(|b| **b == b'\\').count())
}
