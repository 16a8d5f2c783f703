//! Parsed fields that have no column, as the text of a JSON object.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use wide::u8x16;

use super::scan::{given, is_integer, is_json_number, unescaped};
use super::swar;

const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Builds the object member by member; no member, no object, no allocation.
#[derive(Debug, Default)]
pub(crate) struct Attributes(String);

impl Attributes {
    /// Goes on with the object that a record has already, with room for
    /// `more_bytes`: what hangs together is allocated once.
    pub(crate) fn resume(earlier: Option<String>, more_bytes: usize) -> Self {
        let Some(mut object) = earlier else { return Self::with_room(more_bytes) };
        object.pop();
        object.reserve(more_bytes);
        Self(object)
    }

    /// Adds a text under a name of the line's own, which may hold anything.
    pub(crate) fn named_text(&mut self, name: &str, value: &str) {
        self.any_key(name);
        push_json_string(&mut self.0, value);
    }

    /// Adds JSON under a name of the line's own, which may hold anything.
    pub(crate) fn named_json(&mut self, name: &str, value: &str) {
        self.any_key(name);
        self.0.push_str(value);
    }

    /// Adds a text.
    #[inline]
    pub(crate) fn text(&mut self, key: &str, value: &str) {
        if is_plain_text(value) {
            self.plain_text(key, value);
        } else {
            self.escaped_text(key, value);
        }
    }

    #[inline]
    fn plain_text(&mut self, key: &str, value: &str) {
        self.open(key);
        self.0.push_str("\":\"");
        self.0.push_str(value);
        self.0.push('"');
    }

    #[cold]
    fn escaped_text(&mut self, key: &str, value: &str) {
        self.key(key);
        push_json_string(&mut self.0, value);
    }

    /// Adds a text that stood in quotes, with the backslashes that servers write there.
    #[inline]
    pub(crate) fn quoted_text(&mut self, key: &str, quoted: &str) {
        // Plain text has no backslash.
        if is_plain_text(quoted) { self.plain_text(key, quoted) } else { self.text(key, &unescaped(quoted)) }
    }

    /// Adds a text that is there and not empty.
    #[inline]
    pub(crate) fn some_text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            self.text(key, value);
        }
    }

    /// Adds a text, unless it is the `-` that logs write for nothing.
    #[inline]
    pub(crate) fn given_text(&mut self, key: &str, value: &str) {
        self.some_text(key, given(value));
    }

    /// Adds a whole number; nothing where `value` is none.
    #[inline]
    pub(crate) fn integer(&mut self, key: &str, value: &str) {
        if is_integer(value) {
            self.json(key, value);
        }
    }

    /// Adds a value that was written without quotes: as a number or a boolean
    /// where it is one, else as text.
    #[inline]
    pub(crate) fn bare(&mut self, key: &str, value: &str) {
        let starts_like_one = matches!(value.as_bytes(), [b'-' | b'0'..=b'9', ..]);
        if starts_like_one && is_json_number(value) || matches!(value, "true" | "false") {
            self.json(key, value);
        } else {
            self.text(key, value);
        }
    }

    /// Adds a value that is JSON already (a number as the line wrote it, a nested object).
    #[inline]
    pub(crate) fn json(&mut self, key: &str, value: &str) {
        self.key(key);
        self.0.push_str(value);
    }

    /// With room for this many bytes.
    pub(crate) fn with_room(bytes: usize) -> Self {
        Self(String::with_capacity(bytes))
    }

    /// Adds the members of another object.
    pub(crate) fn members(&mut self, other: Self) {
        let Some(members) = other.0.get(1..) else { return };
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push_str(members);
    }

    /// Whether there is a member of this name, one of our own or a plain one.
    pub(crate) fn has_name(&self, name: &str) -> bool {
        // Between quotes a quote has a backslash before it: this is nowhere but at names.
        memchr::memmem::find_iter(self.0.as_bytes(), name.as_bytes()).any(|at| {
            let before = self.0.as_bytes().get(at.wrapping_sub(2)..at);
            let after = self.0.as_bytes().get(at + name.len()..at + name.len() + 2);
            matches!(before, Some(b"{\"" | b",\"")) && after == Some(b"\":")
        })
    }

    /// The object; `None` when it has no member.
    pub(crate) fn finish(mut self) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        self.0.push('}');
        Some(self.0)
    }

    /// The members that a record has already, followed by these.
    pub(crate) fn finish_behind(self, earlier: Option<String>) -> Option<String> {
        match earlier {
            None => self.finish(),
            Some(earlier) => {
                let mut whole = Self::resume(Some(earlier), self.0.len());
                whole.members(self);
                whole.finish()
            }
        }
    }

    fn any_key(&mut self, name: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        push_json_string(&mut self.0, name);
        self.0.push(':');
    }

    /// Names are our own, or were found to be plain: they are not looked at again.
    #[inline]
    fn key(&mut self, key: &str) {
        self.open(key);
        self.0.push_str("\":");
    }

    /// Up to the name's closing quote.
    #[inline]
    fn open(&mut self, key: &str) {
        debug_assert!(is_plain_text(key), "a name that needs escapes: {key}");
        self.0.push_str(if self.0.is_empty() { "{\"" } else { ",\"" });
        self.0.push_str(key);
    }
}

/// An object with the first member of each name alone.
#[cold]
pub(crate) fn first_of_each_name(object: String) -> String {
    let Ok(Members(members)) = serde_json::from_str(&object) else { return object };
    let mut firsts = Attributes::with_room(object.len());
    let mut seen = HashSet::new();
    for (name, value) in &members {
        if seen.insert(name) {
            firsts.named_json(name, value.get());
        }
    }
    firsts.finish().unwrap_or_default()
}

