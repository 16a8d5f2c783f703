//! Where a value ends.
//!
//! Each of these reads no further than what is masked, or a bounded look ahead:
//! a line that repeats a name is read once.

/// Bytes that are looked at for the next name behind a separator.
const MAX_NEXT_NAME: usize = 48;
/// Bytes that are looked at for the name of a class.
const MAX_CLASS_NAME: usize = 128;

pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

pub(super) fn is_number(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E')
}

/// The length of an opening quote (with the backslashes before it) and its kind.
pub(super) fn opening_quote(value: &[u8]) -> Option<(usize, u8)> {
    let backslashes = value.iter().take_while(|b| **b == b'\\').count();
    let quote = *value.get(backslashes)?;
    let opens = quote == b'"' || quote == b'\'' && backslashes == 0;
    opens.then_some((backslashes + 1, quote))
}

/// What stands before a quoted value: `Some(` of `Some("x")`, `b` of `b'x'`.
pub(super) fn wrapper(value: &[u8]) -> usize {
    let letters =
        value.iter().take(24).take_while(|b| b.is_ascii_alphabetic() || matches!(b, b':' | b'_')).count();
    let len = match value.get(letters) {
        Some(b'(') if letters > 0 => letters + 1,
        // The prefixes of Python's strings; `?token=x" for` is no string.
        _ if letters <= 2 && value.iter().take(letters).all(|b| b"bBuUrRfF".contains(b)) => letters,
        _ => return 0,
    };
    let quoted = value.get(len..).and_then(opening_quote).is_some();
    if quoted { len } else { 0 }
}

/// The length of a string up to its closing quote; all of it where that is missing.
///
/// A string that opens with `n` backslashes before its quote is `k` levels of
/// JSON deep, n = 2^k − 1, and a quote inside it has a run of backslashes that
/// is another multiple: only a run of n, modulo 2(n + 1), closes it. A shorter
/// run closes the string around it, and this one with it.
pub(super) fn closing_quote(text: &[u8], quote: u8, opening_backslashes: usize, is_json: bool) -> usize {
    let modulus = 2 * (opening_backslashes + 1);
    let mut run = 0;
    for (at, byte) in text.iter().enumerate() {
        match *byte {
            b'\\' => run += 1,
            byte if byte == quote && run % modulus == opening_backslashes => {
                return at - opening_backslashes;
            }
            byte if byte == quote && run < opening_backslashes => return at - run,
            // A value with one quote too few ends where the JSON string around it does.
            b'"' if quote == b'\'' && is_json => return at - run,
            _ => run = 0,
        }
    }
    text.len()
}

/// The length of a JSON object or array; all of the text where it does not end,
/// or up to the end of the string that it stands in.
pub(super) fn balanced(text: &[u8], backslashes: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            b'"' | b'\\' => {
                if let Some((opening, quote)) = opening_quote(text.get(at..).unwrap_or_default()) {
                    if opening <= backslashes {
                        return at;
                    }
                    let inner = text.get(at + opening..).unwrap_or_default();
                    let len = closing_quote(inner, quote, opening - 1, true);
                    let closing = opening_quote(inner.get(len..).unwrap_or_default()).map_or(0, |(n, _)| n);
                    if closing != opening {
                        // Another string's end, or none: this value does not end here.
                        return at + opening + len;
                    }
                    at += opening + len + closing;
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// Bytes of a container that are read for a text in it; a larger one is taken to hold one.
const MAX_COUNTERS_BYTES: usize = 1024;

/// Whether an object or array holds a text, not only numbers: token counters are no tokens.
pub(super) fn holds_text(value: &[u8]) -> bool {
    if !matches!(value.first(), Some(b'{' | b'[')) {
        return false;
    }
    let head = value.get(..MAX_COUNTERS_BYTES).unwrap_or(value);
    let len = balanced(head, 0);
    let mut at = 0;
    while let Some(byte) = head.get(at).filter(|_| at < len) {
        let rest = head.get(at..).unwrap_or_default();
        if let (b'"' | b'\\' | b'\'', Some((opening, quote))) = (*byte, opening_quote(rest)) {
            let inner = rest.get(opening..).unwrap_or_default();
            let text = closing_quote(inner, quote, opening - 1, true);
            let behind = inner.get(text + opening..).unwrap_or_default().trim_ascii_start();
            if text > 0 && !behind.starts_with(b":") {
                return !already_redacted(inner.get(..text).unwrap_or_default());
            }
            at += 2 * opening + text;
        } else {
            at += 1;
        }
    }
    len == MAX_COUNTERS_BYTES
}

/// The length of an unquoted value: to a blank, the end of the string that it
/// stands in, or a separator. A separator with more of the value behind it is
/// part of the value: what is masked too much is no leak.
pub(super) fn word(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let next = text.get(at + 1);
        match byte {
            b'\\' if matches!(next, None | Some(b'n' | b'r' | b't' | b'"' | b'\'')) => break,
            b'\\' => at += 1,
            b'"' => break,
            b'\'' | b',' | b';' | b'&' | b')' | b'}' | b']' | b'>'
                if separates(text.get(at + 1..).unwrap_or_default()) =>
            {
                break;
            }
            byte if byte.is_ascii_whitespace() => break,
            _ => {}
        }
        at += 1;
    }
    at.min(text.len())
}

/// Whether what is behind a separator is not the value's: nothing, another
/// separator, or the next name.
fn separates(rest: &[u8]) -> bool {
    let Some(next) = rest.first() else { return true };
    if next.is_ascii_whitespace()
        || matches!(
            next,
            b'"' | b'\'' | b'\\' | b',' | b';' | b'&' | b')' | b'}' | b']' | b'>' | b'<' | b'{' | b'[' | b'('
        )
    {
        return true;
    }
    let is_name =
        |b: &&u8| b.is_ascii_alphanumeric() || matches!(**b, b'_' | b'-' | b'.' | b'%' | b'[' | b']');
    let name = rest.iter().take(MAX_NEXT_NAME).take_while(is_name).count();
    name > 0 && matches!(rest.get(name), Some(b'=' | b':' | b' '))
        || matches!(rest.get(name), None | Some(b'"')) && rest.iter().take(name).all(u8::is_ascii_digit)
}

/// The length of a header's value: to the end of the line, or of the string that it stands in.
pub(super) fn header(text: &[u8], enclosing: Option<super::named::Quote>, is_json: bool) -> usize {
    let mut run = 0;
    for (at, byte) in text.iter().enumerate() {
        let closes = match *byte {
            b'\n' | b'\r' => true,
            b'n' | b'r' if run % 2 == 1 => return at - run,
            b'"' | b'\'' => match enclosing {
                Some(quote) if quote.mark == *byte => run <= quote.backslashes,
                _ => *byte == b'"' && is_json && run == 0,
            },
            _ => false,
        };
        if closes {
            return at - run;
        }
        run = if *byte == b'\\' { run + 1 } else { 0 };
    }
    text.len()
}

/// The length of a list of header values, as Java prints a map of them:
/// `Cookie=[a=1; b=2]`; to the end of the line, or of the string that it stands
/// in, where its bracket is not closed. Nothing for an empty list.
pub(super) fn header_list(text: &[u8], open: u8, is_json: bool) -> Option<usize> {
    let close = match open {
        b'[' => b']',
        b'(' => b')',
        _ => b'}',
    };
    let mut depth = 0_usize;
    for (at, byte) in text.iter().enumerate() {
        match *byte {
            b'\n' | b'\r' => return Some(at),
            b'"' if is_json => return Some(at),
            byte if byte == open => depth += 1,
            byte if byte == close => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return (at > 1).then_some(at + 1);
                }
            }
            _ => {}
        }
    }
    Some(text.len())
}

