//! Access lines of application frameworks: Uvicorn, Gin, morgan. (Django,
//! Flask and Python's http.server write Common lines with another time.)

use std::borrow::Cow;

use crate::parse::http::{self, Exchange};
use crate::parse::scan::{Scanner, given, is_ip};
use crate::parse::timestamp::{self, LineTime};
use crate::parse::{milliseconds, severity_number};
use crate::record::{Format, LogRecord};

/// Fills the record from a framework's access line.
pub(super) fn parse<'a>(text: &'a str, record: &mut LogRecord<'a>) -> Option<()> {
    match text.as_bytes().first()? {
        b'[' => gin(text, record),
        b'A'..=b'Z' => morgan(text, record).or_else(|| uvicorn(text, record)),
        b'0'..=b'9' | b':' | b'a'..=b'f' => uvicorn(text, record).or_else(|| morgan_short(text, record)),
        _ => None,
    }
}

/// `INFO:     127.0.0.1:51234 - "GET / HTTP/1.1" 200 OK`, with or without the level.
///
/// <https://github.com/encode/uvicorn/blob/master/uvicorn/logging.py>
fn uvicorn<'a>(text: &'a str, record: &mut LogRecord<'a>) -> Option<()> {
    let mut line = Scanner::new(text);
    let mut level = None;
    if let Some(after) = text.strip_prefix("INFO:") {
        level = Some("INFO");
        line = Scanner::new(after.trim_start_matches(' '));
    }
    let (client, port) = line.word()?.rsplit_once(':')?;
    line.eat("- ")?;
    let is_port = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    if !is_port || !is_ip(client) && client != "testclient" {
        return None;
    }
    let request = line.quoted()?;
    let status = line.word()?;
    let known_status = http::status(status);
    let is_phrase = |b: u8| b.is_ascii_alphabetic() || matches!(b, b' ' | b'-' | b'\'');
    let handshake =
        request.strip_prefix("WebSocket ").filter(|_| matches!(status, "[accepted]" | "403" | "500"));
    if known_status.is_none() && handshake.is_none() || !line.rest().bytes().all(is_phrase) {
        return None;
    }
    let exchange = Exchange { client, request, status: known_status, ..Exchange::default() };
    record.attributes = exchange.fill(record, Format::Access).finish();
    if let Some(path) = handshake {
        record.path = Some(Cow::Borrowed(http::path_of(path)));
    }
    if let Some(level) = level {
        record.severity_text = Some(Cow::Borrowed(level));
        record.severity_number = severity_number(level);
    }
    Some(())
}

/// `[GIN] 2024/12/19 - 10:30:15 | 200 |      1.2ms |       127.0.0.1 | GET      "/a"`.
///
/// <https://github.com/gin-gonic/gin/blob/master/logger.go>
fn gin<'a>(text: &'a str, record: &mut LogRecord<'a>) -> Option<()> {
    let line = text.strip_prefix("[GIN] ")?;
    let (line, _errors) = line.split_once('\n').unwrap_or((line, ""));
    let mut columns = line.splitn(5, '|').map(str::trim);
    let mut column = || columns.next();
    let (time, status, took, client, request) = (column()?, column()?, column()?, column()?, column()?);
    let (method, path) = request.split_once(' ')?;
    let path = path.trim_start().strip_prefix('"')?.strip_suffix('"')?;
    let status = http::status(status)?;
    if !http::is_method(method) {
        return None;
    }
    let exchange = Exchange {
        time: gin_time(time),
        client,
        status: Some(status),
        duration_ms: milliseconds(took),
        ..Exchange::default()
    };
    record.attributes = exchange.fill(record, Format::Access).finish();
    record.message = Cow::Owned([method, path].join(" "));
    record.http_method = Some(Cow::Borrowed(method));
    record.path = Some(Cow::Borrowed(http::path_of(path)));
    Some(())
}

fn gin_time(text: &str) -> Option<LineTime> {
    let (date, time) = text.split_once(" - ")?;
    timestamp::from_field(&[date, time].join(" "))
}

/// morgan's `dev` (`GET /a 200 12.3 ms - 15`) and `tiny` (`GET /a 200 15 - 12.3 ms`).
///
/// <https://github.com/expressjs/morgan#predefined-formats>
fn morgan<'a>(text: &'a str, record: &mut LogRecord<'a>) -> Option<()> {
    let mut line = Scanner::new(text);
    let method = line.word()?;
    let target = line.word()?;
    if !http::is_common_method(method) || !(target.starts_with('/') || target == "*") {
        return None;
    }
    let request = text.get(..method.len() + 1 + target.len())?;
    let status = status_or_dash(line.word()?)?;
    let first = line.word()?;
    let (took, bytes) = match line.word()? {
        "ms" => {
            line.eat("- ")?;
            (first, line.word()?)
        }
        "-" => {
            let took = line.word()?;
            line.eat("ms")?;
            (took, first)
        }
        _ => return None,
    };
    let is_number =
        |text: &str| given(text).is_none_or(|n| n.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
    if !line.rest().is_empty() || !is_number(took) || !is_number(bytes) {
        return None;
    }
    let exchange =
        Exchange { request, status, bytes, duration_ms: milliseconds(took), ..Exchange::default() };
    record.attributes = exchange.fill(record, Format::Access).finish();
    record.http_method = Some(Cow::Borrowed(method));
    record.path = Some(Cow::Borrowed(http::path_of(target)));
    Some(())
}

