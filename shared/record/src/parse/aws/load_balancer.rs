//! Access log entries of Application, Classic and Network Load Balancers.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html#access-log-entry-format>

use std::borrow::Cow;

use crate::parse::attributes::Attributes;
use crate::parse::http::{self, Exchange};
use crate::parse::scan::{Scanner, given, is_integer, is_json_number};
use crate::parse::{timestamp, trace_id};
use crate::record::{Format, LogRecord};

/// What the entries of Application and Classic Load Balancers share:
/// `time elb client:port target:port processing-times status target-status
/// received sent "request" "user agent" cipher protocol`.
struct Entry<'a> {
    exchange: Exchange<'a>,
    elb: &'a str,
    /// Seconds until the request was sent to the target, until the target
    /// answered, until the answer was sent; -1 where it did not come that far.
    processing_times: [&'a str; 3],
    target_status: &'a str,
    cipher: &'a str,
    tls_protocol: &'a str,
}

impl<'a> Entry<'a> {
    fn read(line: &mut Scanner<'a>) -> Option<Self> {
        let time = timestamp::from_field(line.word()?)?;
        let (elb, client, target) = (line.word()?, line.word()?, line.word()?);
        client.rsplit_once(':').filter(|(_, port)| is_integer(port))?;
        let processing_times = [line.word()?, line.word()?, line.word()?];
        if !processing_times.iter().all(|seconds| is_json_number(seconds)) {
            return None;
        }
        let (status, target_status) = (line.word()?, line.word()?);
        let (received, sent) = (line.word()?, line.word()?);
        let known_status = http::status(status);
        if known_status.is_none() && status != "-" || !is_integer(received) || !is_integer(sent) {
            return None;
        }
        let request = line.quoted()?;
        let exchange = Exchange {
            time: Some(time),
            client,
            // A request that could not be read: `- http://host:80- `.
            request: request.trim_end(),
            status: known_status,
            bytes: sent,
            request_bytes: received,
            // Entries of 2014 end here.
            user_agent: line.quoted().unwrap_or_default(),
            upstream: target,
            duration_ms: duration_ms(processing_times),
            ..Exchange::default()
        };
        let cipher = line.word().unwrap_or_default();
        let tls_protocol = line.word().unwrap_or_default();
        Some(Self { exchange, elb, processing_times, target_status, cipher, tls_protocol })
    }

    fn fill(&self, record: &mut LogRecord<'a>) -> Attributes {
        let mut attributes = self.exchange.fill(record, Format::Alb);
        attributes.text("elb", self.elb);
        let names = ["request_processing_time", "target_processing_time", "response_processing_time"];
        for (name, seconds) in names.into_iter().zip(self.processing_times) {
            attributes.json(name, seconds);
        }
        attributes.integer("target_status_code", self.target_status);
        attributes.given_text("tls_cipher", self.cipher);
        attributes.given_text("tls_protocol", self.tls_protocol);
        attributes
    }
}

/// The sum of the processing times that are known.
fn duration_ms(processing_times: [&str; 3]) -> Option<f64> {
    let known =
        processing_times.iter().filter_map(|seconds| seconds.parse::<f64>().ok()).filter(|s| *s >= 0.0);
    // Microseconds are what the entries have: the sum is rounded to them.
    known.reduce(|sum, seconds| sum + seconds).map(|seconds| (seconds * 1e6).round() / 1e3)
}

