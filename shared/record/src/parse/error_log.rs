//! Error logs of nginx and Apache.

use std::borrow::Cow;

use super::attributes::Attributes;
use super::http;
use super::scan::{Scanner, is_integer, is_ip, without_port};
use super::severity_number;
use super::timestamp::{self, LineTime};
use crate::record::{Format, LogRecord};

/// The longest level with its module that Apache's brackets are looked into for, in bytes.
const MAX_MODULE_BYTES: usize = 64;

/// What nginx writes behind the message begins here.
const NGINX_CONTEXT: &str = ", client: ";

/// Fills the record and returns true, or leaves it as it was.
pub(crate) fn parse<'a>(text: &'a str, record: &mut LogRecord<'a>) -> bool {
    match text.as_bytes() {
        [b'[', b'A'..=b'Z', _, _, b' ', ..] => apache(text, record).is_some(),
        [_, _, _, _, b'/', _, _, b'/', _, _, b' ', _, _, b':', _, _, b':', _, _, b' ', b'[', ..] => {
            nginx(text, record).is_some()
        }
        _ => false,
    }
}

/// `2024/12/19 10:30:15 [error] 42#7: *3 message, client: …, server: …, request: "…", host: "…"`.
///
/// <https://github.com/nginx/nginx/blob/master/src/core/ngx_log.c>
fn nginx<'a>(text: &'a str, record: &mut LogRecord<'a>) -> Option<()> {
    let time = timestamp::leading(text)?;
    let mut line = Scanner::new(text.get(time.len..)?);
    line.eat(" [")?;
    let level = line.until(b']')?;
    let severity = severity_number(level)?;
    line.eat(" ")?;
    let (pid, thread) = line.until(b':')?.split_once('#')?;
    if !is_integer(pid) || !is_integer(thread) {
        return None;
    }
    line.spaces();
    let mut connection = "";
    if line.peek() == Some(b'*') {
        connection = line.word()?.get(1..)?;
    }
    let (message, context) = match line.rest().split_once(NGINX_CONTEXT) {
        Some((message, _)) => (message, line.rest().get(message.len()..)?),
        None => (line.rest(), ""),
    };
    record.format = Format::NginxError;
    record.believe(time.time);
    record.severity_text = Some(Cow::Borrowed(level));
    record.severity_number = Some(severity);
    record.message = Cow::Borrowed(message);
    let mut attributes = Attributes::resume(record.attributes.take(), 64 + context.len());
    attributes.integer("pid", pid);
    attributes.integer("thread", thread);
    attributes.integer("connection", connection);
    nginx_context(context, record, &mut attributes);
    record.attributes = attributes.finish();
    Some(())
}

/// `, client: 10.0.0.1, server: _, request: "GET / HTTP/1.1", upstream: "http://…", host: "h"`.
fn nginx_context<'a>(context: &'a str, record: &mut LogRecord<'a>, attributes: &mut Attributes) {
    let mut rest = Scanner::new(context);
    while rest.eat(", ").is_some() {
        let Some(key) = rest.until(b':') else { return };
        rest.spaces();
        let value = match rest.rest().strip_prefix('"').and_then(|inner| inner.split_once('"')) {
            Some((value, after)) => {
                rest = Scanner::new(after);
                value
            }
            None => {
                let len = rest.rest().find(", ").unwrap_or(rest.rest().len());
                rest.take(len).unwrap_or_default()
            }
        };
        match key {
            "client" => attributes.given_text("client_ip", without_port(value)),
            "server" if value != "_" => attributes.given_text("server_name", value),
            "upstream" => attributes.given_text("upstream", value),
            "referrer" => attributes.given_text("referer", value),
            "host" => attributes.given_text("http_host", value),
            "request" => {
                if let Some(request) = http::request(value) {
                    record.http_method = Some(Cow::Borrowed(request.method));
                    record.path = Some(Cow::Borrowed(request.path));
                    attributes.some_text("protocol", Some(request.protocol));
                }
            }
            _ => {}
        }
    }
}

