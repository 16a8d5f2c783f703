//! Traefik's access log: a Combined line, then the number of the request, the
//! router, the server and the duration.
//!
//! <https://doc.traefik.io/traefik/observability/access-logs/#format>

use crate::parse::http::Exchange;
use crate::parse::milliseconds;
use crate::parse::scan::{Scanner, is_integer};
use crate::record::{Format, LogRecord};

/// What follows the user agent: `42 "router@docker" "http://10.0.0.2:80" 12ms`.
#[derive(Debug)]
pub(in crate::parse) struct Tail<'a> {
    router: &'a str,
    server: &'a str,
    duration_ms: f64,
}

/// Reads it whole, or not at all.
pub(in crate::parse) fn tail(mut line: Scanner<'_>) -> Option<Tail<'_>> {
    if !is_integer(line.word()?) {
        return None;
    }
    let (router, server) = (line.quoted()?, line.quoted()?);
    let duration_ms = milliseconds(line.rest()).filter(|_| line.rest().ends_with("ms"))?;
    Some(Tail { router, server, duration_ms })
}

impl<'a> Tail<'a> {
    /// Fills the record from the Combined part and this.
    pub(in crate::parse) fn fill(&self, exchange: Exchange<'a>, record: &mut LogRecord<'a>) {
        let exchange = Exchange { upstream: self.server, duration_ms: Some(self.duration_ms), ..exchange };
        let mut attributes = exchange.fill(record, Format::Traefik);
        attributes.given_text("router", self.router);
        record.attributes = attributes.finish();
    }
}

#[cfg(test)]
mod tests {
    use crate::parse::testing::check;
    use crate::record::Format;

    #[test]
    fn traefik_lines() {
        check(
            r#"10.1.1.7 - ann [19/Dec/2024:10:30:15 +0000] "GET /cart?id=7 HTTP/2.0" 502 11 "-" "curl/8.5" 812 "shop@docker" "http://172.18.0.4:8080" 12ms"#,
            Format::Traefik,
            r#"{"timestamp":"2024-12-19T10:30:15.000Z","http_method":"GET","path":"/cart","status_code":502,"duration_ms":12.0,
                "user_id":"ann","severity_number":17,"severity_text":null,"message":"GET /cart?id=7 HTTP/2.0",
                "attributes":{"client_ip":"10.1.1.7","protocol":"HTTP/2.0","bytes":11,"user_agent":"curl/8.5",
                    "upstream":"http://172.18.0.4:8080","router":"shop@docker"}}"#,
        );
        // Nobody answered: there is neither a router nor a server.
        check(
            r#"10.1.1.7 - - [19/Dec/2024:10:30:15 +0000] "GET /x HTTP/1.1" 404 19 "-" "-" 813 "-" "-" 0ms"#,
            Format::Traefik,
            r#"{"status_code":404,"duration_ms":0.0,"attributes":{"client_ip":"10.1.1.7","protocol":"HTTP/1.1","bytes":19}}"#,
        );
    }

    #[test]
    fn what_is_not_whole_is_a_combined_line() {
        for appended in [r#"813 "-" "-""#, r#"813 "-" "-" 12"#, r#"x "-" "-" 12ms"#] {
            let line = format!(
                r#"10.1.1.7 - - [19/Dec/2024:10:30:15 +0000] "GET /x HTTP/1.1" 404 19 "-" "-" {appended}"#
            );
            check(&line, Format::Access, r#"{"status_code":404}"#);
        }
    }
}
