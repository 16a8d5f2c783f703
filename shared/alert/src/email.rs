//! An alert as an email: plain text, which is what SNS sends.

use crate::message::{
    AlertMessage, MAX_LABEL_CHARS, MAX_SAMPLE_CHARS, MAX_SAMPLES, MAX_SERIES, MAX_TEXT_CHARS, Status,
};
use crate::text::{lines, one_line};

/// The longest subject of an email from SNS, in characters: "UTF-8 text with no
/// line breaks or control characters, and less than 100 characters long". It
/// begins with a bracket, for older words of the same page want a letter, a
/// number or a punctuation mark there.
/// <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>
pub const MAX_SUBJECT_CHARS: usize = 99;

/// The subject of the email: one line of at most [`MAX_SUBJECT_CHARS`].
pub fn email_subject(message: &AlertMessage) -> String {
    let before = format!("[{}] {}: ", message.status.word(), one_line(&message.severity, 20));
    let left = MAX_SUBJECT_CHARS - before.chars().count();
    before + &message.headline(left)
}

/// The email: what, since when, how bad, where, what the lines say, and what to
/// do next.
pub fn email_text(message: &AlertMessage) -> String {
    let mut text = Lines(String::new());
    text.line(&format!("{}: {}", message.status.word(), message.headline(MAX_TEXT_CHARS)));
    let description = lines(&message.description, MAX_TEXT_CHARS);
    if !description.is_empty() {
        text.line("");
        text.line(&description);
    }
    text.line("");
    let name = one_line(&message.name, MAX_LABEL_CHARS);
    let group = one_line(&message.group, MAX_LABEL_CHARS);
    text.field("Alert", &if group.is_empty() { name } else { format!("{name}, of the rule group {group}") });
    text.field("Severity", &one_line(&message.severity, MAX_LABEL_CHARS));
    text.field("Since", &one_line(&message.since, MAX_LABEL_CHARS));
    if let Some(resolved_at) = &message.resolved_at {
        let lasted = message.duration_text().map(|lasted| format!(", after {lasted}"));
        text.field("Over at", &(one_line(resolved_at, MAX_LABEL_CHARS) + &lasted.unwrap_or_default()));
    }
    if let Some(value) = message.value_text() {
        let title = match message.status {
            Status::Resolved if message.tells_the_peak() => "At worst",
            Status::Resolved => "Last value",
            _ => "Value",
        };
        text.field(title, &value);
    }
    text.field("Condition", &one_line(&message.condition, MAX_TEXT_CHARS));
    text.series(message);
    for (title, fields) in [("Labels", &message.labels), ("Notes", &message.annotations)] {
        let fields = fields.iter().map(|(name, value)| {
            format!("{}: {}", one_line(name, MAX_LABEL_CHARS), one_line(value, MAX_TEXT_CHARS))
        });
        text.list(title, fields);
    }
    let samples = message.samples.iter().take(MAX_SAMPLES).map(|line| one_line(line, MAX_SAMPLE_CHARS));
    text.list("Lines that matched", samples);
    let links = [
        ("Look at the lines", &message.links.command),
        ("In the console", &message.links.console),
        ("Runbook", &message.links.runbook),
    ];
    for (title, link) in links {
        text.list(title, link.iter().map(|link| one_line(link, MAX_TEXT_CHARS)));
    }
    text.line("");
    let stack = one_line(&message.stack, MAX_LABEL_CHARS);
    text.line(&format!(
        "Sent by Catchment, stack {stack}. Alert id {}.",
        one_line(&message.id, MAX_LABEL_CHARS)
    ));
    text.0
}

struct Lines(String);

impl Lines {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn field(&mut self, title: &str, value: &str) {
        let title = format!("{title}:");
        self.line(&format!("{title:<11} {value}"));
    }

    fn list(&mut self, title: &str, items: impl Iterator<Item = String>) {
        for (n, item) in items.enumerate() {
            if n == 0 {
                self.line(&format!("\n{title}:"));
            }
            self.line(&format!("  {item}"));
        }
    }

    /// The series, where there is more than one.
    fn series(&mut self, message: &AlertMessage) {
        let count = message.series.len() as u64 + message.more;
        if count < 2 {
            return;
        }
        let shown = message.series.iter().take(MAX_SERIES);
        let mut shown: Vec<String> = shown
            .map(|series| {
                let labels = one_line(&message.own_labels(series), MAX_TEXT_CHARS);
                format!("{labels}: {}", message.text_of(series))
            })
            .collect();
        let more = count - shown.len() as u64;
        if more > 0 {
            shown.push(format!("and {more} more"));
        }
        self.list("Series", shown.into_iter());
    }
}
