//! Logs of PostgreSQL, MySQL (MariaDB) and Redis (Valkey).

use std::borrow::Cow;

use super::attributes::Attributes;
use super::timestamp::{self, Found, LineTime};
use crate::record::{Format, LogRecord};

/// Room for the attributes of most lines.
const ATTRIBUTES_BYTES: usize = 80;
/// PostgreSQL's level stands this near behind its time, whatever `log_line_prefix` puts between.
const MAX_PREFIX_BYTES: usize = 200;

/// Fills the record and returns true, or leaves it as it was.
pub(crate) fn parse<'a>(text: &'a str, record: &mut LogRecord<'a>) -> bool {
    match text.as_bytes() {
        [b'0'..=b'9', b'0'..=b'9', ..] => {
            if text.as_bytes().get(4) != Some(&b'-') && redis(text, record).is_some() {
                return true;
            }
            let mut read = || {
                let found = Some(text).filter(|text| has_sign(text)).and_then(timestamp::leading)?;
                mysql(text, found, record).or_else(|| postgres(text, found, record))
            };
            read().is_some()
        }
        [b'0'..=b'9', b':', ..] | [b'[', b'0'..=b'9', ..] => redis(text, record).is_some(),
        _ => false,
    }
}

/// Whether a bracket opens near the start, as in every dated line of these, and
/// holds what can be MySQL's level, or PostgreSQL's colon and two spaces follow.
fn has_sign(text: &str) -> bool {
    let until = |end: usize| text.as_bytes().get(..text.len().min(end)).unwrap_or_default();
    let near = until(MAX_PREFIX_BYTES);
    if memchr::memchr(b'[', near.get(16..).unwrap_or_default()).is_none() {
        return false;
    }
    let may_be_level = |at: usize| matches!(near.get(at + 1), Some(b'S' | b'N' | b'W' | b'E'));
    // The window that is looked through for the colon begins behind the time.
    let window = until(2 * MAX_PREFIX_BYTES);
    let is_colon = |at: usize| window.get(at + 1..at + 3) == Some(b"  ");
    memchr::memchr_iter(b'[', near).any(may_be_level) || memchr::memchr_iter(b':', window).any(is_colon)
}

struct Entry<'a> {
    format: Format,
    time: LineTime,
    level: (&'a str, u8),
    message: &'a str,
}

