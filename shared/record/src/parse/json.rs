//! JSON lines: one pass over the top level, straight into the columns.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer as _;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::timestamp;
use super::{milliseconds, severity_number, trace_id, without_query};
use crate::record::{Format, LogRecord};

use super::fields::{FIELDS, Field, field_of, is_parent};

/// Names of members of a nested object are looked up as `parent.name`; longer ones are no field of ours.
const MAX_NESTED_KEY_BYTES: usize = 64;

/// The fields that a line has, by [`Field`], each with the rank of the name it came under.
#[derive(Debug, Default)]
pub(crate) struct Fields<'a>([Option<(Cow<'a, str>, u8)>; FIELDS]);

impl<'a> Fields<'a> {
    /// Takes the field's value out.
    pub(crate) fn take(&mut self, field: Field) -> Option<Cow<'a, str>> {
        self.0.get_mut(field as usize)?.take().map(|(value, _)| value)
    }

    /// Offers a member of a line that is not JSON (`level=info`).
    #[allow(dead_code)]
    pub(crate) fn offer_text(&mut self, key: &str, value: Cow<'a, str>) {
        if !value.is_empty() {
            self.offer_with(key, || Some(value));
        }
    }

    fn offer(&mut self, key: &str, value: &'a RawValue) {
        self.offer_with(key, || scalar(value.get()));
    }

    fn offer_with(&mut self, key: &str, value: impl FnOnce() -> Option<Cow<'a, str>>) {
        let Some((field, rank)) = field_of(key) else {
            return;
        };
        let Some(slot) = self.0.get_mut(field as usize) else {
            return;
        };
        if slot.as_ref().is_some_and(|(_, taken)| *taken <= rank) {
            return;
        }
        if let Some(value) = value() {
            *slot = Some((value, rank));
        }
    }

    /// Fills the columns; what has no field stays as it is.
    pub(crate) fn fill(mut self, record: &mut LogRecord<'a>) {
        if let Some(time) = self.take(Field::Timestamp).and_then(|value| timestamp::from_field(&value)) {
            record.believe(time);
        }
        record.severity_text = self.take(Field::Level);
        record.severity_number = record.severity_text.as_deref().and_then(severity_number);
        if let Some(message) = self.take(Field::Message) {
            record.message = message;
        }
        if let Some(service) = self.take(Field::Service) {
            record.service = service;
        }
        if let Some(environment) = self.take(Field::Environment) {
            record.environment = environment;
        }
        record.trace_id = self.take(Field::TraceId).map(trace_id);
        record.span_id = self.take(Field::SpanId);
        if let Some(request_id) = self.take(Field::RequestId) {
            record.request_id = request_id;
        }
        record.user_id = self.take(Field::UserId);
        record.event_name = self.take(Field::EventName);
        record.http_method = self.take(Field::HttpMethod);
        record.path = self.take(Field::Path).map(without_query);
        record.status_code = self.take(Field::StatusCode).and_then(|code| code.parse().ok());
        record.duration_ms = self.take(Field::DurationMs).and_then(|value| milliseconds(&value));
    }
}

/// Fills the record from a line that is one JSON object, and returns true; one
/// that only begins like one gets the reason as its `parse_error`.
pub(crate) fn parse<'a>(line: &'a str, record: &mut LogRecord<'a>) -> bool {
    if !line.starts_with('{') {
        return false;
    }
    match read(line) {
        Ok(fields) => {
            record.format = Format::Json;
            fields.fill(record);
            true
        }
        Err(reason) => {
            record.parse_error = Some(reason);
            false
        }
    }
}

/// Reads a line that should be one JSON object. The error says what is wrong
/// and quotes nothing.
fn read(line: &str) -> Result<Fields<'_>, &'static str> {
    let mut fields = Fields::default();
    let mut deserializer = serde_json::Deserializer::from_str(line);
    deserializer
        .deserialize_map(Object { parent: None, fields: &mut fields })
        .and_then(|()| deserializer.end())
        .map_err(|err| match err.classify() {
            serde_json::error::Category::Eof => "the JSON object is cut short",
            _ => "looks like JSON and is not",
        })?;
    Ok(fields)
}

struct Object<'f, 'a> {
    parent: Option<&'f str>,
    fields: &'f mut Fields<'a>,
}

impl<'a> Visitor<'a> for Object<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        let mut nested_key = String::new();
        while let Some(Key(key)) = map.next_key()? {
            let key: &str = match self.parent {
                None => &key,
                Some(parent) => {
                    if parent.len() + key.len() >= MAX_NESTED_KEY_BYTES {
                        map.next_value::<IgnoredAny>()?;
                        continue;
                    }
                    nested_key.clear();
                    nested_key.extend([parent, ".", &key]);
                    &nested_key
                }
            };
            let value: &'a RawValue = map.next_value()?;
            if self.parent.is_none() && value.get().starts_with('{') {
                if is_parent(key) {
                    let mut nested = serde_json::Deserializer::from_str(value.get());
                    // The outer pass has already found it to be well-formed JSON.
                    nested
                        .deserialize_map(Object { parent: Some(key), fields: self.fields })
                        .map_err(serde::de::Error::custom)?;
                }
            } else {
                self.fields.offer(key, value);
            }
        }
        Ok(())
    }
}

/// An object's key: borrowed, unless it has escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Key<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(key)))
            }
            fn visit_str<E>(self, key: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(key.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

/// A string without its quotes and escapes, or a number as written; `None` for
/// everything else and for the empty string.
fn scalar(raw: &str) -> Option<Cow<'_, str>> {
    match raw.as_bytes() {
        [b'"', b'"'] => None,
        [b'"', inner @ .., b'"'] => {
            if memchr::memchr(b'\\', inner).is_none() {
                raw.get(1..raw.len() - 1).map(Cow::Borrowed)
            } else {
                serde_json::from_str(raw).ok().map(Cow::Owned)
            }
        }
        [b'-' | b'0'..=b'9', ..] => Some(Cow::Borrowed(raw)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_ranks_and_nesting() {
        let mut fields = read(
            r#"{"event":"low","msg":"hi \"there\"","level":30,"severity":"x","req":{"method":"GET","id":"r1"},
                "service":{"name":"api"},"user":{"id":7},"empty":"","time":1734604215123,"nothing":null,"list":[1]}"#,
        )
        .unwrap();
        assert_eq!(fields.take(Field::Message).unwrap(), "hi \"there\"");
        assert_eq!(fields.take(Field::Level).unwrap(), "30");
        assert_eq!(fields.take(Field::HttpMethod).unwrap(), "GET");
        assert_eq!(fields.take(Field::RequestId).unwrap(), "r1");
        assert_eq!(fields.take(Field::Service).unwrap(), "api");
        assert_eq!(fields.take(Field::UserId).unwrap(), "7");
        assert_eq!(fields.take(Field::Timestamp).unwrap(), "1734604215123");
        assert!(fields.take(Field::Path).is_none());
    }

    #[test]
    fn what_is_not_one_object_is_an_error() {
        assert_eq!(read(r#"{"a":1"#).unwrap_err(), "the JSON object is cut short");
        for line in [r#"{"a":1} {"b":2}"#, "{a:1}", "[1]", "{\"a\":01}"] {
            assert_eq!(read(line).unwrap_err(), "looks like JSON and is not", "{line}");
        }
    }
}
