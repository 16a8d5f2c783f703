//! Lines that were cut by their size, without a mark of it.

use super::shape;

/// Docker and containerd cut a line after so many bytes:
/// <https://github.com/moby/moby/blob/master/daemon/logger/copier.go> (`defaultBufSize`).
pub const RUNTIME_CUT_BYTES: usize = 16_384;

/// awslogs and Lambda cut what is larger than CloudWatch once took for an event
/// (262,144 bytes), awslogs with 26 bytes of overhead to spare:
/// <https://github.com/moby/moby/blob/master/daemon/logger/awslogs/cloudwatchlogs.go>.
pub const EVENT_CUT_BYTES: std::ops::RangeInclusive<usize> = 262_144 - 26 - UTF8_REST_BYTES..=262_144;

/// A cut that respects characters may come so many bytes earlier.
const UTF8_REST_BYTES: usize = 3;

/// Stands for each byte of a character that a cut has split, in 3 bytes.
const REPLACEMENT: char = '\u{fffd}';

/// Whether a line is exactly as long as what a runtime or a driver cuts off.
/// A character on the cut was replaced byte by byte: counted as it was.
pub(super) fn is_cut(line: &str) -> bool {
    let length = line.len();
    if length < RUNTIME_CUT_BYTES {
        return false;
    }
    // At most 3 bytes of a character at each end, each replaced by 3 bytes.
    if length <= RUNTIME_CUT_BYTES + 2 * 2 * UTF8_REST_BYTES {
        let leading = line.chars().take_while(|c| *c == REPLACEMENT).count();
        let trailing = line.chars().rev().take_while(|c| *c == REPLACEMENT).count();
        return length - 2 * (leading.min(UTF8_REST_BYTES) + trailing.min(UTF8_REST_BYTES))
            == RUNTIME_CUT_BYTES;
    }
    EVENT_CUT_BYTES.contains(&length)
}

/// How far a JSON value has come, over any number of pieces.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Balance {
    depth: isize,
    in_string: bool,
    after_backslash: bool,
}

impl Balance {
    /// The state after a piece.
    pub(super) fn after(mut self, piece: &str) -> Self {
        for byte in piece.bytes() {
            match byte {
                _ if self.after_backslash => self.after_backslash = false,
                b'\\' if self.in_string => self.after_backslash = true,
                b'"' => self.in_string = !self.in_string,
                b'{' | b'[' if !self.in_string => self.depth += 1,
                b'}' | b']' if !self.in_string => self.depth -= 1,
                _ => {}
            }
        }
        self
    }

    /// Whether every brace, bracket and quote is closed.
    pub(super) fn is_whole(self) -> bool {
        self.depth == 0 && !self.in_string
    }
}

/// Whether `next` is the rest of a line that was cut, of which `head` is there.
/// `balance` is that of the line so far, where it is JSON.
///
/// A JSON line that is whole has no rest; one that is not has one, unless the
/// next line is an object of its own. Of text, anything is the rest that does
/// not begin with a whole time, a level or an object: a pair, or a date's end,
/// stands anywhere in a line of this length, and to tear it may tear a secret.
pub(super) fn is_rest(balance: Option<Balance>, head: &str, next: &str) -> bool {
    match balance {
        Some(so_far) if so_far.is_whole() => false,
        Some(so_far) if next.starts_with('{') => {
            so_far.after(next).is_whole() || !Balance::default().after(next).is_whole()
        }
        Some(_) => true,
        None if next.starts_with("{\"") => !Balance::default().after(next).is_whole(),
        None => !shape::is_framed(head, next),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_are_told_by_their_length() {
        for (length, cut) in [
            (16_383, false),
            (16_384, true),
            (16_385, false),
            (262_114, false),
            (262_118, true),
            (262_145, false),
        ] {
            assert_eq!(is_cut(&"x".repeat(length)), cut, "{length}");
        }
        // `é` was cut in two: one replaced byte on each side.
        assert!(is_cut(&format!("{}\u{fffd}", "x".repeat(16_383))));
        assert!(is_cut(&format!("\u{fffd}{}\u{fffd}", "x".repeat(16_382))));
        assert!(!is_cut(&format!("{}\u{fffd}", "x".repeat(16_384))));
    }

    #[test]
    fn a_value_is_whole_or_not_over_any_pieces() {
        let json = r#"{"a":"}\"{","b":[1,{"c":"\\"}]}"#;
        for cut in 1..json.len() {
            let (head, rest) = json.split_at(cut);
            let head = Balance::default().after(head);
            assert!(!head.is_whole(), "{cut}");
            assert!(head.after(rest).is_whole(), "{cut}");
            assert!(is_rest(Some(head), "", rest), "{cut}");
            assert!(!is_rest(Some(head), "", r#"{"level":"info"}"#), "{cut}");
        }
        assert!(!is_rest(Some(Balance::default().after(json)), "", json));
        assert!(is_rest(Some(Balance::default().after(r#"{"a":[1,"#)), "", r#"{"b":1}]}"#));
        assert!(is_rest(None, "2026-11-21 06:59:59 INFO", "the rest of a text"));
        assert!(!is_rest(None, "2026-11-21 06:59:59 INFO", "2026-11-21 07:00:00 INFO another"));
    }
}
