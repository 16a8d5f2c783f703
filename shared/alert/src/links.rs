//! Where to look next: the command that shows an alert's lines, and the same
//! query in the console of AWS.
//!
//! CloudWatch Logs Insights is the console's page that opens with a query and
//! its time filled in; Athena's opens only with queries that were saved or run
//! before. The form of its address is the console's own (JSURL behind
//! `queryDetail=`, and `$` for `%`): AWS documents none.

use std::collections::BTreeMap;
use std::fmt::Write;

use catchment_logql::{LineMatch, LogExpr, MatchValue, Stage};
use jiff::Timestamp;

use crate::text::escape_unseen;

/// Log groups that a query of Logs Insights can be about.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatchlogs_limits_cwl.html>
pub(crate) const MAX_LOG_GROUPS: usize = 50;
/// The longest command and the longest address that are told, in characters.
/// What is longer is left out: a cut one would do something else.
pub const MAX_LINK_CHARS: usize = 2_000;

/// A time span, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub from_ms: i64,
    pub to_ms: i64,
}

/// `catchment query` with the lines of the rule, of these labels, in that time.
///
/// It is there to be pasted into a shell, and labels come from log lines: the
/// query stands in single quotes, in which a shell reads nothing but the closing
/// one, and in it no character is one that a terminal would act on.
pub(crate) fn command(
    log: &LogExpr,
    labels: &BTreeMap<String, String>,
    span: Span,
    stack: &str,
) -> Option<String> {
    let mut logql = log.to_string();
    for (name, value) in labels {
        let said = log.matchers.iter().any(|matcher| {
            matcher.name == *name
                && !matcher.negated
                && matches!(&matcher.value, MatchValue::Text(text) if text == value)
        });
        if !said && is_name(name) {
            // JSON's escapes are among Go's.
            write!(logql, " | {name}={}", serde_json::Value::from(value.as_str())).ok();
        }
    }
    let quoted = escape_unseen(&logql).replace('\'', r"'\''");
    let stack = if is_plain(stack) { format!(" --stack {stack}") } else { String::new() };
    let (from, to) = (seconds(span.from_ms), seconds(span.to_ms));
    let command = format!("catchment query{stack} '{quoted}' --from {from} --to {to}");
    (command.chars().count() <= MAX_LINK_CHARS).then_some(command)
}

/// The address at which Logs Insights shows the lines of these log groups.
pub(crate) fn console(log: &LogExpr, log_groups: &[String], span: Span, region: &str) -> Option<String> {
    if log_groups.is_empty() || log_groups.len() > MAX_LOG_GROUPS || !is_plain(region) {
        return None;
    }
    let sources: String = log_groups.iter().map(|group| format!("~{}", jsurl(group))).collect();
    let detail = format!(
        "~(end~{}~start~{}~timeType~'ABSOLUTE~tz~'UTC~editorString~{}~source~({sources}))",
        jsurl(&millis(span.to_ms)),
        jsurl(&millis(span.from_ms)),
        jsurl(&insights_query(log)),
    );
    // Percent-encoded twice, the outer time with a dollar.
    let detail: String = detail
        .chars()
        .map(|c| match c {
            '~' => "$257E".to_owned(),
            '(' => "$2528".to_owned(),
            ')' => "$2529".to_owned(),
            '\'' => "$2527".to_owned(),
            '!' => "$2521".to_owned(),
            c => c.to_string(),
        })
        .collect();
    let domain = match region {
        region if region.starts_with("cn-") => "amazonaws.cn",
        region if region.starts_with("us-gov-") => "amazonaws-us-gov.com",
        _ => "aws.amazon.com",
    };
    let host = if domain == "aws.amazon.com" {
        format!("{region}.console.{domain}")
    } else {
        format!("console.{domain}")
    };
    let url = format!(
        "https://{host}/cloudwatch/home?region={region}#logsV2:logs-insights$3FqueryDetail$3D{detail}"
    );
    (url.chars().count() <= MAX_LINK_CHARS).then_some(url)
}

/// The selector's line filters in the language of Logs Insights; what that
/// language has no word for shows more lines, never fewer.
fn insights_query(log: &LogExpr) -> String {
    let mut query = "fields @timestamp, @message, @logStream".to_owned();
    for stage in &log.stages {
        let filter = match stage {
            Stage::LineFilter(filter) => filter,
            // The line is another one from here on.
            Stage::LineFormat(_) | Stage::Unpack | Stage::Decolorize => break,
            _ => continue,
        };
        let words: Option<Vec<String>> = filter
            .alternatives
            .iter()
            .map(|alternative| match alternative {
                LineMatch::Text(needle) => Some(format!("@message like {}", text(needle.text()))),
                LineMatch::Regex(pattern) => {
                    let source = pattern.source().replace('/', r"\/");
                    (!source.is_empty()).then(|| format!("@message like /{source}/"))
                }
                LineMatch::Shape(_) | LineMatch::Ip(_) => None,
            })
            .collect();
        if let Some(words) = words.filter(|words| !words.is_empty()) {
            let any = words.join(" or ");
            let condition = if filter.negated { format!("not ({any})") } else { any };
            write!(query, "\n| filter {condition}").ok();
        }
    }
    query.push_str("\n| sort @timestamp desc\n| limit 1000");
    query
}

/// A text of Logs Insights.
fn text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}

/// A text in JSURL: letters, digits, `.`, `_` and `-` are themselves, `$` is `!`,
/// the rest are UTF-16 units, `*` before two digits and `**` before four.
fn jsurl(text: &str) -> String {
    let mut out = "'".to_owned();
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(b) if b.is_ascii_alphanumeric() || b"._-".contains(&b) => out.push(char::from(b)),
            Ok(b'$') => out.push('!'),
            Ok(b) => {
                write!(out, "*{b:02x}").ok();
            }
            Err(_) => {
                write!(out, "**{unit:04x}").ok();
            }
        }
    }
    out
}

/// Whether a label filter can name it.
fn is_name(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && !name.starts_with("__")
        && name.chars().all(word)
}

/// Whether neither a shell nor an address sees more than a name in the text.
fn is_plain(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(plain)
}

fn seconds(millis: i64) -> String {
    let at = Timestamp::from_millisecond(millis).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn millis(millis: i64) -> String {
    let at = Timestamp::from_millisecond(millis).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}