/// The members of an object, as they stand.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// Appends a string as JSON writes it.
#[inline]
pub(crate) fn push_json_string(out: &mut String, text: &str) {
    out.push('"');
    if is_plain_text(text) {
        out.push_str(text);
    } else {
        push_escaped(out, text);
    }
    out.push('"');
}

#[inline]
fn is_plain(byte: u8) -> bool {
    (byte >= b' ') & (byte != b'"') & (byte != b'\\')
}

/// Whether JSON takes it between quotes as it is.
#[inline]
fn is_plain_text(text: &str) -> bool {
    let bytes = text.as_bytes();
    let Some(last) = bytes.last_chunk() else {
        return !swar::has(bytes, |word| {
            swar::below(word, b' ') | swar::equal(word, b'"') | swar::equal(word, b'\\')
        });
    };
    let special = |chunk: &[u8; 16]| {
        let chunk = u8x16::new(*chunk);
        let control = chunk.min(u8x16::splat(0x1f)).simd_eq(chunk);
        control | chunk.simd_eq(u8x16::splat(b'"')) | chunk.simd_eq(u8x16::splat(b'\\'))
    };
    // The last chunk overlaps with the one before it.
    let (chunks, _) = bytes.as_chunks();
    let found = chunks.iter().fold(special(last), |found, chunk| found | special(chunk));
    found.to_bitmask() == 0
}

/// Appends runs of plain text, and escapes what stands between them.
fn push_escaped(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|b| !is_plain(b)) {
        let Some((run, special)) = rest.split_at_checked(at) else { break };
        out.push_str(run);
        let byte = special.as_bytes().first().copied().unwrap_or_default();
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => {
                out.push_str("\\u00");
                for nibble in [control >> 4, control & 15] {
                    out.push(char::from(HEX_DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0')));
                }
            }
        }
        rest = special.get(1..).unwrap_or_default();
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn names_are_found_and_repeats_left_out() {
        let mut attributes = Attributes::default();
        assert!(!attributes.has_name("a"));
        attributes.text("a", "\"b\":1,\"c\":");
        attributes.json("d", "1");
        attributes.json("a", "2");
        for (name, is_there) in [("a", true), ("d", true), ("b", false), ("c", false), ("aa", false)] {
            assert_eq!(attributes.has_name(name), is_there, "{name}");
        }
        let object = attributes.finish().unwrap();
        assert_eq!(first_of_each_name(object), r#"{"a":"\"b\":1,\"c\":","d":1}"#);
    }

    #[test]
    fn members_in_order_and_nothing_for_nothing() {
        let mut attributes = Attributes::default();
        attributes.text("a", "1 \"q\"\u{1}");
        attributes.json("n", "12.50");
        attributes.some_text("none", None);
        attributes.some_text("empty", Some(""));
        attributes.given_text("dash", "-");
        attributes.integer("no number", "01");
        attributes.integer("bytes", "17");
        assert_eq!(attributes.finish().unwrap(), r#"{"a":"1 \"q\"\u0001","n":12.50,"bytes":17}"#);
        assert_eq!(Attributes::default().finish(), None);
        assert_eq!(Attributes::resume(None, 10).finish(), None);
    }

    #[test]
    fn what_needs_an_escape_is_found_at_every_place() {
        for len in 1..20 {
            for at in 0..len {
                for special in ["\u{0}", "\u{1f}", "\"", "\\"] {
                    let text = format!("{}{special}{}", "é".repeat(at), "~ !".repeat(len - at));
                    assert!(!is_plain_text(&text), "{text:?}");
                }
            }
            assert!(is_plain_text(&"é~ !\u{7f}#[]".chars().cycle().take(len).collect::<String>()), "{len}");
        }
    }

    #[test]
    fn bare_values_keep_their_type_where_json_has_it() {
        for (value, expected) in [
            ("12", "12"),
            ("-1.5", "-1.5"),
            ("true", "true"),
            ("007", "\"007\""),
            ("1s", "\"1s\""),
            ("True", "\"True\""),
            ("", "\"\""),
        ] {
            let mut attributes = Attributes::default();
            attributes.bare("k", value);
            assert_eq!(attributes.finish().unwrap(), format!("{{\"k\":{expected}}}"), "{value}");
        }
    }

    #[test]
    fn an_object_is_gone_on_with() {
        let mut attributes = Attributes::resume(Some(r#"{"stream":"stderr"}"#.to_owned()), 10);
        attributes.text("logger", "app");
        assert_eq!(attributes.finish().unwrap(), r#"{"stream":"stderr","logger":"app"}"#);
        let mut later = Attributes::with_room(20);
        later.text("logger", "app");
        assert_eq!(later.finish_behind(Some(r#"{"a":1}"#.to_owned())).unwrap(), r#"{"a":1,"logger":"app"}"#);
        assert_eq!(Attributes::default().finish_behind(Some(r#"{"a":1}"#.to_owned())).unwrap(), r#"{"a":1}"#);
        assert_eq!(Attributes::default().finish_behind(None), None);
        let untouched = Attributes::resume(Some(r#"{"stream":"stderr"}"#.to_owned()), 0);
        assert_eq!(untouched.finish().unwrap(), r#"{"stream":"stderr"}"#);
    }

    proptest! {
        #[test]
        fn any_text_reads_back(key: String, value: String) {
            let mut attributes = Attributes::default();
            attributes.named_text(&key, &value);
            let read: Value = serde_json::from_str(&attributes.finish().unwrap()).unwrap();
            prop_assert_eq!(read, json!({ key: value }));
        }
    }
}
