//! Durations as Prometheus and Loki write them: `5m`, `1h30m`, `100ms`, `0`.

/// Units with their length in milliseconds, longest first.
const UNITS: [(&str, i64); 7] = [
    ("y", 365 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// A text that is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a duration; write it like 30s, 5m or 1h30m (units: y w d h m s ms)")]
pub struct DurationError {
    /// What was written.
    pub text: String,
}

/// Reads a duration, in milliseconds. `0` needs no unit.
pub fn parse_duration(text: &str) -> Result<i64, DurationError> {
    let fail = || DurationError { text: text.to_owned() };
    if text == "0" {
        return Ok(0);
    }
    let mut total: i64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(fail)?;
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at(letters);
        let (_, length) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(fail)?;
        let number: i64 = number.parse().map_err(|_| fail())?;
        total = number.checked_mul(*length).and_then(|part| total.checked_add(part)).ok_or_else(fail)?;
        rest = next;
    }
    if text.is_empty() {
        return Err(fail());
    }
    Ok(total)
}

/// Writes a duration in milliseconds as [`parse_duration`] reads it, in units
/// up to hours.
pub fn format_duration(millis: i64) -> String {
    let mut rest = millis;
    let mut text = String::new();
    for (unit, length) in UNITS.iter().skip(3) {
        if rest >= *length {
            text.push_str(&format!("{}{unit}", rest / length));
            rest %= length;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_prometheus_reads_them() {
        for (text, millis) in [
            ("0", 0),
            ("0m", 0),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("100ms", 100),
            ("1d", 86_400_000),
            ("1w", 604_800_000),
        ] {
            assert_eq!(parse_duration(text), Ok(millis), "{text}");
        }
        for text in ["", "5", "m", "5 m", "-5m", "1.5h", "5x", "99999999999999999y"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_written_shortly() {
        for (millis, text) in [(300_000, "5m"), (5_400_000, "1h30m"), (0, "0s"), (1_500, "1s500ms")] {
            assert_eq!(format_duration(millis), text);
        }
    }
}
