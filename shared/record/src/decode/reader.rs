//! Reads an envelope in the form in which CloudWatch writes it.
//!
//! A line of JSON inside the envelope's JSON has a backslash every few bytes;
//! to take them out is most of the work of decoding, and a general parser takes
//! several times as long for it. This reader knows one form only: whatever is
//! not exactly that (a field twice, a fraction for a timestamp, a lone
//! surrogate, any error) it leaves to serde, which then says what is wrong.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use super::{Envelope, LogEvent, MAX_EVENTS, MessageType};

/// The most digits of a timestamp that fit an `i64` whatever they are.
const MAX_INTEGER_DIGITS: usize = 18;

/// The longest string whose escapes are taken out here, in bytes; CloudWatch
/// takes events of up to 1 MB.
const MAX_UNESCAPED_BYTES: usize = 2 << 20;

/// How much room one step may need: a word, or a character.
const ROOM_BYTES: usize = 8;

/// A byte in each of the 8 bytes of a word.
const ONES: u64 = u64::MAX / 255;

/// The envelope; `None` where it takes a parser that knows more.
pub(super) fn read(json: &[u8]) -> Option<Envelope<'_>> {
    let mut reader = Reader { rest: json, unescaped: Vec::new() };
    let (mut message_type, mut owner, mut log_group, mut log_stream, mut log_events) =
        (None, None, None, None, None);
    reader.members(|reader, key| match key {
        b"messageType" => once(&mut message_type, reader.message_type()?),
        b"owner" => once(&mut owner, reader.string()?),
        b"logGroup" => once(&mut log_group, reader.string()?),
        b"logStream" => once(&mut log_stream, reader.string()?),
        b"logEvents" => once(&mut log_events, reader.events()?),
        _ => reader.skip(),
    })?;
    reader.pass_white_space();
    reader.rest.is_empty().then_some(Envelope {
        message_type: message_type?,
        owner: owner?,
        log_group: log_group?,
        log_stream: log_stream?,
        log_events: log_events?,
    })
}

/// Sets what is not set yet.
fn once<T>(slot: &mut Option<T>, value: T) -> Option<()> {
    slot.replace(value).is_none().then_some(())
}

struct Reader<'a> {
    rest: &'a [u8],
    /// Holds one string at a time while its escapes are taken out.
    unescaped: Vec<u8>,
}

impl<'a> Reader<'a> {
    /// Reads an object; `member` reads the value of each key.
    fn members(&mut self, mut member: impl FnMut(&mut Self, &[u8]) -> Option<()>) -> Option<()> {
        self.byte(b'{')?;
        loop {
            self.byte(b'"')?;
            let length = special(self.rest)?;
            let (key, rest) = self.rest.split_at_checked(length)?;
            self.rest = rest.strip_prefix(b"\"")?;
            self.byte(b':')?;
            std::str::from_utf8(key).ok()?;
            member(self, key)?;
            if self.byte(b',').is_none() {
                return self.byte(b'}');
            }
        }
    }

