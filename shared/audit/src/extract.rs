//! From a record to an audit entry.

use catchment_record::{Format, LogRecord};
use memchr::memmem;
use serde_json::{Map, Value};

use crate::entry::{AuditEntry, MAX_DEPTH, MAX_TEXT_BYTES, MAX_VALUES_BYTES};

/// Stands where a line does not say who or what.
const UNKNOWN: &str = "unknown";

/// The audit entry that a record is, if it is one: a JSON line that says so
/// (`"audit": true`, `"security_level": "audit"`), or whose event is of a kind
/// that always belongs into the trail.
pub fn extract(record: &LogRecord<'_>) -> Option<AuditEntry> {
    if record.format != Format::Json {
        return None;
    }
    let event = record.event_name.as_deref();
    // Only what may be an entry is read a second time, and whole.
    if !event.is_some_and(is_audited) && memmem::find(record.line.as_bytes(), b"audit").is_none() {
        return None;
    }
    let Ok(Value::Object(mut fields)) = serde_json::from_str(record.line) else {
        return None;
    };
    let says_so = fields.get("audit") == Some(&Value::Bool(true))
        || fields.get("security_level").and_then(Value::as_str) == Some("audit");
    if !says_so && !event.is_some_and(is_audited) {
        return None;
    }
    Some(entry(record, &mut fields))
}

/// Kinds of events that belong into the trail, whoever logs them.
fn is_audited(event: &str) -> bool {
    let (kind, what) = event.split_once('.').unwrap_or((event, ""));
    match kind {
        "user" => matches!(
            what,
            "login" | "login_failed" | "login.failed" | "logout" | "created" | "updated" | "deleted"
        ),
        "notification" => matches!(what, "sent" | "failed"),
        "system" => matches!(what, "error" | "warning"),
        "request" | "content" | "oauth" | "permission" | "api_access" => !what.is_empty(),
        _ => false,
    }
}

fn entry(record: &LogRecord<'_>, fields: &mut Map<String, Value>) -> AuditEntry {
    let mut actor = match fields.remove("actor") {
        Some(Value::Object(actor)) => actor,
        Some(Value::Null) | None => Map::new(),
        Some(name) => Map::from_iter([("id".to_owned(), name)]),
    };
    let actor_id = ["id", "user_id", "name", "email"]
        .iter()
        .find_map(|key| actor.get(*key).and_then(plain))
        .or_else(|| record.user_id.as_deref().map(bounded))
        .unwrap_or_else(|| UNKNOWN.to_owned());
    let only_id = || Map::from_iter([("id".to_owned(), Value::from(actor_id.as_str()))]);
    if actor.is_empty() {
        actor = only_id();
    }
    let action = take_text(fields, &["action"])
        .or_else(|| record.event_name.as_deref().map(bounded))
        .unwrap_or_else(|| UNKNOWN.to_owned());
    let event_kind =
        record.event_name.as_deref().and_then(|event| event.split_once('.')).map(|(kind, _)| kind);
    let entity_type = take_text(fields, &["entity_type", "resource_type"])
        .or_else(|| event_kind.map(bounded))
        .unwrap_or_else(|| UNKNOWN.to_owned());
    let entity_id = take_text(fields, &["entity_id", "resource_id"])
        .or_else(|| (entity_type == "user").then(|| actor_id.clone()))
        .unwrap_or_else(|| UNKNOWN.to_owned());
    let mut values = [
        take(fields, &["old_values", "before"]),
        take(fields, &["new_values", "after"]),
        take(fields, &["metadata", "details", "context"]),
    ];
    actor.values_mut().chain(values.iter_mut().flatten()).for_each(flatten);
    let values_bytes = values.iter().flatten().map(|value| value.to_string().len()).sum::<usize>()
        + actor.iter().map(|(name, value)| name.len() + value.to_string().len()).sum::<usize>();
    let truncated = values_bytes > MAX_VALUES_BYTES;
    if truncated {
        values = [const { None }; 3];
        actor = only_id();
    }
    let [old_values, new_values, metadata] = values;
    AuditEntry {
        id: record.event_id.to_owned(),
        timestamp_millis: record.time_millis(),
        actor,
        actor_id,
        action,
        entity_type,
        entity_id,
        old_values,
        new_values,
        metadata,
        truncated,
        ip_address: take_text(fields, &["ip_address", "ip", "client_ip", "source_ip", "remote_addr"]),
        user_agent: take_text(fields, &["user_agent", "userAgent"]),
        trace_id: record.trace_id.as_deref().map(bounded),
        service: bounded(&record.service),
        created_at_millis: record.observed_millis.unwrap_or_else(|| record.time_millis()),
    }
}

