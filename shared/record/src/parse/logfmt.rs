//! logfmt: lines of `key=value` pairs, as Go's loggers, Heroku and Grafana's
//! programs write them.
//!
//! The grammar is <https://pkg.go.dev/github.com/kr/logfmt>'s, with one change:
//! a line is only taken for logfmt where it begins with a pair and hardly holds
//! anything else. Ordinary text quotes a pair now and then.

use wide::u8x16;

use super::attributes::{self, Attributes};
use super::fields::{Field, Fields, Value};
use super::scan::{is_integer, is_json_number};
use super::swar;
use crate::record::{Format, LogRecord};

/// The longest key, in bytes.
const MAX_KEY_BYTES: usize = 64;

/// A line has at least this many pairs …
const MIN_PAIRS: usize = 2;

/// … and this many for every key that stands alone.
const PAIRS_PER_BARE_KEY: usize = 4;

/// Fills the record and returns true, or leaves it as it was.
pub(crate) fn parse<'a>(text: &'a str, record: &mut LogRecord<'a>) -> bool {
    starts_with_pair(text) && Pairs::new(text).parse(text, false, record).is_some()
}

/// The same, for the message of another format: it must state a level.
pub(super) fn parse_with_level<'a>(text: &'a str, record: &mut LogRecord<'a>) -> bool {
    starts_with_pair(text) && Pairs::new(text).parse(text, true, record).is_some()
}

/// Most lines are found not to be logfmt here.
#[inline]
fn starts_with_pair(text: &str) -> bool {
    key_len(text.as_bytes()).is_some_and(|len| text.as_bytes().get(len) == Some(&b'='))
}

/// What a line holds. It is large: it stays where it is made.
struct Pairs<'a> {
    fields: Fields<'a>,
    attributes: Attributes,
    names: Names,
}

/// How often a line's attributes are searched for a name that may stand there
/// already; a line with more such names is looked through once, at its end.
const MAX_NAME_SEARCHES: u8 = 16;

/// What is known of the names of a line's attributes: a key may stand in a line
/// twice, or under two names that mean one attribute.
#[derive(Default)]
struct Names {
    /// A bit for each name; names may share one.
    seen: [u64; 4],
    searches: u8,
    may_repeat: bool,
}

impl Names {
    /// A name that is about to be added.
    #[inline]
    fn add(&mut self, name: &str, attributes: &Attributes) {
        let (Some(first), Some(last)) = (name.as_bytes().first(), name.as_bytes().last()) else { return };
        let mixed = u32::from(*first) * 37 + u32::from(*last) * 5 + name.len() as u32;
        let Some(word) = self.seen.get_mut(mixed as usize / 64 % 4) else { return };
        let bit = 1 << (mixed % 64);
        if *word & bit != 0 {
            self.search(name, attributes);
        } else {
            *word |= bit;
        }
    }

    #[cold]
    fn search(&mut self, name: &str, attributes: &Attributes) {
        self.searches = self.searches.saturating_add(1);
        self.may_repeat = self.may_repeat || self.searches > MAX_NAME_SEARCHES || attributes.has_name(name);
    }
}

impl<'a> Pairs<'a> {
    fn new(text: &str) -> Self {
        Self { fields: Fields::new(), attributes: Attributes::with_room(text.len()), names: Names::default() }
    }

    fn parse(&mut self, text: &'a str, needs_level: bool, record: &mut LogRecord<'a>) -> Option<()> {
        self.read(text)?;
        if needs_level && !self.fields.has(Field::Level) {
            return None;
        }
        record.format = Format::Logfmt;
        self.fields.fill(record);
        let attributes = std::mem::take(&mut self.attributes).finish_behind(record.attributes.take());
        record.attributes =
            if self.names.may_repeat { attributes.map(attributes::first_of_each_name) } else { attributes };
        Some(())
    }

    fn read(&mut self, text: &'a str) -> Option<()> {
        let (line, stack) = match memchr::memchr(b'\n', text.as_bytes()) {
            None => (text, ""),
            Some(end) => (text.get(..end)?, text.get(end + 1..)?),
        };
        let (mut count, mut bare_keys) = (0, 0);
        let mut at = 0;
        let bytes = line.as_bytes();
        while let Some(first) = bytes.get(at) {
            if matches!(first, b' ' | b'\t' | b'\r') {
                at += 1;
                continue;
            }
            let key_end = at + key_len(bytes.get(at..)?)?;
            let key = line.get(at..key_end)?;
            at = match bytes.get(key_end..)? {
                [b'=', b'"', ..] => self.quoted(key, line, key_end + 2)?,
                [b'=', ..] => self.bare(key, line, key_end + 1)?,
                after if starts_behind_value(after) => {
                    bare_keys += 1;
                    self.json(key, "true");
                    key_end
                }
                _ => return None,
            };
            count += 1;
        }
        count -= bare_keys;
        if count < MIN_PAIRS || bare_keys * PAIRS_PER_BARE_KEY > count {
            return None;
        }
        // What was stitched to the line.
        if !stack.is_empty() {
            self.names.add("stack", &self.attributes);
            self.attributes.text("stack", stack);
        }
        Some(())
    }

