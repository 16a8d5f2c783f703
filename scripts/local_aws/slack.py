"""What Slack refuses, with its words: its documented limits on a message, and
what chat.postMessage asks for. The cases in shared/alert/tests/slack_limits.json
hold this and its counterpart in Rust to the same.

https://docs.slack.dev/reference/block-kit/blocks
https://docs.slack.dev/reference/methods/chat.postMessage#errors
https://docs.slack.dev/apis/web-api/rate-limits
"""

import json
import threading
import time

MAX_TEXT = 40_000
MAX_BLOCKS = 50
MAX_ATTACHMENTS = 100
# Of all texts in blocks: Slack's pages do not name it, https://github.com/slackapi/bolt-js/issues/2509
MAX_BLOCK_TEXT = 13_000
MESSAGE_FIELDS = {
    "attachments", "blocks", "channel", "link_names", "metadata", "mrkdwn", "parse", "reply_broadcast", "text",
    "thread_ts", "unfurl_links", "unfurl_media",
}
BLOCK_FIELDS = {
    "header": {"type", "block_id", "text"},
    "section": {"type", "block_id", "text", "fields", "expand"},
    "context": {"type", "block_id", "elements"},
    "divider": {"type", "block_id"},
}
BOTH = ("plain_text", "mrkdwn")


def units(text):
    """Slack counts characters; UTF-16 units are never fewer."""
    return len(text.encode("utf-16-le")) // 2 if isinstance(text, str) else 0


def refusal(message):
    """Slack's word for what is wrong with a message; None if nothing is."""
    if not isinstance(message, dict):
        return "invalid_payload"
    if not message.keys() <= MESSAGE_FIELDS:
        return "invalid_arguments"
    if units(message.get("text")) > MAX_TEXT:
        return "msg_too_long"
    texts = []
    if "blocks" in message and not are_blocks(message["blocks"], texts):
        return "invalid_blocks"
    attachments = message.get("attachments", [])
    if not isinstance(attachments, list):
        return "invalid_attachments"
    if len(attachments) > MAX_ATTACHMENTS:
        return "too_many_attachments"
    if not all(is_attachment(attachment, texts) for attachment in attachments):
        return "invalid_attachments"
    if sum(map(units, texts)) > MAX_BLOCK_TEXT:
        return "msg_blocks_too_long"
    return None if message.get("text") or message.get("blocks") or attachments else "no_text"


def is_attachment(attachment, texts):
    fields = {"blocks", "color", "fallback", "text"}
    if not isinstance(attachment, dict) or not attachment.keys() <= fields:
        return False
    return "blocks" not in attachment or are_blocks(attachment["blocks"], texts)


def are_blocks(blocks, texts):
    return isinstance(blocks, list) and len(blocks) <= MAX_BLOCKS and all(is_block(block, texts) for block in blocks)


def is_block(block, texts):
    kind = block.get("type") if isinstance(block, dict) else None
    if kind not in BLOCK_FIELDS or not block.keys() <= BLOCK_FIELDS[kind]:
        return False
    if kind == "header":
        return is_text(block.get("text"), 150, ("plain_text",), texts)
    if kind == "section":
        return (
            ("text" in block or "fields" in block)
            and ("text" not in block or is_text(block["text"], 3000, BOTH, texts))
            and ("fields" not in block or is_list(block["fields"], 2000, texts))
        )
    return kind == "divider" or is_list(block.get("elements"), 3000, texts)


def is_list(items, longest, texts):
    return isinstance(items, list) and 1 <= len(items) <= 10 and all(is_text(it, longest, BOTH, texts) for it in items)


def is_text(text, longest, kinds, texts):
    if not isinstance(text, dict) or not text.keys() <= {"type", "text", "emoji", "verbatim"}:
        return False
    foreign = "verbatim" if text.get("type") == "plain_text" else "emoji"
    texts.append(text.get("text"))
    return text.get("type") in kinds and foreign not in text and 1 <= units(text.get("text")) <= longest


class Workspace:
    """Channels with their messages, one bot, one webhook; one message a second a channel."""

    TOKEN = "xoxb-0000-local"
    CHANNEL = "C0LOCAL"
    PER_SECOND = 1

    def __init__(self, clock=time.monotonic):
        self.clock = clock
        self.lock = threading.Lock()
        self.messages = []
        self.busy = 0
        self.last = {}

    def webhook(self, body):
        """Status, headers and text of the answer to a webhook's POST."""
        message, word = self.take(body, "webhook")
        if word == "ratelimited":
            return 429, {"Retry-After": "1"}, "rate_limited"
        return (400, {}, word) if word else (200, {}, "ok")

    def post_message(self, authorization, body):
        """The same for chat.postMessage, which answers 200 to nearly all."""
        if not authorization:
            return self.told({"ok": False, "error": "not_authed"})
        if authorization != f"Bearer {self.TOKEN}":
            return self.told({"ok": False, "error": "invalid_auth"})
        message, word = self.take(body, "api")
        if word == "ratelimited":
            return 429, {"Retry-After": "1"}, json.dumps({"ok": False, "error": word})
        if word:
            return self.told({"ok": False, "error": word})
        return self.told({"ok": True, "channel": message["channel"], "ts": message["ts"], "message": message})

    @staticmethod
    def told(answer):
        return 200, {}, json.dumps(answer)

    def take(self, body, way):
        """The message as it is kept, or the word for why it is not."""
        try:
            message = json.loads(body)
        except ValueError:
            return None, "invalid_payload" if way == "webhook" else "invalid_json"
        with self.lock:
            if self.busy:
                self.busy -= 1
                return None, "ratelimited"
            word = refusal(message)
            if word:
                return None, word
            if way == "webhook" and {"channel", "thread_ts"} & message.keys():
                # A webhook posts to its own channel and answers in no thread.
                return None, "invalid_arguments"
            if way == "api" and message.get("channel") != self.CHANNEL:
                return None, "channel_not_found"
            thread = message.get("thread_ts")
            if thread and not any(it["ts"] == thread and "thread_ts" not in it for it in self.messages):
                return None, "thread_not_found"
            now = self.clock()
            if now - self.last.get(way, float("-inf")) < 1 / self.PER_SECOND:
                return None, "ratelimited"
            self.last[way] = now
            message["ts"] = f"{1_700_000_000 + len(self.messages)}.000100"
            self.messages.append(message)
            return message, None
