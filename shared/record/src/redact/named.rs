//! The value behind a name that says it is a secret.

use super::names::{self, MAX_NAME_BYTES, Secret};
use super::rule::{Rule, Treatment};
use super::value::{
    already_redacted, argument, balanced, closing_quote, header, header_list, holds_text, is_blank,
    is_literal, is_number, is_object, opening_quote, word, wrapper,
};
use super::{Finding, Form, Origin, Scan, token};

/// Bytes between a name and its value in `{"name":"DB_PASSWORD","value":"x"}`.
const MAX_PAIR_BYTES: usize = 16;

/// Digits of a number that counts tokens or passes, and is no secret.
const MAX_COUNT_DIGITS: usize = 4;

/// Looks at the `=`, `%3D`, `:` or `>` at `at`: the value behind it, if its name is a
/// secret's; the password of a URL, if it is the colon of `://`.
pub(super) fn find(scan: &mut Scan<'_>, at: usize) -> Option<Finding> {
    let bytes = scan.bytes;
    let sign = *bytes.get(at)?;
    let behind = bytes.get(at + 1..)?;
    // `access_token%3Dx%26` is a query inside a query.
    if sign == b'%' && !matches!(behind, [b'3', b'D' | b'd', ..]) {
        return None;
    }
    if sign == b':' && behind.starts_with(b"//") {
        return token::find_in_url(scan, at);
    }
    if sign == b'>' {
        return find_element(scan, at);
    }
    if let Some(found) = token::find_putty_key(scan, at) {
        return Some(found);
    }
    let key = Key::before(scan, at)?;
    // Ruby's `=>` and Go's and SQL's `:=` are one sign.
    let sign_len = match (sign, behind) {
        (b'=', [b'>', ..]) | (b':', [b'=', ..]) => 2,
        (b'%', _) => 3,
        _ => 1,
    };
    // Between the quotes of JSON a line break is a blank like any other.
    let blank = |b: &&u8| is_blank(**b) || key.quote.is_some() && matches!(**b, b'\n' | b'\r');
    let blanks = bytes.get(at + sign_len..)?.iter().take_while(blank).count();
    let start = at + sign_len + blanks;
    let value = bytes.get(start..)?;
    let first = *value.first()?;
    // `a == b`, and an empty value.
    if matches!(first, b'=' | b':' | b',' | b';' | b'&' | b'}' | b')' | b']' | b'\n' | b'\r') {
        return None;
    }
    let origin = key.secret.treatment.map_or(Origin::Rule(Rule::NamedField), Origin::Field);
    let found = |start: usize, end: usize, form| {
        let text = bytes.get(start..end)?;
        (!text.is_empty() && !already_redacted(text)).then_some(Finding { origin, start, end, form })
    };
    let peeled = wrapper(value);
    if let Some((opening, quote)) = opening_quote(value.get(peeled..)?) {
        let depth = opening - 1;
        let inner = start + peeled + opening;
        let rest = bytes.get(inner..)?;
        if key.closes(scan.is_json, quote, depth, rest) {
            return None;
        }
        let len = closing_quote(rest, quote, depth, scan.is_json);
        if key.secret.is_container && rest.get(..len)?.iter().all(|b| is_number(*b)) {
            return None;
        }
        return found(inner, inner + len, Form::Text);
    }
    if is_literal(value) || is_object(value) || key.secret.is_container && !holds_text(value) {
        return None;
    }
    if key.is_count(value) || key.is_complaint(value) {
        return None;
    }
    if let (Some(quote), b':') = (key.quote, sign) {
        // JSON, and no string; a Python dict's mask has no quotes that JSON around it could not have.
        let form = if quote.mark == b'"' { Form::Literal(quote.backslashes) } else { Form::Text };
        match first {
            b'{' | b'[' => return found(start, start + balanced(value, quote.backslashes), form),
            b'-' | b'0'..=b'9' => {
                let len = value.iter().take_while(|b| is_number(**b)).count();
                if !value.get(len).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_') {
                    return found(start, start + len, form);
                }
            }
            _ => {}
        }
    }
    let len = match sign {
        b'=' if key.secret.is_header && matches!(first, b'[' | b'(' | b'{') => {
            header_list(value, first, scan.is_json)?
        }
        b':' if key.secret.is_header => header(value, key.enclosing, scan.is_json),
        _ if key.secret.is_header => scheme(value) + word(value.get(scheme(value)..)?),
        b'%' => {
            let word = value.get(..word(value))?;
            memchr::memmem::find(word, b"%26").unwrap_or(word.len())
        }
        _ => word(value),
    };
    found(start, start + len, Form::Word)
}

