//! HAProxy's HTTP and TCP logs, with or without `haproxy[pid]:` before them.
//!
//! <https://docs.haproxy.org/3.0/configuration.html#8.2>

use std::borrow::Cow;

use crate::parse::NANOS_PER_MILLI;
use crate::parse::http::{self, Exchange};
use crate::parse::scan::{Scanner, is_integer};
use crate::parse::timestamp;
use crate::record::{Format, LogRecord};

/// How many timers an HTTP line has, and a TCP line.
const HTTP_TIMERS: usize = 5;
const TCP_TIMERS: usize = 3;

/// `10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http-in static/srv1
/// 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {…} "GET /index.html HTTP/1.1"`,
/// and without status, cookies, headers and request for TCP.
pub(in crate::parse) fn parse<'a>(text: &'a str, record: &mut LogRecord<'a>) -> Option<()> {
    let mut line = Scanner::new(text);
    let mut pid = "";
    if let Some(after) = text.strip_prefix("haproxy[") {
        line = Scanner::new(after);
        pid = line.until(b']')?;
        line.eat(": ")?;
    }
    let client = line.word()?;
    line.eat("[")?;
    let found = timestamp::clf(line.rest())?;
    line.take(found.len)?;
    line.eat("] ")?;
    // A TLS frontend is marked `~`.
    let message = line.rest();
    let (frontend, upstream) = (line.word()?, line.word()?);
    upstream.split_once('/')?;
    let timers = Timers::read(line.word()?)?;
    let mut exchange = Exchange {
        time: Some(found.time),
        client,
        request: message,
        upstream,
        duration_ms: timers.total_ms,
        ..Exchange::default()
    };
    let termination = match timers.count {
        HTTP_TIMERS => {
            let status = line.word()?;
            exchange.status = http::status(status);
            if exchange.status.is_none() && status != "-1" {
                return None;
            }
            exchange.bytes = line.word()?.trim_start_matches('+');
            let (_request_cookie, _response_cookie, termination) = (line.word()?, line.word()?, line.word()?);
            counters(&mut line)?;
            // Captured headers stand between braces; quotes in them are encoded.
            line.until(b'"')?;
            // A long request is cut, and has no closing quote.
            exchange.request = line.rest().split_once('"').map_or(line.rest(), |(request, _)| request);
            termination
        }
        TCP_TIMERS => {
            exchange.bytes = line.word()?.trim_start_matches('+');
            let termination = line.word()?;
            counters(&mut line)?;
            termination
        }
        _ => return None,
    };
    if !is_integer(exchange.bytes) {
        return None;
    }
    // When the request came, with its year: syslog's header has neither.
    let arrived = record.observed_millis.map(|millis| millis.saturating_mul(NANOS_PER_MILLI));
    let header = std::mem::replace(&mut record.time_unix_nano, arrived);
    let mut attributes = exchange.fill(record, Format::Haproxy);
    if record.time_unix_nano == arrived {
        record.time_unix_nano = header;
    }
    attributes.integer("pid", pid);
    attributes.text("frontend", frontend.trim_end_matches('~'));
    // All hyphens: it ended as it should.
    attributes.some_text("flags", Some(termination).filter(|flags| flags.bytes().any(|b| b != b'-')));
    record.attributes = attributes.finish();
    if exchange.status.is_none() {
        record.message = Cow::Borrowed(exchange.request);
    }
    Some(())
}

/// `actconn/feconn/beconn/srvconn/retries srv_queue/backend_queue`.
fn counters(line: &mut Scanner<'_>) -> Option<()> {
    let is_counters = |word: &str, slashes: usize| {
        word.bytes().filter(|b| *b == b'/').count() == slashes
            && word.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'/' | b'+' | b'-'))
    };
    (is_counters(line.word()?, 4) && is_counters(line.word()?, 1)).then_some(())
}

/// `10/0/30/69/109`: milliseconds, -1 where it did not come that far, the last
/// one being the whole (with a `+` where the line was written before the end).
#[derive(Debug, PartialEq)]
struct Timers {
    count: usize,
    total_ms: Option<f64>,
}

