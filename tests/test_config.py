"""The configuration file in the archive bucket: what it changes, and what a faulty one does."""

import json
import re
import time

import pytest
from conftest import subscription_event

KEY = "config/catchment.yaml"
CONFIG = """
version: 1
redact:
  rules: { email: hash }
  patterns:
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
# After this long, no running copy of the function holds an older file (RECHECK_MS).
RECHECKED = 31


@pytest.fixture
def upload(deployed):
    def put(text):
        deployed.s3.put_object(Bucket=deployed.bucket, Key=KEY, Body=text.encode())
        time.sleep(RECHECKED)

    yield put
    deployed.s3.delete_object(Bucket=deployed.bucket, Key=KEY)


def test_a_file_in_the_bucket_filters_samples_redacts_and_routes(deployed, upload):
    upload(CONFIG)
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
    assert metrics["ConfigInvalid"] == 0
    assert metrics["FilteredBy"] == {"health-checks": 1, "chatty": 1}
    assert metrics["RedactedBy"] == {"email": 3, "order_number": 1}
    records = {record["severity_text"]: record for record in deployed.records("/ecs/configured")}
    assert {level: record["class"] for level, record in records.items()} == {
        "warn": "standard", "info": "short", "error": "standard",
    }
    kept = json.dumps([record["line"] for record in records.values()])
    assert "ada@example.com" not in kept and "ORD-123456" not in kept
    # With the key of the stack's secret equal values are equal after it, too.
    hashes = re.findall("hash:[0-9a-f]{16}", kept)
    assert len(hashes) == 3 and len(set(hashes)) == 1

    # A faulty file: the last good one stays, and the alarm's metric says so.
    upload(CONFIG + "\nrout: {}\n")
    line = json.dumps({"level": "info", "service": "configured", "message": "as before"})
    metrics = deployed.ingest(subscription_event("/ecs/configured-still", [line]))
    assert metrics["ConfigInvalid"] == 1
    assert [record["class"] for record in deployed.records("/ecs/configured-still")] == ["short"]
    log = deployed.logs.filter_log_events(logGroupName="/catchment/e2e/ingest")["events"]
    assert any("did you mean" in event["message"] and "rout" in event["message"] for event in log)

    # A copy of the function that starts now has no good file: it stores nothing.
    function = deployed.stack["IngestFunctionName"]
    deployed.client("lambda").update_function_configuration(FunctionName=function, Timeout=100)
    payload = json.dumps(subscription_event("/ecs/configured-anew", [line]))
    answer = deployed.client("lambda").invoke(FunctionName=function, Payload=payload.encode())
    assert "FunctionError" in answer
    assert "nothing is taken in until it is mended" in answer["Payload"].read().decode()
    assert deployed.records("/ecs/configured-anew") == []
