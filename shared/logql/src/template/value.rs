//! What a template computes with.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::json::{JsonError, Scanner};
use crate::units::format_value;

use super::layout;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// Go's nil: nothing was there.
    Nil,
    /// The labels of the line: what the dot is at the beginning.
    Labels,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Time(Time),
    List(Vec<Value>),
    Map(BTreeMap<String, Value>),
    /// A map of texts, whose missing members are empty texts.
    Texts(Arc<BTreeMap<String, String>>),
}

/// A time and the offset it is shown in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Time {
    pub(super) nanos: i64,
    pub(super) offset_s: i32,
}

impl Value {
    /// Whether `if` takes it for true.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Labels | Self::Time(_) => true,
            Self::Bool(b) => *b,
            Self::Int(i) => *i != 0,
            Self::Float(f) => *f != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Texts(map) => !map.is_empty(),
        }
    }

    /// How many steps it is worth to make or to copy it: one for each 64 bytes of
    /// text, and one for each member.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Text(text) => text.len() / 64,
            Self::List(items) => items.iter().map(|item| 1 + item.weight()).sum(),
            Self::Map(map) => map.values().map(|item| 1 + item.weight()).sum(),
            _ => 0,
        }
    }

    /// As Go's `%v` prints it.
    pub(super) fn print(&self) -> String {
        match self {
            Self::Nil => "<nil>".to_owned(),
            Self::Labels => "map[]".to_owned(),
            Self::Bool(b) => b.to_string(),
            Self::Int(i) => i.to_string(),
            Self::Float(f) => format_value(*f),
            Self::Text(text) => text.clone(),
            Self::Time(time) => layout::go_string(*time),
            Self::List(items) => {
                format!("[{}]", items.iter().map(Value::print).collect::<Vec<_>>().join(" "))
            }
            Self::Map(map) => {
                let members: Vec<String> = map.iter().map(|(k, v)| format!("{k}:{}", v.print())).collect();
                format!("map[{}]", members.join(" "))
            }
            Self::Texts(map) => {
                let members: Vec<String> = map.iter().map(|(k, v)| format!("{k}:{v}")).collect();
                format!("map[{}]", members.join(" "))
            }
        }
    }

    /// The name of its type in an error.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Labels | Self::Map(_) | Self::Texts(_) => "map",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::Time(_) => "time.Time",
            Self::List(_) => "list",
        }
    }

    /// The value of a JSON text.
    pub(super) fn from_json(text: &str) -> Result<Self, JsonError> {
        read(&mut Scanner::new(text))
    }
}

/// Recursion is bounded by the scanner's depth.
fn read(scanner: &mut Scanner<'_>) -> Result<Value, JsonError> {
    Ok(match scanner.peek() {
        Some(b'{') => {
            let mut map = BTreeMap::new();
            scanner.open_object()?;
            while let Some(key) = scanner.next_key()? {
                map.insert(key.into_owned(), read(scanner)?);
            }
            Value::Map(map)
        }
        Some(b'[') => {
            let mut items = Vec::new();
            scanner.open_array()?;
            while scanner.next_element()? {
                items.push(read(scanner)?);
            }
            Value::List(items)
        }
        Some(b'"') => Value::Text(scanner.string()?.into_owned()),
        _ => match scanner.skip_value()? {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Nil,
            number => number.parse().map_or(Value::Nil, Value::Float),
        },
    })
}
