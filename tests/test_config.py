"""The configuration file in the archive bucket: what it changes, and what a faulty one does."""

import json
import time

import pytest
from conftest import subscription_event, wait_for

KEY = "config/catchment.yaml"
CONFIG = """
version: 1
redact:
  rules:
    email: hash
  custom:
    - name: order_number
      pattern: 'ORD-[0-9]{6}'
route:
  filters:
    - name: health-checks
      when: { selector: '{service="configured"} |= "GET /health"' }
  samplers:
    - name: chatty
      when: { services: [configured], levels: [debug] }
      keep_percent: 0
  classes:
    - class: short
      when: { services: [configured], levels: [debug, info] }
"""
# The function looks for a newer file after half a minute.
PATIENCE = 60


@pytest.fixture
def configured(deployed):
    yield lambda text: deployed.s3.put_object(Bucket=deployed.bucket, Key=KEY, Body=text.encode())
    deployed.s3.delete_object(Bucket=deployed.bucket, Key=KEY)
    # Other tests find the built-in configuration again.
    wait_for("built-in configuration", lambda: probe(deployed)[0] == "standard", PATIENCE)


def probe(deployed):
    """The class of a new line of the service, and whether the file was good."""
    group = f"/ecs/configured-{time.monotonic_ns()}"
    line = json.dumps({"level": "info", "service": "configured", "message": "probe"})
    metrics = deployed.ingest(subscription_event(group, [line]))
    (record,) = deployed.records(group)
    return record["class"], metrics["ConfigInvalid"]


@pytest.mark.last
def test_a_file_in_the_bucket_filters_samples_redacts_and_routes(deployed, configured):
    configured(CONFIG)
    wait_for("configuration", lambda: probe(deployed) == ("short", 0), PATIENCE)
    lines = [
        {"level": "info", "message": "GET /health"},
        {"level": "debug", "message": "sampled out", "request_id": "r1"},
        {"level": "warn", "message": "never sampled", "request_id": "r1"},
        {"level": "info", "message": "ORD-123456 for ada@example.com", "email": "ada@example.com"},
        {"level": "error", "message": "mail to ada@example.com failed"},
    ]
    lines = [json.dumps({"service": "configured", **line}) for line in lines]
    metrics = deployed.ingest(subscription_event("/ecs/configured", lines))
    assert (metrics["EventsReceived"], metrics["EventsArchived"], metrics["EventsFiltered"]) == (5, 3, 2)
    assert metrics["FilteredBy"] == {"health-checks": 1, "chatty": 1}
    records = {record["severity_text"]: record for record in deployed.records("/ecs/configured")}
    assert {level: record["class"] for level, record in records.items()} == {
        "warn": "standard", "info": "short", "error": "standard",
    }
    kept = json.dumps([record["line"] for record in records.values()])
    assert "ada@example.com" not in kept and "ORD-123456" not in kept

    # A faulty file: the last good one stays, and the alarm's metric says so.
    configured(CONFIG + "\nrout: {}\n")
    wait_for("fault", lambda: probe(deployed) == ("short", 1), PATIENCE)
    log = deployed.logs.filter_log_events(logGroupName="/catchment/e2e/ingest")["events"]
    assert any("did you mean" in event["message"] and "line" in event["message"] for event in log)
