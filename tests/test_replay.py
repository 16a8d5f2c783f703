"""What ingest failed on, or set aside, is handed to it again."""

import json
import subprocess
from contextlib import contextmanager

import pytest
from conftest import NAME, subscription_event, wait_for

from local_aws import stack as sam


def command(deployed, *arguments, cwd=None):
    """The command's exit code, and what it wrote to either."""
    result = subprocess.run(
        [sam.CLI, *arguments], env=deployed.emulator.environment, capture_output=True, text=True, cwd=cwd, timeout=300
    )
    return result.returncode, result.stdout, result.stderr


def replay(deployed, *arguments):
    return command(deployed, "replay", "--stack", NAME, *arguments)


@contextmanager
def broken(deployed):
    """Ingest with a bucket that is not there, and mended again."""
    functions = deployed.client("lambda")
    name = deployed.stack["IngestFunctionName"]
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]

    def configure(**changed):
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables | changed})

    configure(ARCHIVE_BUCKET="no-such-bucket")
    try:
        yield
    finally:
        configure()


def waiting(deployed):
    """How many messages are in the queue of failed payloads: (seen by the next who asks, held)."""
    attributes = deployed.client("sqs").get_queue_attributes(
        QueueUrl=deployed.stack["FailedPayloadQueueUrl"], AttributeNames=["All"]
    )["Attributes"]
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    return tuple(int(attributes[name]) for name in names)


def table(text):
    """The rows of a table of the command, as lists of cells."""
    rows = [line.strip("│").split("┆") for line in text.splitlines() if "┆" in line]
    return [[cell.strip() for cell in row] for row in rows[1:]]


def test_what_ingest_failed_on_is_taken_in_when_the_cause_is_mended(deployed):
    groups = [f"/ecs/failed-{number}" for number in range(6)]
    with broken(deployed):
        for group in groups:
            deployed.client("lambda").invoke(
                FunctionName=deployed.stack["IngestFunctionName"], InvocationType="Event",
                Payload=json.dumps(subscription_event(group, ["first", "second"])).encode(),
            )
        wait_for("failed payloads", lambda: waiting(deployed) == (len(groups), 0), seconds=60)

        code, out, _ = replay(deployed, "--queue", "--dry-run")
        assert code == 0
        ((place, outcome, payloads, _),) = table(out)
        assert (place, payloads) == ("queue", "6") and "no-such-bucket" in outcome
        assert waiting(deployed) == (6, 0)

        # The cause is not mended yet: all stay, and the next run has them at once.
        code, out, err = replay(deployed, "--queue")
        assert (code, waiting(deployed)) == (1, (6, 0))
        assert "6 payloads stayed" in err
        assert all(row[1].startswith("stays: ") for row in table(out))
    assert not any(deployed.records(group) for group in groups)

    code, out, _ = replay(deployed, "--queue", "--limit", "2")
    assert (code, table(out), waiting(deployed)) == (0, [["queue", "taken in", "2", "4"]], (4, 0))
    code, out, _ = replay(deployed)  # the quarantine may hold what other tests left there
    assert ["queue", "taken in", "4", "8"] in table(out)
    assert waiting(deployed) == (0, 0)
    for group in groups:
        assert [record["message"] for record in deployed.records(group)] == ["first", "second"]
    assert replay(deployed, "--queue")[:2] == (0, "nothing waits to be replayed\n")


def test_a_payload_twice_in_the_queue_is_in_the_archive_once(deployed):
    record = json.dumps({
        "version": "1.0", "requestContext": {"condition": "RetriesExhausted", "approximateInvokeCount": 3},
        "requestPayload": subscription_event("/ecs/failed-twice", ["once"]),
        "responsePayload": {"errorMessage": "the archive was not written"},
    })
    for body in [record, record, "what is this?"]:
        deployed.client("sqs").send_message(QueueUrl=deployed.stack["FailedPayloadQueueUrl"], MessageBody=body)
    code, out, err = replay(deployed, "--queue")
    assert (code, waiting(deployed)) == (1, (1, 0))
    assert sorted(table(out)) == [
        ["queue", "stays: it is not JSON: nothing that Lambda wrote", "1", "0"], ["queue", "taken in", "2", "2"],
    ]
    assert "1 payload stayed" in err
    assert len(deployed.records("/ecs/failed-twice")) == 1
    deployed.client("sqs").purge_queue(QueueUrl=deployed.stack["FailedPayloadQueueUrl"])


def test_what_a_killed_run_holds_is_told_and_comes_again(deployed):
    sqs, queue = deployed.client("sqs"), deployed.stack["FailedPayloadQueueUrl"]
    sqs.send_message(
        QueueUrl=queue, MessageBody=json.dumps({"requestPayload": subscription_event("/ecs/failed-held", ["held"])})
    )
    # As a run that was killed right after it had received the message.
    (held,) = sqs.receive_message(QueueUrl=queue, VisibilityTimeout=900)["Messages"]
    code, out, _ = replay(deployed, "--queue")
    ((_, outcome, payloads, _),) = table(out)
    assert (code, payloads) == (1, "1") and "another run holds it" in outcome
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=held["ReceiptHandle"], VisibilityTimeout=0)
    code, out, _ = replay(deployed, "--queue")
    assert (code, table(out), waiting(deployed)) == (0, [["queue", "taken in", "1", "1"]], (0, 0))
    assert len(deployed.records("/ecs/failed-held")) == 1


@pytest.mark.parametrize("event", [{"awslogs": {"data": "no base64 at all"}}, {"Records": [{"a": "é"}]}], ids=["data", "event"])
def test_what_still_cannot_be_decoded_stays_once(deployed, event):
    deployed.ingest(event)
    before = deployed.keys("quarantine/")
    code, out, err = replay(deployed, "--quarantine")
    assert code == 1 and "stayed, for what the table says" in err
    assert sum(int(row[2]) for row in table(out)) == len(before) / 2
    assert all(row[0] == "quarantine" and row[1].startswith("in quarantine: ") for row in table(out))
    assert deployed.keys("quarantine/") == before


def test_what_can_be_decoded_after_a_fix_leaves_the_quarantine(deployed):
    before = deployed.keys("quarantine/")
    # As ingest before the fix would have left it.
    data = subscription_event("/ecs/mended", ["decoded at last"])["awslogs"]["data"]
    name = "quarantine/00000000000000000000000000000000"
    reason = json.dumps({"reason": "the payload is not one that a version before this could read"})
    deployed.s3.put_object(Bucket=deployed.bucket, Key=f"{name}.payload", Body=data.encode())
    deployed.s3.put_object(Bucket=deployed.bucket, Key=f"{name}.reason.json", Body=reason.encode())
    deployed.s3.put_object(Bucket=deployed.bucket, Key="quarantine/readme.txt", Body=b"somebody's")

    code, out, _ = replay(deployed, "--quarantine", "--dry-run")
    assert code == 0 and "waits: the payload is not one that a version before this could read" in out
    _, out, _ = replay(deployed, "--quarantine")
    assert ["quarantine", "taken in", "1", "1"] in table(out)
    assert any("quarantine/readme.txt" in row[1] for row in table(out))
    (record,) = deployed.records("/ecs/mended")
    assert record["message"] == "decoded at last"
    deployed.s3.delete_object(Bucket=deployed.bucket, Key="quarantine/readme.txt")
    assert deployed.keys("quarantine/") == before
