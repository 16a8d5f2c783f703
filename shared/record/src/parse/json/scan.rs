//! One strict pass over a JSON object that takes the named fields out of it.
//!
//! What `serde_json` refuses is refused here (a property test holds the two
//! against each other). Values that nobody asks for are checked and passed
//! over, eight bytes at a time where they are text.

use std::borrow::Cow;

use crate::parse::fields::{Field, Fields, Index, OPEN_RANK, Path, Value};

/// Deeper JSON is not looked into; `serde_json::Value` has the same bound.
pub(super) const MAX_DEPTH: usize = 128;

/// Why a text is not one JSON object. It quotes nothing.
pub(super) type Fault = &'static str;

pub(super) const CUT_SHORT: Fault = "the JSON object is cut short";
pub(super) const NOT_JSON: Fault = "looks like JSON and is not";
pub(super) const TOO_DEEP: Fault = "the JSON is nested deeper than MAX_DEPTH";

/// Reads a text that is one JSON object; the fields found before a fault stay.
pub(super) fn object<'a>(text: &'a str, fields: &mut Fields<'a>) -> Result<(), Fault> {
    let mut scan = Scan::new(text);
    scan.white();
    scan.expect(b'{')?;
    scan.object(Scope::Top, fields, 1)?;
    scan.end()
}

/// Checks a text that is one JSON value.
pub(super) fn value(text: &str) -> Result<(), Fault> {
    let mut scan = Scan::new(text);
    scan.white();
    scan.value(0)?;
    scan.end()
}

/// The object whose members are read.
#[derive(Clone, Copy)]
enum Scope {
    /// The line itself.
    Top,
    /// An object inside: its members' names follow its own, and stand for
    /// themselves as well where it is open.
    Inside { path: Path, is_open: bool, rank: u8 },
}

impl Scope {
    fn inside(path: Option<Path>, is_open: bool, rank: u8) -> Option<Self> {
        path.map(|path| Self::Inside { path, is_open, rank })
    }
}

struct Scan<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    index: &'static Index,
}

/// What a name is to its object.
#[derive(Default)]
struct Member {
    field: Option<(Field, u8)>,
    inner: Option<Scope>,
}

