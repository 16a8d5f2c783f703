//! One strict pass over a JSON object that takes the named fields out of it.
//!
//! What `serde_json` refuses is refused here (a property test holds the two
//! against each other). Values that nobody asks for are checked and passed
//! over, eight bytes at a time where they are text.

use crate::parse::fields::{Field, Fields, Index, Name, OPEN_RANK, Path, Value};

/// Deeper JSON is not looked into; `serde_json::Value` has the same bound.
pub(super) const MAX_DEPTH: usize = 128;

/// Why a text is not one JSON object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    CutShort,
    NotJson,
    TooDeep,
}

impl Fault {
    /// The fault as a record's `parse_error`. It quotes nothing.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::CutShort => "the JSON object is cut short",
            Self::NotJson => "looks like JSON and is not",
            Self::TooDeep => "the JSON is nested deeper than MAX_DEPTH",
        }
    }
}

/// Reads a text that is one JSON object; the fields found before a fault stay.
pub(super) fn object<'a>(text: &'a str, fields: &mut Fields<'a>) -> Result<(), Fault> {
    let mut scan = Scan::new(text);
    scan.white();
    scan.expect(b'{')?;
    scan.object(&Scope::Top, fields, 1)?;
    scan.end()
}

/// Checks a text that is one JSON value.
pub(super) fn value(text: &str) -> Result<(), Fault> {
    let mut scan = Scan::new(text);
    scan.white();
    scan.skip(0)?;
    scan.end()
}

/// The object whose members are read.
enum Scope {
    /// The line itself.
    Top,
    /// An object inside: its members' names follow its own where the table has
    /// such names, and stand for themselves where it is open.
    Inside { path: Option<Path>, is_open: bool, rank: u8 },
}

impl Scope {
    /// The scope of an object of this name, if it is to be looked into.
    fn of(name: Name, path: impl FnOnce() -> Option<Path>, rank: u8) -> Option<Self> {
        let path = if name.is_parent { path() } else { None };
        (name.is_open || path.is_some()).then_some(Self::Inside { path, is_open: name.is_open, rank })
    }
}

struct Scan<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    index: &'static Index,
}

/// What kind of value was passed over.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Escaped,
    Bare,
    Json,
    Null,
}

