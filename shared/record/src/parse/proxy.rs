//! Access logs of proxies: HAProxy, Envoy, Traefik.

pub(super) mod envoy;
pub(super) mod haproxy;
pub(super) mod traefik;

use crate::record::LogRecord;

/// Fills the record and returns true, or leaves it as it was. Traefik's lines
/// begin like Common ones, which find them (`access.rs`).
pub(crate) fn parse<'a>(text: &'a str, record: &mut LogRecord<'a>) -> bool {
    envoy::parse(text, record).or_else(|| haproxy::parse(text, record)).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::testing::{not_mine, takes};
    use proptest::prelude::*;

    #[test]
    fn ordinary_text_is_no_proxys_line() {
        not_mine(
            parse,
            &[
                "",
                "[",
                "haproxy[",
                "haproxy[812]: Proxy web started.",
                "[2024-12-19T10:30:15Z] started",
                "[2024-12-19T10:30:15Z] \"GET / HTTP/1.1\" 200 ok",
                "[2024-12-19T10:30:15Z] \"quoted\" words - 1 2 3 4",
                "[2024-12-19 10:30:15] INFO app: started",
                "10.0.1.2:33317 [19/Dec/2024:10:30:15.655] connected to db/1",
                "10.0.1.2:33317 [19/Dec/2024:10:30:15.655] a b/c 1/2/3 many -- 0/0/0/0/3 0/0",
                "10.0.1.2:33317 [19/Dec/2024:10:30:15.655] a b/c 1/2/3/4 212 -- 0/0/0/0/3 0/0",
                "10.0.1.2:33317 [19/Dec/2024:10:30:15.655] a b/c 1/2/3 212 -- 0/0/0/0 0/0",
                "job 7 [19/Dec/2024:10:30:15] done",
            ],
        );
    }

    proptest! {
        #[test]
        fn any_line_is_taken_or_left(line: String, which in 0_usize..4, cut in 0_usize..170, noise in "[ \"\\\\\\[\\]0-9a-z/:.-]{0,40}") {
            let starts = [
                "10.0.1.2:3 [19/Dec/2024:10:30:15.655] http-in static/srv1 10/0/30/69/109 503 2750 - - SC-- 1/1/1/1/0 0/0 {a|b} {} \"GET /i HTTP/1.1\"",
                "haproxy[1]: 10.0.1.2:3 [19/Dec/2024:10:30:15.655] db pg/pg1 0/1/5007 212 -- 0/0/0/0/3 0/0",
                "[2024-12-19T10:30:15.310Z] \"GET / HTTP/1.1\" 503 UF a - \"b\" 0 95 2 - \"-\" \"c\" \"d\" \"e\" \"f\" g h i j",
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
