//! Access logs: Common and Combined (nginx, Apache, Gunicorn, Traefik and all
//! that write like them), and those of the frameworks and of AWS's edge.
//!
//! Common: <https://httpd.apache.org/docs/current/mod/mod_log_config.html>,
//! nginx: <https://nginx.org/en/docs/http/ngx_http_log_module.html>.

mod edge;
mod framework;
mod tail;

use super::http::{self, Exchange};
use super::proxy::traefik;
use super::scan::{Scanner, is_ip, is_json_number, number};
use super::timestamp::{self, LineTime};
use crate::record::{Format, LogRecord};

/// The time of a Common line is looked for this far into it, in bytes: before
/// it stand a host, an address (or a list of them), and a user.
const MAX_BEFORE_TIME_BYTES: usize = 512;

/// How many brackets may stand before the one that holds the time.
const MAX_BRACKETS: usize = 3;

/// Fills the record and returns true, or leaves it as it was.
pub(crate) fn parse<'a>(text: &'a str, record: &mut LogRecord<'a>) -> bool {
    common(text, record)
        .or_else(|| framework::parse(text, record))
        .or_else(|| edge::cloudfront(text, record))
        .is_some()
}

/// `host ident user [time] "request" status bytes`, with or without `"referer"
/// "user agent"` and more. Neither what the client sent as a request nor its
/// user's name says anything about the format.
fn common<'a>(text: &'a str, record: &mut LogRecord<'a>) -> Option<()> {
    let (before, time, after) = find_time(text)?;
    let mut line = Scanner::new(after);
    if line.peek() != Some(b'"') {
        return edge::s3(before, time, line, record);
    }
    let who = who(before)?;
    let request = line.quoted()?;
    let status = line.word()?;
    let bytes = line.word().unwrap_or_default();
    let known_status = http::status(status);
    if known_status.is_none() && status != "-" || !matches!(bytes, "" | "-") && number(bytes).is_none() {
        return None;
    }
    // A line without a status and without a size says nothing of an exchange.
    if known_status.is_none() && bytes.is_empty() {
        return None;
    }
    let mut exchange = Exchange {
        time: Some(time),
        client: who.client,
        user: who.user,
        request,
        status: known_status,
        bytes,
        server_name: who.server_name,
        ..Exchange::default()
    };
    if let Some(seconds) = seconds_before_referer(&mut line) {
        exchange.duration_ms = Some(seconds * 1e3);
    }
    if line.peek() == Some(b'"') {
        exchange.referer = line.quoted()?;
        exchange.user_agent = line.quoted().unwrap_or_default();
    }
    if line.rest().is_empty() {
        record.attributes = exchange.fill(record, Format::Access).finish();
    } else if let Some(traefik) = traefik::tail(line) {
        traefik.fill(exchange, record);
    } else {
        tail::fill(line, exchange, record);
    }
    Some(())
}

/// Some put nginx's `$request_time` before the referer.
#[inline]
fn seconds_before_referer(line: &mut Scanner<'_>) -> Option<f64> {
    line.peek().filter(u8::is_ascii_digit)?;
    let mut ahead = *line;
    let seconds = ahead.word().filter(|word| word.contains('.') && is_json_number(word))?;
    ahead.peek().filter(|next| *next == b'"')?;
    *line = ahead;
    seconds.parse().ok()
}

/// What stands before the time, the time, and what stands behind it.
#[inline]
fn find_time(text: &str) -> Option<(&str, LineTime, &str)> {
    let window = text.as_bytes().get(..MAX_BEFORE_TIME_BYTES.min(text.len()))?;
    for at in memchr::memchr_iter(b'[', window).take(MAX_BRACKETS + 1) {
        let inside = text.get(at + 1..)?;
        if !matches!(inside.as_bytes(), [_, _, b'/', _, _, _, b'/', ..]) {
            continue;
        }
        let found = timestamp::clf(inside)?;
        let after = inside.get(found.len..)?.strip_prefix("] ")?;
        return Some((text.get(..at)?, found.time, after));
    }
    None
}

