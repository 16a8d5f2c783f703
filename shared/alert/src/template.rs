//! Templates of annotations and labels: the part of Go's text/template that
//! alert rules use. Anything else is an error when the rule is loaded.
//!
//! Understood: `{{ $value }}`, `{{ .Value }}`, `{{ $labels.name }}`,
//! `{{ .Labels.name }}`, `{{ printf "%.2f" $value }}` and `{{ $value | humanize }}`
//! (also `{{ humanize $value }}`).

use std::collections::BTreeMap;

/// A compiled template.
#[derive(Debug, Clone, PartialEq)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    Label(String),
    Value(Format),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Format {
    /// As Go's `%v` prints it.
    Shortest,
    /// `%.nf`
    Decimals(usize),
    Humanize,
}

/// A template that cannot be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// `{{` without `}}`.
    #[error("the template has a \"{{{{\" that no \"}}}}\" closes")]
    Unclosed,
    /// An action outside the understood part.
    #[error(
        "the template action \"{{{{ {action} }}}}\" is not supported; use $value, $labels.<name>, printf \"%.2f\" $value, or $value | humanize"
    )]
    Unsupported {
        /// What stands between the braces.
        action: String,
    },
}

impl Template {
    /// Compiles a template.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (action, next) = after.split_once("}}").ok_or(TemplateError::Unclosed)?;
            // `{{-` and `-}}` take the blanks on their side with them.
            let (action, trim_before) = match action.strip_prefix("- ") {
                Some(action) => (action, true),
                None => (action, false),
            };
            let (action, trim_after) = match action.strip_suffix(" -") {
                Some(action) => (action, true),
                None => (action, false),
            };
            let before = if trim_before { before.trim_end() } else { before };
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::action(action.trim())?);
            rest = if trim_after { next.trim_start() } else { next };
        }
        parts.push(Part::Text(rest.to_owned()));
        parts.retain(|part| *part != Part::Text(String::new()));
        Ok(Self(parts))
    }

    /// The text for a series with these labels and this value.
    pub fn render(&self, labels: &BTreeMap<String, String>, value: f64) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Label(name) => out.push_str(labels.get(name).map_or("", String::as_str)),
                Part::Value(Format::Shortest) => out.push_str(&format_value(value)),
                Part::Value(Format::Decimals(n)) => out.push_str(&format!("{value:.n$}")),
                Part::Value(Format::Humanize) => out.push_str(&humanize(value)),
            }
        }
        out
    }
}

impl Part {
    fn action(action: &str) -> Result<Self, TemplateError> {
        let words: Vec<&str> = action.split_whitespace().collect();
        let is_value = |word: &str| word == "$value" || word == ".Value";
        let part = match words.as_slice() {
            [word] if is_value(word) => Some(Self::Value(Format::Shortest)),
            [word] => word
                .strip_prefix("$labels.")
                .or_else(|| word.strip_prefix(".Labels."))
                .filter(|name| is_label_name(name))
                .map(|name| Self::Label(name.to_owned())),
            ["printf", format, word] if is_value(word) => decimals(format).map(Self::Value),
            [word, "|", "humanize"] | ["humanize", word] if is_value(word) => {
                Some(Self::Value(Format::Humanize))
            }
            _ => None,
        };
        part.ok_or_else(|| TemplateError::Unsupported { action: action.to_owned() })
    }
}

fn is_label_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// `"%.2f"` and `"%f"`, up to nine digits.
fn decimals(format: &str) -> Option<Format> {
    let digits = match format.strip_prefix("\"%")?.strip_suffix("f\"")? {
        "" => 6,
        precision => precision.strip_prefix('.')?.parse().ok().filter(|n| *n <= 9)?,
    };
    Some(Format::Decimals(digits))
}

/// A number as Go's `%v` prints a float64: the shortest digits that mean it,
/// with an exponent from 1e+06 on and below 1e-04.
pub(crate) fn format_value(value: f64) -> String {
    general(&format!("{value:e}"), 6)
}

