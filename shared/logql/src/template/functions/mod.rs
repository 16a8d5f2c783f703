//! The functions of templates, by the names that Loki documents.

mod logic;
mod numbers;
mod strings;
mod time;

use super::TemplateError;
use super::eval::Scope;
use super::value::Value;
use crate::MAX_TEMPLATE_BYTES;

/// A function. `And` and `Or` are the evaluator's; the others are a table row.
#[derive(Debug, Clone, Copy)]
pub(super) enum Function {
    And,
    Or,
    /// Name, the fewest and the most arguments, and what it does.
    Known(&'static str, usize, usize, Call),
}

type Call = fn(&[Value], &Scope<'_>) -> Result<Value, TemplateError>;

const MANY: usize = usize::MAX;

/// Name, the fewest and the most arguments, and what it does.
type Row = (&'static str, usize, usize, Call);

const TABLES: [&[Row]; 4] = [logic::TABLE, numbers::TABLE, strings::TABLE, time::TABLE];

pub(super) fn by_name(name: &str) -> Option<Function> {
    match name {
        "and" => return Some(Function::And),
        "or" => return Some(Function::Or),
        _ => {}
    }
    let mut rows = TABLES.iter().flat_map(|table| table.iter());
    rows.find(|row| row.0 == name)
        .map(|(name, least, most, call)| Function::Known(name, *least, *most, *call))
}

pub(super) fn call(
    function: Function,
    arguments: Vec<Value>,
    scope: &Scope<'_>,
) -> Result<Value, TemplateError> {
    let Function::Known(name, least, most, call) = function else {
        return Ok(Value::Nil);
    };
    let given = arguments.len();
    if given < least || given > most {
        let wanted = if most == MANY { format!("at least {least}") } else { least.to_string() };
        return Err(TemplateError::new(format!(
            "wrong number of args for {name}: want {wanted} got {given}"
        )));
    }
    let value = call(&arguments, scope)
        .map_err(|err| TemplateError { message: format!("error calling {name}: {}", err.message) })?;
    match &value {
        Value::Text(text) if text.len() > MAX_TEMPLATE_BYTES => {
            Err(TemplateError::new(format!("{name}: the text is longer than {MAX_TEMPLATE_BYTES} bytes")))
        }
        _ => Ok(value),
    }
}

/// An argument; the number of them was checked.
fn argument(arguments: &[Value], index: usize) -> &Value {
    arguments.get(index).unwrap_or(&Value::Nil)
}

/// An argument that must be a text.
fn text(arguments: &[Value], index: usize) -> Result<&str, TemplateError> {
    match argument(arguments, index) {
        Value::Text(text) => Ok(text),
        other => Err(TemplateError::new(format!(
            "wrong type for value; expected string; got {}",
            other.type_name()
        ))),
    }
}

/// An argument that must be a whole number.
fn whole(arguments: &[Value], index: usize) -> Result<i64, TemplateError> {
    match argument(arguments, index) {
        Value::Int(int) => Ok(*int),
        other => {
            Err(TemplateError::new(format!("wrong type for value; expected int; got {}", other.type_name())))
        }
    }
}

#[allow(clippy::unnecessary_wraps)]
fn string(text: impl Into<String>) -> Result<Value, TemplateError> {
    Ok(Value::Text(text.into()))
}