#[derive(Debug, PartialEq, Eq)]
struct Who<'a> {
    server_name: &'a str,
    client: &'a str,
    user: &'a str,
}

/// Who asked: `client ident user`, behind a virtual host (`%v:%p`) or not; a
/// list of forwarded addresses stands for its first. Django names nobody.
#[inline]
fn who(before: &str) -> Option<Who<'_>> {
    if let Some(client) = before.strip_suffix(" - - ").filter(|client| client.bytes().all(is_host)) {
        return Some(Who { server_name: "", client, user: "" });
    }
    let mut words = Scanner::new(before);
    let Some(first) = words.word() else {
        return Some(Who { server_name: "", client: "", user: "" });
    };
    if !first.bytes().all(is_host) {
        return None;
    }
    let mut client = first;
    if let Some(address) = first.strip_suffix(',') {
        client = address;
        while words.word()?.ends_with(',') {}
    }
    let Some(ident) = words.word() else {
        return is_ip(super::scan::without_port(client)).then_some(Who { server_name: "", client, user: "" });
    };
    let user = words.rest().trim_end();
    if ident != "-" && (user.starts_with("- ") || user.contains(' ') && is_ip(ident)) {
        let (_, user) = user.split_once(' ')?;
        let server_name = super::scan::without_port(client);
        return Some(Who { server_name, client: ident, user });
    }
    if user.is_empty() {
        return Some(Who { server_name: "", client, user: ident });
    }
    // A user's name may hold spaces; the words of another frame do, too.
    if ident != "-" && user.contains(' ') {
        return None;
    }
    // The ingress controller of Kubernetes once wrote the address again, in brackets.
    let user = if user.starts_with('[') { user.rsplit(' ').next()? } else { user };
    Some(Who { server_name: "", client, user })
}