/// `https 2018-07-02T22:23:00.186641Z app/lb/50dc6c495c0c9188 192.168.131.39:2817 10.0.0.1:80 …`.
pub(super) fn application<'a>(text: &'a str, record: &mut LogRecord<'a>) -> Option<()> {
    let mut line = Scanner::new(text);
    let kind = line.word()?;
    if !matches!(kind, "http" | "https" | "h2" | "grpcs" | "ws" | "wss") {
        return None;
    }
    let entry = Entry::read(&mut line)?;
    let mut attributes = entry.fill(record);
    attributes.text("type", kind);
    // What follows was added over the years: an entry may end anywhere.
    attributes.given_text("target_group_arn", line.word().unwrap_or_default());
    let trace = line.quoted().unwrap_or_default();
    attributes.given_text("server_name", line.quoted().unwrap_or_default());
    attributes.given_text("chosen_cert_arn", line.quoted().unwrap_or_default());
    let priority = line.word().unwrap_or_default();
    if is_json_number(priority) {
        attributes.json("matched_rule_priority", priority);
    }
    attributes.given_text("request_creation_time", line.word().unwrap_or_default());
    attributes.given_text("actions_executed", line.quoted().unwrap_or_default());
    attributes.given_text("redirect_url", line.quoted().unwrap_or_default());
    attributes.given_text("error_reason", line.quoted().unwrap_or_default());
    // The lists repeat the target and its status where there is but one.
    let (targets, statuses) = (line.quoted().unwrap_or_default(), line.quoted().unwrap_or_default());
    if targets != entry.exchange.upstream {
        attributes.given_text("target_list", targets);
        attributes.given_text("target_status_code_list", statuses);
    }
    attributes.given_text("classification", line.quoted().unwrap_or_default());
    attributes.given_text("classification_reason", line.quoted().unwrap_or_default());
    attributes.given_text("connection_id", line.word().unwrap_or_default());
    record.attributes = attributes.finish();
    if let Some(trace) = given(trace) {
        record.trace_id = Some(trace_id(Cow::Borrowed(trace)));
    }
    Some(())
}

/// `2015-05-13T23:39:43.945958Z lb 192.168.131.39:2817 10.0.0.1:80 …`.
///
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/access-log-collection.html>
pub(super) fn classic<'a>(text: &'a str, record: &mut LogRecord<'a>) -> Option<()> {
    let mut line = Scanner::new(text);
    let entry = Entry::read(&mut line)?;
    record.attributes = entry.fill(record).finish();
    Some(())
}