impl Timers {
    fn read(word: &str) -> Option<Self> {
        let mut timers = Self { count: 0, total_ms: None };
        for timer in word.split('/') {
            let millis = timer.trim_start_matches('+');
            if !is_integer(millis) && millis != "-1" {
                return None;
            }
            timers.count += 1;
            timers.total_ms = millis.parse().ok().filter(|ms| *ms >= 0.0);
        }
        Some(timers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::testing::check;

    #[test]
    fn http_and_tcp_lines() {
        for (line, expected) in [
            (
                r#"haproxy[812]: 10.0.1.2:33317 [19/Dec/2024:10:30:15.655] http-in~ static/srv1 10/0/30/69/109 503 2750 - - SC-- 1/1/1/1/0 0/0 {shop.example|a b} {} "GET /index.html?a=1 HTTP/1.1""#,
                r#"{"timestamp":"2024-12-19T10:30:15.655Z","http_method":"GET","path":"/index.html","status_code":503,"severity_number":17,
                    "severity_text":null,"duration_ms":109.0,"message":"GET /index.html?a=1 HTTP/1.1",
                    "attributes":{"client_ip":"10.0.1.2","protocol":"HTTP/1.1","bytes":2750,"upstream":"static/srv1","pid":812,
                        "frontend":"http-in","flags":"SC--"}}"#,
            ),
            (
                r#"[2001:db8::1]:5 [19/Dec/2024:10:30:15.655] fe be/<NOSRV> -1/-1/-1/-1/+5 400 +187 - - PR-- 1/1/0/0/+0 0/0 "<BADREQ>""#,
                r#"{"http_method":null,"status_code":400,"duration_ms":5.0,"message":"<BADREQ>",
                    "attributes":{"client_ip":"2001:db8::1","bytes":187,"upstream":"be/<NOSRV>","frontend":"fe","flags":"PR--"}}"#,
            ),
            (
                r#"10.0.1.2:1 [19/Dec/2024:10:30:15.655] fe be/s 0/0/0/1/1 200 5 - - ---- 1/1/0/0/0 0/0 "GET /cut/of"#,
                r#"{"path":"/cut/of","attributes":{"client_ip":"10.0.1.2","bytes":5,"upstream":"be/s","frontend":"fe"}}"#,
            ),
            (
                "10.0.1.2:33313 [19/Dec/2024:10:30:15.655] db pg/pg1 0/1/5007 212 -- 0/0/0/0/3 0/0",
                r#"{"status_code":null,"severity_number":9,"duration_ms":5007.0,"message":"db pg/pg1 0/1/5007 212 -- 0/0/0/0/3 0/0",
                    "attributes":{"client_ip":"10.0.1.2","bytes":212,"upstream":"pg/pg1","frontend":"db"}}"#,
            ),
            // Behind syslog's frame, what that says stays.
            (
                r#"<134>Dec 19 10:30:15 lb1 haproxy[812]: 10.0.1.2:1 [19/Dec/2024:10:30:14.655] fe be/s 0/0/0/1/1 404 5 - - ---- 1/1/0/0/0 0/0 "GET /a HTTP/1.1""#,
                r#"{"timestamp":"2024-12-19T10:30:14.655Z","status_code":404,"severity_number":13,"severity_text":null,
                    "attributes":{"host":"lb1","logger":"haproxy","pid":812,"facility":"local0","client_ip":"10.0.1.2",
                        "protocol":"HTTP/1.1","bytes":5,"upstream":"be/s","frontend":"fe"}}"#,
            ),
            // The header has no year: the last one would be taken.
            (
                r#"<134>Mar  5 10:20:30 lb1 haproxy[812]: 10.0.1.2:1 [05/Mar/2023:10:20:29.123] fe be/s 0/0/0/1/1 200 5 - - ---- 1/1/0/0/0 0/0 "GET /a HTTP/1.1""#,
                r#"{"timestamp":"2023-03-05T10:20:29.123Z"}"#,
            ),
        ] {
            check(line, Format::Haproxy, expected);
        }
    }

    #[test]
    fn timers() {
        for (word, count, total_ms) in
            [("1/2/3", 3, Some(3.0)), ("0/0/0/-1/-1", 5, None), ("0/0/+9", 3, Some(9.0)), ("7", 1, Some(7.0))]
        {
            assert_eq!(Timers::read(word), Some(Timers { count, total_ms }), "{word}");
        }
        for word in ["", "1/2/", "1/a/3", "-2/0/0"] {
            assert_eq!(Timers::read(word), None, "{word}");
        }
    }
}