/// `PASSWORD 'x'` and `IDENTIFIED BY 'x'` of SQL, where `at` is the opening quote.
pub(super) fn find_sql(scan: &Scan<'_>, at: usize) -> Option<Finding> {
    if !scan.is_on(Rule::NamedField) {
        return None;
    }
    let before = trim_end(scan.bytes.get(..at)?, is_blank);
    let name = [b"password".as_slice(), b"identified by"]
        .into_iter()
        .find(|name| before.len() < at && before.to_ascii_lowercase_ends_with(name))?;
    let before = before.get(..before.len() - name.len())?;
    if before.last().is_some_and(|b| is_name(*b)) {
        return None;
    }
    let rest = scan.bytes.get(at + 1..)?;
    let mut len = closing_quote(rest, b'\'', 0, scan.is_json);
    // Two quotes are one of the literal's own.
    while rest.get(len..).is_some_and(|rest| rest.starts_with(b"''")) {
        len += 2;
        len += closing_quote(rest.get(len..)?, b'\'', 0, scan.is_json);
    }
    let text = rest.get(..len)?;
    (len > 0 && !already_redacted(text)).then(|| Finding::new(Rule::NamedField, at + 1, at + 1 + len))
}

/// The length of an authorization scheme and the blanks behind it.
fn scheme(value: &[u8]) -> usize {
    let len = value.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'-').count();
    let name = value.get(..len).unwrap_or_default().to_ascii_lowercase();
    let blanks = value.get(len..).map_or(0, |rest| rest.iter().take_while(|b| is_blank(**b)).count());
    let is_scheme =
        [b"bearer".as_slice(), b"basic", b"digest", b"token", b"apikey", b"negotiate", b"aws4-hmac-sha256"]
            .contains(&name.as_slice());
    if is_scheme && blanks > 0 { len + blanks } else { 0 }
}

#[derive(Clone, Copy)]
pub(super) struct Quote {
    pub(super) mark: u8,
    pub(super) backslashes: usize,
}

struct Key {
    secret: Secret,
    /// The key's own quotes.
    quote: Option<Quote>,
    /// The quote right before a key without quotes of its own.
    enclosing: Option<Quote>,
    /// "Invalid token"
    may_be_complaint: bool,
    /// `token` and `pass`, which are counted too.
    may_be_count: bool,
}

impl Key {
    /// The name that ends before the sign at `at`, if it is a secret's.
    fn before(scan: &Scan<'_>, at: usize) -> Option<Self> {
        let text = trim_end(scan.bytes.get(..at)?, |b| is_blank(b) || b == b'\n' || b == b'\r');
        let (unquoted, mark) = match text.split_last() {
            Some((mark @ (b'"' | b'\''), rest)) => (rest, Some(*mark)),
            Some((b']', rest)) => (rest, None),
            _ => (text.strip_suffix(b"%5D").or_else(|| text.strip_suffix(b"%5d")).unwrap_or(text), None),
        };
        let name_end = if mark.is_some() { trim_end(unquoted, |b| b == b'\\') } else { unquoted };
        let quote = mark.map(|mark| Quote { mark, backslashes: unquoted.len() - name_end.len() });
        if quote.is_none() && text.len() < at && !text.last().is_some_and(|b| is_name(*b) || *b == b']') {
            return None;
        }
        let is_part = |b: &&u8| is_name(**b) || **b == b'\\' && quote.is_some();
        let mut len = name_end.iter().rev().take(MAX_NAME_BYTES).take_while(is_part).count();
        let before = name_end.get(..name_end.len() - len)?;
        let escaped = quote.is_none() && before.last() == Some(&b'\\');
        // The `n` of `\npassword=` is no part of the name.
        len -= usize::from(escaped && len > 0);
        let name = name_end.get(name_end.len() - len..)?;
        let secret = if name.eq_ignore_ascii_case(b"value") && quote.is_some() {
            Self::of_pair(scan, before)?
        } else if quote.is_some() {
            scan.judge_key(name)?
        } else {
            scan.judge(name)?
        };
        let may_be_complaint = name.eq_ignore_ascii_case(b"token")
            && [b"nvalid ".as_slice(), b"llegal "].iter().any(|w| before.to_ascii_lowercase_ends_with(w));
        let may_be_count = [b"token".as_slice(), b"pass"].iter().any(|n| name.eq_ignore_ascii_case(n));
        // "Unexpected token: }" is a parser's complaint.
        if name.eq_ignore_ascii_case(b"token") && before.to_ascii_lowercase_ends_with(b"nexpected ") {
            return None;
        }
        let enclosing = match before.split_last() {
            Some((mark @ (b'"' | b'\''), rest)) if quote.is_none() => {
                let backslashes = rest.iter().rev().take(MAX_NAME_BYTES).take_while(|b| **b == b'\\').count();
                Some(Quote { mark: *mark, backslashes })
            }
            _ => None,
        };
        Some(Self { secret, quote, enclosing, may_be_complaint, may_be_count })
    }