    /// A value whose quote ends before `start`; returns where it ends.
    #[inline]
    fn quoted(&mut self, key: &'a str, line: &'a str, start: usize) -> Option<usize> {
        let bytes = line.as_bytes();
        let mut end = start;
        let mut has_escapes = false;
        let ends_run = |chunk: u8x16| swar::is(chunk, b'"') | swar::is(chunk, b'\\');
        loop {
            end = match swar::find_from(bytes, end, ends_run) {
                Some(end) => end,
                // A line that stated its level is logfmt all the same where it was cut short.
                None if self.fields.has(Field::Level) => bytes.len(),
                None => return None,
            };
            if end == bytes.len() || bytes.get(end) == Some(&b'"') {
                break;
            }
            has_escapes = true;
            end += 2;
        }
        let value = line.get(start..end)?;
        if !starts_behind_value(bytes.get(end + 1..).unwrap_or_default()) {
            return None;
        }
        if !self.is_column(key, value, has_escapes) && !value.is_empty() {
            let text = if has_escapes { Value::Escaped(value) } else { Value::Text(value) };
            self.text(key, &text.text());
        }
        Some(end + 1)
    }

    /// A value up to the next space; returns where it ends. A comma at its end is
    /// punctuation of another format, and so is a quote inside.
    #[inline]
    fn bare(&mut self, key: &'a str, line: &'a str, start: usize) -> Option<usize> {
        let bytes = line.as_bytes();
        let ends_value = |chunk: u8x16| chunk.min(u8x16::splat(b' ')).simd_eq(chunk) | swar::is(chunk, b'"');
        let end = swar::find_from(bytes, start, ends_value).unwrap_or(bytes.len());
        let value = line.get(start..end)?;
        if matches!(value.as_bytes(), [.., b',' | b';']) || !starts_behind_value(bytes.get(end..)?) {
            return None;
        }
        if !value.is_empty() && !self.is_column(key, value, false) {
            match value.as_bytes() {
                [b'0'..=b'9' | b'-', ..] if is_json_number(value) => self.json(attribute_name(key), value),
                b"true" | b"false" => self.json(attribute_name(key), value),
                _ => self.text(key, value),
            }
        }
        Some(end)
    }

    fn json(&mut self, name: &str, value: &str) {
        self.names.add(name, &self.attributes);
        self.attributes.json(name, value);
    }

    /// Offers the value to the columns.
    #[inline]
    fn is_column(&mut self, key: &'a str, value: &'a str, has_escapes: bool) -> bool {
        // Heroku's router: how long the dyno took.
        let is_time =
            key == "service" && value.starts_with(|c: char| c.is_ascii_digit()) && value.ends_with("ms");
        let key = match key {
            _ if is_time => "duration",
            // log15, Grafana of old.
            "t" => "ts",
            _ => key,
        };
        self.fields.offer_text(key, value, has_escapes).is_some_and(|field| {
            matches!(
                field,
                Field::Timestamp
                    | Field::Level
                    | Field::SeverityNumber
                    | Field::Message
                    | Field::Event
                    | Field::Service
                    | Field::Environment
                    | Field::TraceId
                    | Field::SpanId
                    | Field::RequestId
                    | Field::UserId
                    | Field::EventName
                    | Field::HttpMethod
                    | Field::Path
                    | Field::StatusCode
                    | Field::DurationMs
                    | Field::DurationSeconds
                    | Field::DurationMicros
                    | Field::DurationNanos
                    | Field::Duration
            )
        })
    }

    fn text(&mut self, key: &str, value: &str) {
        let place = || {
            let digits = value.bytes().rev().take_while(u8::is_ascii_digit).count();
            let (file, line) = value.split_at_checked(value.len() - digits)?;
            Some((file.strip_suffix(':')?, line)).filter(|(_, line)| is_integer(line))
        };
        let is_place = matches!(key, "caller" | "source" | "src" | "file");
        match is_place.then(place).flatten() {
            Some((file, line)) => {
                self.names.add("file", &self.attributes);
                self.attributes.text("file", file);
                self.json("line_number", line);
            }
            None => {
                let name = attribute_name(key);
                self.names.add(name, &self.attributes);
                self.attributes.text(name, value);
            }
        }
    }
}

