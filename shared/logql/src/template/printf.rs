//! `printf` with Go's verbs.

use super::value::Value;
use crate::units::{format_value, quote, significant};

/// The widest field, in characters.
const MAX_WIDTH: usize = 4096;

#[derive(Default)]
struct Spec {
    minus: bool,
    plus: bool,
    zero: bool,
    space: bool,
    sharp: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// The text of a format and its operands.
pub(super) fn sprintf(format: &str, operands: &[Value]) -> String {
    let mut out = String::with_capacity(format.len());
    let mut operands = operands.iter();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut spec = Spec::default();
        while let Some(flag) = chars.next_if(|c| matches!(c, '-' | '+' | '0' | ' ' | '#')) {
            match flag {
                '-' => spec.minus = true,
                '+' => spec.plus = true,
                '0' => spec.zero = true,
                ' ' => spec.space = true,
                _ => spec.sharp = true,
            }
        }
        spec.width = digits(&mut chars, &mut operands);
        if chars.next_if_eq(&'.').is_some() {
            spec.precision = Some(digits(&mut chars, &mut operands).unwrap_or_default());
        }
        match chars.next() {
            Some('%') => out.push('%'),
            Some(verb) => match operands.next() {
                Some(value) => pad(&mut out, &spec, verb, value),
                None => out.push_str(&format!("%!{verb}(MISSING)")),
            },
            None => out.push_str("%!(NOVERB)"),
        }
    }
    let extra: Vec<String> =
        operands.map(|value| format!("{}={}", value.type_name(), value.print())).collect();
    if !extra.is_empty() {
        out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    out
}

fn digits(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    operands: &mut std::slice::Iter<'_, Value>,
) -> Option<usize> {
    if chars.next_if_eq(&'*').is_some() {
        return match operands.next() {
            Some(Value::Int(width)) => usize::try_from(*width).ok().map(|width| width.min(MAX_WIDTH)),
            _ => None,
        };
    }
    let mut number = None;
    while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
        chars.next();
        let so_far = number.unwrap_or(0usize);
        number = Some((so_far * 10 + digit as usize).min(MAX_WIDTH));
    }
    number
}

fn pad(out: &mut String, spec: &Spec, verb: char, value: &Value) {
    let (text, is_number) = verb_text(spec, verb, value);
    let missing = spec.width.unwrap_or_default().saturating_sub(text.chars().count());
    if spec.minus {
        out.push_str(&text);
        out.extend(std::iter::repeat_n(' ', missing));
    } else if spec.zero && is_number {
        let (sign, digits) = match text.strip_prefix(['-', '+']) {
            Some(digits) => (text.get(..1).unwrap_or_default(), digits),
            None => ("", text.as_str()),
        };
        out.push_str(sign);
        out.extend(std::iter::repeat_n('0', missing));
        out.push_str(digits);
    } else {
        out.extend(std::iter::repeat_n(if spec.zero { '0' } else { ' ' }, missing));
        out.push_str(&text);
    }
}

/// The text of a value, and whether it is a number that zeros may fill up.
fn verb_text(spec: &Spec, verb: char, value: &Value) -> (String, bool) {
    let signed = |text: String, negative: bool| match (negative, spec.plus, spec.space) {
        (false, true, _) => format!("+{text}"),
        (false, false, true) => format!(" {text}"),
        _ => text,
    };
    match (verb, value) {
        ('v', Value::Int(_) | Value::Float(_)) => (value.print(), true),
        ('v', value) => (cut(spec, value.print()), false),
        ('s', Value::Text(text)) => (cut(spec, text.clone()), false),
        ('s', value @ (Value::List(_) | Value::Map(_) | Value::Texts(_) | Value::Time(_))) => {
            (cut(spec, value.print()), false)
        }
        ('q', Value::Text(text)) => (quote(&cut(spec, text.clone())), false),
        ('x', Value::Text(text)) => (text.bytes().map(|b| format!("{b:02x}")).collect(), false),
        ('X', Value::Text(text)) => (text.bytes().map(|b| format!("{b:02X}")).collect(), false),
        ('t', Value::Bool(b)) => (b.to_string(), false),
        ('d', Value::Int(int)) => (signed(int.to_string(), *int < 0), true),
        ('x', Value::Int(int)) => (signed_hex(*int, spec.sharp, false), true),
        ('X', Value::Int(int)) => (signed_hex(*int, spec.sharp, true), true),
        ('o', Value::Int(int)) => (format!("{int:o}"), true),
        ('b', Value::Int(int)) => (format!("{int:b}"), true),
        ('c', Value::Int(int)) => {
            (u32::try_from(*int).ok().and_then(char::from_u32).map(String::from).unwrap_or_default(), false)
        }
        ('f' | 'F', Value::Float(float)) => {
            (signed(fixed(*float, spec.precision.unwrap_or(6)), *float < 0.0), float.is_finite())
        }
        ('e', Value::Float(float)) => {
            (signed(exponent(*float, spec.precision.unwrap_or(6)), *float < 0.0), true)
        }
        ('g' | 'G', Value::Float(float)) => {
            let text = match spec.precision {
                Some(digits) => significant(*float, digits),
                None => format_value(*float),
            };
            (signed(text, *float < 0.0), true)
        }
        (verb, value) => (format!("%!{verb}({}={})", value.type_name(), value.print()), false),
    }
}

fn cut(spec: &Spec, text: String) -> String {
    match spec.precision {
        Some(most) => text.chars().take(most).collect(),
        None => text,
    }
}

fn signed_hex(int: i64, sharp: bool, upper: bool) -> String {
    let sign = if int < 0 { "-" } else { "" };
    let prefix = if sharp { "0x" } else { "" };
    let size = int.unsigned_abs();
    if upper { format!("{sign}{prefix}{size:X}") } else { format!("{sign}{prefix}{size:x}") }
}

fn fixed(float: f64, places: usize) -> String {
    if float.is_finite() { format!("{float:.places$}") } else { format_value(float) }
}

fn exponent(float: f64, places: usize) -> String {
    if !float.is_finite() {
        return format_value(float);
    }
    let text = format!("{float:.places$e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) => {
            let (sign, digits) = match exponent.strip_prefix('-') {
                Some(digits) => ('-', digits),
                None => ('+', exponent),
            };
            format!("{mantissa}e{sign}{digits:0>2}")
        }
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_are_go_s() {
        let text = |text: &str| Value::Text(text.to_owned());
        for (format, operands, expected) in [
            ("%s is %d", vec![text("a"), Value::Int(5)], "a is 5"),
            ("%5s|%-5s|", vec![text("ab"), text("ab")], "   ab|ab   |"),
            ("%.2f %05d", vec![Value::Float(1.005), Value::Int(-42)], "1.00 -0042"),
            ("%-10.3s|", vec![text("abcdef")], "abc       |"),
            ("%q %v %t", vec![text("a\"b"), Value::Float(1e6), Value::Bool(true)], "\"a\\\"b\" 1e+06 true"),
            ("%d", vec![text("a")], "%!d(string=a)"),
            ("%s", vec![], "%!s(MISSING)"),
            ("100%%", vec![], "100%"),
            ("x", vec![Value::Int(1)], "x%!(EXTRA int=1)"),
            ("%x %+d %e", vec![Value::Int(255), Value::Int(3), Value::Float(1234.5)], "ff +3 1.234500e+03"),
        ] {
            assert_eq!(sprintf(format, &operands), expected, "{format}");
        }
    }
}
