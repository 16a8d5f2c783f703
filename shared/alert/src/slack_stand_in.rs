//! What Slack refuses, for tests: its documented limits on a message, with its
//! words for them. `scripts/local_aws/slack.py` is the same over HTTP; the cases
//! in `tests/slack_limits.json` hold both to it.
//!
//! <https://docs.slack.dev/reference/block-kit/blocks>,
//! <https://docs.slack.dev/reference/methods/chat.postMessage#errors>

use serde_json::{Map, Value};

/// The longest `text` of a message.
const MAX_TEXT: usize = 40_000;
/// The most blocks in a message or an attachment.
const MAX_BLOCKS: usize = 50;
/// The most attachments.
const MAX_ATTACHMENTS: usize = 100;
/// What all texts in blocks may come to.
const MAX_BLOCK_TEXT: usize = 13_000;

/// Slack's word for what is wrong with the body of a message; `None` if nothing is.
pub fn refusal(body: &Value) -> Option<&'static str> {
    let Value::Object(message) = body else {
        return Some("invalid_payload");
    };
    let known = [
        "attachments",
        "blocks",
        "channel",
        "link_names",
        "metadata",
        "mrkdwn",
        "parse",
        "reply_broadcast",
        "text",
        "thread_ts",
        "unfurl_links",
        "unfurl_media",
    ];
    if !message.keys().all(|key| known.contains(&key.as_str())) {
        return Some("invalid_arguments");
    }
    let text = message.get("text").unwrap_or(&Value::Null);
    if units(text) > MAX_TEXT {
        return Some("msg_too_long");
    }
    let mut block_text = 0;
    let blocks = message.get("blocks");
    if !blocks.is_none_or(|blocks| are_blocks(blocks, &mut block_text)) {
        return Some("invalid_blocks");
    }
    let attachments = message.get("attachments");
    if let Some(attachments) = attachments {
        let Some(attachments) = attachments.as_array() else {
            return Some("invalid_attachments");
        };
        if attachments.len() > MAX_ATTACHMENTS {
            return Some("too_many_attachments");
        }
        if !attachments.iter().all(|attachment| is_attachment(attachment, &mut block_text)) {
            return Some("invalid_attachments");
        }
    }
    if block_text > MAX_BLOCK_TEXT {
        return Some("msg_blocks_too_long");
    }
    let empty = |list: Option<&Value>| list.and_then(Value::as_array).is_none_or(Vec::is_empty);
    (units(text) == 0 && empty(blocks) && empty(attachments)).then_some("no_text")
}

fn is_attachment(attachment: &Value, block_text: &mut usize) -> bool {
    let Some(attachment) = only(attachment, &["blocks", "color", "fallback", "text"]) else {
        return false;
    };
    attachment.get("blocks").is_none_or(|blocks| are_blocks(blocks, block_text))
}

fn are_blocks(blocks: &Value, block_text: &mut usize) -> bool {
    let Some(blocks) = blocks.as_array() else {
        return false;
    };
    blocks.len() <= MAX_BLOCKS && blocks.iter().all(|block| is_block(block, block_text))
}

fn is_block(block: &Value, block_text: &mut usize) -> bool {
    let kind = block.get("type").and_then(Value::as_str).unwrap_or_default();
    let fields: &[&str] = match kind {
        "header" => &["type", "block_id", "text"],
        "section" => &["type", "block_id", "text", "fields", "expand"],
        "context" => &["type", "block_id", "elements"],
        "divider" => &["type", "block_id"],
        _ => return false,
    };
    let Some(block) = only(block, fields) else {
        return false;
    };
    let mut text = |text: &Value, longest: usize, kinds: &[&str]| {
        *block_text += text.get("text").map(units).unwrap_or_default();
        is_text(text, longest, kinds)
    };
    let both = ["plain_text", "mrkdwn"];
    let list = |name: &str, longest: usize, words: &mut dyn FnMut(&Value, usize, &[&str]) -> bool| {
        let items = block.get(name).and_then(Value::as_array);
        items.is_some_and(|items| {
            (1..=10).contains(&items.len()) && items.iter().all(|item| words(item, longest, &both))
        })
    };
    match kind {
        "header" => block.get("text").is_some_and(|it| text(it, 150, &["plain_text"])),
        "section" => {
            (block.contains_key("text") || block.contains_key("fields"))
                && block.get("text").is_none_or(|it| text(it, 3_000, &both))
                && (!block.contains_key("fields") || list("fields", 2_000, &mut text))
        }
        "context" => list("elements", 3_000, &mut text),
        _ => true,
    }
}

fn is_text(text: &Value, longest: usize, kinds: &[&str]) -> bool {
    let Some(text) = only(text, &["type", "text", "emoji", "verbatim"]) else {
        return false;
    };
    let kind = text.get("type").and_then(Value::as_str).unwrap_or_default();
    let foreign = if kind == "plain_text" { "verbatim" } else { "emoji" };
    let length = text.get("text").filter(|it| it.is_string()).map(units).unwrap_or_default();
    kinds.contains(&kind) && !text.contains_key(foreign) && (1..=longest).contains(&length)
}

/// The object, if it has no other fields than these.
fn only<'a>(value: &'a Value, fields: &[&str]) -> Option<&'a Map<String, Value>> {
    value.as_object().filter(|object| object.keys().all(|key| fields.contains(&key.as_str())))
}

fn units(text: &Value) -> usize {
    text.as_str().map_or(0, |text| text.encode_utf16().count())
}