/// The length of the key at the start of `bytes`; `None` where there is none.
#[inline]
fn key_len(bytes: &[u8]) -> Option<usize> {
    let first = bytes.first()?;
    if !first.is_ascii_alphabetic() && !matches!(first, b'_' | b'@') {
        return None;
    }
    if let Some(chunk) = bytes.first_chunk() {
        // Nearly every key is shorter.
        let others = !of_key(u8x16::new(*chunk)).to_bitmask() & 0xffff;
        if others != 0 {
            return Some(others.trailing_zeros() as usize);
        }
    }
    let window = bytes.get(..(MAX_KEY_BYTES + 1).min(bytes.len()))?;
    match window.iter().position(|byte| !is_of_key(*byte)) {
        Some(len) => Some(len),
        // A key may end the line.
        None => (window.len() == bytes.len()).then_some(bytes.len()),
    }
}

/// The bytes of keys, by byte, of sixteen at once: [`OF_KEY`] says the same.
#[inline]
fn of_key(chunk: u8x16) -> u8x16 {
    let between = |from: u8, to: u8| {
        let above = chunk - u8x16::splat(from);
        above.min(u8x16::splat(to - from)).simd_eq(above)
    };
    between(b'-', b'9') | between(b'@', b'Z') | between(b'a', b'z') | swar::is(chunk, b'_')
}

/// The bytes of keys, by byte.
#[expect(clippy::indexing_slicing, reason = "done by the compiler, which would say so")]
const OF_KEY: [bool; 256] = {
    let mut table = [false; 256];
    let bytes = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./@";
    let mut rest: &[u8] = bytes;
    while let [byte, more @ ..] = rest {
        table[*byte as usize] = true;
        rest = more;
    }
    table
};

#[inline]
fn is_of_key(byte: u8) -> bool {
    OF_KEY.get(usize::from(byte)).copied().unwrap_or_default()
}

#[inline]
fn starts_behind_value(bytes: &[u8]) -> bool {
    matches!(bytes, [] | [b' ' | b'\t' | b'\r', ..])
}

