//! Arithmetic.

use super::{MANY, Row, argument, text};
use crate::template::TemplateError;
use crate::template::number::{to_float, to_int};
use crate::template::value::Value;
use crate::units;

pub(super) const TABLE: &[Row] = &[
    ("add", 1, MANY, |a, _| Ok(Value::Int(fold(a, i64::wrapping_add)))),
    ("sub", 2, 2, |a, _| Ok(Value::Int(fold(a, i64::wrapping_sub)))),
    ("mul", 1, MANY, |a, _| Ok(Value::Int(fold(a, i64::wrapping_mul)))),
    ("div", 2, 2, |a, _| divide(a, i64::checked_div)),
    ("mod", 2, 2, |a, _| divide(a, i64::checked_rem)),
    ("max", 1, MANY, |a, _| Ok(Value::Int(fold(a, i64::max)))),
    ("min", 1, MANY, |a, _| Ok(Value::Int(fold(a, i64::min)))),
    ("addf", 1, MANY, |a, _| Ok(Value::Float(fold_float(a, |x, y| x + y)))),
    ("subf", 1, MANY, |a, _| Ok(Value::Float(fold_float(a, |x, y| x - y)))),
    ("mulf", 1, MANY, |a, _| Ok(Value::Float(fold_float(a, |x, y| x * y)))),
    ("divf", 1, MANY, |a, _| Ok(Value::Float(fold_float(a, |x, y| x / y)))),
    ("maxf", 1, MANY, |a, _| Ok(Value::Float(fold_float(a, f64::max)))),
    ("minf", 1, MANY, |a, _| Ok(Value::Float(fold_float(a, f64::min)))),
    ("ceil", 1, 1, |a, _| Ok(Value::Float(to_float(argument(a, 0)).ceil()))),
    ("floor", 1, 1, |a, _| Ok(Value::Float(to_float(argument(a, 0)).floor()))),
    ("round", 2, 3, |a, _| {
        let (value, places) = (to_float(argument(a, 0)), to_int(argument(a, 1)));
        let on = a.get(2).map_or(0.5, to_float);
        let factor = 10f64.powi(i32::try_from(places).unwrap_or_default());
        let scaled = value * factor;
        let rounded = if scaled.fract() >= on { scaled.ceil() } else { scaled.floor() };
        Ok(Value::Float(rounded / factor))
    }),
    ("int", 1, 1, |a, _| Ok(Value::Int(to_int(argument(a, 0))))),
    ("float64", 1, 1, |a, _| Ok(Value::Float(to_float(argument(a, 0))))),
    ("bytes", 1, 1, |a, _| {
        units::bytes(text(a, 0)?).map(|size| Value::Float(size as f64)).map_err(TemplateError::new)
    }),
    ("duration", 1, 1, |a, _| seconds(a)),
    ("duration_seconds", 1, 1, |a, _| seconds(a)),
];

fn seconds(arguments: &[Value]) -> Result<Value, TemplateError> {
    let nanos = units::go_duration(text(arguments, 0)?).map_err(TemplateError::new)?;
    Ok(Value::Float(nanos as f64 / 1e9))
}

fn fold(arguments: &[Value], op: impl Fn(i64, i64) -> i64) -> i64 {
    arguments.iter().map(to_int).reduce(op).unwrap_or_default()
}

fn fold_float(arguments: &[Value], op: impl Fn(f64, f64) -> f64) -> f64 {
    arguments.iter().map(to_float).reduce(op).unwrap_or_default()
}

fn divide(arguments: &[Value], op: impl Fn(i64, i64) -> Option<i64>) -> Result<Value, TemplateError> {
    let (a, b) = (to_int(argument(arguments, 0)), to_int(argument(arguments, 1)));
    op(a, b).map(Value::Int).ok_or_else(|| TemplateError::new("integer divide by zero"))
}
