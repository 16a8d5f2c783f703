//! One HTTP exchange, as every access log tells it: who asked for what, and
//! what came of it. The formats differ in order and punctuation alone.

use super::attributes::Attributes;
use super::scan::{given, unescaped, without_port};
use super::swar;
use super::timestamp::LineTime;
use crate::record::{Format, LogRecord};

use std::borrow::Cow;

/// The longest method's name that is taken for one, in bytes (WebDAV has
/// `BASELINE-CONTROL`).
const MAX_METHOD_BYTES: usize = 20;

/// Room for the names of the attributes, in bytes.
const ATTRIBUTE_NAMES_BYTES: usize = 120;

/// `GET /path?query HTTP/1.1`, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Request<'a> {
    /// `GET`.
    pub method: &'a str,
    /// Without scheme, host and query string.
    pub path: &'a str,
    /// `HTTP/1.1`; empty where the request has none (HTTP/0.9).
    pub protocol: &'a str,
}

/// Takes a request line apart; `None` for what clients send that speak no HTTP.
#[inline]
pub(super) fn request(line: &str) -> Option<Request<'_>> {
    let (method, target) = usual_method(line).or_else(|| {
        let len = line.bytes().take(MAX_METHOD_BYTES + 1).position(|b| b == b' ')?;
        let (method, rest) = line.split_at_checked(len)?;
        Some((method, rest.get(1..)?)).filter(|(method, _)| is_method(method))
    })?;
    let is_protocol = |text: &str| text.starts_with(" HTTP/") || text.starts_with(" HTTPS/");
    // Nearly always ` HTTP/1.1`: no need to look for its start.
    let usual = target.len().checked_sub(" HTTP/1.1".len()).and_then(|at| target.split_at_checked(at));
    let last_word = || target.rfind(' ').and_then(|at| target.split_at_checked(at));
    let (target, protocol) = match usual.filter(|(_, end)| is_protocol(end)).or_else(last_word) {
        Some((target, protocol)) if is_protocol(protocol) => (target, protocol.get(1..)?),
        // A target may hold a space that the client did not encode.
        _ if target.starts_with('/') => (target, ""),
        _ => return None,
    };
    (!target.is_empty()).then_some(Request { method, path: path_of(target), protocol })
}

/// The methods of nearly every request, and what follows them.
#[inline]
fn usual_method(line: &str) -> Option<(&str, &str)> {
    let len = match line.as_bytes() {
        [b'G', b'E', b'T', b' ', ..] | [b'P', b'U', b'T', b' ', ..] => 3,
        [b'P', b'O', b'S', b'T', b' ', ..] => 4,
        _ => return None,
    };
    Some((line.get(..len)?, line.get(len + 1..)?))
}

/// Whether it has the form of a method: capitals, hyphens.
#[inline]
pub(super) fn is_method(word: &str) -> bool {
    (2..=MAX_METHOD_BYTES).contains(&word.len())
        && word.bytes().all(|b| b.is_ascii_uppercase() || matches!(b, b'-' | b'_'))
        && word.starts_with(|c: char| c.is_ascii_uppercase())
}

/// Whether it is one of the methods that HTTP and WebDAV servers see every
/// day: where nothing else says that the line is a request.
pub(super) fn is_common_method(word: &str) -> bool {
    matches!(word, "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" | "CONNECT" | "TRACE")
}

/// The path of a request's target, without scheme, host, query string and fragment.
#[inline]
pub(super) fn path_of(target: &str) -> &str {
    let origin_form = if target.starts_with('/') {
        target
    } else {
        match target.split_once("://") {
            Some((scheme, rest)) if scheme.bytes().all(|b| b.is_ascii_alphabetic()) => {
                rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/")
            }
            _ => target,
        }
    };
    match swar::find_either(origin_form.as_bytes(), b'?', b'#') {
        Some(end) => origin_form.get(..end).unwrap_or(origin_form),
        None => origin_form,
    }
}

/// A status of three digits.
#[inline]
pub(super) fn status(text: &str) -> Option<i32> {
    match text.as_bytes() {
        [a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] => {
            Some(i32::from(a - b'0') * 100 + i32::from(b - b'0') * 10 + i32::from(c - b'0'))
        }
        _ => None,
    }
}

/// The severity of an exchange whose format has no level of its own.
pub(super) fn severity_of(status: i32) -> u8 {
    match status {
        500.. => 17,
        400..500 => 13,
        _ => 9,
    }
}

