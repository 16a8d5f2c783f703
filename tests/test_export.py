"""Rows of the archive, copied out of a deployed stack: as they are, each once."""

import csv
import io
import json
import subprocess

import duckdb
import pytest
from conftest import subscription_event

from local_aws import stack as sam

SERVICE = "export-api"
GROUP = f"/ecs/{SERVICE}"
LINES = [
    json.dumps({"level": "info", "message": "started", "request_id": "r-1"}),
    json.dumps({"level": "error", "message": "disk \"full\", twice", "request_id": "r-2"}),
    "plain text, with a comma\nand a second line",
]


@pytest.fixture(scope="module")
def records(deployed):
    """What the archive holds of the service, read with DuckDB."""
    payload = subscription_event(GROUP, LINES)
    deployed.ingest(payload)
    # A retry writes the same object; another stream has the same lines anew.
    deployed.ingest(payload)
    deployed.ingest(subscription_event(GROUP, LINES, stream="ecs/app/ffffffffffffffffffffffffffffffff"))
    return deployed.records(GROUP)


def export(deployed, *arguments):
    return deployed.catchment("export", "--stack", "e2e", "--since", "1h", "--service", SERVICE, *arguments)


def test_ndjson_holds_every_column_of_every_record_once(deployed, records):
    rows = [json.loads(line) for line in export(deployed).splitlines()]
    assert len(rows) == len(records) == 6
    found = {row["event_id"]: row for row in rows}
    assert [row["timestamp"] for row in rows] == sorted(row["timestamp"] for row in rows)
    for record in records:
        row = found[record["event_id"]]
        computed = ["class", "dt", "detected_level", "hour"]
        if record["attributes"] == record["line"]:
            computed.append("attributes")  # of a line of JSON, by the view
        stored = {name: value for name, value in record.items() if value is not None and name not in computed}
        for time in ("timestamp", "observed_timestamp"):
            at = stored.pop(time)
            assert row[time] == at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"
        assert {name: row[name] for name in row if not name.endswith("timestamp")} == stored


def test_rows_are_chosen_and_limited(deployed, records):
    rows = [json.loads(line) for line in export(deployed, "--request-id", "r-2").splitlines()]
    assert [row["message"] for row in rows] == ['disk "full", twice'] * 2
    assert len(export(deployed, "--severity", "error").splitlines()) == 2
    assert len(export(deployed, "--contains", "second line").splitlines()) == 2
    (newest,) = export(deployed, "--order", "newest", "--limit", "1").splitlines()
    assert json.loads(newest)["timestamp"][:19] == max(record["timestamp"] for record in records).isoformat()[:19]
    assert export(deployed, "--class", "long") == ""


def test_csv_and_parquet_hold_the_same(deployed, records, tmp_path):
    rows = list(csv.DictReader(io.StringIO(export(deployed, "--format", "csv"))))
    expected = sorted((record["event_id"], record["line"]) for record in records)
    assert sorted((row["event_id"], row["line"]) for row in rows) == expected
    parts = tmp_path / "parts"
    export(deployed, "--format", "parquet", "--output", str(parts))
    # Any reader of Parquet sees them: nothing is folded.
    query = "SELECT event_id, line FROM read_parquet(?) ORDER BY event_id"
    assert duckdb.execute(query, [str(parts / "*.parquet")]).fetchall() == expected


def test_a_bucket_and_a_copy_of_it_give_the_same_as_the_stack(deployed, records, tmp_path):
    window = ["--since", "1h", "--service", SERVICE]
    of_bucket = deployed.catchment("export", "--bucket", deployed.bucket, *window)
    for key in deployed.keys("logs/"):
        path = tmp_path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(deployed.object(key))
    done = subprocess.run(
        [sam.CLI, "export", "--from-folder", tmp_path, *window], capture_output=True, text=True
    )
    assert done.stdout == of_bucket == export(deployed)


def test_the_output_is_finished_or_said_to_be_there(deployed, records, tmp_path):
    output = tmp_path / "rows.ndjson"
    export(deployed, "--output", str(output))
    assert len(output.read_text().splitlines()) == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.ndjson"]
    again = subprocess.run(
        [sam.CLI, "export", "--stack", "e2e", "--since", "1h", "--output", output],
        env=deployed.emulator.environment, capture_output=True, text=True,
    )
    assert again.returncode == 1 and "is there already" in again.stderr


def test_a_stack_or_bucket_that_is_not_there(deployed):
    for place in (["--stack", "nope"], ["--bucket", "nope"]):
        done = subprocess.run(
            [sam.CLI, "export", "--since", "1h", *place],
            env=deployed.emulator.environment, capture_output=True, text=True,
        )
        assert done.returncode == 4, done.stderr
