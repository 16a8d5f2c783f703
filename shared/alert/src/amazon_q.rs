//! An alert as a custom notification of Amazon Q Developer in chat applications,
//! which brings it to Slack, Microsoft Teams and Amazon Chime. What is not in
//! this form is dropped there without a word.
//!
//! Schema: <https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html>.
//! It names no lengths; ours stay below what the chats behind it show.

use serde_json::{Map, Value, json};

use crate::links::MAX_LINK_CHARS;
use crate::message::{AlertMessage, MAX_SAMPLE_CHARS, MAX_SAMPLES, MAX_SERIES, Status};
use crate::text::{lines, one_line};

/// The longest title, in characters.
pub const MAX_TITLE_CHARS: usize = 200;
/// The longest description, in characters.
pub const MAX_DESCRIPTION_CHARS: usize = 3_500;
/// The longest of the other texts, in characters.
pub const MAX_ITEM_CHARS: usize = 300;
/// The most labels among the context.
pub const MAX_CONTEXT: usize = 10;

/// The notification. Its thread is the alert: firing and resolution belong together.
pub fn amazon_q_notification(message: &AlertMessage) -> Value {
    let item = |text: &str| escaped(&one_line(text, MAX_ITEM_CHARS));
    let mark = match message.status {
        Status::Resolved => ":white_check_mark:",
        Status::Flapping => ":warning:",
        Status::Firing | Status::Repeated => ":rotating_light:",
    };
    let headline = escaped(&message.headline(MAX_TITLE_CHARS / 2));
    let mut keywords = vec![item(&message.name), item(&message.severity)];
    keywords.extend(message.labels.get("service").map(|service| item(service)));
    keywords.retain(|keyword| !keyword.is_empty());
    let mut context = Map::new();
    for (name, value) in message.labels.iter().take(MAX_CONTEXT) {
        context.insert(item(name), json!(item(value)));
    }
    let groups = message.series.iter().take(MAX_SERIES).filter_map(|series| series.labels.get("log_group"));
    let mut resources: Vec<String> = groups.map(|group| item(group)).collect();
    resources.dedup();
    json!({
        "version": "1.0",
        "source": "custom",
        "content": {
            "textType": "client-markdown",
            "title": format!("{mark} {}: {headline}", message.status.word()),
            "description": description(message),
            "nextSteps": next_steps(message),
            "keywords": keywords,
        },
        "metadata": {
            "threadId": item(&message.id),
            "summary": format!("{}: {headline}", message.status.word()),
            "eventType": format!("alert-{}", json!(message.status).as_str().unwrap_or_default()),
            "relatedResources": resources,
            "additionalContext": context,
        },
    })
}

fn description(message: &AlertMessage) -> String {
    let mut text = Vec::new();
    text.push(escaped(&lines(&message.description, MAX_DESCRIPTION_CHARS / 3)));
    let field = |title: &str, value: &str| match value {
        "" => String::new(),
        value => format!("*{title}:* {}", escaped(&one_line(value, MAX_ITEM_CHARS))),
    };
    text.push(field("Value", &message.value_text().unwrap_or_default()));
    text.push(field("Since", &message.since));
    if let Some(resolved_at) = &message.resolved_at {
        let lasted = message.duration_text().map(|lasted| format!(", after {lasted}"));
        text.push(field("Over at", &(resolved_at.clone() + &lasted.unwrap_or_default())));
    }
    let count = (message.series.len() as u64).saturating_add(message.more);
    if count > 1 {
        text.push(format!("*Series:* {count}"));
    }
    let samples = message.samples.iter().take(MAX_SAMPLES);
    let samples: Vec<String> =
        samples.map(|line| escaped(&one_line(line, MAX_SAMPLE_CHARS)).replace("```", "'''")).collect();
    if !samples.is_empty() {
        text.push(format!("```\n{}\n```", samples.join("\n")));
    }
    text.retain(|part| !part.is_empty());
    let text = text.join("\n");
    if text.chars().count() > MAX_DESCRIPTION_CHARS {
        // Escapes have made it longer than its parts: the first part says it.
        return lines(&message.headline(MAX_ITEM_CHARS), MAX_ITEM_CHARS).replace(['<', '>', '&'], " ");
    }
    text
}

fn next_steps(message: &AlertMessage) -> Vec<String> {
    let link = |title: &str, link: &Option<String>| {
        let link =
            link.as_deref().filter(|link| link.chars().all(|c| !c.is_whitespace() && !"<>|".contains(c)))?;
        Some(format!("<{}|{title}>", link.replace('&', "&amp;")))
    };
    // A command is told as it is or not at all: another one would do something else.
    let command = message.links.command.as_deref().filter(|command| !command.contains(['`', '\n']));
    let command = command.map(|command| format!("`{}`", escaped(&one_line(command, MAX_LINK_CHARS))));
    [
        link("Runbook", &message.links.runbook),
        link("Open the query in the console", &message.links.console),
        command,
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// As the chats behind it want it; what pings in them does not in this form.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