impl<'a> Scan<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0, index: Index::get() }
    }

    /// The members of an object whose brace has been read.
    fn object(&mut self, scope: &Scope, fields: &mut Fields<'a>, depth: usize) -> Result<(), Fault> {
        self.members(b'}', depth, |scan| {
            let (start, end, has_escapes) = scan.name()?;
            if has_escapes {
                let name =
                    scan.text.get(start..end).map(|name| Value::Escaped(name).text()).unwrap_or_default();
                scan.member(name.as_bytes(), scope, fields, depth)
            } else {
                let bytes = scan.bytes;
                scan.member(bytes.get(start..end).unwrap_or_default(), scope, fields, depth)
            }
        })
    }

    /// A member's value.
    #[inline]
    fn member(
        &mut self,
        name: &[u8],
        scope: &Scope,
        fields: &mut Fields<'a>,
        depth: usize,
    ) -> Result<(), Fault> {
        let field = self.field(name, scope);
        let inner = if self.peek() == Some(b'{') { self.inner(name, scope) } else { None };
        let value = match (inner, field) {
            (None, None) => return self.skip(depth).map(|_| ()),
            (None, Some(_)) => self.value(depth)?,
            (Some(inner), _) => {
                let start = self.at;
                self.at += 1;
                self.object(&inner, fields, depth + 1)?;
                self.text.get(start..self.at).map(Value::Json)
            }
        };
        if let (Some((field, rank)), Some(value)) = (field, value) {
            fields.offer(field, rank, value);
        }
        Ok(())
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
            return Err(Fault::TooDeep);
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
                _ => return Err(Fault::NotJson),
            }
        }
    }

    /// Reads a member's name, up to its value: where it starts and ends, and
    /// whether it has escapes.
    #[inline]
    fn name(&mut self) -> Result<(usize, usize, bool), Fault> {
        self.expect(b'"')?;
        let start = self.at;
        let has_escapes = self.string()?;
        let end = self.at - 1;
        self.white();
        self.expect(b':')?;
        self.white();
        Ok((start, end, has_escapes))
    }

    /// The field that a member's name stands for: at the top as it is, inside
    /// behind its parents' names, or as it is in an open object.
    #[inline]
    fn field(&self, name: &[u8], scope: &Scope) -> Option<(Field, u8)> {
        let Scope::Inside { path, is_open, rank } = scope else { return self.index.find(name)?.field };
        if let Some(found) = path.as_ref().and_then(|path| self.index.find(path.join(name)?.as_bytes())) {
            return found.field.map(|(field, own)| (field, own + rank));
        }
        let (field, own) = self.index.find(name).filter(|_| *is_open)?.field?;
        field.is_open().then_some((field, own + OPEN_RANK))
    }

    /// The scope of a member that is an object, if it is to be looked into.
    fn inner(&self, name: &[u8], scope: &Scope) -> Option<Scope> {
        let Scope::Inside { path, is_open, rank } = scope else {
            return Scope::of(self.index.find(name)?, || Path::of(name), 0);
        };
        if let Some(path) = path.as_ref().and_then(|path| path.join(name))
            && let Some(found) = self.index.find(path.as_bytes())
        {
            return Scope::of(found, || Some(path), *rank);
        }
        if name.eq_ignore_ascii_case(b"headers") {
            return Some(Scope::Inside { path: Path::of(name), is_open: false, rank: OPEN_RANK });
        }
        Scope::of(self.index.find(name).filter(|_| *is_open)?, || Path::of(name), OPEN_RANK)
    }

    /// Any value; `null` is none.
    #[inline]
    fn value(&mut self, depth: usize) -> Result<Option<Value<'a>>, Fault> {
        let start = self.at;
        let kind = self.skip(depth)?;
        let inner = || self.text.get(start + 1..self.at - 1);
        let whole = || self.text.get(start..self.at);
        Ok(match kind {
            Kind::Text => inner().map(Value::Text),
            Kind::Escaped => inner().map(Value::Escaped),
            Kind::Bare => whole().map(Value::Bare),
            Kind::Json => whole().map(Value::Json),
            Kind::Null => None,
        })
    }

    /// Passes over any value.
    fn skip(&mut self, depth: usize) -> Result<Kind, Fault> {
        match self.next()? {
            b'"' => return Ok(if self.string()? { Kind::Escaped } else { Kind::Text }),
            b'{' => {
                self.members(b'}', depth + 1, |scan| {
                    scan.name()?;
                    scan.skip(depth + 1).map(|_| ())
                })?;
                return Ok(Kind::Json);
            }
            b'[' => {
                self.members(b']', depth + 1, |scan| scan.skip(depth + 1).map(|_| ()))?;
                return Ok(Kind::Json);
            }
            first @ (b'-' | b'0'..=b'9') => self.number(first)?,
            b't' => self.literal(b"rue")?,
            b'f' => self.literal(b"alse")?,
            b'n' => {
                self.literal(b"ull")?;
                return Ok(Kind::Null);
            }
            _ => return Err(Fault::NotJson),
        }
        Ok(Kind::Bare)
    }

    /// Passes over a string whose quote has been read; says whether it has escapes.
    #[inline]
    fn string(&mut self) -> Result<bool, Fault> {
        let mut has_escapes = false;
        loop {
            while let Some(chunk) = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<16>) {
                let plain = plain_bytes(chunk);
                self.at += plain;
                if plain < chunk.len() {
                    break;
                }
            }
            match self.next()? {
                b'"' => return Ok(has_escapes),
                b'\\' => {
                    has_escapes = true;
                    self.escape()?;
                }
                0..0x20 => return Err(Fault::NotJson),
                _ => {}
            }
        }
    }

    fn escape(&mut self) -> Result<(), Fault> {
        match self.next()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(()),
            b'u' => {
                for _ in 0..4 {
                    if !self.next()?.is_ascii_hexdigit() {
                        return Err(Fault::NotJson);
                    }
                }
                Ok(())
            }
            _ => Err(Fault::NotJson),
        }
    }

    /// A number whose first byte has been read.
    fn number(&mut self, first: u8) -> Result<(), Fault> {
        let first = if first == b'-' { self.next()? } else { first };
        match first {
            b'0' if self.peek().is_some_and(|b| b.is_ascii_digit()) => return Err(Fault::NotJson),
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            _ => return Err(Fault::NotJson),
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
        if self.next()?.is_ascii_digit() { Ok(()) } else { Err(Fault::NotJson) }
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
    }

    /// What is left of a word whose first byte has been read.
    fn literal(&mut self, rest: &[u8]) -> Result<(), Fault> {
        rest.iter().try_for_each(|byte| self.expect(*byte))
    }

    fn end(&mut self) -> Result<(), Fault> {
        self.white();
        if self.at == self.bytes.len() { Ok(()) } else { Err(Fault::NotJson) }
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
        let byte = self.peek().ok_or(Fault::CutShort)?;
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
        if self.next()? == wanted { Ok(()) } else { Err(Fault::NotJson) }
    }
}

/// How many bytes stand before the first that ends a run of plain text: a quote,
/// a backslash, a control character.
#[inline]
fn plain_bytes(chunk: &[u8; 16]) -> usize {
    const ONES: u128 = u128::from_ne_bytes([1; 16]);
    let word = u128::from_le_bytes(*chunk);
    // A byte that is at least as small as what is taken from it borrows, which
    // sets its highest bit, and may do so to bytes above: the first is exact.
    // With the bit 0x02 turned the quote (0x22) comes next to the control characters.
    let quote_or_control = (word ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
    let backslash = (word ^ (ONES * b'\\' as u128)).wrapping_sub(ONES);
    let stops = (quote_or_control | backslash) & !word & (ONES * 0x80);
    (stops.trailing_zeros() / 8) as usize
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
        assert_eq!(value(&nested(MAX_DEPTH + 1)), Err(Fault::TooDeep));
        let open = |depth: usize| format!("{}1{}", "{\"data\":".repeat(depth), "}".repeat(depth));
        assert_eq!(object(&open(MAX_DEPTH), &mut Fields::new()), Ok(()));
        assert_eq!(object(&open(MAX_DEPTH + 1), &mut Fields::new()), Err(Fault::TooDeep));
    }

    /// Text of the characters that matter to JSON.
    const JSONISH: &str = r#"[\[\]{}",:\\ue0-3.+\-Etrualsn \n\x01é]{0,40}"#;

    proptest! {
        #[test]
        fn the_first_stop_is_found(bytes: [u8; 16], first in 0_usize..16) {
            let is_stop = |b: &u8| *b < 0x20 || *b == b'"' || *b == b'\\';
            prop_assert_eq!(plain_bytes(&bytes), bytes.iter().position(is_stop).unwrap_or(16));
            let mut late = [b'a'; 16];
            late[first] = b'"';
            prop_assert_eq!(plain_bytes(&late), first);
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
