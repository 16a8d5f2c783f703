//! The functions that Prometheus adds for alerts.
//!
//! Reference: <https://prometheus.io/docs/prometheus/latest/configuration/template_reference/>.

use super::strings::{pattern, title, url_encode};
use super::{MANY, Row, argument, string, text};
use crate::duration::parse_duration;
use crate::template::TemplateError;
use crate::template::eval::Scope;
use crate::template::layout;
use crate::template::value::{Time, Value};
use crate::units::{self, significant};

/// The latest time that is shown, in seconds since the epoch: where 64 bits of
/// nanoseconds end.
const MAX_SECONDS: f64 = 9.2e9;

pub(super) const TABLE: &[Row] = &[
    ("humanize", 1, 1, |a, _| string(humanize(number(a, 0)?))),
    ("humanize1024", 1, 1, |a, _| string(humanize_1024(number(a, 0)?))),
    ("humanizeDuration", 1, 1, |a, _| string(humanize_duration(number(a, 0)?))),
    ("humanizePercentage", 1, 1, |a, _| string(format!("{}%", significant(number(a, 0)? * 100.0, 4)))),
    ("humanizeTimestamp", 1, 1, |a, _| {
        let seconds = number(a, 0)?;
        if seconds.is_finite() {
            string(layout::go_string(time(seconds)?))
        } else {
            string(significant(seconds, 4))
        }
    }),
    ("toTime", 1, 1, |a, _| time(number(a, 0)?).map(Value::Time)),
    ("parseDuration", 1, 1, |a, _| {
        let millis = parse_duration(text(a, 0)?).map_err(|err| TemplateError::new(err.to_string()))?;
        Ok(Value::Float(millis as f64 / 1000.0))
    }),
    ("title", 1, 1, |a, _| string(title(text(a, 0)?))),
    ("toUpper", 1, 1, |a, _| string(text(a, 0)?.to_uppercase())),
    ("toLower", 1, 1, |a, _| string(text(a, 0)?.to_lowercase())),
    ("match", 2, 2, |a, _| Ok(Value::Bool(pattern(text(a, 0)?)?.is_match(text(a, 1)?)))),
    ("reReplaceAll", 3, 3, |a, _| string(pattern(text(a, 0)?)?.replace_all(text(a, 2)?, text(a, 1)?))),
    ("stripPort", 1, 1, |a, _| string(strip_port(text(a, 0)?))),
    ("stripDomain", 1, 1, |a, _| string(strip_domain(text(a, 0)?))),
    ("urlQueryEscape", 1, 1, |a, _| string(url_encode(text(a, 0)?))),
    ("safeHtml", 1, 1, |a, _| string(text(a, 0)?)),
    ("args", 0, MANY, |a, _| {
        let named = a.iter().enumerate().map(|(i, value)| (format!("arg{i}"), value.clone()));
        Ok(Value::Map(named.collect()))
    }),
    ("externalURL", 0, 0, |_, scope| string(external_url(scope))),
    ("pathPrefix", 0, 0, |_, scope| {
        let url = external_url(scope);
        let path = url.split_once("://").and_then(|(_, rest)| rest.split_once('/'));
        string(path.map(|(_, path)| format!("/{path}")).unwrap_or_default())
    }),
];

/// Why Catchment has no such function, when Prometheus has one.
pub(super) fn refused(name: &str) -> Option<&'static str> {
    match name {
        "query" => Some(
            "a notification is written without asking the archive again; put what it needs into the rule's expression",
        ),
        "first" | "label" | "value" | "strvalue" | "sortByLabel" => {
            Some("it works on the answer of \"query\", which there is none of; use $labels and $value")
        }
        "graphLink" | "tableLink" => Some(
            "it links to Prometheus' own pages; messages carry links to the console and a command by themselves",
        ),
        "tmpl" => Some("templates are called with {{template \"name\" .}}"),
        "now" => Some("a notification says itself when it began and ended"),
        "toDuration" => Some("use humanizeDuration"),
        _ => None,
    }
}

fn external_url<'s>(scope: &Scope<'s>) -> &'s str {
    match scope {
        Scope::Alert { external_url } => external_url,
        Scope::Line(..) => "",
    }
}

/// A number, or a text that is one.
fn number(arguments: &[Value], index: usize) -> Result<f64, TemplateError> {
    match argument(arguments, index) {
        Value::Float(float) => Ok(*float),
        Value::Int(int) => Ok(*int as f64),
        Value::Text(text) => units::float(text).map_err(TemplateError::new),
        other => Err(TemplateError::new(format!("can't convert {} to float", other.type_name()))),
    }
}

fn time(seconds: f64) -> Result<Time, TemplateError> {
    if seconds.is_nan() || seconds.abs() > MAX_SECONDS {
        let shown = significant(seconds, 4);
        return Err(TemplateError::new(format!("{shown} cannot be represented as a nanoseconds timestamp")));
    }
    Ok(Time { nanos: (seconds * 1e9) as i64, offset_s: 0 })
}

