//! The functions of templates, by the names that Go, Loki and Prometheus document.

mod logic;
mod numbers;
mod prometheus;
mod strings;
mod time;

use super::eval::Scope;
use super::value::Value;
use super::{Dialect, TemplateError};
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

const LINE_TABLES: &[&[Row]] =
    &[logic::TABLE, logic::LOKI, numbers::TABLE, strings::GO, strings::TABLE, time::TABLE];
const ALERT_TABLES: &[&[Row]] = &[logic::TABLE, strings::GO, prometheus::TABLE];

/// The function of this name, or why there is none.
pub(super) fn by_name(dialect: Dialect, name: &str) -> Result<Function, TemplateError> {
    match name {
        "and" => return Ok(Function::And),
        "or" => return Ok(Function::Or),
        _ => {}
    }
    let tables = match dialect {
        Dialect::Line => LINE_TABLES,
        Dialect::Alert => ALERT_TABLES,
    };
    let row = tables.iter().flat_map(|table| table.iter()).find(|row| row.0 == name);
    let row = row.ok_or_else(|| {
        let why = prometheus::refused(name).filter(|_| dialect == Dialect::Alert);
        TemplateError::new(match why {
            Some(why) => format!("the function {name:?} is not supported: {why}"),
            None => format!("function {name:?} not defined"),
        })
    })?;
    let (name, least, most, call) = *row;
    Ok(Function::Known(name, least, most, call))
}

/// How many steps it is worth to compile a regular expression.
const REGEX_STEPS: usize = 500;

impl Function {
    /// How many steps a call is worth, besides those of what it makes.
    pub(super) fn steps(self) -> usize {
        match self {
            Self::Known(
                "regexReplaceAll" | "regexReplaceAllLiteral" | "count" | "match" | "reReplaceAll",
                ..,
            ) => REGEX_STEPS,
            _ => 0,
        }
    }
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