    fn events(&mut self) -> Option<Vec<LogEvent<'a>>> {
        self.byte(b'[')?;
        let mut events = Vec::new();
        if self.byte(b']').is_some() {
            return Some(events);
        }
        while events.len() < MAX_EVENTS {
            events.push(self.event()?);
            if self.byte(b',').is_none() {
                self.byte(b']')?;
                return Some(events);
            }
        }
        None
    }

    fn event(&mut self) -> Option<LogEvent<'a>> {
        let (mut id, mut timestamp, mut message) = (None, None, None);
        self.members(|reader, key| match key {
            b"id" => once(&mut id, reader.string()?),
            b"timestamp" => once(&mut timestamp, reader.integer()?),
            b"message" => once(&mut message, reader.string()?),
            _ => reader.skip(),
        })?;
        Some(LogEvent { id: id?, timestamp: timestamp?, message: message? })
    }

    fn message_type(&mut self) -> Option<MessageType> {
        match &*self.string()? {
            "DATA_MESSAGE" => Some(MessageType::Data),
            "CONTROL_MESSAGE" => Some(MessageType::Control),
            _ => None,
        }
    }

    /// Passes what JSON takes for white space: a form feed, which ASCII has for one, it does not.
    fn pass_white_space(&mut self) {
        while let [b' ' | b'\n' | b'\r' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    /// Passes white space and this byte.
    fn byte(&mut self, byte: u8) -> Option<()> {
        self.pass_white_space();
        self.rest = self.rest.strip_prefix(&[byte])?;
        Some(())
    }

    /// Passes any value.
    fn skip(&mut self) -> Option<()> {
        let mut values = serde_json::Deserializer::from_slice(self.rest).into_iter::<IgnoredAny>();
        values.next()?.ok()?;
        self.rest = self.rest.get(values.byte_offset()..)?;
        Some(())
    }

    fn integer(&mut self) -> Option<i64> {
        self.pass_white_space();
        let digits = self.rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let (digits, rest) = self.rest.split_at_checked(digits)?;
        if digits.len() > MAX_INTEGER_DIGITS
            || matches!(digits, [] | [b'0', _, ..])
            || !matches!(rest, [b',' | b'}' | b' ', ..])
        {
            return None;
        }
        self.rest = rest;
        Some(digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
    }

    /// A string, borrowed where nothing in it is escaped.
    fn string(&mut self) -> Option<Cow<'a, str>> {
        self.byte(b'"')?;
        let length = special(self.rest)?;
        let (plain, rest) = self.rest.split_at_checked(length)?;
        if let Some(rest) = rest.strip_prefix(b"\"") {
            self.rest = rest;
            return std::str::from_utf8(plain).ok().map(Cow::Borrowed);
        }
        let (end, unescaped_length) = unescape(self.rest, length, &mut self.unescaped)?;
        self.rest = self.rest.get(end..)?;
        let text = std::str::from_utf8(self.unescaped.get(..unescaped_length)?).ok()?;
        Some(Cow::Owned(text.to_owned()))
    }
}

/// Takes the escapes out of the string whose first special byte is at `at`:
/// where it ends, behind its quote, and its length in `out`. Eight bytes are
/// copied at once, and of them those count that stand before a special one;
/// `out` only ever grows, so that hardly a copy has to make room.
fn unescape(bytes: &[u8], at: usize, out: &mut Vec<u8>) -> Option<(usize, usize)> {
    make_room(out, at)?;
    out.get_mut(..at)?.copy_from_slice(bytes.get(..at)?);
    let (mut from, mut to) = (at, at);
    loop {
        make_room(out, to)?;
        let rest = bytes.get(from..)?;
        match rest {
            [b'"', ..] => return Some((from + 1, to)),
            [b'\\', b'u', ..] => {
                let (code, length) = unicode_escape(rest)?;
                to += code.encode_utf8(out.get_mut(to..to + 4)?).len();
                from += length;
            }
            [b'\\', kind, ..] => {
                *out.get_mut(to)? = match kind {
                    b'"' | b'\\' | b'/' => *kind,
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    b'b' => 8,
                    b'f' => 12,
                    _ => return None,
                };
                from += 2;
                to += 1;
            }
            [0..=0x1f, ..] => return None,
            _ => match rest.first_chunk::<8>() {
                Some(word) => {
                    out.get_mut(to..to + 8)?.copy_from_slice(word);
                    let mut plain = special_in(*word);
                    if plain == 8 {
                        // A long run is measured first, and copied at once.
                        plain += special(rest.get(8..)?)?;
                        make_room(out, to + plain)?;
                        out.get_mut(to..to + plain)?.copy_from_slice(rest.get(..plain)?);
                    }
                    from += plain;
                    to += plain;
                }
                None => {
                    *out.get_mut(to)? = *rest.first()?;
                    from += 1;
                    to += 1;
                }
            },
        }
    }
}

/// Room for one step behind `length` bytes.
fn make_room(out: &mut Vec<u8>, length: usize) -> Option<()> {
    let needed = length + ROOM_BYTES;
    if out.len() < needed {
        if needed > MAX_UNESCAPED_BYTES {
            return None;
        }
        out.resize(needed.next_power_of_two(), 0);
    }
    Some(())
}

/// The character of `\uXXXX`, or of a pair of them, and the bytes that it takes.
fn unicode_escape(bytes: &[u8]) -> Option<(char, usize)> {
    let code_unit = |at: usize| {
        let digits = bytes.get(at..)?.strip_prefix(b"\\u")?.first_chunk::<4>()?;
        let digit = |number: u32, byte: &u8| Some(number << 4 | char::from(*byte).to_digit(16)?);
        digits.iter().try_fold(0, digit)
    };
    match code_unit(0)? {
        first @ 0xd800..=0xdbff => {
            let second = code_unit(6).filter(|unit| matches!(unit, 0xdc00..=0xdfff))?;
            Some((char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))?, 12))
        }
        unit => Some((char::from_u32(unit)?, 6)),
    }
}

/// How many bytes stand before the next quote, backslash or control character.
fn special(bytes: &[u8]) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<8>();
    for (i, word) in words.iter().enumerate() {
        let plain = special_in(*word);
        if plain < 8 {
            return Some(i * 8 + plain);
        }
    }
    let in_rest = rest.iter().position(|b| matches!(b, b'"' | b'\\' | 0..=0x1f))?;
    Some(bytes.len() - rest.len() + in_rest)
}

