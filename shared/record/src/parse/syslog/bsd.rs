//! RFC 3164, "the BSD syslog protocol": what daemons write, which the RFC only observed.
//!
//! `Dec 19 10:30:15 host tag[pid]: message`, with or without priority, host,
//! tag and pid; and rsyslog's form with an ISO time.
//! <https://datatracker.ietf.org/doc/html/rfc3164#section-4>

use std::borrow::Cow;

use super::{Priority, hand_on, level_of, plain_level};
use crate::parse::attributes::Attributes;
use crate::parse::logfmt;
use crate::parse::scan::Scanner;
use crate::parse::timestamp::{self, LineTime};
use crate::record::{Format, LogRecord};

/// The longest tag, with its pid, in bytes. RFC 3164 says 32; macOS writes the
/// names of services.
const MAX_TAG_BYTES: usize = 160;

/// What Heroku's router writes behind the time, and before its `key=value` pairs.
/// <https://devcenter.heroku.com/articles/http-routing#heroku-router-log-format>
const HEROKU_ROUTER: &str = " heroku[router]: ";

/// How many words a tag may have: programs of macOS have names like `Google Chrome Helper`.
const MAX_TAG_SPACES: usize = 3;

/// Fills the record from a line that begins with its time.
pub(super) fn parse<'a>(text: &'a str, priority: Option<Priority>, record: &mut LogRecord<'a>) -> Option<()> {
    // Cisco marks the time of an unset clock.
    let start = text.strip_prefix('*').unwrap_or(text);
    let found = timestamp::syslog(start)?;
    let frame = Frame::read(start.get(found.len..)?, priority.is_some())?;
    frame.fill(found.time, priority, record);
    Some(())
}

/// `2024-12-19T10:30:15.123456+00:00 host tag[pid]: message`, as rsyslog writes
/// files. Many logs begin like this: without a priority it takes a pid, too.
pub(super) fn parse_iso<'a>(
    text: &'a str,
    priority: Option<Priority>,
    record: &mut LogRecord<'a>,
) -> Option<()> {
    if !matches!(text.as_bytes(), [_, _, _, _, b'-', _, _, b'-', _, _, b'T', ..]) {
        return None;
    }
    let found = timestamp::leading(text)?;
    let rest = text.get(found.len..)?;
    if let Some(pairs) = rest.strip_prefix(HEROKU_ROUTER) {
        let is_logfmt = logfmt::parse(pairs, record);
        if is_logfmt {
            record.believe(found.time);
        }
        return is_logfmt.then_some(());
    }
    let frame = Frame::read(rest, priority.is_some())?;
    if priority.is_none() && (frame.tag.pid.is_empty() || frame.host.is_none()) {
        return None;
    }
    frame.fill(found.time, priority, record);
    Some(())
}

#[derive(Debug)]
struct Frame<'a> {
    host: Option<&'a str>,
    tag: Tag<'a>,
    message: &'a str,
}

impl<'a> Frame<'a> {
    /// Reads what follows the time. Where no priority says that it is syslog,
    /// a tag must, or one of the messages that syslogd itself writes.
    fn read(rest: &'a str, is_surely_syslog: bool) -> Option<Self> {
        let mut line = Scanner::new(rest);
        // Some write a colon behind the time.
        if line.eat(": ").is_none() {
            line.eat(" ")?;
        }
        line.spaces();
        let without_host = line.rest();
        let host = line.word()?;
        if !is_surely_syslog && starts_with_level(host) {
            return None;
        }
        if host.ends_with(':') || host.ends_with(']') {
            let (tag, message) = Tag::read(without_host)?;
            return Some(Self { host: None, tag, message });
        }
        if !is_host(host) {
            return is_surely_syslog.then_some(Self {
                host: None,
                tag: Tag::default(),
                message: without_host,
            });
        }
        line.spaces();
        let rest = line.rest();
        if let Some((tag, message)) = Tag::read(rest).filter(|_| !is_message_of_syslogd(rest)) {
            if !is_surely_syslog && starts_with_level(tag.name) {
                return None;
            }
            return Some(Self { host: Some(host), tag, message });
        }
        (is_surely_syslog || is_message_of_syslogd(rest)).then_some(Self {
            host: Some(host),
            tag: Tag::default(),
            message: rest,
        })
    }