/// morgan's `short`: `::1 - GET /a HTTP/1.1 200 15 - 12.3 ms`.
fn morgan_short<'a>(text: &'a str, record: &mut LogRecord<'a>) -> Option<()> {
    let mut line = Scanner::new(text);
    let (client, user) = (line.word()?, line.word()?);
    if !is_ip(client) {
        return None;
    }
    let before = line.rest();
    if !http::is_common_method(line.word()?)
        || !line.word()?.starts_with('/')
        || !line.word()?.starts_with("HTTP/")
    {
        return None;
    }
    let request = before.get(..before.len() - line.rest().len())?.trim_end();
    let status = status_or_dash(line.word()?)?;
    let bytes = line.word()?;
    line.eat("- ")?;
    let took = line.word()?;
    if line.rest() != "ms" {
        return None;
    }
    let exchange = Exchange {
        client,
        user,
        request,
        status,
        bytes,
        duration_ms: milliseconds(took),
        ..Exchange::default()
    };
    record.attributes = exchange.fill(record, Format::Access).finish();
    Some(())
}

/// A status, or the `-` of an exchange that the client gave up; `None` for anything else.
fn status_or_dash(text: &str) -> Option<Option<i32>> {
    if text == "-" { Some(None) } else { http::status(text).map(Some) }
}

#[cfg(test)]
mod tests {
    use crate::parse::testing::check;
    use crate::record::Format;

    #[test]
    fn lines_of_the_frameworks() {
        for (line, expected) in [
            (
                r#"INFO:     127.0.0.1:51234 - "GET /items?x=1 HTTP/1.1" 200 OK"#,
                r#"{"severity_text":"INFO","severity_number":9,"http_method":"GET","path":"/items","status_code":200,
                    "timestamp":null,"message":"GET /items?x=1 HTTP/1.1",
                    "attributes":{"client_ip":"127.0.0.1","protocol":"HTTP/1.1"}}"#,
            ),
            // Its level is its own, whatever the status.
            (
                r#"INFO:     127.0.0.1:51234 - "GET / HTTP/1.1" 500 Internal Server Error"#,
                r#"{"severity_text":"INFO","severity_number":9,"status_code":500}"#,
            ),
            (
                r#"127.0.0.1:51234 - "GET / HTTP/1.1" 404"#,
                r#"{"severity_text":null,"severity_number":13,"status_code":404}"#,
            ),
            (
                r#"INFO:     ::1:51234 - "GET / HTTP/1.1" 200 OK"#,
                r#"{"attributes":{"client_ip":"::1","protocol":"HTTP/1.1"}}"#,
            ),
            (
                r#"INFO:     127.0.0.1:51234 - "WebSocket /ws?room=1" [accepted]"#,
                r#"{"path":"/ws","status_code":null,"message":"WebSocket /ws?room=1"}"#,
            ),
            (
                r#"[GIN] 2024/12/19 - 10:30:15 | 201 |     1.25ms |       127.0.0.1 | POST     "/a?b=c""#,
                r#"{"timestamp":"2024-12-19T10:30:15.000Z","http_method":"POST","path":"/a","status_code":201,
                    "duration_ms":1.25,"message":"POST /a?b=c","severity_number":9,"attributes":{"client_ip":"127.0.0.1"}}"#,
            ),
            (
                r#"[GIN] 2024/12/19 - 10:30:15 | 500 |      250µs |             ::1 | GET      "/""#,
                r#"{"duration_ms":0.25,"severity_number":17}"#,
            ),
            (
                "GET /a?b=1 200 12.5 ms - 15",
                r#"{"http_method":"GET","path":"/a","status_code":200,"duration_ms":12.5,"message":"GET /a?b=1","attributes":{"bytes":15}}"#,
            ),
            ("GET /a 404 15 - 2.5 ms", r#"{"status_code":404,"duration_ms":2.5,"attributes":{"bytes":15}}"#),
            (
                "DELETE /a - - ms - -",
                r#"{"http_method":"DELETE","status_code":null,"duration_ms":null,"attributes":null}"#,
            ),
            (
                "::1 - GET /a HTTP/1.1 200 15 - 2.5 ms",
                r#"{"http_method":"GET","path":"/a","status_code":200,"duration_ms":2.5,
                    "attributes":{"client_ip":"::1","protocol":"HTTP/1.1","bytes":15}}"#,
            ),
        ] {
            check(line, Format::Access, expected);
        }
    }
}
