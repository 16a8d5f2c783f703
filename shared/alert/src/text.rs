//! Text on its way to people. It comes from log lines, which anybody may have
//! written, and from rule files: nothing in it may act on a terminal, a shell, a
//! chat or the order in which a reader sees the characters.

use std::fmt::Write;

/// The text, cut to `max_chars` with an ellipsis as its last character.
pub(crate) fn shorten(text: &str, max_chars: usize) -> String {
    if text.chars().count() <= max_chars {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(max_chars.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// One line: whatever separates or controls is a space, at most one in a row.
pub(crate) fn one_line(text: &str, max_chars: usize) -> String {
    let seen = text.chars().filter(|c| !is_unseen(*c));
    let spaced: String = seen.map(|c| if separates(c) { ' ' } else { c }).collect();
    let words: Vec<&str> = spaced.split(' ').filter(|word| !word.is_empty()).collect();
    shorten(&words.join(" "), max_chars)
}

/// Lines: line ends stay, other control characters are spaces.
pub(crate) fn lines(text: &str, max_chars: usize) -> String {
    let seen = text.chars().filter(|c| !is_unseen(*c) && *c != '\r');
    let spaced: String = seen.map(|c| if c != '\n' && separates(c) { ' ' } else { c }).collect();
    shorten(spaced.trim(), max_chars)
}

fn separates(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Characters that show nothing and can turn or hide what stands around them:
/// marks of direction, zero-width spaces, the byte order mark. The joiners that
/// scripts and emoji need are none of them.
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// LogQL in which every such character stands in Go's escapes, and the backtick
/// with them, which ends code in chats. They can only be in quoted texts, where an
/// escape means the same.
pub(crate) fn escape_unseen(logql: &str) -> String {
    let mut out = String::with_capacity(logql.len());
    for c in logql.chars() {
        if is_unseen(c) || separates(c) || matches!(c, '`' | '\u{200c}' | '\u{200d}') {
            write!(out, "\\u{:04x}", u32::from(c)).ok();
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_does_not_act() {
        for (text, expected) in [
            ("a\nb\r\n\tc", "a b c"),
            ("bell\u{7}\u{1b}[31mred", "bell [31mred"),
            ("gpj.\u{202e}exe", "gpj.exe"),
            ("\u{feff}a\u{200b}b", "ab"),
            ("family 👩\u{200d}👩 \u{2028} x", "family 👩\u{200d}👩 x"),
            ("  ", ""),
        ] {
            assert_eq!(one_line(text, 100), expected, "{text:?}");
        }
        assert_eq!(lines("a\r\nb\u{0}\n", 100), "a\nb");
        assert_eq!(escape_unseen("{a=\"\u{202e}x\u{85}\"}"), "{a=\"\\u202ex\\u0085\"}");
    }

    #[test]
    fn a_cut_is_seen() {
        assert_eq!(shorten("abcd", 4), "abcd");
        assert_eq!(shorten("abcde", 4), "abc…");
        assert_eq!(one_line("äöüß!", 4), "äöü…");
    }
}
