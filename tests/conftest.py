"""A stack deployed in the emulator, once for all end-to-end tests that one process
runs, and what they do with it: log events in; objects, items, answers and messages out.

scripts/test builds what is deployed; `sam build` alone is enough too.
"""

import base64
import gzip
import hashlib
import itertools
import json
import os
import subprocess
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from engines import DuckDb
from local_aws import stack as sam
from local_aws.emulator import ACCOUNT, Emulator
from local_aws.processes import ROOT
from local_aws.receiver import WEBHOOK_KEY, Receiver

NAME = "e2e"
DATABASE = "catchment"
OUTAGE_SERVICE = "outage-api"
WAITING = ["test_alerts", "test_alert_states", "test_rules"]
# This stack's, and one of another stack of the same account.
OWN_LOG_GROUPS = [f"/catchment/{NAME}/{function}" for function in ("ingest", "evaluate", "compact", "notify", "subscribe")]
OWN_LOG_GROUPS.append("/catchment/other/ingest")
RULES = f"""
groups:
  - name: e2e
    interval: 1m
    rules:
      - alert: DatabaseConnectionErrors
        expr: |
          count_over_time({{service="{OUTAGE_SERVICE}"}} |= "database connection" |= "error" [1m]) > 5
        labels:
          severity: critical
        annotations:
          summary: "Database connection errors"
          description: "{{{{ $value }}}} database connection errors"
      # Has partials, and never fires.
      - alert: Twice
        expr: count_over_time({{service="twice"}} |= "database connection" [1m]) > 1000
"""


def wait_for(what, find, seconds=30):
    """What `find()` returns, as soon as it is something."""
    deadline = time.monotonic() + seconds
    while not (found := find()):
        assert time.monotonic() < deadline, f"no {what} after {seconds} s"
        time.sleep(0.25)
    return found


def mails(deployed):
    return deployed.receiver.messages()["email"]


def slack(deployed):
    return deployed.receiver.messages()["slack"]


def told(messages, *words):
    return [message for message in messages if all(word.lower() in str(message).lower() for word in words)]


def subscription_event(group, lines, stream="ecs/app/0123456789abcdef0123456789abcdef", **envelope):
    """What CloudWatch Logs invokes ingest with. `lines`: messages, or (milliseconds, message)."""
    now = int(time.time() * 1000)
    events = [line if isinstance(line, tuple) else (now + number, line) for number, line in enumerate(lines)]
    body = {
        "messageType": "DATA_MESSAGE", "owner": ACCOUNT, "logGroup": group, "logStream": stream,
        "subscriptionFilters": [f"{NAME}-catchment"],
        "logEvents": [
            {"id": event_id(group, stream, number, at), "timestamp": at, "message": message}
            for number, (at, message) in enumerate(events)
        ],
        **envelope,
    }
    return {"awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(body).encode(), mtime=0)).decode()}}


def event_id(group, stream, number, at):
    """56 digits, as CloudWatch numbers events: the time, what the events of one call share, the place among them."""
    batch = int(hashlib.sha256(f"{group} {stream}".encode()).hexdigest()[:32], 16)
    return str((at << 144) + (batch << 16) + number).zfill(56)


@dataclass
class Deployed:
    """The stack under test."""

    emulator: Emulator
    receiver: Receiver
    stack: sam.Stack
    mirror: Path

    def client(self, service):
        return self.emulator.client(service)

    @cached_property
    def s3(self):
        return self.client("s3")

    @cached_property
    def logs(self):
        return self.client("logs")

    @cached_property
    def bucket(self):
        return self.stack["ArchiveBucketName"]

    def create_group(self, group, stream="ecs/app/0123456789abcdef0123456789abcdef"):
        self.logs.create_log_group(logGroupName=group)
        self.logs.create_log_stream(logGroupName=group, logStreamName=stream)
        return stream

    def put(self, group, lines, stream="ecs/app/0123456789abcdef0123456789abcdef"):
        now = int(time.time() * 1000)
        self.logs.put_log_events(
            logGroupName=group, logStreamName=stream,
            logEvents=[{"timestamp": now + number, "message": line} for number, line in enumerate(lines)],
        )

    def invoke(self, function, payload):
        """The answer of a function, which must not fail, and the metrics that it emitted."""
        answer = self.client("lambda").invoke(
            FunctionName=self.stack[function], Payload=json.dumps(payload).encode(), LogType="Tail"
        )
        body = answer["Payload"].read().decode()
        assert "FunctionError" not in answer, body
        metrics = {"FilteredBy": {}, "RedactedBy": {}}
        for line in base64.b64decode(answer["LogResult"]).decode().splitlines():
            if line.startswith("{") and "_aws" in (fields := json.loads(line)):
                if "Filter" in fields:
                    metrics["FilteredBy"][fields["Filter"]] = fields["EventsFiltered"]
                elif "Rule" in fields:
                    metrics["RedactedBy"][fields["Rule"]] = fields["SecretsRedacted"]
                else:
                    metrics.update(fields)
        return json.loads(body) if body else None, metrics

    def ingest(self, payload):
        """Invokes ingest, and checks that every event is accounted for. Its metrics."""
        _, metrics = self.invoke("IngestFunctionName", payload)
        count = {name: metrics[f"Events{name}"] for name in ("Received", "Archived", "Filtered", "Quarantined")}
        assert count["Received"] == count["Archived"] + count["Filtered"] + count["Quarantined"]
        assert metrics["ConservationViolated"] == 0
        return metrics

    def subscribe(self):
        return self.invoke("SubscribeFunctionName", {})

    def keys(self, prefix):
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return {item["Key"]: item["ETag"] for page in pages for item in page.get("Contents", [])}

    def object(self, key):
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def parquet_files(self):
        """The archive's objects as local files; each is fetched once, for none ever changes."""
        files = []
        for key in self.keys("logs/"):
            path = self.mirror / key
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(self.object(key))
            files.append(str(path))
        return files

    def records(self, group):
        """What the archive holds of a log group, read with DuckDB, in order of time."""
        files = self.parquet_files()
        if not files:
            return []
        rows = DuckDb(self.mirror, files).connection.execute(
            "SELECT * FROM records WHERE log_group = ? ORDER BY time_unix_nano", [group]
        )
        names = [column[0] for column in rows.description]
        return [dict(zip(names, row)) for row in rows.fetchall()]

    def items(self, table):
        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=self.stack[table])
        return list(itertools.chain.from_iterable(page["Items"] for page in pages))

    def query(self, sql):
        """The rows of Athena's answer, as dictionaries of strings."""
        return self.ask(sql)[1]

    def ask(self, sql, database=DATABASE):
        """Athena's answer: (name, type) of its columns, and its rows as dictionaries of strings."""
        athena = self.client("athena")
        started = athena.start_query_execution(
            QueryString=sql, WorkGroup=self.stack["WorkgroupName"], QueryExecutionContext={"Database": database}
        )["QueryExecutionId"]

        def ended():
            status = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"]
            return status if status["State"] in ("SUCCEEDED", "FAILED") else None

        status = wait_for("answer", ended)
        assert status["State"] == "SUCCEEDED", status["StateChangeReason"]
        pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=started)
        answers = [page["ResultSet"] for page in pages]
        columns = [(column["Name"], column["Type"]) for column in answers[0]["ResultSetMetadata"]["ColumnInfo"]]
        names = [name for name, _ in columns]
        rows = [[cell.get("VarCharValue") for cell in row["Data"]] for answer in answers for row in answer["Rows"]]
        # Only the answer to what begins with SELECT or WITH has the names as its first row.
        return columns, [dict(zip(names, row)) for row in rows if row != names]

    def catchment(self, *arguments):
        """What the command writes to standard output."""
        result = subprocess.run(
            [sam.CLI, *arguments], env=self.emulator.environment, capture_output=True, text=True
        )
        assert result.returncode == 0, result.stderr
        return result.stdout


