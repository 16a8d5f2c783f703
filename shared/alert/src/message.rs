//! What is told about an alert: the message itself, and its words for email and SMS.

use std::collections::BTreeMap;

use catchment_logql::{format_duration, format_value};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::short_hash;
use crate::group::{Group, Rule};
use crate::state::{AlertState, Phase};

pub use crate::slack::{MAX_BLOCKS, MAX_HEADER_CHARS, MAX_SECTION_CHARS, slack_blocks};

/// The longest subject of an email from SNS, in characters.
/// <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>
pub const MAX_SUBJECT_CHARS: usize = 99;
/// The longest text message: one SMS of 160 characters.
pub const MAX_SMS_CHARS: usize = 160;
/// The longest description, summary, label or annotation that is sent, in
/// characters. SNS takes 262,144 bytes a message.
pub const MAX_TEXT_CHARS: usize = 2_000;
/// The most labels or annotations that are sent.
pub const MAX_FIELDS: usize = 20;

/// Whether the alert is on or over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is on.
    Firing,
    /// It is over.
    Resolved,
}

/// What is told about an alert. Its JSON is the message to Lambda subscribers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertMessage {
    /// The same for the firing and the resolution of one alert.
    pub id: String,
    /// The alert's name.
    pub name: String,
    /// The rendered annotation `description`.
    pub description: String,
    /// The rendered annotation `summary`.
    pub summary: String,
    /// The label `severity`; `none` without one.
    pub severity: String,
    /// Whether it is on or over.
    pub status: Status,
    /// The rule's expression.
    pub condition: String,
    /// The constant the rule compares with.
    pub threshold: Option<f64>,
    /// The last value for which the condition held.
    pub current_value: f64,
    /// The labels of the series and the rule.
    pub labels: BTreeMap<String, String>,
    /// The other annotations, rendered.
    pub annotations: BTreeMap<String, String>,
    /// When it began to fire, RFC 3339.
    pub triggered_at: String,
    /// When it was over, RFC 3339.
    pub resolved_at: Option<String>,
    /// The stack that says so.
    pub stack: String,
}

impl AlertMessage {
    /// The message that a state which has begun to fire, or is over, owes.
    pub fn new(group: &Group, rule: &Rule, state: &AlertState, stack: &str) -> Self {
        let resolved = state.phase == Phase::Resolved;
        let labels = rule.alert_labels(&state.series, state.value);
        let annotations = rule.annotations.iter();
        let mut annotations: BTreeMap<String, String> = annotations
            .map(|(name, text)| (name.clone(), text.render(state.series.labels(), state.value)))
            .map(|(name, text)| (name, shorten(&text, MAX_TEXT_CHARS)))
            .collect();
        let mut take = |name: &str| annotations.remove(name).unwrap_or_default();
        let (summary, description) = (take("summary"), take("description"));
        let labels = labels.into_iter().map(|(name, text)| (name, shorten(&text, MAX_TEXT_CHARS)));
        let labels: BTreeMap<String, String> = labels.take(MAX_FIELDS).collect();
        let began = state.active_at_ms.to_string();
        let identity = [group.name.as_str(), rule.id.as_str(), &state.series.to_string(), &began];
        Self {
            id: short_hash(identity),
            name: rule.name.clone(),
            description,
            summary,
            severity: labels.get("severity").cloned().unwrap_or_else(|| "none".to_owned()),
            status: if resolved { Status::Resolved } else { Status::Firing },
            condition: shorten(&rule.expr_text, MAX_TEXT_CHARS),
            threshold: rule.expr.threshold(),
            current_value: state.value,
            labels,
            annotations: annotations.into_iter().take(MAX_FIELDS).collect(),
            triggered_at: rfc3339(state.fired_at_ms.unwrap_or(state.evaluated_ms)),
            resolved_at: resolved.then(|| rfc3339(state.evaluated_ms)),
            stack: stack.to_owned(),
        }
    }

