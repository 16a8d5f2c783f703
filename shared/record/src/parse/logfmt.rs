//! logfmt: lines of `key=value` pairs, as Go's loggers, Heroku and Grafana's
//! programs write them.
//!
//! The grammar is <https://pkg.go.dev/github.com/kr/logfmt>'s, with one change:
//! a line is only taken for logfmt where it begins with a pair and hardly holds
//! anything else. Ordinary text quotes a pair now and then.

use super::attributes::Attributes;
use super::fields::{Field, Fields, Value};
use super::scan::is_integer;
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
    key_len(text).is_some_and(|len| text.as_bytes().get(len) == Some(&b'='))
}

/// What a line holds. It is large: it stays where it is made.
struct Pairs<'a> {
    fields: Fields<'a>,
    attributes: Attributes,
}

impl<'a> Pairs<'a> {
    fn new(text: &str) -> Self {
        Self { fields: Fields::new(), attributes: Attributes::with_room(text.len()) }
    }

    fn parse(&mut self, text: &'a str, needs_level: bool, record: &mut LogRecord<'a>) -> Option<()> {
        self.read(text)?;
        if needs_level && !self.fields.has(Field::Level) {
            return None;
        }
        record.format = Format::Logfmt;
        self.fields.fill(record);
        record.attributes = std::mem::take(&mut self.attributes).finish_behind(record.attributes.take());
        Some(())
    }

    fn read(&mut self, text: &'a str) -> Option<()> {
        let (line, stack) = match memchr::memchr(b'\n', text.as_bytes()) {
            None => (text, ""),
            Some(end) => (text.get(..end)?, text.get(end + 1..)?),
        };
        let (mut count, mut bare_keys) = (0, 0);
        let mut rest = line;
        loop {
            match rest.as_bytes().first() {
                None => break,
                Some(b' ' | b'\t' | b'\r') => {
                    rest = rest.get(1..)?;
                    continue;
                }
                Some(_) => {}
            }
            let (key, after) = rest.split_at_checked(key_len(rest)?)?;
            let Some(after) = after.strip_prefix('=') else {
                if !starts_behind_value(after) {
                    return None;
                }
                bare_keys += 1;
                self.attributes.json(key, "true");
                rest = after;
                continue;
            };
            count += 1;
            rest = if after.starts_with('"') { self.quoted(key, after)? } else { self.bare(key, after)? };
        }
        if count < MIN_PAIRS || bare_keys * PAIRS_PER_BARE_KEY > count {
            return None;
        }
        // What was stitched to the line.
        self.attributes.some_text("stack", Some(stack));
        Some(())
    }

    /// A value in quotes; returns what follows it.
    fn quoted(&mut self, key: &'a str, text: &'a str) -> Option<&'a str> {
        let inner = text.get(1..)?;
        let bytes = inner.as_bytes();
        let mut len = 0;
        let mut has_escapes = false;
        loop {
            len += swar::find_either(bytes.get(len..)?, b'"', b'\\')?;
            if bytes.get(len) == Some(&b'"') {
                break;
            }
            has_escapes = true;
            len += 2;
        }
        let (value, after) = inner.split_at_checked(len)?;
        let after = after.get(1..).filter(|after| starts_behind_value(after))?;
        if !self.is_column(key, value, has_escapes) && !value.is_empty() {
            let text = if has_escapes { Value::Escaped(value) } else { Value::Text(value) };
            self.text(key, &text.text());
        }
        Some(after)
    }

    /// A value up to the next space. A comma at its end is punctuation of
    /// another format, and so is a quote inside.
    fn bare(&mut self, key: &'a str, text: &'a str) -> Option<&'a str> {
        let ends_value = |word| swar::below(word, b'!') | swar::equal(word, b'"');
        let len = swar::find(text.as_bytes(), ends_value).unwrap_or(text.len());
        let (value, after) = text.split_at_checked(len)?;
        if matches!(value.as_bytes(), [.., b',' | b';']) || !starts_behind_value(after) {
            return None;
        }
        if value.is_empty() || self.is_column(key, value, false) {
            return Some(after);
        }
        if matches!(value.as_bytes(), [b'0'..=b'9' | b'-' | b't' | b'f', ..]) {
            self.attributes.bare(attribute_name(key), value);
        } else {
            self.text(key, value);
        }
        Some(after)
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
                self.attributes.text("file", file);
                self.attributes.json("line_number", line);
            }
            None => self.attributes.text(attribute_name(key), value),
        }
    }
}

/// The length of the key at the start of `text`; `None` where there is none.
#[inline]
fn key_len(text: &str) -> Option<usize> {
    let first = text.bytes().next()?;
    if !first.is_ascii_alphabetic() && !matches!(first, b'_' | b'@') {
        return None;
    }
    let window = text.as_bytes().get(..(MAX_KEY_BYTES + 1).min(text.len()))?;
    match window.iter().position(|byte| !is_of_key(*byte)) {
        Some(len) => Some(len),
        // A key may end the line.
        None => (window.len() == text.len()).then_some(text.len()),
    }
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
fn starts_behind_value(text: &str) -> bool {
    matches!(text.as_bytes(), [] | [b' ' | b'\t' | b'\r', ..])
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