/// Divides, or multiplies, until the value has at most three digits before the point.
fn scaled<'p>(mut value: f64, base: f64, prefixes: &[&'p str]) -> (f64, &'p str) {
    let mut found = "";
    let small = value.abs() < 1.0;
    for prefix in prefixes {
        if (small && value.abs() >= 1.0) || (!small && value.abs() < base) {
            break;
        }
        found = prefix;
        value = if small { value * base } else { value / base };
    }
    (value, found)
}

const LARGE: [&str; 8] = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
const SMALL: [&str; 8] = ["m", "u", "n", "p", "f", "a", "z", "y"];

/// Four significant digits and a metric prefix.
fn humanize(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return significant(value, 4);
    }
    let (value, prefix) = scaled(value, 1000.0, if value.abs() >= 1.0 { &LARGE } else { &SMALL });
    format!("{}{prefix}", significant(value, 4))
}

fn humanize_1024(value: f64) -> String {
    if value.abs() <= 1.0 || !value.is_finite() {
        return significant(value, 4);
    }
    let (value, prefix) = scaled(value, 1024.0, &["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"]);
    format!("{}{prefix}", significant(value, 4))
}

/// Days to whole seconds; below a minute with four significant digits.
fn humanize_duration(value: f64) -> String {
    if !value.is_finite() {
        return significant(value, 4);
    }
    if value == 0.0 {
        return "0s".to_owned();
    }
    if value.abs() < 1.0 {
        let (value, prefix) = scaled(value, 1000.0, &SMALL);
        return format!("{}{prefix}s", significant(value, 4));
    }
    let sign = if value < 0.0 { "-" } else { "" };
    let whole = value.abs() as i64;
    let (seconds, minutes, hours, days) = (whole % 60, whole / 60 % 60, whole / 3600 % 24, whole / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{sign}{}s", significant(value.abs(), 4)),
        (0, 0, _) => format!("{sign}{minutes}m {seconds}s"),
        (0, ..) => format!("{sign}{hours}h {minutes}m {seconds}s"),
        _ => format!("{sign}{days}d {hours}h {minutes}m {seconds}s"),
    }
}

/// `host:port` without the port; what has none stays.
fn strip_port(address: &str) -> String {
    let Some((host, port)) = address.rsplit_once(':') else {
        return address.to_owned();
    };
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(inner) => inner.to_owned(),
        // More than one colon without brackets is an address of its own.
        None if host.contains(':') || port.contains(']') => address.to_owned(),
        None => host.to_owned(),
    }
}

/// The host's first name, its port staying; addresses stay whole.
fn strip_domain(address: &str) -> String {
    let host = strip_port(address);
    if host.parse::<std::net::IpAddr>().is_ok() {
        return address.to_owned();
    }
    let first = host.split('.').next().unwrap_or_default();
    match address.strip_prefix(host.as_str()) {
        Some(port) => format!("{first}{port}"),
        None => first.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_humanized_as_in_prometheus() {
        for (value, expected) in [
            (0.0, "0"),
            (1.0, "1"),
            (999.0, "999"),
            (1_000.0, "1k"),
            (1_234_567.0, "1.235M"),
            (0.0214, "21.4m"),
            (-1_500.0, "-1.5k"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(humanize(value), expected);
        }
        for (value, expected) in [(0.5, "0.5"), (1024.0, "1ki"), (1_048_576.0, "1Mi"), (1500.0, "1.465ki")] {
            assert_eq!(humanize_1024(value), expected);
        }
        for (value, expected) in [
            (0.0, "0s"),
            (1.0, "1s"),
            (1.2345, "1.234s"),
            (60.0, "1m 0s"),
            (899.99, "14m 59s"),
            (3600.0, "1h 0m 0s"),
            (86_400.0, "1d 0h 0m 0s"),
            (-90.0, "-1m 30s"),
            (0.1, "100ms"),
            (0.000_01, "10us"),
        ] {
            assert_eq!(humanize_duration(value), expected);
        }
    }

    #[test]
    fn hosts_lose_their_ports_and_domains() {
        for (address, host) in [
            ("localhost:9090", "localhost"),
            ("localhost", "localhost"),
            ("[::1]:80", "::1"),
            ("::1", "::1"),
            ("10.0.0.1:80", "10.0.0.1"),
        ] {
            assert_eq!(strip_port(address), host);
        }
        for (address, host) in [
            ("web.example.com:80", "web:80"),
            ("web.example.com", "web"),
            ("10.0.0.1:80", "10.0.0.1:80"),
            ("[::1]:80", "[::1]:80"),
        ] {
            assert_eq!(strip_domain(address), host);
        }
    }
}