/// Apache 2.2: `[Sun Dec 04 04:47:44 2005] [error] [client 10.0.0.1] message`.
/// Apache 2.4: `[Thu Dec 19 10:30:15.123456 2024] [core:error] [pid 42:tid 7]
/// [client 10.0.0.1:1234] AH00123: message`.
///
/// <https://httpd.apache.org/docs/current/mod/core.html#errorlogformat>
fn apache<'a>(text: &'a str, record: &mut LogRecord<'a>) -> Option<()> {
    let mut line = Scanner::new(text.get(1..)?);
    let time = timestamp::from_field(line.until(b']')?)?;
    if !matches!(time, LineTime::Instant(_)) {
        return None;
    }
    line.eat(" [")?;
    let module_and_level = line.until(b']').filter(|found| found.len() <= MAX_MODULE_BYTES)?;
    let (module, level) = match module_and_level.split_once(':') {
        Some((module, level)) => (Some(module), level),
        None => (None, module_and_level),
    };
    // The eight traces are one level.
    let severity = severity_number(level.trim_end_matches(|c: char| c.is_ascii_digit()))?;
    let (mut pid, mut thread, mut client) = ("", "", "");
    // Apache 2.2 knows no modules. Its message begins with the client.
    let mut message = line.rest().trim_start();
    loop {
        line.spaces();
        let mut ahead = line;
        if ahead.eat("[").is_none() {
            break;
        }
        let Some(inside) = ahead.until(b']') else { break };
        if let Some(ids) = inside.strip_prefix("pid ") {
            let (process, tid) = ids.split_once(':').unwrap_or((ids, ""));
            (pid, thread) = (process, tid.strip_prefix("tid ").unwrap_or_default());
        } else if let Some(address) =
            inside.strip_prefix("client ").or_else(|| inside.strip_prefix("remote "))
        {
            client = without_port(address);
        } else {
            break;
        }
        line = ahead;
        if module.is_some() {
            message = line.rest().trim_start();
        }
    }
    record.format = Format::ApacheError;
    record.believe(time);
    record.severity_text = Some(Cow::Borrowed(level));
    record.severity_number = Some(severity);
    record.message = Cow::Borrowed(message);
    let mut attributes = Attributes::resume(record.attributes.take(), 96);
    attributes.some_text("logger", module);
    attributes.integer("pid", pid);
    attributes.integer("thread", thread);
    if is_ip(client) {
        attributes.text("client_ip", client);
    }
    record.attributes = attributes.finish();
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::testing::{check, not_mine, takes};
    use proptest::prelude::*;

    #[test]
    fn nginx_lines() {
        check(
            r#"2024/12/19 10:30:15 [error] 42#7: *3 open() "/srv/x" failed (2: No such file or directory), client: 198.51.100.7, server: shop.example, request: "GET /x?a=1 HTTP/1.1", upstream: "http://10.0.0.2:80/x", host: "shop.example", referrer: "https://a.example/, b""#,
            Format::NginxError,
            r#"{"timestamp":"2024-12-19T10:30:15.000Z","severity_text":"error","severity_number":17,
                "message":"open() \"/srv/x\" failed (2: No such file or directory)","http_method":"GET","path":"/x",
                "attributes":{"pid":42,"thread":7,"connection":3,"client_ip":"198.51.100.7","server_name":"shop.example",
                    "protocol":"HTTP/1.1","upstream":"http://10.0.0.2:80/x","http_host":"shop.example","referer":"https://a.example/, b"}}"#,
        );
        check(
            "2024/12/19 10:30:15 [notice] 1#1: using the \"epoll\" event method",
            Format::NginxError,
            r#"{"severity_text":"notice","severity_number":10,"message":"using the \"epoll\" event method",
                "attributes":{"pid":1,"thread":1}}"#,
        );
        check(
            "2024/12/19 10:30:15 [emerg] 1#1: bind() to 0.0.0.0:80 failed, client: 10.0.0.1, server: _",
            Format::NginxError,
            r#"{"severity_number":21,"message":"bind() to 0.0.0.0:80 failed","attributes":{"pid":1,"thread":1,"client_ip":"10.0.0.1"}}"#,
        );
    }

    #[test]
    fn apache_lines() {
        for (line, expected) in [
            (
                "[Thu Dec 19 10:30:15 2024] [notice] child 6725 found in slot 10",
                r#"{"timestamp":"2024-12-19T10:30:15.000Z","severity_text":"notice","severity_number":10,
                    "message":"child 6725 found in slot 10","attributes":null}"#,
            ),
            // The client is part of what Apache 2.2 says.
            (
                "[Thu Dec 19 10:30:15 2024] [error] [client 198.51.100.7] File does not exist: /srv/x",
                r#"{"severity_text":"error","message":"[client 198.51.100.7] File does not exist: /srv/x",
                    "attributes":{"client_ip":"198.51.100.7"}}"#,
            ),
            (
                "[Thu Dec 19 10:30:15.123456 2024] [core:error] [pid 35708:tid 4328636416] [client 198.51.100.7:1234] AH00037: not allowed",
                r#"{"timestamp":"2024-12-19T10:30:15.123Z","time_unix_nano":1734604215123456000,"severity_text":"error",
                    "message":"AH00037: not allowed",
                    "attributes":{"logger":"core","pid":35708,"thread":4328636416,"client_ip":"198.51.100.7"}}"#,
            ),
            (
                "[Thu Dec 19 10:30:15.5 2024] [ssl:trace3] [pid 7] [remote [2001:db8::1]:443] handshake [done]",
                r#"{"severity_text":"trace3","severity_number":1,"attributes":{"logger":"ssl","pid":7}}"#,
            ),
            (
                "[Thu Dec 19 10:30:15.5 2024] [:warn] [pid 7] [mod] says [x",
                r#"{"severity_text":"warn","message":"[mod] says [x","attributes":{"pid":7}}"#,
            ),
        ] {
            check(line, Format::ApacheError, expected);
        }
    }

    #[test]
    fn ordinary_text_is_no_error_log() {
        not_mine(
            parse,
            &[
                "",
                "[Thu",
                "[Main thread] started",
                "[The quick fox] [error] x",
                "[Thu Dec 19 10:30:15 2024] started",
                "[Thu Dec 19 10:30:15 2024] [shop] started",
                "[Thu Dec 19 25:30:15 2024] [error] x",
                "[Thu Dec 19 10:30:15] [error] x",
                "2024/12/19 10:30:15 [error] failed",
                "2024/12/19 10:30:15 [shop] 1#1: x",
                "2024/12/19 10:30:15 [error] a#b: x",
                "2024/12/19 10:30:15 error",
            ],
        );
    }

    #[test]
    fn a_module_has_a_longest_name() {
        let line = |len: usize| format!("[Thu Dec 19 10:30:15 2024] [{}:error] x", "m".repeat(len - 6));
        assert!(takes(parse, &line(MAX_MODULE_BYTES)));
        assert!(!takes(parse, &line(MAX_MODULE_BYTES + 1)));
    }

    proptest! {
        #[test]
        fn any_line_is_taken_or_left(line: String, which in 0_usize..3, cut in 0_usize..120, noise in "[ \"\\[\\]0-9a-z,:#*.-]{0,40}") {
            let starts = [
                "2024/12/19 10:30:15 [error] 42#7: *3 x, client: 10.0.0.1, server: _, request: \"GET / HTTP/1.1\"",
                "[Thu Dec 19 10:30:15.123456 2024] [core:error] [pid 35708:tid 4328636416] [client 198.51.100.7:1234] x",
                "",
            ];
            let start = starts[which];
            let cut = start.get(..cut).unwrap_or(start);
            for line in [&line, &format!("{cut}{noise}"), &format!("{cut}{line}")] {
                takes(parse, line);
            }
        }
    }
}