impl<'a> Scan<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0, index: Index::get() }
    }

    /// The members of an object whose brace has been read.
    fn object(&mut self, scope: Scope, fields: &mut Fields<'a>, depth: usize) -> Result<(), Fault> {
        self.members(b'}', depth, |scan| {
            let name = scan.name()?;
            let is_object = scan.peek() == Some(b'{');
            let Member { field, inner } = scan.member(&name, &scope, is_object);
            let start = scan.at;
            let value = match inner {
                Some(inner) => {
                    scan.at += 1;
                    scan.object(inner, fields, depth + 1)?;
                    scan.text.get(start..scan.at).map(Value::Json)
                }
                None => scan.value(depth)?,
            };
            if let (Some((field, rank)), Some(value)) = (field, value) {
                fields.offer(field, rank, value);
            }
            Ok(())
        })
    }

    /// What stands between commas, up to `close`.
    #[inline]
    fn members(
        &mut self,
        close: u8,
        depth: usize,
        mut member: impl FnMut(&mut Self) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if depth > MAX_DEPTH {
            return Err(TOO_DEEP);
        }
        self.white();
        if self.eat(close) {
            return Ok(());
        }
        loop {
            member(self)?;
            self.white();
            match self.next()? {
                b',' => self.white(),
                end if end == close => return Ok(()),
                _ => return Err(NOT_JSON),
            }
        }
    }

    /// A member's name, up to its value.
    #[inline]
    fn name(&mut self) -> Result<Cow<'a, str>, Fault> {
        self.expect(b'"')?;
        let name = self.string()?;
        self.white();
        self.expect(b':')?;
        self.white();
        Ok(match name {
            Value::Text(name) => Cow::Borrowed(name),
            name => name.text(),
        })
    }

    /// Looks a name up: at the top as it is, inside behind its parents' names.
    #[inline]
    fn member(&self, name: &str, scope: &Scope, is_object: bool) -> Member {
        match scope {
            Scope::Top => {
                let Some(found) = self.index.find(name.as_bytes()) else { return Member::default() };
                let is_looked_into = is_object && (found.is_parent || found.is_open);
                let inner = is_looked_into.then(|| Scope::inside(Path::of(name), found.is_open, 0)).flatten();
                Member { field: found.field, inner }
            }
            Scope::Inside { path, is_open, rank } => self.nested(name, path, *is_open, *rank, is_object),
        }
    }

    fn nested(&self, name: &str, path: &Path, is_open: bool, rank: u8, is_object: bool) -> Member {
        let path = path.join(name);
        if let Some(found) = path.and_then(|path| self.index.find(path.as_bytes())) {
            let inner = is_object.then(|| Scope::inside(path, found.is_open, rank)).flatten();
            return Member { field: found.field.map(|(field, own)| (field, own + rank)), inner };
        }
        if is_object && name.eq_ignore_ascii_case("headers") {
            return Member { field: None, inner: Scope::inside(Path::of("headers"), false, OPEN_RANK) };
        }
        let Some(found) = self.index.find(name.as_bytes()).filter(|_| is_open) else {
            return Member::default();
        };
        let is_looked_into = is_object && (found.is_parent || found.is_open);
        Member {
            field: found
                .field
                .filter(|(field, _)| field.is_open())
                .map(|(field, own)| (field, own + OPEN_RANK)),
            inner: is_looked_into.then(|| Scope::inside(Path::of(name), found.is_open, OPEN_RANK)).flatten(),
        }
    }

    /// Any value; `null` is none.
    fn value(&mut self, depth: usize) -> Result<Option<Value<'a>>, Fault> {
        let start = self.at;
        Ok(match self.next()? {
            b'"' => Some(self.string()?),
            b'{' => {
                self.members(b'}', depth + 1, |scan| {
                    scan.name()?;
                    scan.value(depth + 1).map(|_| ())
                })?;
                self.text.get(start..self.at).map(Value::Json)
            }
            b'[' => {
                self.members(b']', depth + 1, |scan| scan.value(depth + 1).map(|_| ()))?;
                self.text.get(start..self.at).map(Value::Json)
            }
            first @ (b'-' | b'0'..=b'9') => {
                self.number(first)?;
                self.text.get(start..self.at).map(Value::Bare)
            }
            b't' => self.literal("true")?,
            b'f' => self.literal("false")?,
            b'n' => self.literal("null")?.filter(|_| false),
            _ => return Err(NOT_JSON),
        })
    }

    /// A string whose quote has been read.
    #[inline]
    fn string(&mut self) -> Result<Value<'a>, Fault> {
        let start = self.at;
        let mut has_escapes = false;
        loop {
            while let Some(chunk) = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<8>) {
                let stops = stops(u64::from_le_bytes(*chunk));
                self.at += (stops.trailing_zeros() / 8) as usize;
                if stops != 0 {
                    break;
                }
            }
            match self.next()? {
                b'"' => break,
                b'\\' => {
                    has_escapes = true;
                    self.escape()?;
                }
                0..0x20 => return Err(NOT_JSON),
                _ => {}
            }
        }
        let text = self.text.get(start..self.at - 1).unwrap_or_default();
        Ok(if has_escapes { Value::Escaped(text) } else { Value::Text(text) })
    }

    fn escape(&mut self) -> Result<(), Fault> {
        match self.next()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(()),
            b'u' => {
                for _ in 0..4 {
                    if !self.next()?.is_ascii_hexdigit() {
                        return Err(NOT_JSON);
                    }
                }
                Ok(())
            }
            _ => Err(NOT_JSON),
        }
    }

    /// A number whose first byte has been read.
    fn number(&mut self, first: u8) -> Result<(), Fault> {
        let first = if first == b'-' { self.next()? } else { first };
        match first {
            b'0' if self.peek().is_some_and(|b| b.is_ascii_digit()) => return Err(NOT_JSON),
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            _ => return Err(NOT_JSON),
        }
        if self.eat(b'.') {
            self.digit()?;
            self.digits();
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _has_sign = self.eat(b'+') || self.eat(b'-');
            self.digit()?;
            self.digits();
        }
        Ok(())
    }

    fn digit(&mut self) -> Result<(), Fault> {
        if self.next()?.is_ascii_digit() { Ok(()) } else { Err(NOT_JSON) }
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
    }

    /// A word whose first byte has been read.
    fn literal(&mut self, word: &'static str) -> Result<Option<Value<'a>>, Fault> {
        word.bytes().skip(1).try_for_each(|byte| self.expect(byte))?;
        Ok(Some(Value::Bare(word)))
    }

    fn end(&mut self) -> Result<(), Fault> {
        self.white();
        if self.at == self.bytes.len() { Ok(()) } else { Err(NOT_JSON) }
    }

    #[inline]
    fn white(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    fn next(&mut self) -> Result<u8, Fault> {
        let byte = self.peek().ok_or(CUT_SHORT)?;
        self.at += 1;
        Ok(byte)
    }

    #[inline]
    fn eat(&mut self, wanted: u8) -> bool {
        let is_there = self.peek() == Some(wanted);
        self.at += usize::from(is_there);
        is_there
    }

    #[inline]
    fn expect(&mut self, wanted: u8) -> Result<(), Fault> {
        if self.next()? == wanted { Ok(()) } else { Err(NOT_JSON) }
    }
}

/// Marks the bytes that end a run of plain text: a quote, a backslash, a control
/// character. Exact for the first of them, which alone is looked at.
#[inline]
fn stops(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let zero_bytes = |word: u64| word.wrapping_sub(ONES) & !word;
    let quote = zero_bytes(word ^ (ONES * b'"' as u64));
    let backslash = zero_bytes(word ^ (ONES * b'\\' as u64));
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (quote | backslash | control) & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    fn accepts(text: &str) -> bool {
        value(text).is_ok()
    }

    fn serde_accepts(text: &str) -> bool {
        serde_json::from_str::<IgnoredAny>(text).is_ok()
    }

    #[test]
    fn only_json_is_json() {
        for text in [
            r#"{}"#,
            r#"[]"#,
            r#" [ 1 , -0.5e+3 , 0 , 1E9 , true , false , null , "" , {"a":[{}]} ] "#,
            r#""\u12aB\\\"""#,
            "-0",
            "\"\u{7f}é\u{10ffff}\"",
        ] {
            assert!(accepts(text) && serde_accepts(text), "{text}");
        }
        for text in [
            "",
            "{",
            "[1,]",
            "{,}",
            "{a:1}",
            "{'a':1}",
            "01",
            "-",
            "1.",
            ".5",
            "1e",
            "+1",
            "NaN",
            "tru",
            "nulll",
            "\"",
            "1 2",
            "[1 2]",
            "\u{feff}1",
            "\"a\tb\"",
            "\"12345678\u{1}\"",
            r#""\x""#,
            r#""\u12g4""#,
            r#"{"a":1,}"#,
            r#"{"a"}"#,
            r#"{"a":1 "b":2}"#,
        ] {
            assert!(!accepts(text) && !serde_accepts(text), "{text}");
        }
    }

    #[test]
    fn the_depth_limit_holds_at_its_edge() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(value(&nested(MAX_DEPTH)), Ok(()));
        assert_eq!(value(&nested(MAX_DEPTH + 1)), Err(TOO_DEEP));
        let open = |depth: usize| format!("{}1{}", "{\"data\":".repeat(depth), "}".repeat(depth));
        assert_eq!(object(&open(MAX_DEPTH), &mut Fields::new()), Ok(()));
        assert_eq!(object(&open(MAX_DEPTH + 1), &mut Fields::new()), Err(TOO_DEEP));
    }

    /// Text of the characters that matter to JSON.
    const JSONISH: &str = r#"[\[\]{}",:\\ue0-3.+\-Etrualsn \n\x01é]{0,40}"#;

    proptest! {
        #[test]
        fn the_first_stop_is_found(bytes: [u8; 8]) {
            let is_stop = |b: &u8| *b < 0x20 || *b == b'"' || *b == b'\\';
            let first = (stops(u64::from_le_bytes(bytes)).trailing_zeros() / 8) as usize;
            prop_assert_eq!(first, bytes.iter().position(is_stop).unwrap_or(8));
        }

        #[test]
        fn it_takes_what_serde_json_takes(text in JSONISH, any: String) {
            for text in [&text, &any] {
                prop_assert_eq!(accepts(text), serde_accepts(text), "{}", text);
            }
        }

        #[test]
        fn a_changed_byte_is_seen_as_serde_json_sees_it(
            key in "[a-z.]{1,9}", text: String, number: f64, list: Vec<Option<bool>>,
            at: prop::sample::Index, byte in " -~",
        ) {
            let whole = serde_json::json!({ key: text, "n": number, "l": [list, {}] }).to_string();
            prop_assert!(accepts(&whole));
            let at = at.index(whole.len());
            if let (Some(head), Some(tail)) = (whole.get(..at), whole.get(at + 1..)) {
                for changed in [format!("{head}{byte}{tail}"), format!("{head}{tail}"), head.to_owned()] {
                    prop_assert_eq!(accepts(&changed), serde_accepts(&changed), "{}", changed);
                }
            }
        }
    }
}
