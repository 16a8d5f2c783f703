//! Terminal control sequences (colours, cursor moves, titles, links) out of a line.
//!
//! They come before redaction and parsing: a colour in the middle of a password
//! or a level hides both. Grammar: ECMA-48, 5th edition, chapters 5.3 to 5.6,
//! <https://ecma-international.org/publications-and-standards/standards/ecma-48/>.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::{memchr, memmem};

const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;

/// A title or link of more bytes than this is none: only its introducer goes,
/// its text stays. Links are URLs, which hardly anything takes beyond 2,083 bytes.
pub const MAX_CONTROL_STRING_BYTES: usize = 4096;

/// How JSON writes ESC, up to its last digit, which comes in both cases.
const JSON_ESC: &[u8] = br"\u001";

/// To build a searcher costs as much as to search a line.
static JSON_ESC_FINDER: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(JSON_ESC));

/// The text without escape sequences; the result holds no ESC. In a text that
/// begins with `{` colours written as `\u001b[…m` go as well, and what was JSON
/// stays JSON.
pub fn strip_ansi(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut clean = match memchr(ESC, bytes) {
        None => Cow::Borrowed(text),
        Some(at) => {
            Cow::Owned(cut_out(text, at, |bytes, from| memchr(ESC, bytes.get(from..)?), sequence_end))
        }
    };
    if bytes.first() == Some(&b'{')
        && let Some(at) = find_json_escape(clean.as_bytes(), 0)
    {
        clean = Cow::Owned(cut_out(&clean, at, find_json_escape, json_sequence_end));
    }
    clean
}

/// Leaves out every sequence: `first` is where the first begins, `find` gives
/// the distance from an index to the next, `end` where one ends.
fn cut_out(
    text: &str,
    first: usize,
    find: impl Fn(&[u8], usize) -> Option<usize>,
    end: impl Fn(&[u8], usize) -> usize,
) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let (mut kept_from, mut next) = (0, Some(first));
    while let Some(at) = next {
        out.push_str(text.get(kept_from..at).unwrap_or_default());
        kept_from = end(bytes, at);
        next = find(bytes, kept_from).map(|distance| kept_from + distance);
    }
    out.push_str(text.get(kept_from..).unwrap_or_default());
    out
}

/// Where the sequence that begins with the ESC at `start` ends. Every byte that
/// it passes is ASCII, but in a control string, which ends with an ASCII byte.
fn sequence_end(bytes: &[u8], start: usize) -> usize {
    let after = start + 1;
    match bytes.get(after) {
        Some(b'[') => {
            let parameters = skip(bytes, after + 1, |b| matches!(b, 0x30..=0x3f));
            let intermediates = skip(bytes, parameters, |b| matches!(b, 0x20..=0x2f));
            skip_one(bytes, intermediates, |b| matches!(b, 0x40..=0x7e))
        }
        Some(b']' | b'P' | b'X' | b'^' | b'_') => control_string_end(bytes, after + 1).unwrap_or(after + 1),
        _ => {
            let intermediates = skip(bytes, after, |b| matches!(b, 0x20..=0x2f));
            skip_one(bytes, intermediates, |b| matches!(b, 0x30..=0x7e))
        }
    }
}

/// Where a control string that is closed (BEL, or ESC and `\`) within its bound ends.
fn control_string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let bound = bytes.len().min(start + MAX_CONTROL_STRING_BYTES);
    let length = bytes.get(start..bound)?.iter().position(|b| matches!(*b, ESC | BEL))?;
    let close = start + length;
    match (bytes.get(close)?, bytes.get(close + 1)) {
        (&BEL, _) => Some(close + 1),
        (_, Some(b'\\')) => Some(close + 2),
        _ => None,
    }
}

/// The distance to the next `\u001b` that JSON reads as ESC and that begins a
/// control sequence; `\\u001b` is a backslash and five letters.
fn find_json_escape(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    JSON_ESC_FINDER.find_iter(rest).find(|&at| {
        let backslashes =
            rest.get(..at).unwrap_or_default().iter().rev().take_while(|b| **b == b'\\').count();
        backslashes % 2 == 0
            && matches!(rest.get(at + JSON_ESC.len()..), Some([b'b' | b'B', b'[', ..]))
            && json_sequence_end(bytes, from + at) > from + at
    })
}