/// `tls 2.0 2018-12-20T02:59:40 net/lb/c6e77e28c25b2234 listener client:port
/// target:port connection-ms handshake-ms received sent alert …`.
///
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-access-logs.html>
pub(super) fn network<'a>(text: &'a str, record: &mut LogRecord<'a>) -> Option<()> {
    let mut line = Scanner::new(text);
    let (kind, _version) = (line.word()?, line.word()?);
    let time = timestamp::from_field(line.word()?)?;
    let (elb, listener) = (line.word()?, line.word()?);
    let message = line.rest();
    let (client, target) = (line.word()?, line.word()?);
    let (took, handshake, received, sent) = (line.word()?, line.word()?, line.word()?, line.word()?);
    let is_count = |word: &str| word == "-" || is_integer(word);
    if !elb.starts_with("net/") || ![took, handshake, received, sent].into_iter().all(is_count) {
        return None;
    }
    let (alert, certificate) = (line.word().unwrap_or_default(), line.word().unwrap_or_default());
    let _serial = line.word();
    let (cipher, tls_protocol) = (line.word().unwrap_or_default(), line.word().unwrap_or_default());
    let _group = line.word();
    let exchange = Exchange {
        time: Some(time),
        client,
        request: message,
        bytes: sent,
        request_bytes: received,
        upstream: target,
        server_name: line.word().unwrap_or_default(),
        duration_ms: took.parse().ok(),
        ..Exchange::default()
    };
    let mut attributes = exchange.fill(record, Format::Alb);
    attributes.text("elb", elb);
    attributes.text("type", kind);
    attributes.text("listener", listener);
    attributes.integer("tls_handshake_ms", handshake);
    attributes.given_text("tls_alert", alert);
    attributes.given_text("chosen_cert_arn", certificate);
    attributes.given_text("tls_cipher", cipher);
    attributes.given_text("tls_protocol", tls_protocol);
    record.attributes = attributes.finish();
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::testing::check;

    #[test]
    fn entries() {
        for (line, expected) in [
            (
                r#"h2 2024-12-19T10:30:15.364Z app/shop/50dc6c495c0c9188 192.0.2.39:2817 10.0.0.7:80 0.001 0.048 0.037 503 502 34 366 "GET https://shop.example:443/a?b=c HTTP/2.0" "curl/8" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/shop/73e2d6bc24d8a067 "Root=1-0af76519-16cd43dd8448eb211c80319c" "shop.example" "arn:aws:acm:eu-west-1:111122223333:certificate/1" 1 2024-12-19T10:30:15.278Z "waf,forward" "-" "-" "10.0.0.7:80" "502" "-" "-" TID_1"#,
                r#"{"timestamp":"2024-12-19T10:30:15.364Z","http_method":"GET","path":"/a","status_code":503,"severity_number":17,
                    "duration_ms":86.0,"trace_id":"0af7651916cd43dd8448eb211c80319c","message":"GET https://shop.example:443/a?b=c HTTP/2.0",
                    "attributes":{"client_ip":"192.0.2.39","protocol":"HTTP/2.0","bytes":366,"request_bytes":34,"user_agent":"curl/8",
                        "upstream":"10.0.0.7:80","elb":"app/shop/50dc6c495c0c9188","request_processing_time":0.001,
                        "target_processing_time":0.048,"response_processing_time":0.037,"target_status_code":502,
                        "tls_cipher":"ECDHE-RSA-AES128-GCM-SHA256","tls_protocol":"TLSv1.2","type":"h2",
                        "target_group_arn":"arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/shop/73e2d6bc24d8a067",
                        "server_name":"shop.example","chosen_cert_arn":"arn:aws:acm:eu-west-1:111122223333:certificate/1",
                        "matched_rule_priority":1,"request_creation_time":"2024-12-19T10:30:15.278Z","actions_executed":"waf,forward",
                        "connection_id":"TID_1"}}"#,
            ),
            // No target answered; an entry without the newer fields.
            (
                r#"http 2024-12-19T10:30:15.364Z app/shop/5 192.0.2.39:2817 - -1 -1 -1 460 - 34 0 "GET http://shop.example:80/ HTTP/1.1" "-" - -"#,
                r#"{"status_code":460,"duration_ms":null,"path":"/","trace_id":null,
                    "attributes":{"client_ip":"192.0.2.39","protocol":"HTTP/1.1","bytes":0,"request_bytes":34,"elb":"app/shop/5",
                        "request_processing_time":-1,"target_processing_time":-1,"response_processing_time":-1,"type":"http"}}"#,
            ),
            (
                r#"2024-12-19T10:30:15.945958Z shop 192.0.2.39:2817 10.0.0.1:80 0.000073 0.001048 -1 200 200 0 29 "GET http://www.example.com:80/a HTTP/1.1" "curl/7" - -"#,
                r#"{"duration_ms":1.121,"status_code":200,"path":"/a",
                    "attributes":{"client_ip":"192.0.2.39","protocol":"HTTP/1.1","bytes":29,"request_bytes":0,"user_agent":"curl/7",
                        "upstream":"10.0.0.1:80","elb":"shop","request_processing_time":0.000073,"target_processing_time":0.001048,
                        "response_processing_time":-1,"target_status_code":200}}"#,
            ),
            (
                "tls 2.0 2024-12-19T10:30:15 net/shop/c6 g3d4 192.0.2.39:51341 10.0.0.1:443 5 2 98 246 - arn:aws:acm:x - ECDHE tlsv12 - shop.example h2 h2 - 2024-12-19T10:30:10",
                r#"{"timestamp":"2024-12-19T10:30:15.000Z","duration_ms":5.0,"status_code":null,"severity_number":9,
                    "attributes":{"client_ip":"192.0.2.39","bytes":246,"request_bytes":98,"upstream":"10.0.0.1:443","server_name":"shop.example",
                        "elb":"net/shop/c6","type":"tls","listener":"g3d4","tls_handshake_ms":2,"chosen_cert_arn":"arn:aws:acm:x",
                        "tls_cipher":"ECDHE","tls_protocol":"tlsv12"}}"#,
            ),
        ] {
            check(line, Format::Alb, expected);
        }
    }

    #[test]
    fn durations_are_sums_of_what_is_known() {
        for (times, expected) in [
            (["0.1", "0.2", "0.3"], Some(600.0)),
            (["0.1", "-1", "-1"], Some(100.0)),
            (["-1", "-1", "-1"], None),
        ] {
            assert_eq!(duration_ms(times), expected, "{times:?}");
        }
    }
}