/// What names and addresses are made of, in brackets or lists or not.
#[inline]
fn is_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'-' | b'_' | b'[' | b']' | b',' | b'%')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::testing::{check, not_mine, takes};
    use proptest::prelude::*;

    #[test]
    fn a_combined_line_fills_every_column() {
        check(
            r#"203.0.113.9 - ann [19/Dec/2024:11:30:15 +0100] "POST /orders?coupon=x HTTP/1.1" 503 512 "https://shop.example/cart" "Mozilla/5.0 (X11; \"odd\")""#,
            Format::Access,
            r#"{"timestamp":"2024-12-19T10:30:15.000Z","severity_number":17,"severity_text":null,
                "message":"POST /orders?coupon=x HTTP/1.1","http_method":"POST","path":"/orders","status_code":503,
                "user_id":"ann","duration_ms":null,"parse_error":null,
                "attributes":{"client_ip":"203.0.113.9","protocol":"HTTP/1.1","bytes":512,
                    "referer":"https://shop.example/cart","user_agent":"Mozilla/5.0 (X11; \"odd\")"}}"#,
        );
    }

    #[test]
    fn common_lines_of_all_servers() {
        for (line, expected) in [
            // Common, IPv6, nothing sent.
            (
                r#"2001:db8::7 - - [19/Dec/2024:10:30:15 +0000] "GET /a HTTP/1.0" 304 -"#,
                r#"{"timestamp":"2024-12-19T10:30:15.000Z","status_code":304,"severity_number":9,
                    "attributes":{"client_ip":"2001:db8::7","protocol":"HTTP/1.0"}}"#,
            ),
            // Apache's vhost_combined.
            (
                r#"shop.example:443 203.0.113.9 - ann [19/Dec/2024:10:30:15 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8""#,
                r#"{"user_id":"ann","status_code":200,"attributes":{"client_ip":"203.0.113.9","protocol":"HTTP/1.1","bytes":5,
                    "user_agent":"curl/8","server_name":"shop.example"}}"#,
            ),
            (
                r#"shop.example:80 client.example - - [19/Dec/2024:10:30:15 +0000] "GET /a HTTP/1.1" 200 5"#,
                r#"{"user_id":null,"attributes":{"client_ip":"client.example","protocol":"HTTP/1.1","bytes":5,"server_name":"shop.example"}}"#,
            ),
            // A user with a space; a list of forwarded addresses in front.
            (
                r#"10.0.0.1 - ann lee [19/Dec/2024:10:30:15 +0000] "GET /a HTTP/1.1" 401 0"#,
                r#"{"user_id":"ann lee"}"#,
            ),
            (
                r#"198.51.100.7, 10.0.0.2 - - [19/Dec/2024:10:30:15 +0000] "GET /a HTTP/1.1" 200 0"#,
                r#"{"user_id":null,"attributes":{"client_ip":"198.51.100.7","protocol":"HTTP/1.1","bytes":0}}"#,
            ),
            // ingress-nginx of old.
            (
                r#"10.0.0.1 - [10.0.0.1] - - [19/Dec/2024:10:30:15 +0000] "GET /a HTTP/1.1" 200 0"#,
                r#"{"user_id":null,"status_code":200}"#,
            ),
            // What speaks no HTTP.
            (
                r#"10.0.0.1 - - [19/Dec/2024:10:30:15 +0000] "\x16\x03\x01" 400 157 "-" "-""#,
                r#"{"http_method":null,"path":null,"status_code":400,"severity_number":13,"message":"\\x16\\x03\\x01"}"#,
            ),
            (
                r#"10.0.0.1 - - [19/Dec/2024:10:30:15 +0000] "-" 408 -"#,
                r#"{"http_method":null,"status_code":408,"message":"-","attributes":{"client_ip":"10.0.0.1"}}"#,
            ),
            (
                r#"10.0.0.1 - - [19/Dec/2024:10:30:15 +0000] "" 400 0 "-" "-""#,
                r#"{"http_method":null,"status_code":400,"message":""}"#,
            ),
            // Flask, http.server, Django: another time, in UTC for want of a zone.
            (
                r#"127.0.0.1 - - [19/Dec/2024 10:30:15] "GET /b HTTP/1.1" 200 -"#,
                r#"{"timestamp":"2024-12-19T10:30:15.000Z","path":"/b","status_code":200}"#,
            ),
            (
                r#"[19/Dec/2024 10:30:15] "GET /b HTTP/1.1" 500 1234"#,
                r#"{"timestamp":"2024-12-19T10:30:15.000Z","status_code":500,"attributes":{"protocol":"HTTP/1.1","bytes":1234}}"#,
            ),
            // Daphne.
            (
                r#"127.0.0.1:41212 - - [19/Dec/2024:10:30:15] "GET /ws" 101 -"#,
                r#"{"status_code":101,"attributes":{"client_ip":"127.0.0.1"}}"#,
            ),
            // WEBrick's zone; Rack's duration; a duration in the middle.
            (
                r#"127.0.0.1 - - [19/Dec/2024:10:30:15 UTC] "GET /a HTTP/1.1" 200 5"#,
                r#"{"timestamp":"2024-12-19T10:30:15.000Z","duration_ms":null}"#,
            ),
            (
                r#"127.0.0.1 - - [19/Dec/2024:10:30:15 +0000] "GET /a HTTP/1.1" 200 5 0.25"#,
                r#"{"duration_ms":250.0}"#,
            ),
            (
                r#"127.0.0.1 - - [19/Dec/2024:10:30:15 +0000] "GET /a HTTP/1.1" 200 5 0.25 "-" "curl/8""#,
                r#"{"duration_ms":250.0,"attributes":{"client_ip":"127.0.0.1","protocol":"HTTP/1.1","bytes":5,"user_agent":"curl/8"}}"#,
            ),
            // API Gateway's CLF.
            (
                r#"203.0.113.9 - - [19/Dec/2024:10:30:15 +0000] "GET /items/{id} HTTP/1.1" 200 42 0f8fad5b-d9cb-469f-a165-70867728950e"#,
                r#"{"path":"/items/{id}","request_id":"0f8fad5b-d9cb-469f-a165-70867728950e"}"#,
            ),
        ] {
            check(line, Format::Access, expected);
        }
    }

    #[test]
    fn ordinary_text_is_not_an_access_line() {
        not_mine(
            parse,
            &[
                "",
                "-",
                "[",
                "[GIN-debug] GET /a --> main.a (3 handlers)",
                "[GIN] 2024/12/19 - 10:30:15 | ready",
                "GET it done by 200 pm",
                "GET /a 200 12.3 ms - 15 and more",
                "GET /a took 12 ms",
                "INFO:     Started server process [1]",
                "INFO:     127.0.0.1:51234 - connection open",
                "INFO:     127.0.0.1:51234 - \"GET /a\" is slow",
                "127.0.0.1 - \"quoted\" 200 OK",
                "2024-12-19 10:30:15 - app - INFO - \"GET / HTTP/1.1\" 200 5",
                "2024-12-19\t10:30:15\tINFO\tstarted",
                "backup of [19/Dec/2024:10:30:15 +0000] is done",
                "Dec 19 10:30:15 web1 nginx: 10.0.0.1 - - [19/Dec/2024:10:30:15 +0000] \"GET / HTTP/1.1\" 200 5",
                "<13>Dec 19 10:30:15 web1 nginx: 10.0.0.1 - - [19/Dec/2024:10:30:15 +0000] \"GET / HTTP/1.1\" 200 5",
                "10.0.0.1 - - [19/Dec/2024:10:30:15 +0000] code 404, message File not found",
                "10.0.0.1 - - [19/Dec/2024:10:30:15 +0000] \"GET / HTTP/1.1\"",
                "10.0.0.1 - - [19/Dec/2024:10:30:15 +0000] \"GET / HTTP/1.1\" ok 5",
                "10.0.0.1 - - [19/Dec/2024:10:30:15 +0000] \"GET / HTTP/1.1\" 200 many",
                "10.0.0.1 - - [19/Dec/2024:10:30:15 +0000] \"GET / HTTP/1.1 200 5",
                "10.0.0.1 - - [19/Dek/2024:10:30:15 +0000] \"GET / HTTP/1.1\" 200 5",
            ],
        );
    }

    #[test]
    fn the_time_is_looked_for_near_the_start() {
        let line = |before: usize| {
            let user = "u".repeat(before - "10.0.0.1 -  ".len());
            format!(r#"10.0.0.1 - {user} [19/Dec/2024:10:30:15 +0000] "GET / HTTP/1.1" 200 5"#)
        };
        assert!(takes(parse, &line(MAX_BEFORE_TIME_BYTES - 1)));
        assert!(!takes(parse, &line(MAX_BEFORE_TIME_BYTES)));
        let brackets = |count: usize| {
            format!(
                r#"10.0.0.1 - {}u [19/Dec/2024:10:30:15 +0000] "GET / HTTP/1.1" 200 5"#,
                "[".repeat(count)
            )
        };
        assert!(takes(parse, &brackets(MAX_BRACKETS)));
        assert!(!takes(parse, &brackets(MAX_BRACKETS + 1)));
    }

    proptest! {
        #[test]
        fn any_line_is_taken_or_left(line: String, start in 0_usize..6, cut in 0_usize..140, noise in "[ \"\\[\\]0-9a-z/:.-]{0,40}") {
            let starts = [
                "10.0.0.1 - - [19/Dec/2024:10:30:15 +0000] \"GET /a HTTP/1.1\" 200 5 \"-\" \"-\" ",
                "INFO:     127.0.0.1:51234 - \"GET / HTTP/1.1\" 200 OK",
                "[GIN] 2024/12/19 - 10:30:15 | 200 | 1ms | 127.0.0.1 | GET \"/a\"",
                "GET /a 200 12.3 ms - 15",
                "2024-12-19\t10:30:15\tFRA56\t392\t192.0.2.1\tGET\td\t/\t200\t-\t-\t-\t-\tHit\tid\th\thttps\t2\t0.1\t-\t-\t-\tHit\tHTTP/2.0",
                "",
            ];
            let start = starts[start];
            let cut = start.get(..cut).unwrap_or(start);
            for line in [&line, &format!("{cut}{noise}"), &format!("{cut}{line}")] {
                takes(parse, line);
            }
        }
    }
}
