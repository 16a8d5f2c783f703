//! The value of a named field, as the line has it.

use std::borrow::Cow;

use memchr::memchr;

use crate::parse::scan;
use crate::stitch::strip_ansi;

/// A value, borrowed from its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// A text as it stands.
    Text(&'a str),
    /// A text with escapes, without its quotes.
    Escaped(&'a str),
    /// A number or a boolean, as written.
    Bare(&'a str),
    /// An object or array, as JSON.
    Json(&'a str),
}

impl<'a> Value<'a> {
    /// The text that the value stands for: without escapes and terminal
    /// colours; JSON is its own text.
    #[inline]
    pub(crate) fn text(self) -> Cow<'a, str> {
        match self {
            Self::Text(text) | Self::Bare(text) | Self::Json(text) => Cow::Borrowed(text),
            Self::Escaped(raw) => Cow::Owned(colourless(unescape(raw))),
        }
    }

    /// The text as the line has it, which may hold escapes.
    pub(crate) fn raw(self) -> &'a str {
        match self {
            Self::Text(raw) | Self::Escaped(raw) | Self::Bare(raw) | Self::Json(raw) => raw,
        }
    }

    /// Whether it is a text.
    pub(crate) fn is_text(self) -> bool {
        matches!(self, Self::Text(_) | Self::Escaped(_))
    }

    /// A whole number that is neither negative nor large.
    pub(crate) fn number(self) -> Option<u32> {
        match self {
            Self::Text(text) | Self::Bare(text) => scan::number(text),
            Self::Escaped(_) | Self::Json(_) => None,
        }
    }
}

/// A text without its terminal colours.
fn colourless(text: String) -> String {
    if text.contains('\u{1b}') { strip_ansi(&text).into_owned() } else { text }
}

/// A JSON string's content. Half a surrogate pair, which no text can hold,
/// becomes U+FFFD; an escape that JSON does not know stands for its character.
fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr(b'\\', rest.as_bytes()) {
        out.push_str(rest.get(..at).unwrap_or_default());
        let mut chars = rest.get(at + 1..).unwrap_or_default().chars();
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('u') => {
                let (c, after) = unicode(chars.as_str());
                out.push(c);
                rest = after;
                continue;
            }
            Some(c) => out.push(c),
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out
}

/// The character of what stands behind `\u`, and what follows it.
fn unicode(text: &str) -> (char, &str) {
    let unit = |text: &str| text.get(..4).and_then(|hex| u32::from_str_radix(hex, 16).ok());
    let Some(first) = unit(text) else { return (char::REPLACEMENT_CHARACTER, text) };
    let after = text.get(4..).unwrap_or_default();
    if let Some(c) = char::from_u32(first) {
        return (c, after);
    }
    let second = after.strip_prefix("\\u").and_then(unit).filter(|unit| (0xdc00..0xe000).contains(unit));
    match second {
        Some(second) if first < 0xdc00 => {
            let c = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            (char::from_u32(c).unwrap_or(char::REPLACEMENT_CHARACTER), after.get(6..).unwrap_or_default())
        }
        _ => (char::REPLACEMENT_CHARACTER, after),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes() {
        for (raw, text) in [
            (r#"a \"b\" \\ \/ \n\t\r\b\f"#, "a \"b\" \\ / \n\t\r\u{8}\u{c}"),
            (r"\u00e9\u20AC", "é€"),
            (r"\ud83d\ude00!", "😀!"),
            (r"\ud83d!", "\u{fffd}!"),
            (r"\ude00\ud83d\u0041", "\u{fffd}\u{fffd}A"),
            (r"\ud83d\ud83d\ude00", "\u{fffd}😀"),
            (r"\x \u12", "x \u{fffd}12"),
            ("\\", ""),
            (r"\u001b[32mINFO\u001b[0m", "INFO"),
        ] {
            assert_eq!(Value::Escaped(raw).text(), text, "{raw}");
        }
    }

    proptest! {
        #[test]
        fn what_serde_json_writes_is_read(text: String) {
            let written = serde_json::to_string(&text).unwrap();
            let inner = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap();
            prop_assert_eq!(unescape(inner), text);
        }
    }
}
