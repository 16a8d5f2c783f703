//! Values taken as numbers, as loosely as Loki's templates do: a text is read,
//! and what cannot be read is 0.

use super::value::Value;

pub(super) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Int(int) => *int,
        Value::Float(float) => *float as i64,
        Value::Bool(b) => i64::from(*b),
        Value::Text(text) => read_int(text.trim()),
        _ => 0,
    }
}

fn read_int(text: &str) -> i64 {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let magnitude = match digits.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok(),
        None => digits.parse().ok(),
    };
    let magnitude =
        magnitude.or_else(|| digits.parse::<f64>().ok().map(|float| float as i64)).unwrap_or_default();
    if negative { magnitude.wrapping_neg() } else { magnitude }
}

pub(super) fn to_float(value: &Value) -> f64 {
    match value {
        Value::Int(int) => *int as f64,
        Value::Float(float) => *float,
        Value::Bool(b) => f64::from(u8::from(*b)),
        Value::Text(text) => text.trim().parse().unwrap_or_default(),
        _ => 0.0,
    }
}