    /// `"name":"DB_PASSWORD",` before a key `value`, as task definitions have it.
    fn of_pair(scan: &Scan<'_>, before: &[u8]) -> Option<Secret> {
        let start = before.len().saturating_sub(MAX_NAME_BYTES + 2 * MAX_PAIR_BYTES);
        let is_gap = |b| matches!(b, b'"' | b'\\' | b',' | b':') || u8::is_ascii_whitespace(&b);
        let text = trim_end(before.get(start..)?, is_gap);
        let name = text.get(trim_end(text, is_name).len()..)?;
        let key = trim_end(text.get(..text.len() - name.len())?, is_gap);
        let is_pair = [b"name".as_slice(), b"key"].iter().any(|k| key.to_ascii_lowercase_ends_with(k));
        if is_pair { scan.judge(name) } else { None }
    }

    /// `pass=3 fail=2`, `token=5 of 10`
    fn is_count(&self, value: &[u8]) -> bool {
        let digits = value.iter().take(MAX_COUNT_DIGITS + 1).take_while(|b| b.is_ascii_digit()).count();
        self.may_be_count
            && self.quote.is_none()
            && (1..=MAX_COUNT_DIGITS).contains(&digits)
            && value.get(digits).is_none_or(|b| is_blank(*b) || matches!(b, b',' | b';' | b'\n' | b'\r'))
    }

    /// `Invalid token: expected identifier`: words, and more than one.
    fn is_complaint(&self, value: &[u8]) -> bool {
        let letters = value.iter().take(MAX_NAME_BYTES).take_while(|b| b.is_ascii_lowercase()).count();
        self.may_be_complaint
            && letters > 0
            && matches!(value.get(letters..), Some([b' ', next, ..]) if next.is_ascii_alphabetic())
    }

    /// Whether the quote behind the sign closes the string that the key stands
    /// in, and opens no value: `{"m":"enter password:","n":1}`.
    fn closes(&self, is_json: bool, mark: u8, depth: usize, behind: &[u8]) -> bool {
        match self.quote {
            Some(quote) if quote.mark == b'"' => mark == b'"' && depth < quote.backslashes,
            _ if mark == b'\'' => false,
            _ if is_json && depth == 0 => true,
            _ => {
                let next = behind.iter().find(|b| !is_blank(**b));
                next.is_none_or(|b| matches!(b, b',' | b'}' | b']' | b':'))
            }
        }
    }
}

trait EndsWith {
    fn to_ascii_lowercase_ends_with(&self, end: &[u8]) -> bool;
}

impl EndsWith for [u8] {
    fn to_ascii_lowercase_ends_with(&self, end: &[u8]) -> bool {
        self.len()
            .checked_sub(end.len())
            .and_then(|i| self.get(i..))
            .is_some_and(|last| last.eq_ignore_ascii_case(end))
    }
}

