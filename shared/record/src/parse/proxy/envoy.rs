//! Envoy's default access log, and the longer one that Istio sets.
//!
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#default-format-string>
//! and <https://istio.io/latest/docs/tasks/observability/logs/access-log/>

use std::borrow::Cow;

use crate::parse::http::{self, Exchange};
use crate::parse::scan::{Scanner, given, is_integer};
use crate::parse::timestamp;
use crate::record::{Format, LogRecord};

/// How many fields may stand between the flags and the bytes: Istio has details
/// of the response, of the connection's end, and of the upstream's failure.
const MAX_DETAILS: usize = 4;

/// `[2016-04-15T20:17:00.310Z] "POST /api HTTP/2" 204 - 154 0 226 100
/// "10.0.35.28" "agent" "request id" "authority" "tcp://10.0.2.1:80"`.
pub(in crate::parse) fn parse<'a>(text: &'a str, record: &mut LogRecord<'a>) -> Option<()> {
    if !matches!(text.as_bytes(), [b'[', b'0'..=b'9', _, _, _, b'-', ..]) {
        return None;
    }
    let mut line = Scanner::new(text.get(1..)?);
    let time = timestamp::leading(line.rest())?;
    line.take(time.len)?;
    line.eat("] ")?;
    let request = line.quoted()?;
    let status = line.word()?;
    let known_status = http::status(status);
    if known_status.is_none() && status != "0" {
        return None;
    }
    let flags = line.word()?;
    let (details, request_bytes) = details(&mut line)?;
    let (bytes, took, _upstream_took) = (line.word()?, line.word()?, line.word()?);
    if !is_integer(bytes) || !is_integer(took) && took != "-" {
        return None;
    }
    let (forwarded_for, user_agent, request_id) = (line.quoted()?, line.quoted()?, line.quoted()?);
    let (authority, upstream) = (line.quoted()?, line.quoted()?);
    // From here on Istio's.
    let cluster = line.word().unwrap_or_default();
    let (_upstream_local, _downstream_local) = (line.word(), line.word());
    let client = match line.word().and_then(given) {
        Some(downstream_remote) => downstream_remote,
        None => forwarded_for.split(',').next().unwrap_or_default(),
    };
    let exchange = Exchange {
        time: Some(time.time),
        client,
        request,
        status: known_status,
        bytes,
        request_bytes,
        user_agent,
        upstream,
        server_name: authority,
        duration_ms: took.parse().ok(),
        ..Exchange::default()
    };
    let mut attributes = exchange.fill(record, Format::Envoy);
    attributes.given_text("forwarded_for", forwarded_for);
    attributes.given_text("flags", flags);
    attributes.given_text("details", details);
    attributes.given_text("upstream_cluster", cluster);
    record.attributes = attributes.finish();
    if let Some(id) = given(request_id) {
        record.request_id = Cow::Borrowed(id);
    }
    Some(())
}

/// The details of the response, where the format has them, and the bytes
/// received, which is the first whole number.
fn details<'a>(line: &mut Scanner<'a>) -> Option<(&'a str, &'a str)> {
    let mut details = "";
    for _ in 0..=MAX_DETAILS {
        let field = if line.peek() == Some(b'"') { line.quoted()? } else { line.word()? };
        if is_integer(field) {
            return Some((details, field));
        }
        details = given(details).or(given(field)).unwrap_or_default();
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::parse::testing::{check, takes};
    use crate::record::Format;

    #[test]
    fn default_and_istio_lines() {
        for (line, expected) in [
            (
                r#"[2024-12-19T10:30:15.310Z] "POST /api/v1/orders?a=1 HTTP/2" 204 - 154 0 226 100 "10.0.35.28, 10.0.0.1" "shop/1.0" "cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2" "orders" "tcp://10.0.2.1:80""#,
                r#"{"timestamp":"2024-12-19T10:30:15.310Z","http_method":"POST","path":"/api/v1/orders","status_code":204,"severity_number":9,
                    "duration_ms":226.0,"request_id":"cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2","message":"POST /api/v1/orders?a=1 HTTP/2",
                    "attributes":{"client_ip":"10.0.35.28","protocol":"HTTP/2","bytes":0,"request_bytes":154,"user_agent":"shop/1.0",
                        "upstream":"tcp://10.0.2.1:80","server_name":"orders","forwarded_for":"10.0.35.28, 10.0.0.1"}}"#,
            ),
            (
                r#"[2024-12-19T10:30:15.310Z] "GET /status/418 HTTP/1.1" 503 UF upstream_reset_before_response_started{connection_failure} - "delayed connect error: 111" 0 95 2 - "-" "curl/8" "84961386-6d84-929d-98bd-c5aee93b5c88" "httpbin:8000" "10.44.1.27:80" outbound|8000||httpbin.foo.svc.cluster.local 10.44.1.23:37652 10.0.45.184:8000 10.44.1.23:46520 - default"#,
                r#"{"status_code":503,"severity_number":17,"duration_ms":2.0,
                    "attributes":{"client_ip":"10.44.1.23","protocol":"HTTP/1.1","bytes":95,"request_bytes":0,"user_agent":"curl/8",
                        "upstream":"10.44.1.27:80","server_name":"httpbin:8000","flags":"UF",
                        "details":"upstream_reset_before_response_started{connection_failure}",
                        "upstream_cluster":"outbound|8000||httpbin.foo.svc.cluster.local"}}"#,
            ),
            // The client went away, and nobody answered.
            (
                r#"[2024-12-19T10:30:15.310Z] "- - -" 0 DC - - "-" 12 0 7 - "-" "-" "-" "-" "-""#,
                r#"{"status_code":null,"http_method":null,"duration_ms":7.0,"severity_number":9,
                    "attributes":{"bytes":0,"request_bytes":12,"flags":"DC"}}"#,
            ),
        ] {
            check(line, Format::Envoy, expected);
        }
    }

    #[test]
    fn only_so_many_details() {
        let line = |details: usize| {
            let details = "- ".repeat(details);
            format!(r#"[2024-12-19T10:30:15Z] "GET / HTTP/1.1" 200 - {details}1 2 3 4 "-" "-" "-" "-" "-""#)
        };
        assert!(takes(crate::parse::proxy::parse, &line(super::MAX_DETAILS)));
        assert!(!takes(crate::parse::proxy::parse, &line(super::MAX_DETAILS + 1)));
    }
}