/// Writes what is nested too deep for an item as JSON text.
fn flatten(value: &mut Value) {
    if depth(value) > MAX_DEPTH {
        *value = Value::from(value.to_string());
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

fn take(fields: &mut Map<String, Value>, names: &[&str]) -> Option<Value> {
    names.iter().find_map(|name| fields.remove(*name)).filter(|value| !value.is_null())
}

fn take_text(fields: &mut Map<String, Value>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| fields.remove(*name).as_ref().and_then(plain))
}

/// A text as far as an entry takes it; the line in the archive has the rest.
fn bounded(text: &str) -> String {
    text.get(..text.floor_char_boundary(MAX_TEXT_BYTES)).unwrap_or_default().to_owned()
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(bounded(text)),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::ItemKeys;
    use catchment_record::{EventTime, LogGroup, LogStream, Source, redact};
    use serde_json::json;

    fn extracted(line: &str) -> Option<AuditEntry> {
        let source = Source::new("1", "r", LogGroup::new("/ecs/auth"), LogStream::new("s"), "prod");
        let redacted = redact(line);
        extract(&LogRecord::parse(&redacted, &source, "ev1", EventTime::Arrived(1_734_604_215_123)))
    }

    #[test]
    fn an_entry_says_who_did_what_to_which_thing() {
        let entry = extracted(
            r#"{"audit":true,"actor":{"id":"u7","role":"admin"},"action":"document.updated","entity_type":"document",
                "entity_id":42,"old_values":{"title":"a"},"new_values":{"title":"b","password":"x"},"metadata":{"k":1},
                "ip_address":"10.0.0.1","user_agent":"curl","trace_id":"t1","message":"m"}"#,
        )
        .unwrap();
        assert_eq!(entry.actor, *json!({"id":"u7","role":"admin"}).as_object().unwrap());
        assert_eq!((&*entry.actor_id, &*entry.action, &*entry.entity_id), ("u7", "document.updated", "42"));
        assert_eq!(entry.new_values, Some(json!({"title":"b","password":"***"})));
        assert_eq!(
            (entry.ip_address.as_deref(), entry.user_agent.as_deref()),
            (Some("10.0.0.1"), Some("curl"))
        );
        assert_eq!(entry.service, "auth");
        let ItemKeys { pk, sk, actor_pk, day_pk } = entry.keys();
        assert_eq!(pk, "ENT#document#42");
        assert_eq!(sk, "2024-12-19T10:30:15.123Z#ev1");
        assert_eq!(actor_pk, "ACT#u7");
        assert!(day_pk.starts_with("DAY#2024-12-19#"), "{day_pk}");
    }

    #[test]
    fn what_belongs_into_the_trail() {
        for line in [
            r#"{"event_type":"user.login","user_id":"u1"}"#,
            r#"{"event_type":"oauth.token_refresh"}"#,
            r#"{"security_level":"audit","message":"x"}"#,
            r#"{"audit":true}"#,
        ] {
            assert!(extracted(line).is_some(), "{line}");
        }
        for line in [
            r#"{"event_type":"user.hovered"}"#,
            r#"{"audit":false,"message":"audit"}"#,
            r#"{"message":"the audit is on monday"}"#,
            r#"{"event_type":"cart.updated"}"#,
            "audit: true",
        ] {
            assert!(extracted(line).is_none(), "{line}");
        }
    }

    #[test]
    fn what_a_line_leaves_out_is_filled_in() {
        let entry = extracted(r#"{"event_type":"user.login","user_id":"u1"}"#).unwrap();
        assert_eq!(
            (&*entry.actor_id, &*entry.action, &*entry.entity_type, &*entry.entity_id),
            ("u1", "user.login", "user", "u1")
        );
        let entry = extracted(r#"{"audit":true}"#).unwrap();
        assert_eq!((&*entry.actor_id, &*entry.action, &*entry.entity_id), (UNKNOWN, UNKNOWN, UNKNOWN));
    }

    #[test]
    fn values_too_large_for_an_item_stay_in_the_archive() {
        let line = |len: usize| format!(r#"{{"audit":true,"metadata":"{}"}}"#, "x".repeat(len - 2));
        // The actor counts too: {"id":"unknown"} where the line names none.
        let most = MAX_VALUES_BYTES - "id\"unknown\"".len();
        let fits = extracted(&line(most)).unwrap();
        assert!(!fits.truncated && fits.metadata.is_some());
        let large = extracted(&line(most + 1)).unwrap();
        assert!(large.truncated && large.metadata.is_none());
        let actor =
            format!(r#"{{"audit":true,"actor":{{"id":"u","x":"{}"}}}}"#, "x".repeat(MAX_VALUES_BYTES));
        let entry = extracted(&actor).unwrap();
        assert!(entry.truncated);
        assert_eq!(entry.actor, *json!({"id":"u"}).as_object().unwrap());
    }

    #[test]
    fn texts_and_nesting_are_bounded_at_the_edge() {
        let agent = |len: usize| {
            let line = format!(r#"{{"audit":true,"user_agent":"{}"}}"#, "x".repeat(len));
            extracted(&line).unwrap().user_agent.unwrap().len()
        };
        assert_eq!((agent(MAX_TEXT_BYTES), agent(MAX_TEXT_BYTES + 1)), (MAX_TEXT_BYTES, MAX_TEXT_BYTES));
        let metadata = |depth: usize| {
            let line = format!(r#"{{"audit":true,"metadata":{}1{}}}"#, "[".repeat(depth), "]".repeat(depth));
            extracted(&line).unwrap().metadata.unwrap()
        };
        assert!(metadata(MAX_DEPTH).is_array());
        assert!(metadata(MAX_DEPTH + 1).is_string());
    }
}
