//! VPC flow log records in the default format (version 2): 14 fields, which say
//! what came of the packets between two addresses in a window of time.
//!
//! <https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html>

use crate::parse::attributes::Attributes;
use crate::parse::scan::{Scanner, is_integer};
use crate::parse::timestamp::{self, LineTime};
use crate::record::{Format, LogRecord};

/// Length of an account's id, in digits.
const ACCOUNT_ID_DIGITS: usize = 12;

/// `2 123456789010 eni-1235b8ca 172.31.16.139 172.31.16.21 20641 22 6 20 4249
/// 1418530010 1418530070 ACCEPT OK`. The message stays: it has no words.
pub(super) fn parse<'a>(text: &'a str, record: &mut LogRecord<'a>) -> Option<()> {
    let mut line = Scanner::new(text);
    line.eat("2 ")?;
    let (account, interface) = (line.word()?, line.word()?);
    let (source, destination) = (line.word()?, line.word()?);
    let (source_port, destination_port, protocol) = (line.word()?, line.word()?, line.word()?);
    let (packets, bytes) = (line.word()?, line.word()?);
    let (start, end) = (line.word()?, line.word()?);
    let (action, status) = (line.word()?, line.word()?);
    let is_account = account.len() == ACCOUNT_ID_DIGITS && account.bytes().all(|b| b.is_ascii_digit());
    if !(is_account || account == "unknown")
        || !matches!(action, "ACCEPT" | "REJECT" | "-")
        || !matches!(status, "OK" | "NODATA" | "SKIPDATA")
        || !is_integer(start)
        || !is_integer(end)
        || !line.rest().is_empty()
    {
        return None;
    }
    let Some(time @ LineTime::Instant(_)) = timestamp::from_field(start) else { return None };
    record.format = Format::VpcFlow;
    record.believe(time);
    let mut attributes = Attributes::resume(record.attributes.take(), text.len() + 128);
    attributes.text("account_id", account);
    attributes.given_text("interface_id", interface);
    attributes.given_text("src_addr", source);
    attributes.given_text("dst_addr", destination);
    attributes.integer("src_port", source_port);
    attributes.integer("dst_port", destination_port);
    attributes.given_text("protocol", protocol_name(protocol));
    attributes.integer("packets", packets);
    attributes.integer("bytes", bytes);
    attributes.integer("end", end);
    attributes.given_text("action", action);
    attributes.text("log_status", status);
    record.attributes = attributes.finish();
    Some(())
}

/// The names of the protocols that are met every day; the others keep their number.
///
/// <https://www.iana.org/assignments/protocol-numbers/protocol-numbers.xhtml>
fn protocol_name(number: &str) -> &str {
    match number {
        "1" => "ICMP",
        "6" => "TCP",
        "17" => "UDP",
        "58" => "ICMPv6",
        _ => number,
    }
}

#[cfg(test)]
mod tests {
    use crate::parse::testing::check;
    use crate::record::Format;

    #[test]
    fn records() {
        let line = "2 123456789010 eni-1235b8ca 172.31.9.69 2001:db8::2 49761 3389 6 20 4249 1734604215 1734604275 REJECT OK";
        check(
            line,
            Format::VpcFlow,
            r#"{"timestamp":"2024-12-19T10:30:15.000Z","severity_number":null,
                "message":"2 123456789010 eni-1235b8ca 172.31.9.69 2001:db8::2 49761 3389 6 20 4249 1734604215 1734604275 REJECT OK",
                "attributes":{"account_id":"123456789010","interface_id":"eni-1235b8ca","src_addr":"172.31.9.69","dst_addr":"2001:db8::2",
                    "src_port":49761,"dst_port":3389,"protocol":"TCP","packets":20,"bytes":4249,"end":1734604275,
                    "action":"REJECT","log_status":"OK"}}"#,
        );
        check(
            "2 123456789010 eni-1235b8ca - - - - - - - 1734604215 1734604275 - NODATA",
            Format::VpcFlow,
            r#"{"attributes":{"account_id":"123456789010","interface_id":"eni-1235b8ca","end":1734604275,"log_status":"NODATA"}}"#,
        );
    }
}