    /// `FIRING` or `RESOLVED`.
    pub fn status_word(&self) -> &'static str {
        match self.status {
            Status::Firing => "FIRING",
            Status::Resolved => "RESOLVED",
        }
    }

    /// The summary, or the alert's name where the rule has none.
    pub fn headline(&self) -> &str {
        if self.summary.is_empty() { &self.name } else { &self.summary }
    }

    /// The value, and what it was compared with.
    pub fn value_text(&self) -> String {
        let value = format_value(self.current_value);
        match self.threshold {
            Some(threshold) => format!("{value} (threshold {})", format_value(threshold)),
            None => value,
        }
    }

    /// How long the alert was on, once it is over.
    fn duration_text(&self) -> Option<String> {
        let from: Timestamp = self.triggered_at.parse().ok()?;
        let to: Timestamp = self.resolved_at.as_ref()?.parse().ok()?;
        Some(format_duration(to.as_millisecond() - from.as_millisecond()))
    }

    /// A command that shows the lines behind the alert: its last hour, of its
    /// service where that is known.
    ///
    /// It is there to be pasted into a shell, and the service comes from a log
    /// line, which anybody may have written: it is left out unless plain.
    pub fn query_command(&self) -> String {
        let from = self.triggered_at.parse::<Timestamp>().unwrap_or_default();
        let millis = from.as_millisecond() - 3_600_000;
        let start = Timestamp::from_millisecond(millis).unwrap_or_default();
        let service = match self.labels.get("service").filter(|service| is_plain(service)) {
            Some(service) => format!(" AND service = '{service}'"),
            None => String::new(),
        };
        let stack = if is_plain(&self.stack) { format!(" --stack {}", self.stack) } else { String::new() };
        let since = start.strftime("%Y-%m-%d %H:%M:%S");
        format!(
            "catchment query{stack} --sql \"SELECT timestamp, service, severity_text, message FROM logs WHERE dt >= DATE '{}'{service} AND timestamp >= TIMESTAMP '{since}' ORDER BY timestamp DESC LIMIT 100\"",
            start.strftime("%Y-%m-%d")
        )
    }
}

/// The subject of the email: one line of at most [`MAX_SUBJECT_CHARS`].
pub fn email_subject(message: &AlertMessage) -> String {
    let subject = format!("[{}] {}: {}", message.status_word(), message.severity, message.headline());
    let subject: String = subject.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    shorten(&subject, MAX_SUBJECT_CHARS)
}

/// The email: what, since when, how much, where, and what to run next.
pub fn email_text(message: &AlertMessage) -> String {
    let mut text = format!("{}: {}\n", message.status_word(), message.headline());
    if !message.description.is_empty() {
        text.push_str(&format!("\n{}\n", message.description));
    }
    text.push_str(&format!("\nAlert:     {}\nSeverity:  {}\n", message.name, message.severity));
    text.push_str(&format!("Since:     {}\n", message.triggered_at));
    if let Some(resolved_at) = &message.resolved_at {
        let lasted = message.duration_text().map(|d| format!(" (after {d})")).unwrap_or_default();
        text.push_str(&format!("Over at:   {resolved_at}{lasted}\n"));
    }
    let last = if message.status == Status::Firing { "Value:     " } else { "Last value: " };
    text.push_str(&format!("{last}{}\nCondition: {}\n", message.value_text(), message.condition));
    for (title, fields) in [("Labels", &message.labels), ("Notes", &message.annotations)] {
        if !fields.is_empty() {
            text.push_str(&format!("\n{title}:\n"));
        }
        for (name, value) in fields {
            text.push_str(&format!("  {name}: {value}\n"));
        }
    }
    text.push_str(&format!("\nLook at the lines:\n  {}\n", message.query_command()));
    text.push_str(&format!("\nSent by Catchment, stack {}. Alert id {}.\n", message.stack, message.id));
    text
}

/// One SMS of at most [`MAX_SMS_CHARS`].
pub fn sms_text(message: &AlertMessage) -> String {
    let value = message.value_text();
    let text = format!("{} {}: {} - {value}", message.status_word(), message.severity, message.headline());
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    shorten(&text, MAX_SMS_CHARS)
}

/// The text, cut to `max_chars` with an ellipsis as its last character.
pub(crate) fn shorten(text: &str, max_chars: usize) -> String {
    if text.chars().count() <= max_chars {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(max_chars.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// Whether neither a shell nor SQL sees more than a name in the text.
fn is_plain(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '/' | '-');
    !text.is_empty() && text.chars().all(plain)
}

fn rfc3339(millis: i64) -> String {
    Timestamp::from_millisecond(millis).unwrap_or_default().to_string()
}
