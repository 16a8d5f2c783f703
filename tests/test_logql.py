"""LogQL over a deployed stack: the queries that users asked for, numbers as SQL has
them, and lines as they come."""

import json
import os
import pty
import signal
import subprocess
import time

import duckdb
import pytest
from conftest import subscription_event

from local_aws import stack as sam


def of(level, message, **fields):
    return json.dumps({"level": level, "message": message, **fields})


FAILED = "2024-12-19 10:30:15 - auth - WARNING - login failed for user=ann"
EXPIRED = of("INFO", "session of ann expired", request_id="req_1")
POSTED = 'timestamp=10:30 user=ann request="POST /api/auth/login" status=200'
BY_ID = "INFO loaded profile user_id=123 in 3 ms"
BY_OTHER_ID = "INFO loaded profile user_id=456 in 3 ms"
SLOW = "WARN slow query: SELECT 1 took 3.1 s"
TIMEOUT = "error: timeout after 30 s"
FRONT = "error: no such page"
ERROR_A = of("ERROR", "no such order", path="/orders", request_id="req_abc123", duration=2500)
ERROR_B = of("ERROR", "no such cart", path="/carts", request_id="req_other", duration=100)
ERROR_C = of("ERROR", "no such order either", path="/orders", request_id="req_abc123")
FINE = of("INFO", "fine", path="/orders", request_id="req_fine", duration=2001)
EXACTLY = of("INFO", "fine", path="/orders", request_id="req_fine2", duration=2000)
SPELT = of("INFO", "fine", path="/orders", request_id="req_fine3", duration="2.3s")
LINES = {
    "auth-service": [FAILED, EXPIRED, POSTED, BY_OTHER_ID],
    "backend": [BY_ID, SLOW],
    "frontend": [TIMEOUT, FRONT],
    "gremlins-api": [ERROR_A, ERROR_B, ERROR_C, FINE, EXACTLY, SPELT],
}
OURS = {line for lines in LINES.values() for line in lines}

# product.md's queries, verbatim, and the lines that answer them.
ASKED = [
    ('{service="auth-service"} |= "failed" |= "login"', [FAILED]),
    ('{service="auth-service"} |= "session" |= "expired"', [EXPIRED]),
    ('{service=~"auth-service|backend"} |= "user_id=123"', [BY_ID]),
    ('{service="backend"} |= "slow query"', [SLOW]),
    ('{service="frontend"} |= "error" |= "timeout"', [TIMEOUT]),
    ('{service="gremlins-api"} |= "ERROR" | json', [ERROR_C, ERROR_B, ERROR_A]),
    ('{service="gremlins-api"} | json | request_id="req_abc123"', [ERROR_C, ERROR_A]),
    # A value that is no number keeps its line, with an error: as in Loki.
    ('{service="gremlins-api"} | json | duration > 2000', [SPELT, FINE, ERROR_A]),
]


@pytest.fixture(scope="module")
def asked(deployed):
    """A function that asks the archive in LogQL, with lines of four services in it."""
    for service, lines in LINES.items():
        deployed.ingest(subscription_event(f"/ecs/{service}", lines))

    def ask(query, *options):
        return deployed.catchment("query", query, "--stack", "e2e", "--since", "1h", *options)

    return ask


@pytest.mark.parametrize("query, expected", ASKED, ids=[query for query, _ in ASKED])
def test_what_users_asked_for(asked, query, expected):
    answer = asked(query, "--output", "raw").splitlines()
    assert [line for line in answer if line in OURS] == expected


def test_a_line_is_put_together_from_its_fields(asked):
    query = '{service="auth-service"} |= "POST /api/auth/login" | logfmt | line_format "{{.timestamp}} {{.user}}"'
    assert "10:30 ann" in asked(query, "--output", "raw").splitlines()


def test_errors_by_path_are_counted_as_sql_counts_them(deployed, asked):
    query = 'sum by (path) (count_over_time({service="gremlins-api", level="ERROR"} [1h]))'
    answer = [json.loads(line) for line in asked(query, "--instant", "--output", "json").splitlines()]
    counted = {row["labels"].get("path"): row["value"] for row in answer}
    rows = duckdb.execute(
        """SELECT path, count(DISTINCT (event_batch, event_index, "timestamp")) FROM read_parquet(?, union_by_name = true)
        WHERE service = 'gremlins-api' AND severity_text = 'ERROR' AND "timestamp" > now() - INTERVAL 1 HOUR
        GROUP BY path""",
        [deployed.parquet_files()],
    ).fetchall()
    assert counted == dict(rows)
    assert counted["/orders"] >= 2 and counted["/carts"] >= 1


def test_numbers_over_time_are_those_of_each_window(deployed, asked):
    options = ["--since", "10m", "--step", "1m", "--output", "json"]
    query = 'sum(count_over_time({service="gremlins-api"}[1m]))'
    answer = deployed.catchment("query", query, "--stack", "e2e", *options)
    (series,) = [json.loads(line) for line in answer.splitlines()]
    # Windows of a minute a minute apart hold every line once.
    whole = deployed.catchment(
        "query", 'count_over_time({service="gremlins-api"}[11m])', "--stack", "e2e", "--instant", "--output", "json"
    )
    assert sum(value for _, value in series["values"]) <= json.loads(whole)["value"]
    assert json.loads(whole)["value"] >= len(LINES["gremlins-api"])


def test_on_a_terminal_errors_are_red_and_numbers_are_drawn(deployed, asked):
    def shown(*options, **env):
        master, terminal = pty.openpty()
        process = subprocess.Popen(
            [sam.CLI, "query", *options, "--stack", "e2e"], stdout=terminal, stderr=subprocess.DEVNULL,
            env=deployed.emulator.environment | {"TERM": "xterm"} | env,
        )
        os.close(terminal)
        text = b""
        try:
            while part := os.read(master, 65536):
                text += part
        except OSError:  # The other end was closed.
            pass
        os.close(master)
        assert process.wait() == 0
        return text.decode()

    errors = ('{service="gremlins-api"} |= "no such"',)
    assert "\x1b[31mERROR" in shown(*errors)
    assert "\x1b[31m" not in shown(*errors, NO_COLOR="1")
    chart = shown('sum by (path) (count_over_time({service="gremlins-api"}[5m]))')
    assert "UTC" in chart and '{path="/orders"}' in chart and any("\u2800" < c < "\u2900" for c in chart)


def test_tail_shows_a_line_within_seconds(deployed):
    stream = deployed.create_group("/ecs/tailed")
    deployed.subscribe()
    process = subprocess.Popen(
        [sam.CLI, "tail", '{service="tailed"} |= "find"', "--stack", "e2e", "--since", "5m", "--output", "raw"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=deployed.emulator.environment,
    )
    try:
        seconds = []
        for number in range(3):
            time.sleep(1)
            started = time.monotonic()
            deployed.put("/ecs/tailed", [f"find {number}", "another"], stream)
            assert process.stdout.readline() == f"find {number}\n"
            seconds.append(time.monotonic() - started)
        print(f"from PutLogEvents to a line that tail shows: {', '.join(f'{it:.2f}' for it in seconds)} s")
        # The first may meet a cold start.
        assert max(seconds[1:]) < 5
        process.send_signal(signal.SIGINT)
        rest, told = process.communicate(timeout=10)
        assert (process.returncode, rest, told) == (0, "", "ended: 3 lines\n")
    finally:
        process.kill()