impl<'a> Entry<'a> {
    fn fill(self, record: &mut LogRecord<'a>) -> Attributes {
        record.format = self.format;
        record.believe(self.time);
        record.severity_text = Some(Cow::Borrowed(self.level.0));
        record.severity_number = Some(self.level.1);
        record.message = Cow::Borrowed(self.message.trim());
        Attributes::resume(record.attributes.take(), ATTRIBUTES_BYTES)
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `1:M 19 Dec 2024 10:30:15.123 * Ready`: process, role, time, level. Before
/// version 3: `[1] 19 Dec 10:30:15.123 * Ready`.
///
/// <https://github.com/redis/redis/blob/unstable/src/server.c> (`serverLogRaw`)
fn redis<'a>(text: &'a str, record: &mut LogRecord<'a>) -> Option<()> {
    let (head, rest) =
        text.split_at_checked(text.as_bytes().iter().take(16).position(|byte| *byte == b' ')?)?;
    let (pid, role) = match head.strip_prefix('[') {
        Some(head) => (head.strip_suffix(']')?, None),
        None => head.split_once(':').map(|(pid, role)| (pid, Some(role)))?,
    };
    // Sentinel, a child that writes, a replica, the master.
    if !is_number(pid) || role.is_some_and(|role| !matches!(role, "X" | "C" | "S" | "M")) {
        return None;
    }
    let rest = rest.trim_start();
    let found = timestamp::leading(rest)?;
    let rest = rest.get(found.len..)?.strip_prefix(' ')?;
    let (level, message) = rest.split_at_checked(1)?;
    let number = match level {
        "." => 5,
        "-" => 9,
        "*" => 10,
        "#" => 13,
        _ => return None,
    };
    let message = message.strip_prefix(' ')?;
    let entry = Entry { format: Format::Redis, time: found.time, level: (level, number), message };
    let mut attributes = entry.fill(record);
    attributes.integer("pid", pid);
    attributes.some_text("role", role);
    record.attributes = attributes.finish();
    Some(())
}

/// `time thread [Level] [MY-000000] [Subsystem] message`; 5.7 and MariaDB
/// without the two groups, 5.5 without the thread, too.
///
/// <https://dev.mysql.com/doc/refman/8.4/en/error-log-format.html>
fn mysql<'a>(text: &'a str, found: Found, record: &mut LogRecord<'a>) -> Option<()> {
    let rest = text.get(found.len..)?.trim_start();
    let (thread, rest) = match rest.split_once(' ') {
        Some((thread, rest)) if is_number(thread) => (Some(thread), rest.trim_start()),
        _ => (None, rest),
    };
    let (level, rest) = rest.strip_prefix('[')?.split_once(']')?;
    let number = match level {
        "System" | "Note" => 9,
        "Warning" => 13,
        "Error" | "ERROR" => 17,
        _ => return None,
    };
    let group = |text: &'a str| text.strip_prefix(" [").and_then(|rest| rest.split_once(']'));
    let coded = group(rest).filter(|(code, _)| code.starts_with("MY-"));
    let (code, rest) = coded.map_or((None, rest), |(code, rest)| (Some(code), rest));
    let subsystem = group(rest).filter(|_| code.is_some());
    let (subsystem, message) = subsystem.map_or((None, rest), |(subsystem, rest)| (Some(subsystem), rest));
    if thread.is_none() && code.is_none() && !matches!(level, "Note" | "System") && !text.starts_with("24") {
        // `[Warning]` behind a time is many a logger's; MySQL's own has a thread since 5.7.
        return None;
    }
    let entry = Entry { format: Format::Mysql, time: found.time, level: (level, number), message };
    let mut attributes = entry.fill(record);
    attributes.some_text("logger", subsystem);
    attributes.some_text("thread", thread);
    attributes.some_text("code", code);
    record.attributes = attributes.finish();
    Some(())
}

/// `time [pid] user@database LEVEL:  message`; RDS: `time:client:user@database:[pid]:LEVEL:  message`.
///
/// <https://www.postgresql.org/docs/current/runtime-config-logging.html>,
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.Concepts.PostgreSQL.overview.parameter-groups.html>
fn postgres<'a>(text: &'a str, found: Found, record: &mut LogRecord<'a>) -> Option<()> {
    let rest = text.get(found.len..)?;
    let near = rest.get(..rest.floor_char_boundary(MAX_PREFIX_BYTES))?;
    // Two spaces behind the colon are PostgreSQL's own.
    let is_end = |at: &usize| near.as_bytes().get(at + 1..at + 3) == Some(b"  ");
    let colon = memchr::memchr_iter(b':', near.as_bytes()).find(is_end)?;
    let (prefix, message) = (rest.get(..colon)?, rest.get(colon + 1..)?);
    let level_at = prefix.rfind([' ', ':']).map_or(0, |at| at + 1);
    let (prefix, level) = prefix.split_at_checked(level_at)?;
    let number = match level {
        "DEBUG1" | "DEBUG2" | "DEBUG3" | "DEBUG4" | "DEBUG5" => 5,
        "LOG" | "INFO" | "STATEMENT" | "DETAIL" | "HINT" | "CONTEXT" | "QUERY" | "LOCATION" => 9,
        "NOTICE" => 10,
        "WARNING" => 13,
        "ERROR" => 17,
        "FATAL" | "PANIC" => 21,
        _ => return None,
    };
    let (before_pid, after_pid) = prefix.split_once('[')?;
    let (pid, after_pid) = after_pid.split_once(']')?;
    // `%p-%l` numbers the session's lines, too.
    let pid = pid.split('-').next().filter(|pid| is_number(pid))?;
    let words = before_pid.split([' ', ':']).chain(after_pid.split([' ', ':']));
    let mut client = None;
    let mut session = None;
    for word in words {
        if let Some((user, database)) = word.split_once('@') {
            session = Some((user, database));
        } else if let Some((address, port)) = word.split_once('(')
            && port.strip_suffix(')').is_some_and(is_number)
        {
            client = Some(address);
        }
    }
    let entry = Entry { format: Format::Postgres, time: found.time, level: (level, number), message };
    let mut attributes = entry.fill(record);
    attributes.integer("pid", pid);
    attributes.some_text("client_ip", client);
    if let Some((user, database)) = session {
        attributes.some_text("database", Some(database));
        if !user.is_empty() && user != "[unknown]" {
            record.user_id = Some(Cow::Borrowed(user));
        }
    }
    record.attributes = attributes.finish();
    Some(())
}

