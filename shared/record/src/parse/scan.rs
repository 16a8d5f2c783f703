//! Reads one line from left to right: the steps that the hand-written parsers share.
//!
//! Every step either moves on and returns what it read, or returns `None`; a
//! parser that meets `None` gives the line up, so nothing is ever read twice.

use std::borrow::Cow;

use super::swar;

/// The part of a line that is not read yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scanner<'a>(&'a str);

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// What is left.
    pub(super) fn rest(&self) -> &'a str {
        self.0
    }

    /// The next byte, which stays.
    pub(super) fn peek(&self) -> Option<u8> {
        self.0.as_bytes().first().copied()
    }

    /// Passes over `expected`.
    #[inline]
    pub(super) fn eat(&mut self, expected: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(expected)?;
        Some(())
    }

    /// Passes over `len` bytes.
    #[inline]
    pub(super) fn take(&mut self, len: usize) -> Option<&'a str> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    /// Up to the next `end` byte, which is passed over too.
    #[inline]
    pub(super) fn until(&mut self, end: u8) -> Option<&'a str> {
        let len = memchr::memchr(end, self.0.as_bytes())?;
        let taken = self.take(len)?;
        self.take(1)?;
        Some(taken)
    }

    /// Up to the next space, which is passed over too, or up to the end; never empty.
    #[inline]
    pub(super) fn word(&mut self) -> Option<&'a str> {
        let len = swar::find(self.0.as_bytes(), |word| swar::equal(word, b' ')).unwrap_or(self.0.len());
        if len == 0 {
            return None;
        }
        let word = self.take(len)?;
        self.0 = self.0.strip_prefix(' ').unwrap_or(self.0);
        Some(word)
    }

    /// What stands between two quotes, escapes and all, and the space behind
    /// it. A quote in the middle of a word does not end the text: not every
    /// server escapes them.
    #[inline]
    pub(super) fn quoted(&mut self) -> Option<&'a str> {
        let text = self.0.strip_prefix('"')?;
        let bytes = text.as_bytes();
        let mut at = 0;
        loop {
            at += swar::find_either(bytes.get(at..)?, b'"', b'\\')?;
            match (bytes.get(at), bytes.get(at + 1)) {
                (Some(b'"'), None) => {
                    self.0 = "";
                    return text.get(..at);
                }
                (Some(b'"'), Some(b' ')) => {
                    self.0 = text.get(at + 2..)?;
                    return text.get(..at);
                }
                (Some(b'"'), _) => at += 1,
                _ => at += 2,
            }
        }
    }

    /// Passes over spaces.
    pub(super) fn spaces(&mut self) {
        self.0 = self.0.trim_start_matches(' ');
    }
}

/// The number that `digits` are; `None` for anything but one to nine digits.
#[inline]
pub(super) fn number(digits: &str) -> Option<u32> {
    if !(1..=9).contains(&digits.len()) {
        return None;
    }
    digits.bytes().try_fold(0, |sum, b| b.is_ascii_digit().then(|| sum * 10 + u32::from(b - b'0')))
}

/// Whether it is all digits, and at least one; JSON takes it as a number when
/// it has no leading zero.
#[inline]
pub(super) fn is_integer(text: &str) -> bool {
    match text.as_bytes() {
        [b'0'] => true,
        [b'1'..=b'9', more @ ..] => more.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// Whether JSON takes it as a number as it stands (without an exponent).
#[inline]
pub(super) fn is_json_number(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text).as_bytes();
    let whole = unsigned.iter().take_while(|b| b.is_ascii_digit()).count();
    let has_leading_zero = whole > 1 && unsigned.first() == Some(&b'0');
    if whole == 0 || has_leading_zero {
        return false;
    }
    match unsigned.get(whole..) {
        Some([b'.', fraction @ ..]) => !fraction.is_empty() && fraction.iter().all(u8::is_ascii_digit),
        more => more.is_some_and(<[u8]>::is_empty),
    }
}

/// `None` where a log writes `-` or nothing at all.
#[inline]
pub(super) fn given(text: &str) -> Option<&str> {
    (!matches!(text, "" | "-")).then_some(text)
}

/// An address without its port: `10.0.0.1:80`, `[::1]:80`, `::1`, `10.0.0.1`.
#[inline]
pub(super) fn without_port(address: &str) -> &str {
    if let Some(inner) = address.strip_prefix('[') {
        return inner.split_once(']').map_or(address, |(ip, _)| ip);
    }
    match swar::find(address.as_bytes(), |word| swar::equal(word, b':'))
        .and_then(|at| address.split_at_checked(at))
    {
        Some((ip, port)) if !ip.is_empty() && is_integer(port.get(1..).unwrap_or_default()) => ip,
        _ => address,
    }
}

/// Whether it can be an IPv4 or IPv6 address: cheaper than parsing it, and
/// strict enough to tell one from a word or a number.
pub(super) fn is_ip(text: &str) -> bool {
    let count = |wanted: u8| text.bytes().filter(|b| *b == wanted).count();
    if text.len() < 2 || text.len() > 45 {
        return false;
    }
    let v4 = count(b'.') == 3 && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    v4 || count(b':') >= 2 && text.bytes().all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.'))
}

/// Whether it is a UUID or 32 hexadecimal digits: what servers make request ids of.
pub(super) fn is_request_id(text: &str) -> bool {
    match text.len() {
        32 => text.bytes().all(|b| b.is_ascii_hexdigit()),
        36 => text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        }),
        _ => false,
    }
}

