//! What Go's templates have built in: comparisons, collections, printing; and
//! Loki's own of that kind.

use std::cmp::Ordering;

use super::{MANY, Row, argument, string, text};
use crate::template::TemplateError;
use crate::template::printf::sprintf;
use crate::template::value::Value;

pub(super) const TABLE: &[Row] = &[
    ("not", 1, 1, |a, _| Ok(Value::Bool(!argument(a, 0).is_true()))),
    ("eq", 2, MANY, |a, _| {
        let (first, others) = (argument(a, 0), a.get(1..).unwrap_or_default());
        for other in others {
            if equal(first, other)? {
                return Ok(Value::Bool(true));
            }
        }
        Ok(Value::Bool(false))
    }),
    ("ne", 2, 2, |a, _| Ok(Value::Bool(!equal(argument(a, 0), argument(a, 1))?))),
    ("lt", 2, 2, |a, _| Ok(Value::Bool(order(a)? == Some(Ordering::Less)))),
    ("le", 2, 2, |a, _| Ok(Value::Bool(matches!(order(a)?, Some(Ordering::Less | Ordering::Equal))))),
    ("gt", 2, 2, |a, _| Ok(Value::Bool(order(a)? == Some(Ordering::Greater)))),
    ("ge", 2, 2, |a, _| Ok(Value::Bool(matches!(order(a)?, Some(Ordering::Greater | Ordering::Equal))))),
    ("len", 1, 1, |a, _| match argument(a, 0) {
        Value::Text(text) => Ok(Value::Int(text.len() as i64)),
        Value::List(items) => Ok(Value::Int(items.len() as i64)),
        Value::Map(map) => Ok(Value::Int(map.len() as i64)),
        Value::Texts(map) => Ok(Value::Int(map.len() as i64)),
        other => Err(TemplateError::new(format!("len of type {}", other.type_name()))),
    }),
    ("index", 1, MANY, |a, scope| {
        let mut value = argument(a, 0).clone();
        for key in a.get(1..).unwrap_or_default() {
            value = match (value, key) {
                (Value::List(items), Value::Int(index)) => usize::try_from(*index)
                    .ok()
                    .and_then(|index| items.into_iter().nth(index))
                    .ok_or_else(|| TemplateError::new(format!("index out of range: {index}")))?,
                (Value::Map(mut map), Value::Text(key)) => map.remove(key).unwrap_or(Value::Nil),
                (Value::Texts(map), Value::Text(key)) => {
                    Value::Text(map.get(key).cloned().unwrap_or_default())
                }
                (Value::Labels, Value::Text(key)) => scope.label(key),
                (value, key) => {
                    let types = format!("can't index {} by {}", value.type_name(), key.type_name());
                    return Err(TemplateError::new(types));
                }
            };
        }
        Ok(value)
    }),
    ("slice", 1, 3, |a, _| {
        let bound = |i: usize| match a.get(i) {
            Some(Value::Int(at)) => {
                usize::try_from(*at).map(Some).map_err(|_| TemplateError::new("index out of range"))
            }
            Some(_) => Err(TemplateError::new("cannot index slice with this type")),
            None => Ok(None),
        };
        let (from, to) = (bound(1)?.unwrap_or_default(), bound(2)?);
        match argument(a, 0) {
            Value::Text(text) => {
                let part = text.get(from..to.unwrap_or(text.len()));
                part.map(|part| Value::Text(part.to_owned()))
                    .ok_or_else(|| TemplateError::new("index out of range"))
            }
            Value::List(items) => {
                let part = items.get(from..to.unwrap_or(items.len()));
                part.map(|part| Value::List(part.to_vec()))
                    .ok_or_else(|| TemplateError::new("index out of range"))
            }
            other => Err(TemplateError::new(format!("can't slice item of type {}", other.type_name()))),
        }
    }),
    ("print", 0, MANY, |a, _| {
        // Go puts a blank between operands that are both no texts.
        let mut out = String::new();
        let mut last_is_text = true;
        for value in a {
            let is_text = matches!(value, Value::Text(_));
            if !last_is_text && !is_text {
                out.push(' ');
            }
            out.push_str(&value.print());
            last_is_text = is_text;
        }
        string(out)
    }),
    ("println", 0, MANY, |a, _| string(a.iter().map(Value::print).collect::<Vec<_>>().join(" ") + "\n")),
    ("printf", 1, MANY, |a, _| string(sprintf(text(a, 0)?, a.get(1..).unwrap_or_default()))),
    ("html", 1, MANY, |a, _| {
        let text: String = a.iter().map(Value::print).collect();
        string(
            text.replace('&', "&amp;")
                .replace('\'', "&#39;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&#34;"),
        )
    }),
];

/// What Loki has besides.
pub(super) const LOKI: &[Row] = &[
    ("fromJson", 1, 1, |a, _| {
        Ok(Value::from_json(text(a, 0)?).unwrap_or_else(|_| Value::Text(String::new())))
    }),
    ("default", 2, 2, |a, _| Ok(argument(a, if argument(a, 1).is_true() { 1 } else { 0 }).clone())),
];

fn equal(a: &Value, b: &Value) -> Result<bool, TemplateError> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Ok(a == b),
        (Value::Float(a), Value::Float(b)) => Ok(a == b),
        (Value::Text(a), Value::Text(b)) => Ok(a == b),
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::Time(a), Value::Time(b)) => Ok(a.nanos == b.nanos),
        (Value::Nil, other) | (other, Value::Nil) => Ok(*other == Value::Nil),
        _ => Err(TemplateError::new("incompatible types for comparison")),
    }
}

fn order(arguments: &[Value]) -> Result<Option<Ordering>, TemplateError> {
    match (argument(arguments, 0), argument(arguments, 1)) {
        (Value::Int(a), Value::Int(b)) => Ok(Some(a.cmp(b))),
        (Value::Float(a), Value::Float(b)) => Ok(a.partial_cmp(b)),
        (Value::Text(a), Value::Text(b)) => Ok(Some(a.cmp(b))),
        _ => Err(TemplateError::new("incompatible types for comparison")),
    }
}
