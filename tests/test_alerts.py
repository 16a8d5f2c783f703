"""Pattern in, message out, resolution out: email, Slack in one thread, a signed webhook, Amazon Q."""

import json
import re

import pytest
from conftest import OUTAGE_SERVICE, mails, slack, subscription_event, told, wait_for

# A window of one minute must pass, and evaluation is once a minute.
PATIENCE = 200


@pytest.fixture(scope="module")
def outage(deployed):
    lines = [
        json.dumps({"level": "ERROR", "message": f"database connection error: timeout {number}"})
        for number in range(8)
    ]
    deployed.ingest(subscription_event(f"/ecs/{OUTAGE_SERVICE}", lines))


def test_an_alert_fires_by_email_and_slack_with_its_value(deployed, outage):
    (mail,) = wait_for("email", lambda: told(mails(deployed), "DatabaseConnectionErrors", "firing"), PATIENCE)
    assert len(mail["subject"]) < 100 and "\n" not in mail["subject"]
    assert "8 database connection errors" in mail["text"]
    assert "critical" in mail["text"].lower()
    (message,) = wait_for("Slack message", lambda: told(slack(deployed), "DatabaseConnectionErrors", "firing"))
    (attachment,) = message["attachments"]
    assert attachment["blocks"] and "8 database connection errors" in str(attachment)
    assert "8, 1.6 times the threshold of 5" in mail["text"] and "8, 1.6 times the threshold of 5" in str(attachment)
    assert "thread_ts" not in message


def test_an_alert_reaches_the_webhook_signed_and_amazon_q(deployed, outage):
    def of(kind):
        return wait_for(kind, lambda: told(deployed.receiver.messages()[kind], "DatabaseConnectionErrors"), PATIENCE)[0]

    # The receiver keeps only what is signed with its key.
    webhook = of("webhook")
    assert webhook["id"].startswith("msg_") and webhook["body"]["type"] == "alert.firing"
    assert webhook["body"]["data"]["series"][0]["value"] == 8.0
    notification = of("amazon_q")
    assert (notification["version"], notification["source"]) == ("1.0", "custom")
    assert notification["metadata"]["threadId"] == webhook["body"]["data"]["id"]


def test_its_end_is_told_too_and_nothing_is_told_twice(deployed, outage):
    wait_for("email", lambda: told(mails(deployed), "DatabaseConnectionErrors", "resolved"), PATIENCE)
    (over,) = wait_for("Slack message", lambda: told(slack(deployed), "DatabaseConnectionErrors", "resolved"))
    (fired,) = told(slack(deployed), "DatabaseConnectionErrors", "firing")
    assert over["thread_ts"] == fired["ts"], "the end is told where the beginning was"
    (mail,) = told(mails(deployed), "DatabaseConnectionErrors", "resolved")
    for text in (str(over), mail["text"]):
        assert re.search(r"Over at.*Z, after \d+m", text, re.DOTALL), text
    # Evaluating once more says nothing new.
    before = deployed.receiver.messages()
    deployed.invoke("EvaluateFunctionName", {})
    assert deployed.receiver.messages() == before
    assert len(mails(deployed)) == 2 and len(slack(deployed)) == 2


def test_slack_is_asked_again_when_it_is_busy(deployed, outage):
    """The last message once more, to a webhook that says 429 first."""
    before = len(slack(deployed))
    text = "from the test of 429"
    deployed.receiver.be_busy(1)
    message = {
        "id": "test", "name": "Busy", "description": text, "summary": text, "severity": "warning",
        "status": "firing", "condition": "1 > 0", "threshold": 0.0, "current_value": 1.0, "labels": {},
        "annotations": {}, "triggered_at": "2026-11-21T05:00:00Z", "resolved_at": None, "stack": "e2e",
    }
    deployed.client("sns").publish(TopicArn=deployed.stack["AlertTopicArn"], Message=json.dumps(message))
    wait_for("Slack message", lambda: len(slack(deployed)) > before)
    assert text in str(slack(deployed)[-1])