/// A quoted text as it was before it was quoted: `\"`, `\\`, `\n` and the like,
/// and `\xHH`. Where that would not be text (or where a control character
/// would come of `\xHH`), it stays as written.
pub(super) fn unescaped(text: &str) -> Cow<'_, str> {
    if swar::find_either(text.as_bytes(), b'\\', b'\\').is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [] => break,
            [b'\\', b'x', high, low, rest @ ..] => {
                match (hex(*high), hex(*low)) {
                    (Some(high), Some(low)) if high * 16 + low >= b' ' => out.push(high * 16 + low),
                    _ => out.extend([b'\\', b'x', *high, *low]),
                }
                rest
            }
            [b'\\', b'n', rest @ ..] => {
                out.push(b'\n');
                rest
            }
            [b'\\', b't', rest @ ..] => {
                out.push(b'\t');
                rest
            }
            [b'\\', b'r', rest @ ..] => {
                out.push(b'\r');
                rest
            }
            [b'\\', escaped @ (b'"' | b'\\' | b'\'' | b'/' | b']'), rest @ ..] => {
                out.push(*escaped);
                rest
            }
            [byte, rest @ ..] => {
                out.push(*byte);
                rest
            }
        }
    }
    String::from_utf8(out).map_or(Cow::Borrowed(text), Cow::Owned)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quoted_texts_end_at_a_quote_before_a_space() {
        for (text, quoted, rest) in [
            (r#""a b" c"#, Some("a b"), "c"),
            (r#""""#, Some(""), ""),
            (r#""a \" b" c"#, Some(r#"a \" b"#), "c"),
            (r#""a"b" c"#, Some(r#"a"b"#), "c"),
            (r#""a\\" c"#, Some(r"a\\"), "c"),
            (r#""a c"#, None, r#""a c"#),
            (r#""a\"#, None, r#""a\"#),
            ("a", None, "a"),
        ] {
            let mut scanner = Scanner::new(text);
            assert_eq!((scanner.quoted(), scanner.rest()), (quoted, rest), "{text}");
        }
    }

    #[test]
    fn escapes_are_undone_where_that_is_text() {
        for (text, expected) in [
            ("plain", "plain"),
            (r#"a \"b\" \\ c"#, r#"a "b" \ c"#),
            (r"\x22q\x22", "\"q\""),
            (r"\xd0\xbf", "п"),
            (r"\xd0", r"\xd0"),
            (r"\x16\x03", r"\x16\x03"),
            (r"\xzz \", r"\xzz \"),
            (r"a\tb\nc", "a\tb\nc"),
        ] {
            assert_eq!(unescaped(text), expected, "{text}");
        }
    }

    #[test]
    fn addresses_and_numbers() {
        for (address, ip) in [
            ("10.0.0.1:80", "10.0.0.1"),
            ("10.0.0.1", "10.0.0.1"),
            ("[2001:db8::1]:80", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("::1", "::1"),
            ("localhost:8080", "localhost"),
        ] {
            assert_eq!(without_port(address), ip, "{address}");
        }
        for (text, expected) in [
            ("10.0.0.1", true),
            ("::1", true),
            ("12:30:15", true),
            ("10.0.1", false),
            ("face", false),
            ("-", false),
        ] {
            assert_eq!(is_ip(text), expected, "{text}");
        }
        for (text, expected) in [
            ("0", true),
            ("12", true),
            ("-1.50", true),
            ("012", false),
            ("1.", false),
            (".5", false),
            ("1e5", false),
            ("", false),
            ("-", false),
            ("1.2.3", false),
        ] {
            assert_eq!(is_json_number(text), expected, "{text}");
        }
        assert_eq!(number("999999999"), Some(999_999_999));
        assert_eq!(number("1000000000"), None);
        assert_eq!(number(""), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(text: String) {
            let mut scanner = Scanner::new(&text);
            while scanner.word().is_some() || scanner.quoted().is_some() || scanner.until(b' ').is_some() {}
            prop_assert!(scanner.rest().len() <= text.len());
            let _: Cow<'_, str> = unescaped(&text);
            prop_assert!(!is_json_number(&text) || serde_json::from_str::<serde_json::Number>(&text).is_ok());
        }
    }
}
