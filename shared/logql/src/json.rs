//! A scanner of JSON text that gives the values as they pass, so that what
//! stands before a fault is known. It keeps no tree and does not recurse.

use std::borrow::Cow;

use crate::MAX_JSON_DEPTH;

/// Why a line is not JSON, in the words of the scanner that Loki uses
/// (<https://github.com/buger/jsonparser>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JsonError {
    #[error("Value looks like object, but can't find closing '}}' symbol")]
    Malformed,
    #[error("Malformed JSON error")]
    MalformedJson,
    #[error("Unknown value type")]
    UnknownValue,
    #[error("expecting json object(6), but it is not")]
    NotAnObject,
    #[error("Value is array, but can't find closing ']' symbol")]
    MalformedArray,
    #[error("Value is string, but can't find closing '\"' symbol")]
    MalformedString,
    #[error("the value is nested deeper than {MAX_JSON_DEPTH} levels")]
    TooDeep,
}

/// A place in a JSON text.
#[derive(Clone)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// The next member of the object is its first.
    first: bool,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0, first: true }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is not blank.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        while self.byte().is_some_and(|b| b.is_ascii_whitespace()) {
            self.at += 1;
        }
        self.byte()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Goes into the object that stands here.
    pub(crate) fn open_object(&mut self) -> Result<(), JsonError> {
        self.depth += 1;
        if self.depth > MAX_JSON_DEPTH {
            return Err(JsonError::TooDeep);
        }
        self.first = true;
        if self.eat(b'{') { Ok(()) } else { Err(JsonError::Malformed) }
    }

    /// The key of the next member, its value being next; at the end of the
    /// object it is left.
    pub(crate) fn next_key(&mut self) -> Result<Option<Cow<'a, str>>, JsonError> {
        if self.eat(b'}') {
            self.depth -= 1;
            self.first = false;
            return Ok(None);
        }
        let ended = if self.first { JsonError::MalformedJson } else { JsonError::MalformedArray };
        if !self.first {
            if !self.eat(b',') {
                return Err(if self.byte().is_none() { ended } else { JsonError::Malformed });
            }
            // Loki's scanner takes a comma behind the last member.
            if self.eat(b'}') {
                self.depth -= 1;
                return Ok(None);
            }
        }
        self.first = false;
        match self.peek() {
            Some(b'"') => {}
            Some(_) => return Err(JsonError::Malformed),
            None => return Err(ended),
        }
        let key = self.string().map_err(|_| JsonError::MalformedJson)?;
        if !self.eat(b':') || self.peek().is_none() {
            return Err(JsonError::MalformedJson);
        }
        Ok(Some(key))
    }

    /// Whether the object that stands here has an end.
    pub(crate) fn closes(&self) -> bool {
        let mut ahead = self.clone();
        let mut open = 0usize;
        loop {
            match ahead.peek() {
                Some(b'"') if ahead.string().is_err() => return false,
                Some(b'"') => {}
                Some(b'}') if open == 1 => return true,
                Some(byte) => {
                    open += usize::from(byte == b'{');
                    open -= usize::from(byte == b'}' && open > 0);
                    ahead.at += 1;
                }
                None => return false,
            }
        }
    }

    /// Goes into the array that stands here.
    pub(crate) fn open_array(&mut self) -> Result<(), JsonError> {
        self.depth += 1;
        if self.depth > MAX_JSON_DEPTH {
            return Err(JsonError::TooDeep);
        }
        self.first = true;
        if self.eat(b'[') { Ok(()) } else { Err(JsonError::MalformedArray) }
    }

    /// Whether there is another element, which is next; at the end of the
    /// array it is left.
    pub(crate) fn next_element(&mut self) -> Result<bool, JsonError> {
        if self.eat(b']') {
            self.depth -= 1;
            self.first = false;
            return Ok(false);
        }
        if !self.first && !self.eat(b',') {
            return Err(JsonError::MalformedArray);
        }
        self.first = false;
        if self.peek().is_some() { Ok(true) } else { Err(JsonError::MalformedArray) }
    }

    /// The text that stands here, unescaped.
    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        if !self.eat(b'"') {
            return Err(JsonError::MalformedString);
        }
        let rest = self.rest();
        let mut escaped = false;
        let mut from = 0;
        loop {
            let tail = rest.as_bytes().get(from..).unwrap_or_default();
            let found = memchr::memchr2(b'"', b'\\', tail).ok_or(JsonError::MalformedString)?;
            if tail.get(found) == Some(&b'"') {
                let raw = rest.get(..from + found).unwrap_or_default();
                self.at += from + found + 1;
                return Ok(if escaped { Cow::Owned(unescape(raw)) } else { Cow::Borrowed(raw) });
            }
            escaped = true;
            from += found + 2;
        }
    }

    /// Passes the value that stands here, and gives it as it is written.
    pub(crate) fn skip_value(&mut self) -> Result<&'a str, JsonError> {
        let first = self.peek();
        let start = self.at;
        let mut open: Vec<u8> = Vec::new();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.string()?;
                }
                Some(b @ (b'{' | b'[')) => {
                    if open.len() >= MAX_JSON_DEPTH {
                        return Err(JsonError::TooDeep);
                    }
                    open.push(b);
                    self.at += 1;
                }
                Some(b @ (b'}' | b']')) => {
                    let wanted = if b == b'}' { b'{' } else { b'[' };
                    if open.pop() != Some(wanted) {
                        return Err(JsonError::Malformed);
                    }
                    self.at += 1;
                }
                Some(b',' | b':') if !open.is_empty() => self.at += 1,
                Some(_) => self.literal()?,
                None if first == Some(b'[') => return Err(JsonError::MalformedArray),
                None => return Err(JsonError::Malformed),
            }
            if open.is_empty() {
                return Ok(self.text.get(start..self.at).unwrap_or_default());
            }
        }
    }

    /// A number, `true`, `false` or `null`.
    fn literal(&mut self) -> Result<(), JsonError> {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')))
            .unwrap_or(rest.len());
        let word = rest.get(..end).unwrap_or_default();
        let number = word.starts_with(|c: char| c.is_ascii_digit() || c == '-');
        if !number && !["true", "false", "null"].contains(&word) {
            return Err(JsonError::UnknownValue);
        }
        self.at += end;
        Ok(())
    }

    /// Goes to the value of this member of the object that stands here.
    pub(crate) fn enter_key(&mut self, wanted: &str) -> Result<bool, JsonError> {
        if self.peek() != Some(b'{') {
            return Ok(false);
        }
        self.open_object()?;
        while let Some(key) = self.next_key()? {
            if key == wanted {
                return Ok(true);
            }
            self.skip_value()?;
        }
        Ok(false)
    }

    /// Goes to this element of the array that stands here.
    pub(crate) fn enter_index(&mut self, wanted: usize) -> Result<bool, JsonError> {
        if self.peek() != Some(b'[') {
            return Ok(false);
        }
        self.open_array()?;
        let mut index = 0;
        while self.next_element()? {
            if index == wanted {
                return Ok(true);
            }
            self.skip_value()?;
            index += 1;
        }
        Ok(false)
    }
}

/// The text of a JSON string; what is no escape is left as it is.
fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('u') => out.push(unicode(&mut chars)),
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

/// What follows `\u`: four digits, or a pair of surrogates.
fn unicode(chars: &mut std::str::Chars<'_>) -> char {
    let Some(high) = hex4(chars) else {
        return char::REPLACEMENT_CHARACTER;
    };
    if !(0xd800..0xdc00).contains(&high) {
        return char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER);
    }
    let mut ahead = chars.clone();
    let low = (ahead.next() == Some('\\') && ahead.next() == Some('u')).then(|| hex4(&mut ahead)).flatten();
    match low {
        Some(low @ 0xdc00..0xe000) => {
            *chars = ahead;
            char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))
                .unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        _ => char::REPLACEMENT_CHARACTER,
    }
}

fn hex4(chars: &mut std::str::Chars<'_>) -> Option<u32> {
    let (digits, rest) = chars.as_str().split_at_checked(4)?;
    let code = u32::from_str_radix(digits, 16).ok()?;
    *chars = rest.chars();
    Some(code)
}