/// What an access log says of one exchange. A text that is empty or `-` is not
/// there. Texts are as they stand between the quotes, escapes and all.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Exchange<'a> {
    pub time: Option<LineTime>,
    /// Address of the client, with or without its port.
    pub client: &'a str,
    pub user: &'a str,
    /// The request line. It is the record's message.
    pub request: &'a str,
    pub status: Option<i32>,
    /// Bytes of the response.
    pub bytes: &'a str,
    /// Bytes of the request.
    pub request_bytes: &'a str,
    pub referer: &'a str,
    pub user_agent: &'a str,
    /// Who answered: address or name.
    pub upstream: &'a str,
    /// The host that was asked for.
    pub server_name: &'a str,
    pub duration_ms: Option<f64>,
}

impl<'a> Exchange<'a> {
    /// Fills the record. What a format says beyond this goes to the attributes,
    /// which the caller finishes.
    #[inline]
    pub(super) fn fill(&self, record: &mut LogRecord<'a>, format: Format) -> Attributes {
        record.format = format;
        if let Some(time) = self.time {
            record.believe(time);
        }
        record.status_code = self.status;
        record.severity_number = Some(severity_of(self.status.unwrap_or_default()));
        record.message = Cow::Borrowed(self.request);
        record.duration_ms = self.duration_ms;
        record.user_id = given(self.user).map(unescaped);
        let client = without_port(self.client);
        let room = ATTRIBUTE_NAMES_BYTES
            + client.len()
            + self.referer.len()
            + self.user_agent.len()
            + self.upstream.len();
        let mut attributes = Attributes::resume(record.attributes.take(), room);
        attributes.given_text("client_ip", client);
        if let Some(request) = request(self.request) {
            record.http_method = Some(Cow::Borrowed(request.method));
            record.path = Some(Cow::Borrowed(request.path));
            attributes.some_text("protocol", Some(request.protocol));
        }
        attributes.integer("bytes", self.bytes);
        attributes.integer("request_bytes", self.request_bytes);
        if let Some(referer) = given(self.referer) {
            attributes.quoted_text("referer", referer);
        }
        if let Some(user_agent) = given(self.user_agent) {
            attributes.quoted_text("user_agent", user_agent);
        }
        attributes.given_text("upstream", self.upstream);
        attributes.given_text("server_name", self.server_name);
        attributes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn request_lines() {
        let of = |method, path, protocol| Some(Request { method, path, protocol });
        for (line, expected) in [
            ("GET / HTTP/1.1", of("GET", "/", "HTTP/1.1")),
            ("GET /a/b?token=1 HTTP/2.0", of("GET", "/a/b", "HTTP/2.0")),
            ("GET /a#b HTTP/2", of("GET", "/a", "HTTP/2")),
            ("OPTIONS * HTTP/1.1", of("OPTIONS", "*", "HTTP/1.1")),
            ("CONNECT db:443 HTTP/1.1", of("CONNECT", "db:443", "HTTP/1.1")),
            ("GET http://h.example:80/a?b HTTP/1.1", of("GET", "/a", "HTTP/1.1")),
            ("GET http://h.example HTTP/1.1", of("GET", "/", "HTTP/1.1")),
            ("GET /with space HTTP/1.1", of("GET", "/with space", "HTTP/1.1")),
            ("VERSION-CONTROL /a HTTP/1.1", of("VERSION-CONTROL", "/a", "HTTP/1.1")),
            ("GET /old", of("GET", "/old", "")),
            ("GET  HTTP/1.1", None),
            ("-", None),
            ("", None),
            (r"\x16\x03\x01", None),
            ("WebSocket /ws", None),
            ("MGLNDD_1.2.3.4_80", None),
            ("SSH-2.0-Go and more", None),
        ] {
            assert_eq!(request(line), expected, "{line}");
        }
    }

    #[test]
    fn a_method_has_a_longest_length() {
        let line = |len: usize| format!("{} /a HTTP/1.1", "M".repeat(len));
        assert!(request(&line(MAX_METHOD_BYTES)).is_some());
        assert!(request(&line(MAX_METHOD_BYTES + 1)).is_none());
    }

    #[test]
    fn statuses_and_their_severity() {
        for (text, expected) in
            [("200", Some(200)), ("000", Some(0)), ("20", None), ("2000", None), ("-", None)]
        {
            assert_eq!(status(text), expected, "{text}");
        }
        for (status, severity) in [(0, 9), (200, 9), (399, 9), (400, 13), (499, 13), (500, 17), (599, 17)] {
            assert_eq!(severity_of(status), severity, "{status}");
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_asked_for(line: String, text: String) {
            let parsed = request(&line);
            prop_assert!(parsed.is_none_or(|request| line.contains(request.path)));
            prop_assert!(status(&text).is_none_or(|code| (0..1000).contains(&code)));
        }
    }
}
