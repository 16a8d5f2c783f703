"""Rules that wait, are silenced, cannot be told, explode: what `evaluate` makes of them, and `catchment alerts`."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import NAME, mails, subscription_event, told, wait_for

# A window of one minute must pass, and evaluation is once a minute.
PATIENCE = 200
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


def test_a_rule_that_waits_for_nothing_is_told_within_seconds(deployed, state_rules):
    boom(deployed, "at-once")  # functions that start cold are not what is measured
    begun = boom(deployed, "at-once")
    wait_for("email", lambda: published(deployed, "AtOnce", "firing"), 20)
    elapsed = time.monotonic() - begun
    print(f"from the line to the publish of a rule with for: 0: {elapsed:.2f} s")
    assert elapsed < 10
    wait_for("resolution", lambda: published(deployed, "AtOnce", "resolved"), PATIENCE)
    assert len(published(deployed, "AtOnce", "firing")) == 1


def test_a_rule_that_waits_a_minute_is_told_soon_after(deployed, state_rules):
    begun = boom(deployed, "after-a-minute")
    wait_for("email", lambda: published(deployed, "AfterAMinute", "firing"), 150)
    elapsed = time.monotonic() - begun
    print(f"from the line to the publish of a rule with for: 1m: {elapsed:.2f} s")
    assert 60 <= elapsed < 100


def test_what_is_silenced_is_not_told_until_the_silence_ends(deployed, state_rules):
    silence = alerts(deployed, "silence", 'service="silenced"', "--for", "1h", "--comment", "deploy", "--by", "ada").strip()
    boom(deployed, "silenced")
    silenced = lambda: [it for it in listed(deployed)["alerts"] if it["alert"] == "Silenced"]  # noqa: E731
    # A line of a minute's last second is for the evaluation of the minute.
    (alert,) = wait_for("alert", silenced, PATIENCE)
    assert alert["muted"] == f"silenced by {silence}"
    assert not published(deployed, "Silenced", "firing")
    alerts(deployed, "unsilence", silence, "--by", "bob")
    (row,) = [it for it in json.loads(alerts(deployed, "silences", "--output", "json")) if it["id"] == silence]
    assert (row["state"], row["by"], row["comment"]) == ("over", "ada", "deploy")
    actions = {item["action"]["S"] for item in deployed.items("AuditTableName") if silence in str(item)}
    assert actions == {"alert.silence", "alert.unsilence"}


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