#[cfg(test)]
mod tests {
    use crate::parse::tests_support::parsed;
    use serde_json::{Value, json};

    fn check(line: &str, format: &str, level: (&str, u8), attributes: Value, message: &str) {
        let record = parsed(line);
        assert_eq!(record["format"], format, "{line}");
        assert!(record["timestamp"].as_str().unwrap().starts_with("2024-12-19T10:30:15."), "{line}");
        assert_eq!(
            (&record["severity_text"], &record["severity_number"]),
            (&json!(level.0), &json!(level.1)),
            "{line}"
        );
        assert_eq!(record["attributes"], attributes, "{line}");
        assert_eq!(record["message"], message, "{line}");
    }

    #[test]
    fn redis() {
        check(
            "1:M 19 Dec 2024 10:30:15.123 * Ready",
            "redis",
            ("*", 10),
            json!({"pid": 1, "role": "M"}),
            "Ready",
        );
        check(
            "412:C 19 Dec 2024 10:30:15.123 # Low",
            "redis",
            ("#", 13),
            json!({"pid": 412, "role": "C"}),
            "Low",
        );
        check("[12] 19 Dec 10:30:15.123 - 0 clients", "redis", ("-", 9), json!({"pid": 12}), "0 clients");
    }

    #[test]
    fn mysql() {
        check(
            "2024-12-19T10:30:15.123456Z 0 [System] [MY-010116] [Server] mysqld: ready",
            "mysql",
            ("System", 9),
            json!({"logger": "Server", "thread": "0", "code": "MY-010116"}),
            "mysqld: ready",
        );
        check(
            "2024-12-19T10:30:15.123456Z 7 [Warning] slow",
            "mysql",
            ("Warning", 13),
            json!({"thread": "7"}),
            "slow",
        );
        check(
            "2024-12-19 10:30:15 0 [ERROR] Aborting",
            "mysql",
            ("ERROR", 17),
            json!({"thread": "0"}),
            "Aborting",
        );
        check("241219 10:30:15 [Warning] IP address", "mysql", ("Warning", 13), Value::Null, "IP address");
    }

    #[test]
    fn postgres() {
        check(
            "2024-12-19 10:30:15.123 UTC [123] LOG:  checkpoint: x",
            "postgres",
            ("LOG", 9),
            json!({"pid": 123}),
            "checkpoint: x",
        );
        let record = "2024-12-19 10:30:15.123 UTC [123-1] bob@shop FATAL:  no such role";
        check(record, "postgres", ("FATAL", 21), json!({"pid": 123, "database": "shop"}), "no such role");
        assert_eq!(parsed(record)["user_id"], "bob");
        check(
            "2024-12-19 10:30:15 UTC:10.0.0.1(5432):bob@shop:[8]:ERROR:  relation \"x\"",
            "postgres",
            ("ERROR", 17),
            json!({"pid": 8, "client_ip": "10.0.0.1", "database": "shop"}),
            "relation \"x\"",
        );
    }

    #[test]
    fn others_are_left_alone() {
        for line in [
            "2024-12-19 10:30:15 [Warning] low disk",
            "2024-12-19 10:30:15 [1] INFO:  opened",
            "12:30 M opened",
            "1:Z 19 Dec 2024 10:30:15.123 * Ready",
            "2024-12-19 10:30:15 note:  two spaces",
        ] {
            let format = parsed(line)["format"].clone();
            assert!(
                format != "mysql" && format != "redis" && (format != "postgres" || line.contains("INFO:")),
                "{line}: {format}"
            );
        }
    }
}