/// `<password>x</password>`, where `at` is either tag's `>`.
fn find_element(scan: &Scan<'_>, at: usize) -> Option<Finding> {
    let before = scan.bytes.get(..at)?;
    let len = before.iter().rev().take(MAX_NAME_BYTES).take_while(|b| is_name(**b)).count();
    let name = before.get(at - len..)?;
    let tag = before.get(..at - len)?;
    let tag = match tag.split_last() {
        // A namespace: `<wsse:Password>`
        Some((b':', rest)) => trim_end_bounded(rest),
        _ => tag,
    };
    let secret = scan.judge(name)?;
    let (start, end) = if tag.ends_with(b"</") {
        let end = tag.len() - 2;
        let open = tag.get(scan.resume..end)?.iter().rposition(|b| *b == b'>')?;
        (scan.resume + open + 1, end)
    } else if tag.ends_with(b"<") {
        let text = scan.bytes.get(at + 1..)?;
        let len = text.iter().take_while(|b| **b != b'<' && !(**b == b'"' && scan.is_json)).count();
        (at + 1, at + 1 + len)
    } else {
        return None;
    };
    let value = scan.bytes.get(start..end)?;
    if value.trim_ascii().is_empty() || already_redacted(value) || value.contains(&b'"') && scan.is_json {
        return None;
    }
    let origin = secret.treatment.map_or(Origin::Rule(Rule::NamedField), Origin::Field);
    Some(Finding { origin, start, end, form: Form::Text })
}

fn trim_end_bounded(text: &[u8]) -> &[u8] {
    let len = text.iter().rev().take(MAX_NAME_BYTES).take_while(|b| is_name(**b)).count();
    text.get(..text.len() - len).unwrap_or_default()
}

/// `--password x`, also as two strings of a list; `at` is behind the dashes.
pub(super) fn find_flag(scan: &Scan<'_>, at: usize) -> Option<Finding> {
    let text = scan.bytes.get(at..)?;
    let before = scan.bytes.get(..at)?.iter().rev().take(3).find(|b| **b != b'-');
    if before.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_') {
        return None;
    }
    let len = text.iter().take(MAX_NAME_BYTES).take_while(|b| is_name(**b)).count();
    let secret = scan.judge(text.get(..len)?)?;
    let gap = argument(text.get(len..)?)?;
    let start = at + len + gap;
    let value = scan.bytes.get(start..)?;
    let (start, len) = match opening_quote(value) {
        Some((opening, b'"'))
            if scan.is_json && opening % 2 == 1 && text.get(len).is_some_and(|b| is_blank(*b)) =>
        {
            // The end of the string that the flag stands in.
            return None;
        }
        Some((opening, quote)) => {
            let inner = value.get(opening..)?;
            let len = closing_quote(inner, quote, opening - 1, scan.is_json);
            let is_key =
                |rest: &[u8]| rest.get(opening..).is_some_and(|r| r.trim_ascii_start().starts_with(b":"));
            if scan.is_json && gap > 1 && inner.get(len..).is_some_and(is_key) {
                return None;
            }
            (start + opening, len)
        }
        None => (start, word(value)),
    };
    let value = scan.bytes.get(start..start + len)?;
    if value.is_empty() || value.starts_with(b"-") || already_redacted(value) || is_literal(value) {
        return None;
    }
    let origin = secret.treatment.map_or(Origin::Rule(Rule::NamedField), Origin::Field);
    Some(Finding { origin, start, end: start + len, form: Form::Word })
}

impl Scan<'_> {
    /// What a name says of its value; nothing where its treatment is off.
    fn judge(&self, name: &[u8]) -> Option<Secret> {
        self.judge_key(name).filter(|secret| !secret.is_container)
    }

    /// What the key of a value says of it.
    fn judge_key(&self, name: &[u8]) -> Option<Secret> {
        let secret = names::judge(name, self.fields)?;
        match secret.treatment {
            Some(Treatment::Off) => None,
            None if !self.is_on(Rule::NamedField) => None,
            _ => Some(secret),
        }
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') || byte >= 0x80
}

fn trim_end(text: &[u8], unwanted: impl Fn(u8) -> bool) -> &[u8] {
    let len = text.iter().rposition(|b| !unwanted(*b)).map_or(0, |last| last + 1);
    text.get(..len).unwrap_or_default()
}
