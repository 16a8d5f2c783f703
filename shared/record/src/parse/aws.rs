//! Access logs that AWS's load balancers write, and flow logs of VPCs.

mod load_balancer;
mod vpc_flow;

use crate::record::LogRecord;

/// Fills the record and returns true, or leaves it as it was.
pub(crate) fn parse<'a>(text: &'a str, record: &mut LogRecord<'a>) -> bool {
    match text.as_bytes() {
        [b'h' | b'g' | b'w', ..] => load_balancer::application(text, record),
        [b't', b'l', b's', b' ', ..] => load_balancer::network(text, record),
        [b'2', b' ', ..] => vpc_flow::parse(text, record),
        [_, _, _, _, b'-', _, _, b'-', _, _, b'T', ..] => load_balancer::classic(text, record),
        _ => None,
    }
    .is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::testing::{not_mine, takes};
    use proptest::prelude::*;

    #[test]
    fn ordinary_text_is_not_of_aws() {
        not_mine(
            parse,
            &[
                "",
                "2 ",
                "2 files were copied to the other side of the house in 3 s OK",
                "2 1 eni-1 a b c d e f g h i ACCEPT OK",
                "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status",
                "http listener started on port 80",
                "https://shop.example/ is up and a b c d e f g h i",
                "h2 2024-12-19T10:30:15Z app/lb/1 10.0.0.1:1 - ok",
                "tls 1.3 is on",
                "tls 2.0 2024-12-19T10:30:15 net/a/b l 10.0.0.1:1 ok",
                "2024-12-19T10:30:15Z INFO 10.0.0.1:80 is up",
                "2024-12-19T10:30:15.123456Z shop 10.0.0.1:80 10.0.0.2:80 took 1 2 3 s",
            ],
        );
    }

    proptest! {
        #[test]
        fn any_line_is_taken_or_left(line: String, which in 0_usize..5, cut in 0_usize..170, noise in "[ \"\\\\\\[\\]0-9a-z/:.-]{0,40}") {
            let starts = [
                "h2 2024-12-19T10:30:15.1Z app/a/b 10.0.0.1:1 10.0.0.2:2 0.000 0.001 0.000 200 200 34 366 \"GET / HTTP/1.1\" \"c\" - - a \"Root=1\" \"d\" \"e\" 0 f \"g\" \"h\" \"i\"",
                "2024-12-19T10:30:15.1Z lb 10.0.0.1:1 10.0.0.2:2 0.000 0.001 0.000 200 200 34 366 \"GET / HTTP/1.1\" \"c\" - -",
                "tls 2.0 2024-12-19T10:30:15 net/a/b l 10.0.0.1:1 10.0.0.2:2 5 2 98 246 - arn - c d - e - - -",
                "2 123456789010 eni-1 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1734604215 1734604275 ACCEPT OK",
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
