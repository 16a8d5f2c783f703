//! An alert as a Slack message in Block Kit, coloured by severity.
//!
//! Limits: <https://api.slack.com/reference/block-kit/blocks>.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::message::{AlertMessage, Status};
use crate::text::shorten;

/// The longest header text, in characters.
pub const MAX_HEADER_CHARS: usize = 150;
/// The longest text of a section, in characters.
pub const MAX_SECTION_CHARS: usize = 3_000;
/// The most blocks in a message.
pub const MAX_BLOCKS: usize = 50;

/// The body to post to an incoming webhook.
pub fn slack_blocks(message: &AlertMessage) -> Value {
    let header = format!("{}: {}", message.status.word(), message.headline(MAX_HEADER_CHARS));
    let header = shorten(&header, MAX_HEADER_CHARS);
    let mut blocks = vec![json!({
        "type": "header",
        "text": {"type": "plain_text", "text": header, "emoji": false},
    })];
    if !message.description.is_empty() {
        blocks.push(section(&escape(&message.description)));
    }
    let over = message.resolved_at.as_ref().map(|at| format!("\n*Over at* {at}"));
    blocks.push(section(&format!(
        "*Alert* {}\n*Severity* {}\n*Value* {}\n*Since* {}{}",
        escape(&message.name),
        escape(&message.severity),
        escape(&message.value_text().unwrap_or_default()),
        message.since,
        over.unwrap_or_default()
    )));
    blocks.push(section(&code(&message.condition)));
    for (title, fields) in [("Labels", &message.labels), ("Notes", &message.annotations)] {
        if !fields.is_empty() {
            blocks.push(section(&field_list(title, fields)));
        }
    }
    if let Some(command) = &message.links.command {
        blocks.push(section(&format!("*Look at the lines*\n{}", code(command))));
    }
    let footer = format!("Catchment, stack {}, alert {}", escape(&message.stack), message.id);
    blocks.push(json!({"type": "context", "elements": [{"type": "mrkdwn", "text": footer}]}));
    blocks.truncate(MAX_BLOCKS);
    json!({"text": escape(&header), "attachments": [{"color": colour(message), "blocks": blocks}]})
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": {"type": "mrkdwn", "text": shorten(text, MAX_SECTION_CHARS)}})
}

fn field_list(title: &str, fields: &BTreeMap<String, String>) -> String {
    let lines = fields.iter().map(|(name, value)| format!("\n• {}: {}", escape(name), escape(value)));
    format!("*{title}*{}", lines.collect::<String>())
}

/// A code block whose end survives the section's limit.
fn code(text: &str) -> String {
    format!("```{}```", shorten(&escape(text), MAX_SECTION_CHARS - 100))
}

/// Slack reads `& < >` as its own.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn colour(message: &AlertMessage) -> &'static str {
    match (message.status, message.severity.as_str()) {
        (Status::Resolved, _) => "#2eb67d",
        (_, "critical" | "page" | "error") => "#e01e5a",
        (_, "warning") => "#ecb22e",
        _ => "#36c5f0",
    }
}
