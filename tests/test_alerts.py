"""Pattern in, message out, resolution out: email, Slack in one thread, a signed webhook, Amazon Q."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import NAME, subscription_event, wait_for

# A window of one minute must pass, and evaluation is once a minute.
PATIENCE = 200


def mails(deployed):
    return deployed.receiver.messages()["email"]


def slack(deployed):
    return deployed.receiver.messages()["slack"]


def told(messages, *words):
    return [message for message in messages if all(word.lower() in str(message).lower() for word in words)]


@pytest.mark.last
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


@pytest.mark.last
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


@pytest.mark.last
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


@pytest.mark.last
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


# ------------------------------------------------------------ states and peeks
# Rules of their own file, so that no other test's timing hangs on them.
STATE_RULES = """
groups:
  - name: states
    interval: 1m
    rules:
      - {alert: AtOnce, expr: 'count_over_time({service="at-once"} |= "boom" [1m]) > 0'}
      - {alert: AfterAMinute, for: 1m, expr: 'count_over_time({service="after-a-minute"} |= "boom" [5m]) > 0'}
      - {alert: Silenced, expr: 'count_over_time({service="silenced"} |= "boom" [1m]) > 0'}
      - {alert: Unsent, expr: 'count_over_time({service="unsent"} |= "boom" [1m]) > 0'}
      - {alert: Exploding, expr: 'sum by (user) (count_over_time({service="exploding"} | json [5m])) > 0'}
"""


@pytest.fixture(scope="module")
def state_rules(deployed):
    """The rules, once ingest and evaluate have taken them up."""
    deployed.s3.put_object(Bucket=deployed.bucket, Key="rules/states.yaml", Body=STATE_RULES.encode())
    time.sleep(32)  # a folder of rules is listed every half minute


def published(deployed, name, word):
    return told(mails(deployed), name, word)


def boom(deployed, service):
    """A matching line; when it was handed to ingest, on the clock of this machine."""
    begun = time.monotonic()
    deployed.ingest(subscription_event(f"/ecs/{service}", [json.dumps({"level": "ERROR", "message": "boom"})]))
    return begun


def alerts(deployed, *arguments):
    return deployed.catchment("alerts", *arguments, "--stack", NAME)


def listed(deployed):
    return json.loads(alerts(deployed, "list", "--output", "json"))


@pytest.mark.last
def test_a_rule_that_waits_for_nothing_is_told_within_seconds(deployed, state_rules):
    boom(deployed, "at-once")  # functions that start cold are not what is measured
    begun = boom(deployed, "at-once")
    wait_for("email", lambda: published(deployed, "AtOnce", "firing"), 20)
    elapsed = time.monotonic() - begun
    print(f"from the line to the publish of a rule with for: 0: {elapsed:.2f} s")
    assert elapsed < 10
    wait_for("resolution", lambda: published(deployed, "AtOnce", "resolved"), PATIENCE)
    assert len(published(deployed, "AtOnce", "firing")) == 1


@pytest.mark.last
def test_a_rule_that_waits_a_minute_is_told_soon_after(deployed, state_rules):
    begun = boom(deployed, "after-a-minute")
    wait_for("email", lambda: published(deployed, "AfterAMinute", "firing"), 150)
    elapsed = time.monotonic() - begun
    print(f"from the line to the publish of a rule with for: 1m: {elapsed:.2f} s")
    assert 60 <= elapsed < 100


@pytest.mark.last
def test_what_is_silenced_is_not_told_until_the_silence_ends(deployed, state_rules):
    silence = alerts(deployed, "silence", 'service="silenced"', "--for", "1h", "--comment", "deploy", "--by", "ada").strip()
    boom(deployed, "silenced")
    (alert,) = wait_for("alert", lambda: [it for it in listed(deployed)["alerts"] if it["alert"] == "Silenced"])
    assert alert["muted"] == f"silenced by {silence}"
    assert not published(deployed, "Silenced", "firing")
    alerts(deployed, "unsilence", silence, "--by", "bob")
    (row,) = [it for it in json.loads(alerts(deployed, "silences", "--output", "json")) if it["id"] == silence]
    assert (row["state"], row["by"], row["comment"]) == ("over", "ada", "deploy")
    actions = {item["action"]["S"] for item in deployed.items("AuditTableName") if silence in str(item)}
    assert actions == {"alert.silence", "alert.unsilence"}


@pytest.mark.last
def test_what_cannot_be_published_is_parked_counted_and_sent_again(deployed, state_rules):
    """A message to a topic that is gone stands for one that SNS does not take."""
    table, dynamodb = deployed.stack["StateTableName"], deployed.client("dynamodb")
    sns, topic = deployed.client("sns"), deployed.stack["AlertTopicArn"]
    subscriptions = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    sns.delete_topic(TopicArn=topic)
    try:
        boom(deployed, "unsent")
        key = {"pk": {"S": "OUTBOX"}}

        def owed():
            answer = dynamodb.query(
                TableName=table, KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": key["pk"]}
            )
            return [item for item in answer["Items"] if "Unsent" in item["owed"]["S"]]

        (item,) = wait_for("owed message", owed)
        message = json.loads(item["owed"]["S"])
        message["since_ms"] -= 3_600_000  # an hour goes by
        wait_for("release of the lease", lambda: int(owed()[0]["leased_until_ms"]["N"]) <= time.time() * 1000, 60)
        dynamodb.update_item(
            TableName=table, Key={"pk": item["pk"], "sk": item["sk"]}, UpdateExpression="SET owed = :owed",
            ExpressionAttributeValues={":owed": {"S": json.dumps(message)}},
        )
        _, metrics = deployed.invoke("EvaluateFunctionName", {})
        assert metrics["NotificationsParked"] >= 1
        assert [it["alert"] for it in listed(deployed)["parked"]] == ["Unsent"]
    finally:
        sns.create_topic(Name=topic.rsplit(":", 1)[1])
        for subscription in subscriptions:
            sns.subscribe(TopicArn=topic, Protocol=subscription["Protocol"], Endpoint=subscription["Endpoint"])
    assert "1 notifications are out" in alerts(deployed, "resend")
    wait_for("email", lambda: published(deployed, "Unsent", "firing"))
    assert listed(deployed)["parked"] == []


@pytest.mark.last
def test_two_evaluators_at_once_tell_it_once_and_an_exploding_rule_says_so(deployed, state_rules):
    lines = [json.dumps({"level": "INFO", "message": "login", "user": f"user-{number:04}"}) for number in range(600)]
    deployed.ingest(subscription_event("/ecs/exploding", lines))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: deployed.invoke("EvaluateFunctionName", {}), range(2)))
    (rule,) = wait_for("unhealthy rule", lambda: [it for it in listed(deployed)["unhealthy"] if it["rule"] == "Exploding"], 90)
    assert rule["health"] == "cut" and "beyond the limit" in rule["why"]
    wait_for("email", lambda: published(deployed, "Exploding", "firing"))
    assert len(published(deployed, "Exploding", "firing")) == 1, "one message for all of its series"
    assert "Exploding" in alerts(deployed, "history", "--rule", "Exploding")
