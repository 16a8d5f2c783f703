//! What operators append to Combined lines: durations, upstreams, ids. There is
//! no header that names these fields; what they look like has to do.

use std::borrow::Cow;

use crate::parse::http::Exchange;
use crate::parse::scan::{
    Scanner, given, is_integer, is_ip, is_json_number, is_request_id, unescaped, without_port,
};
use crate::parse::{milliseconds, trace_id};
use crate::record::{Format, LogRecord};

/// More fields than this are not looked at.
const MAX_TAIL_FIELDS: usize = 32;

/// Fills the record from an exchange and from what follows its user agent.
pub(super) fn fill<'a>(mut line: Scanner<'a>, mut exchange: Exchange<'a>, record: &mut LogRecord<'a>) {
    let mut tail = Tail::default();
    let mut more = Vec::new();
    for _ in 0..MAX_TAIL_FIELDS {
        line.spaces();
        match line.peek() {
            None => break,
            Some(b'"') => match line.quoted() {
                Some(value) => tail.value(value),
                None => break,
            },
            Some(_) => {
                if let Some((key, value)) = named(&mut line) {
                    if let Some(pair) = tail.named(key, value) {
                        more.push(pair);
                    }
                } else if let Some(word) = line.word() {
                    tail.value(word);
                }
            }
        }
    }
    exchange.duration_ms = exchange.duration_ms.or_else(|| tail.duration_ms());
    if let (Some(bytes), true) = (tail.integer, tail.seconds.is_some() || tail.integers > 1) {
        exchange.request_bytes = bytes;
    }
    exchange.upstream = tail.upstream;
    let mut attributes = exchange.fill(record, Format::Access);
    attributes.given_text("forwarded_for", tail.forwarded_for);
    attributes.given_text("upstream_name", tail.upstream_name);
    for (key, value) in more {
        attributes.bare(key, &unescaped(value));
    }
    record.attributes = attributes.finish();
    if let Some(id) = given(tail.request_id) {
        record.request_id = Cow::Borrowed(id);
    }
    if let Some(id) = given(tail.trace_id) {
        record.trace_id = Some(trace_id(Cow::Borrowed(id)));
    }
}

#[derive(Debug, Default)]
struct Tail<'a> {
    /// The first number with a fraction: nginx's `$request_time`, Gunicorn's `%(L)s`.
    seconds: Option<f64>,
    /// The first number with a unit.
    with_unit: Option<f64>,
    /// The first whole number, and how many there are. A single one is Apache's
    /// and Gunicorn's `%D`, microseconds. Before a second one it is `%I`, and
    /// before `$request_time` it is `$request_length`: bytes of the request.
    integer: Option<&'a str>,
    integers: usize,
    upstream: &'a str,
    upstream_name: &'a str,
    forwarded_for: &'a str,
    request_id: &'a str,
    trace_id: &'a str,
}

impl<'a> Tail<'a> {
    fn duration_ms(&self) -> Option<f64> {
        let micros = || self.integer.filter(|_| self.integers == 1)?.parse::<f64>().ok();
        self.with_unit.or(self.seconds.map(|s| s * 1e3)).or_else(|| micros().map(|us| us / 1e3))
    }

    /// A field that says its name. What is not known by its name is returned.
    fn named(&mut self, key: &'a str, value: &'a str) -> Option<(&'a str, &'a str)> {
        let value = given(value)?;
        match key {
            "rt" | "request_time" | "duration" if self.seconds.is_none() && value.contains('.') => {
                self.seconds = value.parse().ok();
            }
            "upstream" | "upstream_addr" if self.upstream.is_empty() => self.upstream = value,
            "request_id" | "req_id" | "rid" | "kong_request_id" if self.request_id.is_empty() => {
                self.request_id = value
            }
            "trace_id" | "traceparent" if self.trace_id.is_empty() => self.trace_id = value,
            // These the line has said already.
            "bytes" | "client_ip" | "protocol" | "referer" | "user_agent" | "upstream" => {}
            _ => return Some((key, value)),
        }
        None
    }

    /// A field that does not.
    fn value(&mut self, value: &'a str) {
        let (Some(_), Some(first)) = (given(value), value.bytes().next()) else { return };
        let first_of_list = value.split(',').next().unwrap_or_default().trim();
        if is_integer(value) {
            self.integer = self.integer.or(Some(value));
            self.integers += 1;
        } else if first.is_ascii_digit() && is_json_number(value) {
            self.seconds = self.seconds.or_else(|| value.parse().ok());
        } else if value.starts_with("Root=") || value.starts_with("00-") && value.len() == 55 {
            self.trace_id = value;
        } else if is_request_id(value) {
            self.request_id = value;
        } else if is_ip(first_of_list) && !first_of_list.contains(':') || is_ip(value) {
            self.forwarded_for = value;
        } else if is_ip(without_port(first_of_list))
            || value.starts_with("unix:/")
            || value.starts_with("http://")
        {
            if self.upstream.is_empty() {
                self.upstream = value;
            }
        } else if let Some(name) = value.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
            if self.upstream_name.is_empty() {
                self.upstream_name = name;
            }
        } else if first.is_ascii_digit() && self.with_unit.is_none() {
            self.with_unit = milliseconds(value);
        }
    }
}