    fn fill(&self, time: LineTime, priority: Option<Priority>, record: &mut LogRecord<'a>) {
        record.format = Format::Syslog;
        record.believe(time);
        record.message = Cow::Borrowed(self.message);
        let room = 64 + self.host.map_or(0, str::len) + self.tag.name.len();
        let mut attributes = Attributes::resume(record.attributes.take(), room);
        attributes.some_text("host", self.host);
        attributes.some_text("logger", Some(self.tag.name));
        attributes.integer("pid", self.tag.pid);
        attributes.some_text("facility", priority.map(|priority| priority.facility));
        record.attributes = attributes.finish();
        let is_handed_on = hand_on(self.tag.name, self.message, record);
        if record.severity_number.is_some() {
            return;
        }
        if let Some(priority) = priority {
            priority.fill(record);
        } else if let Some((level, number)) = level_of(self.message).filter(|_| !is_handed_on) {
            record.severity_text = Some(Cow::Borrowed(level));
            record.severity_number = Some(number);
        }
    }
}

/// Who says it: `sshd[42]`, `sshd(pam_unix)[42]`, `kernel`, `postfix/smtpd[42]`,
/// `com.apple.xpc[1] (Foo[12])`, `syslogd 1.4.1`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tag<'a> {
    name: &'a str,
    pid: &'a str,
}

impl<'a> Tag<'a> {
    /// Reads a tag up to its colon, and returns what follows it.
    fn read(text: &'a str) -> Option<(Self, &'a str)> {
        let text = text.strip_prefix("-- ").unwrap_or(text);
        let window = text.as_bytes().get(..(MAX_TAG_BYTES + 1).min(text.len()))?;
        let ends_there = |at: &usize| matches!(window.get(at + 1), None | Some(b' '));
        let end = memchr::memchr_iter(b':', window).find(ends_there)?;
        let (tag, message) = text.split_at_checked(end)?;
        let message = message.get(1..)?;
        let message = message.strip_prefix(' ').unwrap_or(message);
        let (name, pid) = match tag.split_once('[') {
            Some((name, after)) => {
                let (pid, origin) = after.split_once(']')?;
                // macOS names whom the line is about: ` (com.apple.quicklook[371])`.
                let is_origin = origin.starts_with(" (") && origin.ends_with(')');
                if !origin.is_empty() && !is_origin || !is_pid(pid) {
                    return None;
                }
                (name, pid)
            }
            None => (tag, ""),
        };
        let is_version = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
        let names_one_program = match name.split_once(' ') {
            None => true,
            Some((_, more)) if pid.is_empty() => is_version(more) && !more.contains(' '),
            Some(_) => name.bytes().filter(|b| *b == b' ').count() <= MAX_TAG_SPACES,
        };
        let is_name = |b: u8| b.is_ascii_alphanumeric() || b"._-/()@ +%&#\\".contains(&b) || !b.is_ascii();
        let is_tag = !name.is_empty() && names_one_program && name.bytes().all(is_name);
        is_tag.then_some((Self { name, pid }, message))
    }
}

/// A process, or a process and a thread (`3421:77`, `77.1`).
fn is_pid(pid: &str) -> bool {
    !pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit() || matches!(b, b':' | b'.'))
}

fn is_host(word: &str) -> bool {
    // A host, an address, or `localhost/localhost` as some relays write.
    word.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-:/@".contains(&b) || !b.is_ascii())
        && word.bytes().any(|b| b.is_ascii_alphanumeric() || !b.is_ascii())
}

fn starts_with_level(word: &str) -> bool {
    let trimmed = word.trim_matches(['[', ']', ':', '<', '>', '|']);
    trimmed.bytes().all(|b| b.is_ascii_alphabetic()) && plain_level(trimmed).is_some()
}