/// Where the colour that begins with the `\u001b[` at `start` ends, or `start`
/// where it is none. It never takes a quote or a backslash.
fn json_sequence_end(bytes: &[u8], start: usize) -> usize {
    let parameters = skip(bytes, start + JSON_ESC.len() + 2, |b| matches!(b, 0x30..=0x3f));
    match bytes.get(parameters) {
        Some(0x40..=0x5b | 0x5d..=0x7e) => parameters + 1,
        _ => start,
    }
}

fn skip(bytes: &[u8], from: usize, is_part: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().take_while(|b| is_part(**b)).count()
}

fn skip_one(bytes: &[u8], from: usize, is_part: impl Fn(u8) -> bool) -> usize {
    from + usize::from(bytes.get(from).is_some_and(|b| is_part(*b)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sequences_go_and_the_text_stays() {
        for (text, expected) in [
            ("plain", "plain"),
            ("\u{1b}[32mINFO\u{1b}[0m ready", "INFO ready"),
            ("\u{1b}[1;38;5;208mé\u{1b}[m", "é"),
            ("\u{1b}[2K\u{1b}[1Gbar", "bar"),
            ("a\u{1b}[0 qb", "ab"),
            ("a\u{1b}(Bb\u{1b}7c\u{1b}=d", "abcd"),
            ("\u{1b}]0;title\u{7}shell", "shell"),
            ("\u{1b}]8;;https://a.b/\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            // No end: the text behind it must not vanish.
            ("\u{1b}]0;title and more", "0;title and more"),
            ("\u{1b}]0;a\u{1b}[31mb\u{7}", "0;ab\u{7}"),
            // Cut, or no sequence at all.
            ("end\u{1b}[3", "end"),
            ("end\u{1b}", "end"),
            ("\u{1b}é", "é"),
            ("\u{1b}\u{1b}[31m[31m", "[31m"),
            ("\u{1b}[31\u{e9}", "\u{e9}"),
            // Outside of JSON the escaped form is what somebody wrote.
            (r"regex \u001b[31m", r"regex \u001b[31m"),
        ] {
            assert_eq!(strip_ansi(text), expected, "{text:?}");
        }
        assert!(matches!(strip_ansi("nothing"), Cow::Borrowed(_)));
    }

    #[test]
    fn colours_inside_json_go_and_json_stays_json() {
        for (text, expected) in [
            (r#"{"m":"\u001b[32mok\u001B[0m"}"#, r#"{"m":"ok"}"#),
            (r#"{"m":"\\u001b[32mok"}"#, r#"{"m":"\\u001b[32mok"}"#),
            (r#"{"m":"\\\u001b[32mok"}"#, r#"{"m":"\\ok"}"#),
            (r#"{"m":"\u001b["}"#, r#"{"m":"\u001b["}"#),
            (r#"{"m":"\u001b[\n"}"#, r#"{"m":"\u001b[\n"}"#),
            (r#"{"m":"\u001c[1m"}"#, r#"{"m":"\u001c[1m"}"#),
            (r#"{"m":"\u001b"#, r#"{"m":"\u001b"#),
        ] {
            assert_eq!(strip_ansi(text), expected, "{text}");
        }
    }

    #[test]
    fn the_bound_of_control_strings_holds_at_its_edge() {
        let title = |len: usize| format!("\u{1b}]{}\u{7}x", "t".repeat(len));
        assert_eq!(strip_ansi(&title(MAX_CONTROL_STRING_BYTES - 1)), "x");
        assert_eq!(strip_ansi(&title(MAX_CONTROL_STRING_BYTES)).len(), MAX_CONTROL_STRING_BYTES + 2);
    }

    proptest! {
        #[test]
        fn no_escape_is_left_and_stripping_twice_changes_nothing(text in "([\u{1b}\\[\\]0-9;mKé\u{7}\\\\P x]|[^\u{1b}]){0,60}") {
            let once = strip_ansi(&text).into_owned();
            prop_assert!(!once.contains(char::from(ESC)));
            prop_assert_eq!(&strip_ansi(&once), &once);
            if !text.contains(char::from(ESC)) && !text.starts_with('{') {
                prop_assert_eq!(once, text);
            }
        }

        #[test]
        fn a_json_string_stays_json(parts in prop::collection::vec(prop_oneof![
            Just("\u{1b}[31m"), Just("\u{1b}["), Just("\\"), Just("\""), Just("\u{1b}]0;"), Just("u001b[1m"), Just("x\n"),
        ], 0..12)) {
            let json = serde_json::json!({ "m": parts.concat() }).to_string();
            let stripped = strip_ansi(&json).into_owned();
            prop_assert!(serde_json::from_str::<serde_json::Value>(&stripped).is_ok(), "{} of {}", stripped, json);
        }
    }
}