/// What is between a flag and its value: blanks, or the quotes and the comma
/// between two strings of a list.
pub(super) fn argument(text: &[u8]) -> Option<usize> {
    let count = |wanted: fn(&u8) -> bool, from: usize| {
        text.get(from..).map_or(0, |rest| rest.iter().take_while(|b| wanted(b)).count())
    };
    let blanks = count(|b| is_blank(*b), 0);
    if blanks > 0 {
        return Some(blanks);
    }
    let quote = count(|b| matches!(b, b'\\' | b'"' | b'\''), 0);
    let comma = count(|b| matches!(b, b',' | b' '), quote);
    (quote > 0 && comma > 0).then_some(quote + comma)
}

/// Whether the value is nothing: `null`, `true` and their like.
pub(super) fn is_literal(value: &[u8]) -> bool {
    let len = value.iter().take(10).take_while(|b| b.is_ascii_alphabetic()).count();
    let word = value.get(..len).unwrap_or_default().to_ascii_lowercase();
    let known: [&[u8]; 8] = [b"null", b"none", b"nil", b"true", b"false", b"undefined", b"nan", b"nullptr"];
    known.contains(&word.as_slice())
        && !value.get(len).is_some_and(|b| {
            !b.is_ascii_whitespace()
                && !matches!(b, b',' | b';' | b'}' | b']' | b')' | b'"' | b'\'' | b'\\' | b'&' | b'<' | b'.')
        })
}

/// Whether the value is a program's name for an object, not a secret: Java's
/// `android.os.BinderProxy@4e4c`, and `Token {` or `AppWindowToken{`, whose fields follow.
pub(super) fn is_object(value: &[u8]) -> bool {
    let is_class = |b: &&u8| b.is_ascii_alphanumeric() || matches!(**b, b'.' | b'$' | b'_');
    let len = value.iter().take(MAX_CLASS_NAME).take_while(is_class).count();
    let (Some(class), Some(rest)) = (value.get(..len), value.get(len..)) else { return false };
    match rest {
        [b'{', ..] | [b' ', b'{', ..] => class.ends_with(b"Token"),
        [b'@', hash @ ..] => {
            let digits = hash.iter().take(9).take_while(|b| b.is_ascii_hexdigit()).count();
            let ends = hash.get(digits).is_none_or(|b| !b.is_ascii_alphanumeric());
            class.contains(&b'.')
                && class.iter().any(u8::is_ascii_uppercase)
                && (1..=8).contains(&digits)
                && ends
        }
        _ => false,
    }
}

/// Whether somebody redacted the value before: we, or the one who wrote the line.
pub(super) fn already_redacted(value: &[u8]) -> bool {
    let marks: [&[u8]; 5] = [b"[FILTERED]", b"[REDACTED]", b"<redacted>", b"REDACTED", b"[PROTECTED]"];
    value.iter().all(|b| *b == b'*') || is_hash(value) || marks.contains(&value)
}

/// Whether a text is what [`Treatment::Hash`](super::Treatment::Hash) writes.
pub(super) fn is_hash(value: &[u8]) -> bool {
    let digits = value.strip_prefix(super::HASH_PREFIX);
    digits.is_some_and(|hex| hex.len() == super::HASH_DIGITS && hex.iter().all(u8::is_ascii_hexdigit))
}
