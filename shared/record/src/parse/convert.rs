//! Values that lines write in several forms, brought into one.

use std::borrow::Cow;

use super::http::path_of;
use super::swar;

/// Digits, and the point among them, of a decimal number that is read without
/// the long way of the standard library: a whole number of so many digits and
/// the power of ten that divides it are both exact, so their quotient is the
/// nearest there is.
const MAX_SHORT_DECIMAL_BYTES: usize = 15;

/// `00-<32>-<16>-` and flags, which may be none.
const MIN_TRACEPARENT_BYTES: usize = 35 + 1 + 16 + 1;

const POWERS_OF_TEN: [f64; MAX_SHORT_DECIMAL_BYTES] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14];

/// The 32 hexadecimal digits inside a traceparent (`00-<32>-<16>-<2>`,
/// <https://www.w3.org/TR/trace-context/>), an X-Ray id (`1-<8>-<24>`, with or
/// without `Root=`) or Google's resource name (`projects/p/traces/<32>`);
/// anything else as it is.
pub(crate) fn trace_id(value: Cow<'_, str>) -> Cow<'_, str> {
    if !swar::has(value.as_bytes(), |word| swar::equal(word, b'-') | swar::equal(word, b'/')) {
        return value;
    }
    let root = value.split(';').find_map(|part| part.trim().strip_prefix("Root=")).unwrap_or(&value);
    let mut parts = root.split('-');
    let digits = match (parts.next(), parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some("1"), Some(time), Some(random), None, _) if time.len() == 8 && random.len() == 24 => {
            [time, random].concat()
        }
        (Some(version), Some(id), Some(span), Some(_flags), None)
            if version.len() == 2 && id.len() == 32 && span.len() == 16 =>
        {
            id.to_owned()
        }
        _ => match value.rsplit_once("/traces/") {
            Some((_, id)) => id.to_owned(),
            None => return value,
        },
    };
    Cow::Owned(digits)
}

/// The span id inside a traceparent.
pub(crate) fn span_of_traceparent(value: &str) -> Option<&str> {
    // Most ids are shorter, and are not looked into.
    if value.len() < MIN_TRACEPARENT_BYTES {
        return None;
    }
    let (ids, _flags) = value.rsplit_once('-')?;
    let (trace, span) = ids.rsplit_once('-')?;
    (trace.len() == 35 && span.len() == 16).then_some(span)
}

/// A path without scheme, host, query string and fragment. A query string may
/// hold anything.
pub(crate) fn path(target: Cow<'_, str>) -> Cow<'_, str> {
    match target {
        Cow::Borrowed(target) => Cow::Borrowed(path_of(target)),
        Cow::Owned(target) => Cow::Owned(path_of(&target).to_owned()),
    }
}

/// A number, as `str::parse` reads it.
#[inline]
pub(crate) fn float(text: &str) -> Option<f64> {
    match short_decimal(text) {
        Some((number, "")) => Some(number),
        Some((_, rest)) if !rest.starts_with(['e', 'E']) => None,
        _ => text.parse().ok(),
    }
}

/// The short decimal number (`12.5`) that `text` begins with, and what follows it.
#[inline]
fn short_decimal(text: &str) -> Option<(f64, &str)> {
    let (mut whole, mut len, mut point) = (0_u64, 0, None);
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => whole = whole * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() && len > 0 => point = Some(len),
            _ => break,
        }
        len += 1;
        if len > MAX_SHORT_DECIMAL_BYTES {
            return None;
        }
    }
    let decimals = point.map_or(0, |point| len - point - 1);
    if len == 0 || point.is_some() && decimals == 0 {
        return None;
    }
    Some((whole as f64 / POWERS_OF_TEN.get(decimals)?, text.get(len..)?))
}

/// How many milliseconds a unit is.
#[inline]
fn unit_millis(unit: &str) -> Option<f64> {
    Some(match unit {
        "ms" | "msec" | "millis" | "milliseconds" => 1.0,
        "s" | "sec" | "secs" | "seconds" => 1e3,
        "us" | "µs" | "μs" => 1e-3,
        "ns" => 1e-6,
        "m" | "min" => 60e3,
        "h" => 3600e3,
        _ => return None,
    })
}

/// A duration in milliseconds: a plain number is one, units are converted,
/// also several in a row as Go writes them (`1m2.5s`).
pub(crate) fn milliseconds(value: &str) -> Option<f64> {
    if let Some((number, unit)) = short_decimal(value)
        && let Some(factor) = unit_millis(unit)
    {
        return Some(number * factor);
    }
    let mut rest = value.trim();
    if let Ok(number) = rest.parse::<f64>() {
        return Some(number).filter(|ms| ms.is_finite());
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| c.is_alphabetic())?;
        let (number, behind) = rest.split_at_checked(unit_at)?;
        let unit_len = behind.find(|c: char| !c.is_alphabetic()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at_checked(unit_len)?;
        let factor = unit_millis(unit)?;
        total += number.trim_end().parse::<f64>().ok()? * factor;
        rest = behind.trim_start();
    }
    Some(total).filter(|ms| ms.is_finite() && !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_ids() {
        let hex = "0af7651916cd43dd8448eb211c80319c";
        for value in [
            hex,
            "1-0af76519-16cd43dd8448eb211c80319c",
            "Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=53995c3f42cd8ad8;Sampled=1",
            "Self=1-67891234-12456789abcdef012345678;Root=1-0af76519-16cd43dd8448eb211c80319c",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "projects/shop/traces/0af7651916cd43dd8448eb211c80319c",
        ] {
            assert_eq!(trace_id(value.into()), hex, "{value}");
        }
        for value in ["5208512171318403364", "0f8fad5b-d9cb-469f-a165-70867728950e", "-", "1-2-3", ""] {
            assert_eq!(trace_id(value.into()), value);
        }
    }

    #[test]
    fn spans() {
        let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(span_of_traceparent(traceparent), Some("b7ad6b7169203331"));
        assert_eq!(span_of_traceparent("0f8fad5b-d9cb-469f-a165-70867728950e"), None);
    }

    #[test]
    fn paths() {
        assert_eq!(path("/a?token=x".into()), "/a");
        assert_eq!(path("https://shop.example.com/b/c?x=1#f".to_owned().into()), "/b/c");
    }

    #[test]
    fn durations() {
        for (value, ms) in [
            ("12.5", Some(12.5)),
            ("12ms", Some(12.0)),
            ("1.5s", Some(1500.0)),
            ("3 µs", Some(0.003)),
            ("250 ms", Some(250.0)),
            ("1m2.5s", Some(62_500.0)),
            ("1h0m1s", Some(3_601_000.0)),
            ("2000000ns", Some(2.0)),
            ("2d", None),
            ("s", None),
            ("12 items", None),
            ("inf", None),
            ("NaN", None),
            ("", None),
        ] {
            assert_eq!(milliseconds(value), ms, "{value}");
        }
    }
}
