//! The value behind a name that says it is a secret.

use super::{Finding, Rule, token};

/// Names longer than this are no name of a secret, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// What the name of a secret ends with, in lower case and without `_` and `-`:
/// `db_password`, `X-Api-Key` and `clientSecret` are all found.
const SECRET_NAMES: [&[u8]; 20] = [
    b"password",
    b"passwd",
    b"pwd",
    b"passphrase",
    b"passcode",
    b"secret",
    b"secretkey",
    b"secretaccesskey",
    b"token",
    b"apikey",
    b"accesskey",
    b"privatekey",
    b"signingkey",
    b"encryptionkey",
    b"credential",
    b"credentials",
    b"authorization",
    b"cookie",
    b"sessionid",
    b"connectionstring",
];

/// Headers whose value goes on to the end of the line.
const HEADERS: [&[u8]; 2] = [b"authorization", b"cookie"];

/// Looks at an `=` or `:` at `at`: the value behind it, if its name is a
/// secret's; the password of a URL, if it is the colon of `://`.
pub(super) fn find(bytes: &[u8], at: usize) -> Option<Finding> {
    let behind = bytes.get(at + 1..)?;
    if behind.starts_with(b"//") {
        return token::find_in_url(bytes, at);
    }
    let key = Key::before(bytes.get(..at)?)?;
    // Ruby's `=>` is an equals sign too.
    let arrow = usize::from(behind.first() == Some(&b'>') && bytes.get(at) == Some(&b'='));
    // Between the quotes of JSON a line break is a blank like any other.
    let is_blank = |b: &u8| is_blank(*b) || key.quote.is_some() && matches!(b, b'\n' | b'\r');
    let blanks = behind.iter().skip(arrow).take_while(|b| is_blank(b)).count();
    let start = at + 1 + arrow + blanks;
    let value = bytes.get(start..)?;
    // `a == b`, `a := b` and an empty value.
    let first = *value.first()?;
    if matches!(first, b'=' | b':' | b',' | b';' | b'&' | b'}' | b')' | b']' | b'\n' | b'\r') {
        return None;
    }
    let found = |start: usize, end: usize, quote| {
        (end > start).then_some(Finding { rule: Rule::NamedField, start, end, quote })
    };
    if let Some((opening, quote_byte)) = opening_quote(value) {
        let inner = start + opening;
        let len = closing_quote(bytes.get(inner..)?, quote_byte, opening - 1);
        return found(inner, inner + len, None);
    }
    if let (Some(backslashes), true) = (key.quote, bytes.get(at) == Some(&b':')) {
        // JSON, and no string.
        let len = match first {
            b'{' | b'[' => balanced(value),
            b'-' | b'0'..=b'9' => value.iter().take_while(|b| is_number(**b)).count(),
            _ => return None,
        };
        return found(start, start + len, Some(backslashes));
    }
    let len = if key.is_header { header(value) } else { word(value) };
    found(start, start + len, None)
}

struct Key {
    /// How many backslashes stand before the key's quotes; `None` without quotes.
    quote: Option<usize>,
    is_header: bool,
}

impl Key {
    /// The name that ends `text`, if it is a secret's.
    fn before(text: &[u8]) -> Option<Self> {
        let text = trim_end(text, is_blank);
        let unquoted = match text.split_last() {
            Some((b'"' | b'\'', rest)) => rest,
            _ => text,
        };
        let name_end = trim_end(unquoted, |b| b == b'\\');
        let quote = (unquoted.len() < text.len()).then_some(unquoted.len() - name_end.len());
        let name = name_end.get(trim_end(name_end, is_name).len()..)?;
        // Most names are no secret's, and their last letter shows it.
        if !matches!(name.last()?.to_ascii_lowercase(), b'd' | b'e' | b't' | b'y' | b'n' | b'l' | b's' | b'g')
            || name.len() > MAX_NAME_BYTES
        {
            return None;
        }
        let mut plain = [0; MAX_NAME_BYTES];
        let mut len = 0;
        for (slot, byte) in plain.iter_mut().zip(name.iter().filter(|b| !matches!(b, b'_' | b'-' | b'.'))) {
            *slot = byte.to_ascii_lowercase();
            len += 1;
        }
        let plain = plain.get(..len)?;
        let is_secret = SECRET_NAMES.iter().any(|secret| plain.ends_with(secret)) || is_pass(name);
        is_secret.then(|| Self { quote, is_header: HEADERS.iter().any(|header| plain.ends_with(header)) })
    }
}

/// `pass` is a secret by itself and as a last word (`DB_PASS`), not in `bypass`.
fn is_pass(name: &[u8]) -> bool {
    let start = name.len().saturating_sub(4);
    name.get(start..).is_some_and(|word| word.eq_ignore_ascii_case(b"pass"))
        && start.checked_sub(1).and_then(|i| name.get(i)).is_none_or(|b| !b.is_ascii_alphanumeric())
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

fn is_number(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E')
}

fn trim_end(text: &[u8], unwanted: impl Fn(u8) -> bool) -> &[u8] {
    let len = text.iter().rposition(|b| !unwanted(*b)).map_or(0, |last| last + 1);
    text.get(..len).unwrap_or_default()
}

/// The length of an opening quote (with the backslashes before it) and its kind.
fn opening_quote(value: &[u8]) -> Option<(usize, u8)> {
    let backslashes = value.iter().take_while(|b| **b == b'\\').count();
    let quote = *value.get(backslashes)?;
    let opens = quote == b'"' || quote == b'\'' && backslashes == 0;
    opens.then_some((backslashes + 1, quote))
}

/// The length of a string up to its closing quote; all of it where that is missing.
///
/// A string that opens with `n` backslashes before its quote is `k` levels of
/// JSON deep, n = 2^k − 1, and a quote inside it has a run of backslashes that
/// is another multiple: only a run of n, modulo 2(n + 1), closes it.
fn closing_quote(text: &[u8], quote: u8, opening_backslashes: usize) -> usize {
    let modulus = 2 * (opening_backslashes + 1);
    let mut run = 0;
    for (at, byte) in text.iter().enumerate() {
        match *byte {
            b'\\' => run += 1,
            byte if byte == quote && run % modulus == opening_backslashes => {
                return at - opening_backslashes;
            }
            // A value with one quote too few ends where the JSON string around it does.
            b'"' if quote == b'\'' => return at - run,
            _ => run = 0,
        }
    }
    text.len()
}

/// The length of a JSON object or array; all of the text where it does not end.
fn balanced(text: &[u8]) -> usize {
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
                    let inner = text.get(at + opening..).unwrap_or_default();
                    at += 2 * opening + closing_quote(inner, quote, opening - 1);
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// The length of an unquoted value: to a blank, a separator or the end of the
/// string that it stands in. An escaped backslash belongs to it.
fn word(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'\\' if text.get(at + 1) == Some(&b'\\') => at += 2,
            b'\\' | b'"' | b'\'' | b',' | b';' | b'&' | b')' | b'}' | b']' | b'>' => break,
            byte if byte.is_ascii_whitespace() => break,
            _ => at += 1,
        }
    }
    at
}

/// The length of a header's value: to the end of the line or of the string that it stands in.
fn header(text: &[u8]) -> usize {
    text.iter().take_while(|b| !matches!(b, b'\n' | b'\r' | b'"' | b'\'' | b'\\')).count()
}
