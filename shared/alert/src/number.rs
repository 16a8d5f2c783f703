//! Numbers of a message: for people, and in JSON, which has no word for what is
//! not finite.

use serde::{Deserialize, Deserializer, Serializer};

/// Four digits at most after the first that counts, and no exponent where a
/// number can be read without one: `10.67`, `0.0214`, `1234568`.
pub(crate) fn for_people(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let size = value.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    if !(1e-6..1e15).contains(&size) {
        return format!("{value:.3e}");
    }
    // Digits before the point are never rounded away.
    let digits = 3 - size.log10().floor().min(3.0) as i32;
    let digits = usize::try_from(digits).unwrap_or_default();
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    text
}

/// How many times: one digit after the point below ten, none from there on.
pub(crate) fn ratio(ratio: f64) -> String {
    let text = if ratio < 9.95 { format!("{ratio:.1}") } else { format!("{ratio:.0}") };
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

/// A number, or `"NaN"`, `"+Inf"`, `"-Inf"`.
pub(crate) fn write<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() {
        serializer.serialize_f64(*value)
    } else {
        serializer.serialize_str(&for_people(*value))
    }
}

/// The same, or `null`.
pub(crate) fn write_optional<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => write(value, serializer),
        None => serializer.serialize_none(),
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(f64),
    Word(String),
}

impl Written {
    fn value(self) -> f64 {
        match self {
            Self::Number(value) => value,
            Self::Word(word) => word.parse().unwrap_or(f64::NAN),
        }
    }
}

/// Reads what [`write()`] wrote; `null`, which older messages have for it, is NaN.
pub(crate) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(read_optional(deserializer)?.unwrap_or(f64::NAN))
}

/// Reads what [`write_optional`] wrote.
pub(crate) fn read_optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Ok(Option::<Written>::deserialize(deserializer)?.map(Written::value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_four_digits() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "0"),
            (6.0, "6"),
            (14.0, "14"),
            (10.666_666, "10.67"),
            (1234.56, "1235"),
            (1_234_567.8, "1234568"),
            (0.021_43, "0.02143"),
            (0.1 + 0.2, "0.3"),
            (99.999_9, "100"),
            (-2.5, "-2.5"),
            (1e-9, "1.000e-9"),
            (2.5e20, "2.500e20"),
        ] {
            assert_eq!(for_people(value), expected);
        }
        assert_eq!((ratio(2.8), ratio(2.0), ratio(10.4)), ("2.8".into(), "2".into(), "10".into()));
    }
}
