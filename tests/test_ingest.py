"""Log events in; objects and items out."""

import json
import re

import duckdb
import pytest
from conftest import OWN_LOG_GROUPS, subscription_event, wait_for
from template import properties

KEY = re.compile(r"logs/class=(short|standard|long)/dt=\d{4}-\d{2}-\d{2}/\d{2}-\d{13}-\d{13}-m?[0-9a-f]{32}\.parquet")


def test_what_a_service_writes_is_in_the_archive(deployed):
    stream = deployed.create_group("/ecs/journey")
    deployed.subscribe()
    deployed.put(
        "/ecs/journey",
        [
            '{"level":"error","message":"boom","request_id":"req_1","user_id":"u1","status_code":500,"duration_ms":12.5}',
            "2024-12-19 10:30:15 - personal_assistant.core - INFO - Enhanced LTM optimization components initialized",
        ],
    )
    first, second = wait_for("records", lambda: deployed.records("/ecs/journey"))
    expected = {
        "account_id": "000000000000", "region": "us-east-1", "log_stream": stream, "service": "journey",
        "environment": "e2e", "severity_number": 17, "severity_text": "error", "message": "boom",
        "request_id": "req_1", "user_id": "u1", "status_code": 500, "duration_ms": 12.5, "format": "json",
        "class": "standard",
    }
    # The second line states an earlier time of its own.
    by_format = {record["format"]: record for record in (first, second)}
    assert {name: by_format["json"][name] for name in expected} == expected
    text = by_format["text"]
    assert text["message"].endswith("Enhanced LTM optimization components initialized")
    assert text["severity_number"] == 9
    assert text["request_id"].startswith("derived-")


def test_keys_and_columns_are_those_of_the_table_and_zstd_compresses_them(deployed):
    lines = [f"line {number}: something worth keeping happened" for number in range(500)]
    deployed.ingest(subscription_event("/ecs/columns", lines))
    assert all(KEY.fullmatch(key) for key in deployed.keys("logs/"))
    files = deployed.parquet_files()
    table = [column["Name"] for column in properties("LogsTable")["TableInput"]["StorageDescriptor"]["Columns"]]
    for file in files:
        names = duckdb.execute("SELECT name FROM parquet_schema(?) WHERE type IS NOT NULL", [file]).fetchall()
        assert [name for (name,) in names] == table
    codecs = duckdb.execute(
        "SELECT DISTINCT compression FROM parquet_metadata(?) WHERE path_in_schema = 'message' AND num_values = 500",
        [files],
    ).fetchall()
    assert codecs == [("ZSTD",)]


@pytest.mark.parametrize(
    ("group", "retention_class"), [("/ecs/short-lived", "short"), ("/ecs/other", "standard"), ("/ecs/long-lived", "long")]
)
def test_the_retention_class_is_chosen_by_log_group(deployed, group, retention_class):
    deployed.ingest(subscription_event(group, ["kept for as long as its class says"]))
    (record,) = deployed.records(group)
    assert record["class"] == retention_class


def partial_keys(deployed):
    keys = {(item["pk"]["S"], item["sk"]["S"]) for item in deployed.items("StateTableName")}
    return {key for key in keys if key[0].startswith("PARTIAL#")}


def test_an_event_twice_leaves_what_it_left_once(deployed):
    line = {
        "audit": True, "event_type": "user.login", "user_id": "twice", "entity_type": "session",
        "entity_id": "s-twice", "message": "login ok", "ip_address": "203.0.113.7",
    }
    payload = subscription_event("/ecs/twice", [json.dumps(line), "database connection error"])
    before = partial_keys(deployed)
    first = deployed.ingest(payload)
    objects, audit, partials = deployed.keys("logs/"), deployed.items("AuditTableName"), partial_keys(deployed)
    again = deployed.ingest(payload)
    assert again["EventsArchived"] == first["EventsArchived"] == 2
    assert again["PartialsRecorded"] == first["PartialsRecorded"] == len(partials - before) >= 1
    assert first["AuditEntriesCreated"] == 1 and again["AuditEntriesCreated"] == 0
    assert deployed.keys("logs/") == objects
    assert deployed.items("AuditTableName") == audit
    assert partial_keys(deployed) == partials
    assert len(deployed.records("/ecs/twice")) == 2


def test_an_audit_entry_is_found_by_entity_actor_and_day(deployed):
    line = {
        "audit": True, "event_type": "user.updated", "user_id": "actor-7", "entity_type": "user",
        "entity_id": "target-9", "message": "role changed", "timestamp": "2026-11-20T10:30:15.123Z",
    }
    deployed.ingest(subscription_event("/ecs/audited", [(1_795_170_615_123, json.dumps(line))]))
    (entry,) = [item for item in deployed.items("AuditTableName") if item["pk"]["S"] == "ENT#user#target-9"]
    assert entry["sk"]["S"].startswith("2026-11-20T10:30:15.123Z#")
    assert entry["actor_pk"]["S"] == "ACT#actor-7"
    assert re.fullmatch("DAY#2026-11-20#[0-7]", entry["day_pk"]["S"])
    assert int(entry["expires_at"]["N"]) > 1_795_000_000 + 2500 * 86400
    found = deployed.client("dynamodb").query(
        TableName=deployed.stack["AuditTableName"], IndexName="by-actor",
        KeyConditionExpression="actor_pk = :a", ExpressionAttributeValues={":a": {"S": "ACT#actor-7"}},
    )["Items"]
    assert found == [entry]