@pytest.fixture(scope="session")
def deployed(tmp_path_factory):
    # Each worker of pytest-xdist has a stack, in an emulator, of its own.
    directory = ROOT / ".local" / "e2e" / os.environ.get("PYTEST_XDIST_WORKER", "one")
    emulator = Emulator.start(directory)
    receiver = None
    try:
        receiver = Receiver.start(directory)
        secrets = emulator.client("secretsmanager")
        secret = secrets.create_secret(Name="slack", SecretString=receiver.slack_bot())
        webhook_key = secrets.create_secret(Name="webhook-key", SecretString=WEBHOOK_KEY)
        hash_key = emulator.client("secretsmanager").create_secret(Name="hash-key", SecretString="a key only for tests")
        stack = sam.deploy(
            emulator, NAME, SlackWebhookSecretArn=secret["ARN"], HashKeySecretArn=hash_key["ARN"], AlertEmail="oncall@example.com",
            AlertWebhookUrl=receiver.url("webhook"), AlertWebhookSecretArn=webhook_key["ARN"], AmazonQTopic="true",
            LogGroupPatterns="/ecs/*,/aws/lambda/*,/catchment/*", LogGroupExcludes="/ecs/noise-*",
            ShortLogGroups="/ecs/short-*", LongLogGroups="/ecs/long-*", Environment="e2e",
        )
        emulator.client("s3").put_object(
            Bucket=stack["ArchiveBucketName"], Key="rules/e2e.yaml", Body=RULES.encode()
        )
        for topic, path in [("AlertTopicArn", "email"), ("AmazonQAlertTopicArn", "amazon-q")]:
            emulator.client("sns").subscribe(TopicArn=stack[topic], Protocol="http", Endpoint=receiver.url(path))
        yield Deployed(emulator, receiver, stack, tmp_path_factory.mktemp("archive"))
    finally:
        if receiver:
            receiver.stop()
        emulator.stop()


def pytest_collection_modifyitems(items):
    """Files that wait for minutes to pass come first: others run beside them."""
    items.sort(key=lambda item: item.path.stem not in WAITING)