/// The one name that an attribute has in every format.
#[inline]
fn attribute_name(key: &str) -> &str {
    match key {
        "component" | "module" | "logger_name" | "subsystem" => "logger",
        "hostname" => "host",
        "err" => "error",
        "stacktrace" | "stack_trace" => "stack",
        "remote_addr" | "remote_ip" | "client" | "clientip" | "clientIP" => "client_ip",
        "bytes_sent" | "body_bytes_sent" => "bytes",
        "useragent" | "userAgent" | "http_user_agent" => "user_agent",
        "referrer" | "http_referer" => "referer",
        _ => key,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::testing::{check, not_mine, takes};
    use proptest::prelude::*;

    #[test]
    fn lines_of_loggers() {
        for (line, expected) in [
            (
                r#"ts=2024-12-19T10:30:15.5Z caller=metrics.go:133 level=info component=querier msg="query \"done\"" duration=12.5ms status=200 ok=true n=7 ratio=0.5"#,
                r#"{"timestamp":"2024-12-19T10:30:15.500Z","severity_text":"info","severity_number":9,"message":"query \"done\"",
                    "duration_ms":12.5,"status_code":200,
                    "attributes":{"file":"metrics.go","line_number":133,"logger":"querier","ok":true,"n":7,"ratio":0.5}}"#,
            ),
            // logrus
            (
                r#"time="2024-12-19T10:30:15Z" level=error msg="no stock" err="sold out" order=0017 trace_id=0af7651916cd43dd8448eb211c80319c user_id=u7"#,
                r#"{"timestamp":"2024-12-19T10:30:15.000Z","severity_number":17,"message":"no stock","user_id":"u7",
                    "trace_id":"0af7651916cd43dd8448eb211c80319c","attributes":{"error":"sold out","order":"0017"}}"#,
            ),
            (
                r#"t=2024-12-19T10:30:15+0000 lvl=warn msg="slow" logger=tsdb"#,
                r#"{"timestamp":"2024-12-19T10:30:15.000Z","severity_text":"warn","message":"slow","attributes":{"logger":"tsdb"}}"#,
            ),
            // Heroku's router
            (
                r#"at=info method=GET path="/cart?id=7" host=shop.example request_id=8601b555 fwd="198.51.100.7" dyno=web.1 connect=1ms service=18ms status=503 bytes=13 protocol=https"#,
                r#"{"http_method":"GET","path":"/cart","request_id":"8601b555","status_code":503,"severity_number":17,"service":"shop","duration_ms":18.0,
                    "attributes":{"at":"info","host":"shop.example","fwd":"198.51.100.7","dyno":"web.1","connect":"1ms",
                        "bytes":13,"protocol":"https"}}"#,
            ),
            // Empty values say nothing; a key alone says that it is so.
            (
                r#"level=warn msg=low left= note="" disk=a retry"#,
                r#"{"severity_text":"warn","message":"low","attributes":{"disk":"a","retry":true}}"#,
            ),
            // What was stitched behind it.
            (
                "level=error msg=failed\ngoroutine 1 [running]:\n\tmain.go:7",
                r#"{"message":"failed","attributes":{"stack":"goroutine 1 [running]:\n\tmain.go:7"}}"#,
            ),
            // Cut short in its last value.
            (
                r#"time="2024-12-19 10:30:15" level=fatal msg="x"#,
                r#"{"timestamp":"2024-12-19T10:30:15.000Z","severity_text":"fatal","severity_number":21,"message":"x"}"#,
            ),
            (
                r#"time="2024-12-19T10:30:15Z" level=info msg="cut \"her\"#,
                r#"{"severity_text":"info","message":"cut \"her","attributes":null}"#,
            ),
            (r#"level=info msg=cut order="#, r#"{"message":"cut","attributes":null}"#),
            (r#"level=info msg=cut order=""#, r#"{"message":"cut","attributes":null}"#),
            // A name stands once in the attributes, with its first value.
            (
                "level=info x=1 file=a.go x=2 caller=b.go:7 level=warn y= y=3 remote_ip=a client=b",
                r#"{"severity_text":"info","attributes":{"x":1,"file":"a.go","line_number":7,"level":"warn","y":3,"client_ip":"a"}}"#,
            ),
            // Without a message the line is one.
            ("a=1 b=x=y", r#"{"message":"a=1 b=x=y","severity_number":null,"attributes":{"a":1,"b":"x=y"}}"#),
        ] {
            check(line, Format::Logfmt, expected);
        }
    }

    #[test]
    fn ordinary_text_is_not_logfmt() {
        not_mine(
            parse,
            &[
                "",
                "=",
                "a=",
                "a=1",
                "check x=1 failed",
                "check x=1 y=2 z=3",
                "x=1 y=2 failed",
                "user=5, count=3",
                "user=5; count=3;",
                "a=1 b=2 were rejected",
                "a=1 b=\"2",
                "a=1 level=\"2",
                "a=1 b=\"2\"x",
                "a=1 b=2\"3\" c=4",
                "a=1 (b=2) c=3",
                "a = 1 b = 2",
                "key: a=1 b=2",
                "2024-12-19T10:30:15Z level=info msg=x",
                "{a=1 b=2}",
                "é=1 b=2",
            ],
        );
    }

    #[test]
    fn keys_have_a_longest_length_and_pairs_outnumber_bare_keys() {
        let line = |len: usize| format!("a=1 {}=2", "k".repeat(len));
        assert!(takes(parse, &line(MAX_KEY_BYTES)));
        assert!(!takes(parse, &line(MAX_KEY_BYTES + 1)));
        assert!(takes(parse, "a=1 b=2 c=3 d=4 e"));
        assert!(!takes(parse, "a=1 b=2 c=3 e"));
    }

    #[test]
    fn names_stand_once_however_many_there_are() {
        let line: String = (0..900).map(|i| format!("k{}={i} ", i % 450)).collect();
        let record = crate::parse::testing::parsed_as(&line, Format::Logfmt);
        let attributes = record["attributes"].as_object().unwrap();
        assert_eq!(attributes.len(), 450);
        assert!((0..450).all(|i| attributes[&format!("k{i}")] == i));
    }

    #[test]
    fn sixteen_bytes_of_keys_are_told_as_one_by_one() {
        for byte in 0..=u8::MAX {
            let is_all = of_key(u8x16::splat(byte)).to_bitmask() == 0xffff;
            assert_eq!(is_all, is_of_key(byte), "{byte}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_taken_or_left(line: String, keys in proptest::collection::vec("[a-z_.@=\" ]{1,8}", 0..8), value: String) {
            takes(parse, &line);
            takes(parse, &keys.iter().map(|key| format!("{key}={value} ")).collect::<String>());
        }

        #[test]
        fn any_quoted_value_is_read_back(value: String) {
            let quoted = serde_json::to_string(&value.replace('\n', " ")).unwrap();
            let record = crate::parse::testing::parsed_as(&format!("a=1 zz={quoted} b=2"), Format::Logfmt);
            let expected = serde_json::json!(value.replace('\n', " "));
            let found = record["attributes"].get("zz").cloned().unwrap_or_else(|| "".into());
            // Terminal colours are taken out.
            let is_colourful = value.contains(char::from(0x1b));
            prop_assert!(found == expected || is_colourful);
        }
    }
}
