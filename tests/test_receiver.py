"""The stand-ins of scripts/local_aws refuse what the real ones refuse."""

import base64
import hashlib
import hmac
import json

import pytest

from local_aws import webhooks
from local_aws.processes import ROOT
from local_aws.slack import Workspace, refusal

CASES = json.loads((ROOT / "shared/alert/tests/slack_limits.json").read_text())["cases"]
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def written_out(value):
    """{"repeat": [what, times]}, written out."""
    if isinstance(value, dict) and list(value) == ["repeat"]:
        what, times = value["repeat"]
        what = written_out(what)
        return what * times if isinstance(what, str) else [what] * times
    if isinstance(value, dict):
        return {name: written_out(it) for name, it in value.items()}
    return [written_out(it) for it in value] if isinstance(value, list) else value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["is"])
def test_slack_has_its_limits(case):
    assert refusal(written_out(case["body"])) == case["refusal"]


def test_every_golden_message_is_taken():
    files = list((ROOT / "shared/alert/tests/golden").glob("*.slack.json"))
    assert len(files) >= 7
    for file in files:
        assert refusal(json.loads(file.read_text())) is None, file.name


class Seconds:
    """A clock that is moved by hand."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1.0
        return self.now


def post(workspace, token=Workspace.TOKEN, **fields):
    message = {"channel": Workspace.CHANNEL, "text": "x"} | fields
    status, _, text = workspace.post_message(token and f"Bearer {token}", json.dumps(message))
    assert status == 200
    return json.loads(text)


def test_the_web_api_wants_a_token_a_channel_and_a_thread_that_are_there():
    workspace = Workspace(Seconds())
    first = post(workspace)
    assert first["ok"] and first["ts"]
    for expected, wrong in [
        ("not_authed", {"token": ""}), ("invalid_auth", {"token": "xoxb-other"}),
        ("channel_not_found", {"channel": "C0OTHER"}), ("thread_not_found", {"thread_ts": "1.1"}),
        ("no_text", {"text": ""}), ("invalid_blocks", {"blocks": [{}]}),
    ]:
        assert post(workspace, **wrong) == {"ok": False, "error": expected}
    reply = post(workspace, thread_ts=first["ts"])
    assert reply["ok"]
    # A thread begins with a message that is not itself an answer.
    assert post(workspace, thread_ts=reply["ts"])["error"] == "thread_not_found"
    assert [it.get("thread_ts") for it in workspace.messages] == [None, first["ts"]]


def test_one_message_a_second_is_taken_and_the_webhook_knows_no_threads():
    seconds = Seconds()
    workspace = Workspace(lambda: seconds.now)
    assert workspace.webhook('{"text": "x"}') == (200, {}, "ok")
    assert workspace.webhook('{"text": "x"}') == (429, {"Retry-After": "1"}, "rate_limited")
    seconds.now += 1
    assert workspace.webhook('{"text": "x", "thread_ts": "1.1"}') == (400, {}, "invalid_arguments")
    assert workspace.webhook("no json") == (400, {}, "invalid_payload")
    assert workspace.webhook("{}") == (400, {}, "no_text")
    workspace.busy = 1
    assert [workspace.webhook('{"text": "x"}')[0] for _ in range(2)] == [429, 200]


def signed(body, timestamp="1614265330", key=KEY):
    digest = hmac.new(base64.b64decode(key[6:]), f"msg_1.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {"webhook-id": "msg_1", "webhook-timestamp": timestamp, "webhook-signature": "v1," + base64.b64encode(digest).decode()}


def test_a_signature_is_verified_as_the_specification_says():
    # The example of its reference libraries.
    example = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    body = b'{"test": 2432232314}'
    assert webhooks.verify(KEY, example, body, now=1614265330)
    assert not webhooks.verify(KEY, example, body + b" ", now=1614265330)
    assert not webhooks.verify(KEY, example | {"webhook-id": "msg_2"}, body, now=1614265330)
    assert not webhooks.verify(KEY, example, body, now=1614265330 + 301)
    several = example | {"webhook-signature": "v1,AAAA " + example["webhook-signature"]}
    assert webhooks.verify(KEY, several, body, now=1614265330)
    assert not webhooks.verify("whsec_" + base64.b64encode(b"7" * 24).decode(), signed(body), body, now=1614265330)


def test_the_guide_shows_how_it_is_done_here():
    guide = (ROOT / "infra/operating.md").read_text()
    shown = guide.partition("```python\ndef verify")[2].partition("```")[0]
    assert shown and shown in (ROOT / "scripts/local_aws/webhooks.py").read_text()