@pytest.mark.parametrize(
    "data", ["this is no base64!", "aGVsbG8=", "H4sIAAAAAAAAAwA="], ids=["no base64", "no gzip", "cut short"]
)
def test_what_cannot_be_decoded_is_kept_whole_with_the_reason(deployed, data):
    before = deployed.keys("quarantine/")
    metrics = deployed.ingest({"awslogs": {"data": data}})
    assert metrics["PayloadsQuarantined"] == 1
    new = sorted(set(deployed.keys("quarantine/")) - set(before))
    payload, reason = new
    assert (payload.endswith(".payload"), reason.endswith(".reason.json")) == (True, True)
    assert data.encode() in deployed.object(payload)
    assert len(deployed.object(reason)) > 20 and json.loads(deployed.object(reason))
    # Again: the same two objects.
    deployed.ingest({"awslogs": {"data": data}})
    assert set(deployed.keys("quarantine/")) == set(before) | set(new)


def test_an_event_of_a_megabyte_is_archived_whole(deployed):
    words = "the quick brown fox jumps over the lazy dog "
    line = (words * 25_000)[: 1_048_576 - 26]
    stream = deployed.create_group("/ecs/large")
    deployed.subscribe()
    deployed.put("/ecs/large", [line], stream)
    (record,) = wait_for("record", lambda: deployed.records("/ecs/large"))
    assert record["line"] == line


def test_an_empty_batch_is_a_success_and_leaves_nothing(deployed):
    before = deployed.keys("")
    metrics = deployed.ingest(subscription_event("/ecs/empty", []))
    assert metrics["EventsReceived"] == 0
    assert deployed.keys("") == before


def test_a_control_message_is_acknowledged_and_counted(deployed):
    before = deployed.keys("")
    metrics = deployed.ingest(
        subscription_event(
            "", ["CWL CONTROL MESSAGE: Checking health of destination Firehose."], stream="",
            messageType="CONTROL_MESSAGE", owner="CloudwatchLogs",
        )
    )
    assert metrics["ControlMessages"] == 1
    assert deployed.keys("") == before


@pytest.mark.parametrize("group", OWN_LOG_GROUPS)
def test_the_log_groups_of_every_stack_of_ours_are_refused(deployed, group):
    before = deployed.keys("")
    metrics = deployed.ingest(subscription_event(group, ["a line about a line", "and another"]))
    assert metrics["EventsFiltered"] == metrics["OwnEventsRefused"] == metrics["EventsReceived"] == 2
    assert deployed.keys("") == before


def test_a_secret_is_nowhere(deployed):
    secrets = ["hunter2-hunter2", "AKIAIOSFODNN7EXAMPLE", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghijklmnop"]
    lines = [
        json.dumps({"message": "login", "user": {"password": secrets[0]}, "audit": True, "event_type": "user.login",
                    "user_id": "leaky", "metadata": {"api_key": secrets[0]}}),
        f"connecting with password={secrets[0]} to db",
        f"using key {secrets[1]}",
        f"Authorization: Bearer {secrets[2]}",
    ]
    deployed.ingest(subscription_event("/ecs/leaky", lines))
    records = deployed.records("/ecs/leaky")
    assert len(records) == 4 and all(record["redactions"] for record in records)
    kept = json.dumps([records, deployed.items("AuditTableName"), deployed.items("StateTableName")], default=str)
    log = deployed.logs.filter_log_events(logGroupName="/catchment/e2e/ingest")["events"]
    assert any("took in a payload" in event["message"] for event in log)
    kept += json.dumps(log)
    for secret in secrets:
        assert secret not in kept


def test_events_of_two_days_go_to_two_partitions(deployed):
    # 2026-11-19 23:59:59.999 and the millisecond after it.
    midnight = 1_795_132_800_000
    deployed.ingest(subscription_event("/ecs/midnight", [(midnight - 1, "before"), (midnight, "after")]))
    days = {record["message"]: str(record["dt"]) for record in deployed.records("/ecs/midnight")}
    assert days == {"before": "2026-11-19", "after": "2026-11-20"}


def test_ingest_has_a_place_for_what_it_fails_on(deployed):
    config = deployed.client("lambda").get_function_event_invoke_config(
        FunctionName=deployed.stack["IngestFunctionName"], Qualifier="$LATEST"
    )
    assert config["MaximumRetryAttempts"] == 2
    assert ":sqs:" not in config["DestinationConfig"].get("OnSuccess", {}).get("Destination", "")
    assert "FailedPayloadQueue" in config["DestinationConfig"]["OnFailure"]["Destination"]
