//! An alert as a Slack message in Block Kit: what happened as its header, the
//! rest beside a bar in the colour of the severity.
//!
//! Limits: <https://docs.slack.dev/reference/block-kit/blocks>. Slack counts
//! characters; we count UTF-16 units, which are never fewer.

use serde_json::{Value, json};

use crate::message::{AlertMessage, AlertedSeries, MAX_SAMPLES, MAX_SERIES, Status};
use crate::text::{lines, one_line};

/// The longest header text.
pub const MAX_HEADER_CHARS: usize = 150;
/// The longest text of a section.
pub const MAX_SECTION_CHARS: usize = 3_000;
/// The longest text of a field of a section.
pub const MAX_FIELD_CHARS: usize = 2_000;
/// The most fields in a section.
pub const MAX_FIELDS: usize = 10;
/// The most blocks in a message.
pub const MAX_BLOCKS: usize = 50;
/// What the texts of all blocks may come to. Slack refuses messages of some
/// 13,000 characters with `msg_blocks_too_long`, a limit that its pages do not
/// name: <https://github.com/slackapi/bolt-js/issues/2509>.
pub const MAX_MESSAGE_CHARS: usize = 10_000;

/// The longest value of a field, and of a list's item: more would crowd out
/// what else there is to say.
const MAX_VALUE_CHARS: usize = 300;

