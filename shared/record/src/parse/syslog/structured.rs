//! RFC 5424: `<34>1 2003-10-11T22:14:15.003Z host app pid msgid [id k="v"] message`.
//!
//! <https://datatracker.ietf.org/doc/html/rfc5424#section-6>

use std::borrow::Cow;

use super::{Priority, hand_on};
use crate::parse::attributes::Attributes;
use crate::parse::scan::{Scanner, given, unescaped};
use crate::parse::timestamp;
use crate::record::{Format, LogRecord};

/// Longer names of hosts, applications and the like are not read as such, in
/// bytes. RFC 5424 allows 255 for a host and 48 for an application.
const MAX_HEADER_FIELD_BYTES: usize = 255;

/// Fills the record from what follows the version.
pub(super) fn parse<'a>(text: &'a str, priority: Priority, record: &mut LogRecord<'a>) -> Option<()> {
    let mut line = Scanner::new(text);
    let time = match line.word()? {
        "-" => None,
        time => Some(timestamp::from_field(time)?),
    };
    let mut field = || line.word().filter(|field| field.len() <= MAX_HEADER_FIELD_BYTES);
    let (host, app, pid, message_id) = (field()?, field()?, field()?, field()?);
    let mut elements = Attributes::default();
    match line.peek()? {
        b'-' => line.eat("-")?,
        b'[' => {
            while line.peek() == Some(b'[') {
                element(&mut line, &mut elements)?;
            }
        }
        _ => return None,
    }
    if !line.rest().is_empty() {
        line.eat(" ")?;
    }
    let message = line.rest();
    let header_bytes = text.len() - message.len();
    record.format = Format::Syslog;
    if let Some(time) = time {
        record.believe(time);
    }
    let text = message.strip_prefix('\u{feff}').unwrap_or(message);
    record.message = Cow::Borrowed(text);
    let mut attributes = Attributes::resume(record.attributes.take(), header_bytes + 64);
    attributes.given_text("host", host);
    attributes.given_text("logger", app);
    if let Some(pid) = given(pid) {
        attributes.bare("pid", pid);
    }
    attributes.text("facility", priority.facility);
    attributes.given_text("msgid", message_id);
    attributes.members(elements);
    record.attributes = attributes.finish();
    hand_on(app, text, record);
    if record.severity_number.is_none() {
        priority.fill(record);
    }
    Some(())
}

/// `[id@32473 name="value" name="value"]` becomes a member that is an object.
fn element(line: &mut Scanner<'_>, elements: &mut Attributes) -> Option<()> {
    line.eat("[")?;
    let id = name(line)?;
    let mut parameters = Attributes::default();
    while line.eat("]").is_none() {
        line.eat(" ")?;
        line.spaces();
        if line.peek() == Some(b']') {
            continue;
        }
        let name = name(line)?;
        line.eat("=\"")?;
        parameters.named_text(name, &unescaped(value(line)?));
    }
    elements.named_json(id, parameters.finish().as_deref().unwrap_or("{}"));
    Some(())
}

fn name<'a>(line: &mut Scanner<'a>) -> Option<&'a str> {
    let is_name = |b: u8| b.is_ascii_graphic() && !matches!(b, b'=' | b'"' | b']' | b'[');
    let len = line.rest().bytes().take_while(|b| is_name(*b)).count();
    line.take(len).filter(|name| !name.is_empty())
}

/// Up to the closing quote, which is passed over; `\"`, `\\` and `\]` are escapes.
fn value<'a>(line: &mut Scanner<'a>) -> Option<&'a str> {
    let bytes = line.rest().as_bytes();
    let mut len = 0;
    loop {
        len += memchr::memchr2(b'"', b'\\', bytes.get(len..)?)?;
        if bytes.get(len) == Some(&b'"') {
            let value = line.take(len)?;
            line.eat("\"")?;
            return Some(value);
        }
        len += 2;
    }
}

#[cfg(test)]
mod tests {
    use crate::parse::testing::{check, not_mine, takes};
    use crate::record::Format;

    #[test]
    fn structured_lines() {
        for (line, expected) in [
            (
                "<34>1 2024-12-19T10:30:15.003Z web1 shop 812 ID47 - \u{feff}card declined",
                r#"{"timestamp":"2024-12-19T10:30:15.003Z","severity_text":"crit","severity_number":21,"message":"card declined",
                    "attributes":{"host":"web1","logger":"shop","pid":812,"facility":"auth","msgid":"ID47"}}"#,
            ),
            (
                r#"<165>1 2024-12-19T11:30:15+01:00 web1 shop worker-3 - [order@32473 id="7" note="a \"b\" \] c"][origin ip="10.0.0.1"] sent"#,
                r#"{"timestamp":"2024-12-19T10:30:15.000Z","severity_text":"notice","message":"sent",
                    "attributes":{"host":"web1","logger":"shop","pid":"worker-3","facility":"local4",
                        "order@32473":{"id":"7","note":"a \"b\" ] c"},"origin":{"ip":"10.0.0.1"}}}"#,
            ),
            (
                r#"<13>1 - - - - - [empty@1]"#,
                r#"{"timestamp":null,"message":"","severity_text":"notice","attributes":{"facility":"user","empty@1":{}}}"#,
            ),
            (
                "88 <14>1 2024-12-19T10:30:15Z web1 shop - - - counted",
                r#"{"message":"counted","severity_text":"info","attributes":{"host":"web1","logger":"shop","facility":"user"}}"#,
            ),
        ] {
            check(line, Format::Syslog, expected);
        }
        check(
            r#"<14>1 2024-12-19T10:30:15Z web1 shop - - - {"level":"error","msg":"no stock"}"#,
            Format::Json,
            r#"{"severity_text":"error","message":"no stock"}"#,
        );
    }

    #[test]
    fn what_breaks_the_grammar_is_not_taken() {
        not_mine(
            crate::parse::syslog::parse,
            &[
                "<34>1",
                "<34>1 yesterday h a p m - x",
                "<34>1 - h a p",
                "<34>1 - h a p m x",
                "<34>1 - h a p m [x",
                "<34>1 - h a p m [x k=v] m",
                "<34>1 - h a p m [x k=\"v] m",
                "<34>1 - h a p m [] m",
                "<34>1 - h a p m -x",
            ],
        );
    }

    #[test]
    fn a_header_field_has_a_longest_length() {
        let line = |len: usize| format!("<34>1 - {} a p m - x", "h".repeat(len));
        assert!(takes(crate::parse::syslog::parse, &line(super::MAX_HEADER_FIELD_BYTES)));
        assert!(!takes(crate::parse::syslog::parse, &line(super::MAX_HEADER_FIELD_BYTES + 1)));
    }
}