fn is_message_of_syslogd(message: &str) -> bool {
    matches!(message, "-- MARK --" | "--MARK--")
        || message.starts_with("last message repeated ")
        || message.starts_with("--- last message repeated ")
        || message.starts_with("message repeated ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::testing::{check, takes};

    #[test]
    fn lines_of_daemons() {
        for (line, expected) in [
            (
                "<34>Dec 19 10:30:15 web1 su[812]: 'su root' failed for ann",
                r#"{"timestamp":"2024-12-19T10:30:15.000Z","severity_text":"crit","severity_number":21,
                    "message":"'su root' failed for ann",
                    "attributes":{"host":"web1","logger":"su","pid":812,"facility":"auth"}}"#,
            ),
            // Without a priority; the year is the last in which that day was not yet to come.
            (
                "Dec 31 10:30:15 web1 sshd(pam_unix)[812]: check pass; user unknown",
                r#"{"timestamp":"2023-12-31T10:30:15.000Z","severity_text":null,"message":"check pass; user unknown",
                    "attributes":{"host":"web1","logger":"sshd(pam_unix)","pid":812}}"#,
            ),
            (
                "Dec  9 10:30:15 web1 kernel: eth0: link up",
                r#"{"timestamp":"2024-12-09T10:30:15.000Z","message":"eth0: link up",
                "attributes":{"host":"web1","logger":"kernel"}}"#,
            ),
            (
                "Dec 9 10:30:15 web1 postfix/smtpd[7]: connect",
                r#"{"message":"connect","attributes":{"host":"web1","logger":"postfix/smtpd","pid":7}}"#,
            ),
            (
                "Dec 19 2024 10:30:15 fw1 %ASA-6-302013: built",
                r#"{"timestamp":"2024-12-19T10:30:15.000Z","message":"built",
                "attributes":{"host":"fw1","logger":"%ASA-6-302013"}}"#,
            ),
            (
                "<189>29: *Dec 19 10:30:15.5 UTC: %SYS-5-CONFIG_I: set",
                r#"{"timestamp":"2024-12-19T10:30:15.500Z","message":"set",
                "severity_text":"notice","attributes":{"logger":"%SYS-5-CONFIG_I","facility":"local7"}}"#,
            ),
            (
                "Dec 19 10:30:15 log config: read",
                r#"{"message":"read","severity_text":null,"attributes":{"host":"log","logger":"config"}}"#,
            ),
            ("Dec 19 10:30:15 web1 -- MARK --", r#"{"message":"-- MARK --","attributes":{"host":"web1"}}"#),
            (
                "Dec 19 10:30:15 web1 last message repeated 3 times",
                r#"{"message":"last message repeated 3 times","attributes":{"host":"web1"}}"#,
            ),
            (
                "Dec 19 10:30:15 web1 syslogd 1.4.1: restart.",
                r#"{"message":"restart.","attributes":{"host":"web1","logger":"syslogd 1.4.1"}}"#,
            ),
            (
                "Dec 19 10:30:15 web1  -- root[2421]: ROOT LOGIN ON tty2",
                r#"{"message":"ROOT LOGIN ON tty2","attributes":{"host":"web1","logger":"root","pid":2421}}"#,
            ),
            // A container has no host to write.
            (
                "Dec 19 10:30:15 cron[7]: (root) CMD (run)",
                r#"{"message":"(root) CMD (run)","attributes":{"logger":"cron","pid":7}}"#,
            ),
            // macOS.
            (
                "Dec 19 10:30:15 anns-mac com.apple.xpc.launchd[1] (com.apple.quicklook[371]): exited",
                r#"{"message":"exited","attributes":{"host":"anns-mac","logger":"com.apple.xpc.launchd","pid":1}}"#,
            ),
            (
                "Dec 19 10:30:15 anns-mac Google Chrome[7]: a: b",
                r#"{"message":"a: b","attributes":{"host":"anns-mac","logger":"Google Chrome","pid":7}}"#,
            ),
            // Only what is plainly a level.
            (
                "Dec 19 10:30:15 web1 shop[7]: error: no stock",
                r#"{"severity_text":"error","severity_number":17,"message":"error: no stock"}"#,
            ),
            ("Dec 19 10:30:15 web1 shop[7]: no error", r#"{"severity_text":null,"severity_number":null}"#),
            // A priority is enough: there need not be a tag, or a host.
            (
                "<13>Dec 19 10:30:15 web1 nothing to say here",
                r#"{"message":"nothing to say here","severity_text":"notice",
                "attributes":{"host":"web1","facility":"user"}}"#,
            ),
            (
                "<13>Dec 19 10:30:15 (all) is well",
                r#"{"message":"(all) is well","attributes":{"facility":"user"}}"#,
            ),
            // rsyslog's files.
            (
                "2024-12-19T11:30:15.123456+01:00 web1 sshd[812]: closed",
                r#"{"time_unix_nano":1734604215123456000,"message":"closed","attributes":{"host":"web1","logger":"sshd","pid":812}}"#,
            ),
            (
                "<13>2024-12-19T10:30:15Z web1 shop: sent",
                r#"{"timestamp":"2024-12-19T10:30:15.000Z","message":"sent",
                "attributes":{"host":"web1","logger":"shop","facility":"user"}}"#,
            ),
        ] {
            check(line, Format::Syslog, expected);
        }
    }

    #[test]
    fn servers_inside_syslog_keep_their_format() {
        check(
            r#"<190>Dec 19 10:30:15 web1 nginx: 10.0.0.1 - - [19/Dec/2024:10:30:14 +0000] "GET /a HTTP/1.1" 404 5"#,
            Format::Access,
            r#"{"timestamp":"2024-12-19T10:30:14.000Z","status_code":404,"severity_number":13,"message":"GET /a HTTP/1.1",
                "attributes":{"host":"web1","logger":"nginx","facility":"local7","client_ip":"10.0.0.1","protocol":"HTTP/1.1","bytes":5}}"#,
        );
    }

    #[test]
    fn applications_inside_syslog_state_their_level() {
        for (line, format, expected) in [
            (
                r#"Dec 19 10:30:15 web1 shop[7]: {"level":"error","msg":"no stock","order":7}"#,
                Format::Json,
                r#"{"timestamp":"2024-12-19T10:30:15.000Z","severity_text":"error","severity_number":17,"message":"no stock",
                    "attributes":{"host":"web1","logger":"shop","pid":7,"level":"error","msg":"no stock","order":7}}"#,
            ),
            (
                r#"<14>Dec 19 10:30:15 web1 shop[7]: {"msg":"no stock"}"#,
                Format::Json,
                r#"{"severity_text":"info","message":"no stock"}"#,
            ),
            (
                "Dec 19 10:30:15 web1 shop[7]: 2024-12-19 10:30:14,123 ERROR app.core no stock",
                Format::Syslog,
                r#"{"severity_text":"ERROR","severity_number":17,"message":"2024-12-19 10:30:14,123 ERROR app.core no stock"}"#,
            ),
            ("Dec 19 10:30:15 web1 shop[7]: 3 ERROR codes", Format::Syslog, r#"{"severity_text":null}"#),
        ] {
            check(line, format, expected);
        }
    }

    #[test]
    fn pairs_inside_syslog_are_pairs_where_they_state_a_level() {
        check(
            r#"Dec 19 10:30:15 web1 dockerd[7]: time="2024-12-19T10:30:14Z" level=warning msg="low on space" free=5"#,
            Format::Logfmt,
            r#"{"timestamp":"2024-12-19T10:30:14.000Z","severity_text":"warning","message":"low on space",
                "attributes":{"host":"web1","logger":"dockerd","pid":7,"free":5}}"#,
        );
        check(
            "Dec 19 10:30:15 web1 kernel: IN=eth0 OUT= SRC=10.0.0.1",
            Format::Syslog,
            r#"{"message":"IN=eth0 OUT= SRC=10.0.0.1","attributes":{"host":"web1","logger":"kernel"}}"#,
        );
        check(
            r#"2024-12-19T10:30:15.000000+00:00 heroku[router]: at=info method=GET path="/a?b=c" dyno=web.1 service=12ms status=200"#,
            Format::Logfmt,
            r#"{"timestamp":"2024-12-19T10:30:15.000Z","http_method":"GET","path":"/a","status_code":200}"#,
        );
    }

    #[test]
    fn a_tag_has_a_longest_length() {
        let line = |len: usize| format!("Dec 19 10:30:15 web1 {}: x", "t".repeat(len));
        assert!(takes(crate::parse::syslog::parse, &line(MAX_TAG_BYTES)));
        assert!(!takes(crate::parse::syslog::parse, &line(MAX_TAG_BYTES + 1)));
        let words = |spaces: usize| format!("Dec 19 10:30:15 web1 {}t[1]: x", "t ".repeat(spaces));
        assert!(takes(crate::parse::syslog::parse, &words(MAX_TAG_SPACES)));
        assert!(!takes(crate::parse::syslog::parse, &words(MAX_TAG_SPACES + 1)));
    }
}
