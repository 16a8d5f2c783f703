//! From a record to an audit entry.

use catchment_record::{Format, LogRecord};
use memchr::memmem;
use serde_json::{Map, Value};

use crate::entry::{AuditEntry, MAX_VALUES_BYTES};

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
    let actor = match fields.remove("actor") {
        Some(Value::Object(actor)) => actor,
        Some(Value::Null) | None => Map::new(),
        Some(name) => Map::from_iter([("id".to_owned(), name)]),
    };
    let actor_id = ["id", "user_id", "name", "email"]
        .iter()
        .find_map(|key| actor.get(*key).and_then(plain))
        .or_else(|| record.user_id.as_deref().map(str::to_owned))
        .unwrap_or_else(|| UNKNOWN.to_owned());
    let actor = if actor.is_empty() {
        Map::from_iter([("id".to_owned(), Value::from(actor_id.as_str()))])
    } else {
        actor
    };
    let action = take_text(fields, &["action"])
        .or_else(|| record.event_name.as_deref().map(str::to_owned))
        .unwrap_or_else(|| UNKNOWN.to_owned());
    let event_kind =
        record.event_name.as_deref().and_then(|event| event.split_once('.')).map(|(kind, _)| kind);
    let entity_type = take_text(fields, &["entity_type", "resource_type"])
        .or_else(|| event_kind.map(str::to_owned))
        .unwrap_or_else(|| UNKNOWN.to_owned());
    let entity_id = take_text(fields, &["entity_id", "resource_id"])
        .or_else(|| (entity_type == "user").then(|| actor_id.clone()))
        .unwrap_or_else(|| UNKNOWN.to_owned());
    let mut values = [
        take(fields, &["old_values", "before"]),
        take(fields, &["new_values", "after"]),
        take(fields, &["metadata", "details", "context"]),
    ];
    let values_bytes: usize = values.iter().flatten().map(|value| value.to_string().len()).sum();
    let truncated = values_bytes > MAX_VALUES_BYTES;
    if truncated {
        values = [const { None }; 3];
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
        trace_id: record.trace_id.as_deref().map(str::to_owned),
        service: record.service.clone().into_owned(),
        created_at_millis: record.observed_millis.unwrap_or_else(|| record.time_millis()),
    }
}

fn take(fields: &mut Map<String, Value>, names: &[&str]) -> Option<Value> {
    names.iter().find_map(|name| fields.remove(*name)).filter(|value| !value.is_null())
}

fn take_text(fields: &mut Map<String, Value>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| fields.remove(*name).as_ref().and_then(plain))
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::ItemKeys;
    use catchment_record::{LogGroup, LogStream, Source, redact};
    use serde_json::json;

    fn extracted(line: &str) -> Option<AuditEntry> {
        let source = Source::new("1", "r", LogGroup::new("/ecs/auth"), LogStream::new("s"), "prod");
        let redacted = redact(line);
        extract(&LogRecord::parse(&redacted, &source, "ev1", Some(1_734_604_215_123)))
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
        let fits = extracted(&line(MAX_VALUES_BYTES)).unwrap();
        assert!(!fits.truncated && fits.metadata.is_some());
        let large = extracted(&line(MAX_VALUES_BYTES + 1)).unwrap();
        assert!(large.truncated && large.metadata.is_none());
    }
}
