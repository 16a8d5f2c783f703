//! Times.

use jiff::tz::TimeZone;

use super::{Row, argument, string, text};
use crate::template::TemplateError;
use crate::template::eval::Scope;
use crate::template::layout;
use crate::template::number::to_int;
use crate::template::value::{Time, Value};

pub(super) const TABLE: &[Row] = &[
    ("now", 0, 0, |_, scope| {
        let nanos = match scope {
            Scope::Line(_, labels) => labels.context().now_nanos,
            Scope::Alert { .. } => None,
        };
        let nanos = nanos.ok_or_else(|| TemplateError::new("there is no clock here"))?;
        Ok(Value::Time(Time { nanos, offset_s: 0 }))
    }),
    ("__timestamp__", 0, 0, |_, scope| match scope {
        Scope::Line(_, labels) => Ok(Value::Time(Time { nanos: labels.timestamp_nanos(), offset_s: 0 })),
        Scope::Alert { .. } => Ok(Value::Nil),
    }),
    ("date", 2, 2, |a, _| {
        let time = match argument(a, 1) {
            // Shown where Loki runs, which is in UTC, wherever the time is from.
            Value::Time(time) if time.nanos == i64::MIN => *time,
            Value::Time(time) => Time { offset_s: 0, ..*time },
            // Anything else that is a number is seconds.
            Value::Int(_) | Value::Float(_) => {
                Time { nanos: to_int(argument(a, 1)).saturating_mul(1_000_000_000), offset_s: 0 }
            }
            other => {
                return Err(TemplateError::new(format!("expected time.Time; got {}", other.type_name())));
            }
        };
        string(layout::format(text(a, 0)?, time))
    }),
    ("toDate", 2, 2, |a, _| read(text(a, 0)?, "UTC", text(a, 1)?)),
    ("toDateInZone", 3, 3, |a, _| read(text(a, 0)?, text(a, 1)?, text(a, 2)?)),
    ("unixEpoch", 1, 1, |a, _| epoch(a, 1_000_000_000)),
    ("unixEpochMillis", 1, 1, |a, _| epoch(a, 1_000_000)),
    ("unixEpochNanos", 1, 1, |a, _| epoch(a, 1)),
    ("unixToTime", 1, 1, |a, _| {
        let digits = match argument(a, 0) {
            Value::Text(text) => text.clone(),
            other => other.print(),
        };
        let number: Option<i64> = digits.parse().ok();
        // The unit is told from the number of digits.
        let unit = match digits.len() {
            5 => Some(86_400_000_000_000),
            10 => Some(1_000_000_000),
            13 => Some(1_000_000),
            16 => Some(1_000),
            19 => Some(1),
            _ => None,
        };
        let nanos = number.zip(unit).and_then(|(number, unit)| number.checked_mul(unit));
        let nanos = nanos.ok_or_else(|| TemplateError::new(format!("unable to parse time '{digits}'")))?;
        Ok(Value::Time(Time { nanos, offset_s: 0 }))
    }),
];

fn epoch(arguments: &[Value], unit: i64) -> Result<Value, TemplateError> {
    match argument(arguments, 0) {
        Value::Time(time) => string(time.nanos.div_euclid(unit).to_string()),
        other => Err(TemplateError::new(format!("expected time.Time; got {}", other.type_name()))),
    }
}

/// A text that is no such time is the zero time, as in Loki.
fn read(format: &str, zone: &str, text: &str) -> Result<Value, TemplateError> {
    let zone = match zone {
        "" | "UTC" | "Local" => TimeZone::UTC,
        name => TimeZone::get(name).map_err(|_| TemplateError::new(format!("unknown time zone {name}")))?,
    };
    let zero = Time { nanos: i64::MIN, offset_s: 0 };
    Ok(Value::Time(layout::parse(format, text, &zone).unwrap_or(zero)))
}
