"""What log groups held before the deployment."""

import json
import os
import pty
import signal
import subprocess
import time

import pytest
from conftest import NAME
from test_replay import command, table

from local_aws import stack as sam

HOUR = 3_600_000
# Full hours that end a day ago.
START = int(time.time() * 1000) // HOUR * HOUR - 48 * HOUR
END = START + 24 * HOUR


def written(millis):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(millis / 1000))


def backfill(deployed, tmp_path, *arguments, start=START, end=END):
    return command(
        deployed, "backfill", "--stack", NAME, "--from", written(start), "--to", written(end), "--rate", "500",
        *arguments, cwd=tmp_path,
    )


def history(deployed, group, streams, hours=24, an_hour=4, line=lambda number: f"line {number}"):
    """A log group with events of the past. The lines, in order of time."""
    deployed.logs.create_log_group(logGroupName=group)
    for stream in streams:
        deployed.logs.create_log_stream(logGroupName=group, logStreamName=stream)
    events = [(START + number * HOUR // an_hour, line(number)) for number in range(hours * an_hour)]
    for number, stream in enumerate(streams):
        deployed.logs.put_log_events(
            logGroupName=group, logStreamName=stream,
            logEvents=[{"timestamp": at, "message": text} for at, text in events[number::len(streams)]],
        )
    return [text for _, text in events]


def lines(deployed, group):
    return [record["line"] for record in deployed.records(group)]


def test_history_is_brought_in_once_however_often_it_is_asked_for(deployed, tmp_path):
    group = "/ecs/history"
    expected = history(deployed, group, ["ecs/app/a", "ecs/app/b"])

    code, out, _ = backfill(deployed, tmp_path, "--log-group", group, "--estimate")
    ((name, first, last, size, events, _, payloads, _, cost, _),) = table(out)
    assert (code, name, first, last) == (0, group, written(START), written(END))
    assert payloads == "50" and cost == "<$0.01", out
    assert not lines(deployed, group)

    code, _, err = backfill(deployed, tmp_path, "--log-group", group)
    assert code == 2 and "--yes" in err, "nobody is there to be asked"
    assert not lines(deployed, group)

    code, out, _ = backfill(deployed, tmp_path, "--log-group", group, "--yes")
    # 24 hours of two streams.
    ((name, reached, _, *counts),) = table(out)
    assert (code, name, reached, counts) == (0, group, written(END), ["96", "48", "48", "0", "0"])
    assert lines(deployed, group) == expected
    (record, *_) = deployed.records(group)
    assert (record["account_id"], record["log_stream"], record["service"]) == ("000000000000", "ecs/app/a", "history")
    objects = deployed.keys("logs/")

    # The checkpoint says that it is done; without it, everything is found in the archive.
    code, out, _ = backfill(deployed, tmp_path, "--log-group", group, "--yes")
    assert code == 0 and "already" in out
    (tmp_path / f"catchment-backfill-{NAME}.json").unlink()
    code, out, _ = backfill(deployed, tmp_path, "--log-group", group, "--yes")
    ((_, _, _, *counts),) = table(out)
    assert (code, counts) == (0, ["96", "48", "0", "48", "0"])
    assert deployed.keys("logs/") == objects

    # Two hours more: it goes on where it ended, and reads nothing twice.
    code, out, _ = backfill(deployed, tmp_path, "--log-group", group, "--yes", end=END + 2 * HOUR)
    ((_, reached, _, *counts),) = table(out)
    assert (code, reached, counts) == (0, written(END + 2 * HOUR), ["0", "0", "0", "0", "0"])


def test_a_run_that_was_killed_is_gone_on_with(deployed, tmp_path):
    group = "/ecs/history-killed"
    expected = history(deployed, group, [f"ecs/app/{number}" for number in range(4)], an_hour=40)
    checkpoint = tmp_path / f"catchment-backfill-{NAME}.json"
    arguments = [
        sam.CLI, "backfill", "--stack", NAME, "--log-group", group, "--from", written(START), "--to", written(END),
        "--yes",
    ]
    for how in (signal.SIGKILL, signal.SIGINT):
        reached = checkpoint.read_text() if checkpoint.exists() else ""
        run = subprocess.Popen(
            arguments, env=deployed.emulator.environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        while run.poll() is None and (not checkpoint.exists() or checkpoint.read_text() == reached):
            time.sleep(0.01)
        run.send_signal(how)
        _, err = run.communicate(timeout=60)
        if how == signal.SIGINT:
            assert run.returncode == 130 and b"goes on from" in err, err
        assert len(lines(deployed, group)) < len(expected)
    code, out, _ = backfill(deployed, tmp_path, "--log-group", group, "--yes")
    assert code == 0, out
    assert lines(deployed, group) == expected


def test_what_was_merged_meanwhile_is_recognised_when_it_comes_again(deployed, tmp_path):
    group = "/ecs/history-merged"
    expected = history(deployed, group, ["a", "b"])
    days = sorted({written(at)[:10] for at in (START, END)})

    def bring_in(file):
        code, out, err = backfill(deployed, tmp_path, "--log-group", group, "--yes", "--checkpoint", str(tmp_path / file))
        assert code == 0, err
        return [int(count) for count in table(out)[0][5:7]]

    def merge():
        for day in days:
            deployed.invoke("CompactFunctionName", {"class": "standard", "day": day})

    def exported():
        out = deployed.catchment(
            "export", "--stack", NAME, "--from", written(START), "--to", written(END), "--service", "history-merged"
        )
        return [json.loads(line)["line"] for line in out.splitlines()]

    assert bring_in("first") == [48, 0]
    merge()
    assert len(deployed.records(group)) == len(expected)
    # The small objects are gone, so they are written again, under the keys of which the
    # merged ones say that they replace them.
    created, _ = bring_in("second")
    assert created > 0 and exported() == expected
    merge()
    assert exported() == expected
    assert len(deployed.records(group)) == len(expected), "they are gone again"


@pytest.mark.parametrize(("answer", "code", "events"), [("n", 1, 0), ("y", 0, 4)])
def test_somebody_at_a_terminal_is_asked(deployed, tmp_path, answer, code, events):
    group = f"/ecs/history-asked-{answer}"
    history(deployed, group, ["s"], hours=1)
    terminal, end = pty.openpty()
    run = subprocess.Popen(
        [sam.CLI, "backfill", "--stack", NAME, "--log-group", group, "--from", written(START), "--to", written(START + HOUR)],
        env=deployed.emulator.environment, cwd=tmp_path, stdin=end, stderr=end, stdout=subprocess.PIPE,
    )
    os.write(terminal, f"{answer}\n".encode())
    run.communicate(timeout=60)
    shown = os.read(terminal, 65536).decode()
    os.close(end), os.close(terminal)
    assert (run.returncode, "Begin? [y/N]" in shown) == (code, True), shown
    assert len(lines(deployed, group)) == events


def test_history_calls_nobody(deployed, tmp_path):
    history(deployed, "/ecs/prod/twice", ["s"], line=lambda number: f"database connection lost {number}")

    def partials():
        return [item for item in deployed.items("StateTableName") if item["pk"]["S"].startswith("PARTIAL#")]

    before = len(partials())
    assert backfill(deployed, tmp_path, "--log-group", "/ecs/prod/twice", "--yes")[0] == 0
    records = deployed.records("/ecs/prod/twice")
    assert len(records) == 96 and records[0]["service"] == "twice", "the rule Twice would match"
    assert len(partials()) == before


def test_audit_entries_of_history_are_kept(deployed, tmp_path):
    line = {"audit": True, "event_type": "user.login", "user_id": "of-old", "entity_type": "session", "message": "in"}
    history(
        deployed, "/ecs/history-audit", ["s"], hours=1,
        line=lambda number: json.dumps(line | {"entity_id": f"old-{number}"}),
    )
    for number in range(2):
        file = str(tmp_path / f"{number}.json")
        assert backfill(deployed, tmp_path, "--log-group", "/ecs/history-audit", "--yes", "--checkpoint", file)[0] == 0
    entries = [item["pk"]["S"] for item in deployed.items("AuditTableName")]
    assert sorted(pk for pk in entries if "#old-" in pk) == [f"ENT#session#old-{number}" for number in range(4)]


def test_groups_are_chosen_by_pattern_and_refused_with_the_reason(deployed, tmp_path):
    # Names that the stack does not subscribe to: they are read all the same.
    for group, kind in [("/elsewhere/old-one", "STANDARD"), ("/elsewhere/old-two", "STANDARD"), ("/elsewhere/old-rare", "INFREQUENT_ACCESS")]:
        deployed.logs.create_log_group(logGroupName=group, logGroupClass=kind)
    deployed.logs.put_retention_policy(logGroupName="/elsewhere/old-two", retentionInDays=1)
    code, out, err = backfill(deployed, tmp_path, "--pattern", "/elsewhere/old-*", "--pattern", "/catchment/*", "--estimate")
    assert [row[0] for row in table(out)] == ["/elsewhere/old-one", "/elsewhere/old-two", "all"], err
    assert code == 0 and "left out: /elsewhere/old-rare is of the log class INFREQUENT_ACCESS" in err

    for arguments, code, words in [
        (["--log-group", f"/catchment/{NAME}/ingest"], 2, "Catchment's own"),
        (["--log-group", "/elsewhere/old-rare"], 1, "Logs Insights"),
        (["--log-group", "/elsewhere/old"], 4, "there is no log group /elsewhere/old here"),
        (["--pattern", "/nothing/*"], 4, "no log group matches"),
    ]:
        found = backfill(deployed, tmp_path, *arguments, "--estimate")
        assert (found[0], words in found[2]) == (code, True), found


@pytest.mark.parametrize("arguments", [[], ["--log-group", "/ecs/x", "--rate", "0"]])
def test_a_wrong_command_line_is_refused(deployed, tmp_path, arguments):
    assert backfill(deployed, tmp_path, *arguments)[0] == 2
    code, _, err = backfill(deployed, tmp_path, "--log-group", "/ecs/x", start=END, end=START)
    assert code == 2 and "is not before" in err