/// The body to post to an incoming webhook. With `channel`, and `thread_ts` for
/// an answer in a thread, it is one for `chat.postMessage`.
pub fn slack_blocks(message: &AlertMessage) -> Value {
    let header = plain(
        &format!("{}: {}", message.status.word(), message.headline(MAX_HEADER_CHARS)),
        MAX_HEADER_CHARS,
    );
    let mut blocks = Blocks { blocks: Vec::new(), left: MAX_MESSAGE_CHARS - 2 * MAX_HEADER_CHARS };
    blocks.fields(&fields(message));
    blocks.section(&mrkdwn(&lines(&message.description, MAX_SECTION_CHARS), MAX_SECTION_CHARS));
    blocks.section(&links(message));
    blocks.list("Series", &series(message));
    blocks.code("Lines that matched", &samples(message));
    blocks.code("Condition", &one_line(&message.condition, MAX_SECTION_CHARS));
    if let Some(command) = &message.links.command {
        blocks.command("Look at the lines", command);
    }
    blocks.list("Labels", &labels(message.labels.iter()));
    blocks.list("Notes", &labels(message.annotations.iter()));
    let (stack, id) = (one_line(&message.stack, MAX_VALUE_CHARS), one_line(&message.id, MAX_VALUE_CHARS));
    let footer = mrkdwn(&format!("Catchment, stack {stack}, alert {id}"), MAX_FIELD_CHARS);
    blocks.blocks.push(json!({"type": "context", "elements": [text(&footer)]}));
    json!({
        // What a notification on a phone shows.
        "text": mrkdwn(&header, MAX_SECTION_CHARS),
        "blocks": [{"type": "header", "text": {"type": "plain_text", "text": header, "emoji": false}}],
        "attachments": [{"color": colour(message), "blocks": blocks.blocks}],
        // Addresses in log lines are nobody's to fetch.
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

/// The blocks under the header, and how many characters they may still have.
struct Blocks {
    blocks: Vec<Value>,
    left: usize,
}

impl Blocks {
    /// A section of this text, unless it is empty or there is no room for it.
    fn section(&mut self, words: &str) {
        let cost = units(words);
        if cost > 0 && cost <= self.left.min(MAX_SECTION_CHARS) && self.blocks.len() < MAX_BLOCKS - 2 {
            self.left -= cost;
            self.blocks.push(json!({"type": "section", "text": text(words)}));
        }
    }

    /// Titles with values, two beside each other.
    fn fields(&mut self, fields: &[(&str, String)]) {
        let fields: Vec<String> = fields
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .take(MAX_FIELDS)
            .map(|(title, value)| format!("*{title}*\n{}", mrkdwn(value, MAX_VALUE_CHARS)))
            .collect();
        self.left = self.left.saturating_sub(fields.iter().map(|field| units(field)).sum());
        let fields: Vec<Value> = fields.iter().map(|field| text(field)).collect();
        self.blocks.push(json!({"type": "section", "fields": fields}));
    }

    /// A list, with as many items as there is room for.
    fn list(&mut self, title: &str, items: &[String]) {
        let mut words = format!("*{title}*");
        let room = self.left.min(MAX_SECTION_CHARS);
        for item in items {
            let line = format!("\n• {}", mrkdwn(item, MAX_VALUE_CHARS));
            if units(&words) + units(&line) > room {
                break;
            }
            words.push_str(&line);
        }
        if !items.is_empty() {
            self.section(&words);
        }
    }

    /// A code block, cut at its end if it must be.
    fn code(&mut self, title: &str, code: &str) {
        let frame = format!("*{title}*\n``````");
        let room = self.left.min(MAX_SECTION_CHARS).saturating_sub(units(&frame));
        if !code.is_empty() && room > MAX_HEADER_CHARS {
            self.section(&format!("*{title}*\n```{}```", mrkdwn(&fenced(code), room)));
        }
    }

    /// A code block to copy from: as it is or not at all, for another command
    /// would do something else.
    fn command(&mut self, title: &str, command: &str) {
        if !command.contains(['`', '\n']) {
            let command = mrkdwn(&one_line(command, MAX_SECTION_CHARS), MAX_SECTION_CHARS * 5);
            self.section(&format!("*{title}*\n```{command}```"));
        }
    }
}

fn fields(message: &AlertMessage) -> Vec<(&'static str, String)> {
    let lasted = message.duration_text().map(|lasted| format!(", after {lasted}")).unwrap_or_default();
    let over = message.resolved_at.as_ref().map(|at| one_line(at, MAX_VALUE_CHARS) + &lasted);
    let value = match message.status {
        Status::Resolved if message.tells_the_peak() => "At worst",
        Status::Resolved => "Last value",
        _ => "Value",
    };
    vec![
        ("Alert", one_line(&message.name, MAX_VALUE_CHARS)),
        ("Severity", one_line(&message.severity, MAX_VALUE_CHARS)),
        (value, message.value_text().unwrap_or_default()),
        ("Since", one_line(&message.since, MAX_VALUE_CHARS)),
        ("Over at", over.unwrap_or_default()),
    ]
}

fn links(message: &AlertMessage) -> String {
    let links =
        [("Open the query in the console", &message.links.console), ("Runbook", &message.links.runbook)];
    let links: Vec<String> = links
        .iter()
        .filter_map(|(title, link)| Some(format!("<{}|{title}>", address(link.as_deref()?)?)))
        .collect();
    links.join("   ")
}

/// An address for the inside of `<..|..>`; `None` where it would end it.
fn address(link: &str) -> Option<String> {
    let web = link.starts_with("https://") || link.starts_with("http://");
    let whole = web && !link.contains(|c: char| c.is_whitespace() || c.is_control() || "<>|".contains(c));
    whole.then(|| link.replace('&', "&amp;"))
}

fn series(message: &AlertMessage) -> Vec<String> {
    let count = (message.series.len() as u64).saturating_add(message.more);
    if count < 2 {
        return Vec::new();
    }
    let of = |series: &AlertedSeries| {
        let labels = one_line(&message.own_labels(series), MAX_VALUE_CHARS / 2);
        format!("{labels}: {}", message.text_of(series))
    };
    let mut shown: Vec<String> = message.series.iter().take(MAX_SERIES).map(of).collect();
    let more = count - shown.len() as u64;
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    shown
}

fn samples(message: &AlertMessage) -> String {
    let samples = message.samples.iter().take(MAX_SAMPLES);
    let samples: Vec<String> = samples.map(|line| one_line(line, MAX_VALUE_CHARS)).collect();
    samples.join("\n")
}

fn labels<'a>(labels: impl Iterator<Item = (&'a String, &'a String)>) -> Vec<String> {
    labels.map(|(name, value)| one_line(&format!("{name}: {value}"), MAX_VALUE_CHARS)).collect()
}

fn text(words: &str) -> Value {
    // `verbatim`: names of channels and people in it are text.
    json!({"type": "mrkdwn", "text": words, "verbatim": true})
}

/// Text in which Slack sees no markup of its own that links, mentions or pings,
/// within so many characters; no escape is cut in two.
/// <https://docs.slack.dev/messaging/formatting-message-text#escaping>
fn mrkdwn(text: &str, max_chars: usize) -> String {
    within(text, max_chars, |c| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        c => c.to_string(),
    })
}

fn plain(text: &str, max_chars: usize) -> String {
    within(text, max_chars, |c| c.to_string())
}

fn within(text: &str, max_chars: usize, write: impl Fn(char) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    // Where to end so that an ellipsis still fits.
    let (mut used, mut end) = (0, 0);
    for c in text.chars() {
        let written = write(c);
        used += units(&written);
        if used > max_chars {
            out.truncate(end);
            out.push('…');
            return out;
        }
        out.push_str(&written);
        if used < max_chars {
            end = out.len();
        }
    }
    out
}

/// Code that does not end its fence.
fn fenced(code: &str) -> String {
    code.replace("```", "'''")
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

fn colour(message: &AlertMessage) -> &'static str {
    match (message.status, message.severity.as_str()) {
        (Status::Resolved, _) => "#2eb67d",
        (_, "critical" | "page" | "error") => "#e01e5a",
        (_, "warning") => "#ecb22e",
        _ => "#36c5f0",
    }
}