/// Prometheus' `humanize`: four significant digits and a metric prefix.
fn humanize(value: f64) -> String {
    let mut scaled = value;
    let mut prefix = "";
    if value != 0.0 && value.abs() >= 1.0 {
        for next in ["k", "M", "G", "T", "P", "E", "Z", "Y"] {
            if scaled.abs() < 1000.0 {
                break;
            }
            prefix = next;
            scaled /= 1000.0;
        }
    } else if value != 0.0 {
        for next in ["m", "u", "n", "p", "f", "a", "z", "y"] {
            if scaled.abs() >= 1.0 {
                break;
            }
            prefix = next;
            scaled *= 1000.0;
        }
    }
    format!("{}{prefix}", general(&format!("{scaled:.3e}"), 4))
}

/// Turns Rust's `d.ddde±x` into what Go's `%g` prints: without an exponent when
/// that is at least -4 and below `limit`, and without trailing zeros.
fn general(scientific: &str, limit: i32) -> String {
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific.to_owned();
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(mantissa) => ("-", mantissa),
        None => ("", mantissa),
    };
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    let digits = match digits.trim_end_matches('0') {
        "" => "0",
        digits => digits,
    };
    let split = |at: usize| {
        let (whole, fraction) = digits.split_at_checked(at).unwrap_or((digits, ""));
        let zeros = "0".repeat(at.saturating_sub(digits.len()));
        if fraction.is_empty() { format!("{whole}{zeros}") } else { format!("{whole}.{fraction}") }
    };
    if exponent < -4 || exponent >= limit {
        let direction = if exponent < 0 { '-' } else { '+' };
        format!("{sign}{}e{direction}{:02}", split(1), exponent.abs())
    } else if exponent < 0 {
        let zeros = "0".repeat(usize::try_from(-exponent - 1).unwrap_or_default());
        format!("{sign}0.{zeros}{digits}")
    } else {
        format!("{sign}{}", split(usize::try_from(exponent + 1).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_print_as_in_go() {
        // By the rule of strconv.FormatFloat(value, 'g', -1, 64).
        for (value, expected) in [
            (0.0, "0"),
            (6.0, "6"),
            (100_000.0, "100000"),
            (123_456.7, "123456.7"),
            (1_000_000.0, "1e+06"),
            (1_234_567.0, "1.234567e+06"),
            (0.1, "0.1"),
            (10.666_666_666_666_666, "10.666666666666666"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (-2.5, "-2.5"),
            (1e100, "1e+100"),
        ] {
            assert_eq!(format_value(value), expected);
        }
    }

    #[test]
    fn humanize_is_prometheus_humanize() {
        for (value, expected) in [
            (0.0, "0"),
            (1.0, "1"),
            (999.0, "999"),
            (1_000.0, "1k"),
            (1_234_567.0, "1.235M"),
            (0.0214, "21.4m"),
            (-1_500.0, "-1.5k"),
        ] {
            assert_eq!(humanize(value), expected);
        }
    }

    #[test]
    fn the_understood_part_renders() {
        let labels = BTreeMap::from([("service".to_owned(), "api".to_owned())]);
        for (template, expected) in [
            ("plain", "plain"),
            ("rate is {{ $value }} a second", "rate is 12.5 a second"),
            ("{{.Value}}/{{$value}}", "12.5/12.5"),
            ("{{ $labels.service }}, {{ .Labels.nope }}.", "api, ."),
            ("{{ printf \"%.2f\" $value }}", "12.50"),
            ("{{ $value | humanize }} {{ humanize .Value }}", "12.5 12.5"),
            ("a {{- $value -}} b", "a12.5b"),
        ] {
            let template = Template::parse(template).unwrap();
            assert_eq!(template.render(&labels, 12.5), expected);
        }
    }

    #[test]
    fn anything_else_is_named() {
        for action in ["query `up`", "if $value", "$externalLabels.x", "$labels", "printf \"%d\" $value", ""]
        {
            let err = Template::parse(&format!("x {{{{ {action} }}}}")).unwrap_err();
            assert_eq!(err, TemplateError::Unsupported { action: action.to_owned() });
        }
        assert_eq!(Template::parse("x {{ $value"), Err(TemplateError::Unclosed));
    }
}
