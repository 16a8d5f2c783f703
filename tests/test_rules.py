"""Rules while a stack runs: pushed, fired, refused, rolled back; files that lie there by hand."""

import json
import subprocess
import time

import pytest
from conftest import NAME, RULES, mails, subscription_event, told, wait_for
from local_aws import stack as sam

SERVICE = "pushed-api"
GROUP = f"/ecs/{SERVICE}"
# A rule change is live within this time, and evaluation is once a minute.
LIVE = 60
# Files by hand are listed each half minute, and evaluate may wait within an invocation.
PATIENCE = 180
PUSHED = f"""
groups:
  - name: pushed
    rules:
      - alert: Pushed
        expr: count_over_time({{service="{SERVICE}"}} |= "boom" [1m]) > 2
        annotations: {{ summary: "pushed rule" }}
      - alert: PushedWithHistory
        expr: count_over_time({{service="{SERVICE}"}} |= "earlier" [30m]) > 4
        annotations: {{ summary: "rule with history" }}
      - record: pushed:earlier
        expr: sum by (service) (count_over_time({{service="{SERVICE}"}} |= "earlier" [30m]))
        labels: {{ team: e2e }}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rules")
    (folder / "e2e.yaml").write_text(RULES)
    (folder / "pushed.yaml").write_text(PUSHED)
    return folder


@pytest.fixture(scope="module", autouse=True)
def without_a_version_afterwards(deployed):
    yield
    deployed.s3.delete_object(Bucket=deployed.bucket, Key="rules/active.json")


def rules(deployed, *arguments):
    """The command, which may be refused."""
    return subprocess.run(
        [sam.CLI, "rules", *arguments, "--stack", NAME], env=deployed.emulator.environment, capture_output=True, text=True
    )


def manifest(deployed):
    return json.loads(deployed.object("rules/active.json"))


def log_of(deployed, function, *words):
    events = deployed.logs.filter_log_events(logGroupName=f"/catchment/{NAME}/{function}")["events"]
    return [event["message"] for event in events if all(word in event["message"] for word in words)]


def matched(deployed, line):
    return deployed.ingest(subscription_event(GROUP, [line]))["AlertLinesMatched"]


def test_a_broken_file_put_by_hand_is_told_and_the_others_go_on(deployed):
    deployed.s3.put_object(Bucket=deployed.bucket, Key="rules/by-hand.yaml", Body=b"groups: [{name: g, rulez: []}]")
    try:
        invalid = lambda: deployed.invoke("EvaluateFunctionName", {})[1]["RulesInvalid"] == 1  # noqa: E731
        wait_for("RulesInvalid", invalid, PATIENCE)
        assert log_of(deployed, "evaluate", "by-hand.yaml", "rulez")
        line = json.dumps({"service": "twice", "message": "database connection"})
        assert deployed.ingest(subscription_event("/ecs/by-hand", [line]))["AlertLinesMatched"] >= 1
    finally:
        deployed.s3.delete_object(Bucket=deployed.bucket, Key="rules/by-hand.yaml")
    valid = lambda: deployed.invoke("EvaluateFunctionName", {})[1]["RulesInvalid"] == 0  # noqa: E731
    wait_for("an end of RulesInvalid", valid, PATIENCE)


def test_a_pushed_rule_is_live_within_a_minute_and_knows_what_was_before(deployed, folder):
    minutes_ago = int(time.time() * 1000) - 8 * 60_000
    before = [(minutes_ago + n * 1000, json.dumps({"message": f"earlier {n}"})) for n in range(5)]
    deployed.ingest(subscription_event(GROUP, before))
    begun = time.monotonic()
    pushed = rules(deployed, "push", str(folder), "--by", "e2e")
    assert pushed.returncode == 0, pushed.stderr
    # Five lines for each of the two range functions that look for them.
    for line in ("+ pushed / Pushed", "+ pushed / PushedWithHistory", "3 added, 0 changed", "history: 10 lines"):
        assert line in pushed.stdout, pushed.stdout
    assert {start["history"] for start in manifest(deployed)["since"].values()} == {"loaded"}
    boom = [json.dumps({"message": f"boom {n}"}) for n in range(3)]
    assert deployed.ingest(subscription_event(GROUP, boom))["AlertLinesMatched"] == 3
    assert time.monotonic() - begun < LIVE
    wait_for("email", lambda: told(mails(deployed), "Pushed", "pushed rule"), 2 * LIVE)
    # Nothing of it was logged after the push.
    wait_for("email", lambda: told(mails(deployed), "PushedWithHistory", "rule with history"), 2 * LIVE)


def test_a_recording_rule_is_a_metric(deployed):
    (line, *_) = wait_for("metric", lambda: log_of(deployed, "evaluate", "pushed:earlier", "_aws"), 2 * LIVE)
    sample = json.loads(line)
    assert (sample["pushed:earlier"], sample["service"], sample["team"]) == (5.0, SERVICE, "e2e")
    (directive,) = sample["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"].endswith(f"/{NAME}/Rules") and directive["Dimensions"] == [["service", "team"]]
    assert sample["_aws"]["Timestamp"] % 60_000 == 0


def test_a_broken_file_is_refused_with_every_fault_and_nothing_changes(deployed, folder):
    before = deployed.object("rules/active.json")
    broken = folder / "broken.yaml"
    broken.write_text("groups:\n- name: b\n  rules:\n  - alert: A\n    expr: summ(1)\n  - alert: B\n    fro: 1m\n    expr: vector(1)\n")
    refused = rules(deployed, "push", str(folder))
    broken.unlink()
    assert refused.returncode == 1
    assert 'did you mean "sum"?' in refused.stderr and '"fro"' in refused.stderr
    assert deployed.object("rules/active.json") == before
    tried = rules(deployed, "push", str(folder / "e2e.yaml"), "--dry-run")
    assert "- pushed / Pushed" in tried.stdout and "nothing is written" in tried.stdout
    assert deployed.object("rules/active.json") == before


def test_a_rollback_takes_it_back_with_one_command(deployed):
    running = manifest(deployed)["version"]["number"]
    back = rules(deployed, "rollback")
    assert back.returncode == 0 and f"in the place of {running}" in back.stdout, back.stderr
    assert matched(deployed, json.dumps({"message": "boom once more"})) == 0
    listed = rules(deployed, "versions").stdout
    assert "before the first push" in listed and "e2e" in listed and listed.count("active") == 1