/// The same in 8 bytes at once; 8 where there is none. A byte minus one borrows
/// from the byte above only where it was 0, so the lowest hit is always true:
/// <https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord>.
fn special_in(word: [u8; 8]) -> usize {
    let bytes = u64::from_le_bytes(word);
    let zero_where_equal = |byte: u8| {
        let other = bytes ^ (ONES * u64::from(byte));
        other.wrapping_sub(ONES) & !other
    };
    let control = bytes.wrapping_sub(ONES * 0x20) & !bytes;
    let hits = (control | zero_where_equal(b'"') | zero_where_equal(b'\\')) & (ONES << 7);
    hits.trailing_zeros() as usize / 8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn envelope(message: &str) -> String {
        format!(
            r#"{{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"/ecs/a","logStream":"s","subscriptionFilters":["f"],"logEvents":[{{"id":"01","timestamp":1763708400000,"message":{message}}}],"policyLevel":"ACCOUNT_LEVEL_POLICY"}}"#
        )
    }

    fn by_serde(json: &str) -> Option<Envelope<'_>> {
        serde_json::from_str(json).ok()
    }

    #[test]
    fn what_cloudwatch_writes_is_read_here() {
        for message in [
            r#""""#,
            r#""plain""#,
            r#""{\"level\":\"info\",\"msg\":\"tab\\t and \\\"quote\\\"\"}""#,
            r#""\tat a\n\u001b[0m \/ \b\f\r""#,
            r#""\u00e9 é \ud83d\ude00 \u0000""#,
            r#""1234567\"12345678\"123456789\"""#,
        ] {
            let json = envelope(message);
            let read = read(json.as_bytes()).unwrap();
            assert_eq!(read.log_events, by_serde(&json).unwrap().log_events, "{message}");
            assert!(matches!(read.log_events[0].id, Cow::Borrowed("01")));
        }
    }

    #[test]
    fn what_is_otherwise_is_left_to_serde() {
        for json in [
            envelope(r#""\ud83d""#),
            envelope(r#""\ud83dx""#),
            envelope(r#""\x""#),
            envelope(r#""\u12g4""#),
            envelope("\"\u{1}\""),
            envelope("\"\\n\u{1}\""),
            envelope(r#""a","message":"b""#),
            envelope("1"),
            envelope(r#""a"#),
            envelope(r#""a""#).replace("1763708400000", "1.5"),
            envelope(r#""a""#).replace("1763708400000", "01"),
            envelope(r#""a""#).replace("1763708400000", "9999999999999999999"),
            envelope(r#""a""#).replace("1763708400000", "\u{c}1763708400000"),
            envelope(r#""a""#) + "\u{c}",
            envelope(r#""a""#) + "x",
            envelope(r#""a""#).replace("DATA_", "OTHER_"),
            envelope(r#""a""#).replace(r#""owner":"1","#, ""),
            envelope(r#""a""#).replace("[\"f\"]", "[\"f\""),
        ] {
            assert!(read(json.as_bytes()).is_none(), "{json}");
        }
    }

    #[test]
    fn a_string_beyond_the_bound_is_left_to_serde() {
        let with = |length: usize| envelope(&format!("\"{}\\n\"", "x".repeat(length)));
        let (whole, beyond) = (with(MAX_UNESCAPED_BYTES - 9), with(MAX_UNESCAPED_BYTES - 8));
        assert!(read(whole.as_bytes()).is_some());
        assert!(read(beyond.as_bytes()).is_none());
        let parsed = Envelope::parse(beyond.as_bytes()).unwrap();
        assert_eq!(parsed.log_events[0].message.len(), MAX_UNESCAPED_BYTES - 7);
    }

    proptest! {
        #[test]
        fn it_never_says_other_than_serde(
            text in "([\"\\\\\u{0}-\u{1f}é😀]|[a-z ]{0,9}){0,30}",
            cut in 0_usize..400,
            byte: u8,
            spaced: bool,
        ) {
            let message = serde_json::to_string(&text).unwrap();
            let mut json = envelope(&message);
            if spaced {
                json = json.replace("\":", "\" : ").replace("},", "} ,\n");
            }
            let whole = read(json.as_bytes()).unwrap();
            prop_assert_eq!(&whole.log_events, &by_serde(&json).unwrap().log_events);
            prop_assert!(spaced || whole.log_events[0].message == text);
            // A byte changed, and the end cut off: never more than serde takes, never anything else.
            let mut bytes = json.into_bytes();
            let at = cut % bytes.len();
            bytes[at] = byte;
            for bytes in [&bytes[..], &bytes[..at]] {
                if let Some(read) = read(bytes) {
                    let expected: Envelope<'_> = serde_json::from_slice(bytes).unwrap();
                    prop_assert_eq!(read.log_events, expected.log_events);
                    prop_assert_eq!(read.log_stream, expected.log_stream);
                }
            }
        }
    }
}