/// `name=value`, `name="value"` or `name: "value"` at the start of what is left.
fn named<'a>(line: &mut Scanner<'a>) -> Option<(&'a str, &'a str)> {
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let mut ahead = *line;
    let len = line.rest().bytes().take_while(|b| is_name(b)).count();
    let key = ahead.take(len)?;
    ahead.eat("=").or_else(|| ahead.eat(": "))?;
    let value = if ahead.peek() == Some(b'"') { ahead.quoted() } else { ahead.word() }?;
    if key.is_empty() {
        return None;
    }
    *line = ahead;
    Some((key, value))
}

#[cfg(test)]
mod tests {
    use crate::parse::testing::{attributes, parsed_as, value};
    use crate::record::Format;

    /// Behind a Combined line: (what is appended, column or attribute, its value).
    #[test]
    fn appended_fields_are_known_by_their_looks() {
        for (appended, name, expected) in [
            // nginx: "$http_x_forwarded_for"
            (r#""198.51.100.7""#, "forwarded_for", r#""198.51.100.7""#),
            (r#""198.51.100.7, 10.0.0.1""#, "forwarded_for", r#""198.51.100.7, 10.0.0.1""#),
            (r#""-" 0.012"#, "duration_ms", "12.0"),
            (r#""-" "0.012""#, "duration_ms", "12.0"),
            ("0.250 0.249 10.0.3.4:8080", "duration_ms", "250.0"),
            ("0.250 0.249 10.0.3.4:8080", "upstream", r#""10.0.3.4:8080""#),
            ("rt=0.250 uct=\"0.001\" urt=\"0.249\"", "duration_ms", "250.0"),
            ("rt=0.250 urt=0.249", "urt", "0.249"),
            ("cache=\"a b\" x=1", "cache", r#""a b""#),
            ("kong_request_id: \"r7\"", "request_id", r#""r7""#),
            // Apache and Gunicorn: %D
            ("5123", "duration_ms", "5.123"),
            // Gunicorn: %(L)s
            ("0.005123", "duration_ms", "5.123"),
            // Apache: %I %O
            ("512 2048", "duration_ms", "null"),
            ("512 2048", "request_bytes", "512"),
            // ingress-nginx
            (
                "412 0.033 [shop-api-80] [] 10.2.0.9:8080 31 0.032 200 5c0a7bd5a1d2e4f60718293a4b5c6d7e",
                "request_id",
                r#""5c0a7bd5a1d2e4f60718293a4b5c6d7e""#,
            ),
            (
                "412 0.033 [shop-api-80] [] 10.2.0.9:8080 31 0.032 200 5c0a7bd5a1d2e4f60718293a4b5c6d7e",
                "upstream_name",
                r#""shop-api-80""#,
            ),
            ("412 0.033 [shop-api-80] []", "request_bytes", "412"),
            ("\"12ms\"", "duration_ms", "12.0"),
            (
                r#""Root=1-0af76519-16cd43dd8448eb211c80319c""#,
                "trace_id",
                r#""0af7651916cd43dd8448eb211c80319c""#,
            ),
            ("what ever \"this is", "duration_ms", "null"),
        ] {
            let line = format!(
                r#"10.0.0.9 - - [19/Dec/2024:10:30:15 +0000] "GET /a HTTP/1.1" 200 31 "-" "curl/8" {appended}"#
            );
            let record = parsed_as(&line, Format::Access);
            let found = record.get(name).filter(|v| !v.is_null()).or_else(|| attributes(&record).get(name));
            assert_eq!(found.unwrap_or(&serde_json::Value::Null), &value(expected), "{appended}: {name}");
        }
    }

    #[test]
    fn only_so_many_appended_fields_are_looked_at() {
        let line = |fields: usize| {
            let skipped = "- ".repeat(fields - 1);
            format!(
                r#"10.0.0.9 - - [19/Dec/2024:10:30:15 +0000] "GET /a HTTP/1.1" 200 31 "-" "curl/8" {skipped}rt=0.5"#
            )
        };
        let duration = |line: &str| parsed_as(line, Format::Access).get("duration_ms").cloned();
        assert_eq!(duration(&line(super::MAX_TAIL_FIELDS)), Some(value("500.0")));
        assert_eq!(duration(&line(super::MAX_TAIL_FIELDS + 1)), Some(value("null")));
    }
}
