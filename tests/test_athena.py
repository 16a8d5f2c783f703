"""Every query of infra/athena over an archive that ingest wrote: through Athena, and
once more with DuckDB reading the files by itself. What they find is reasoned from
the lines that were sent.
"""

import datetime
import json

import pytest
from conftest import subscription_event
from engines import DuckDb, text

from local_aws import athena

MINUTE = 60_000
DAY = 1440 * MINUTE
QUERIES = {query.file: query for query in athena.queries()}


def stamp(at):
    return datetime.datetime.fromtimestamp(at / 1000, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def error(**fields):
    return json.dumps({"level": "ERROR", **fields})


# service -> (age, line); a line may hold {time}.
LINES = {
    "auth-service": [
        (9 * MINUTE, "{time} WARN login failed for user_id=123"),
        (8 * MINUTE, "{time} WARN Login Failed for user_id=9"),  # LogQL minds the case
        (7 * MINUTE, '{"level":"info","message":"session 9 of alice expired","user_id":"123"}'),
        (6 * MINUTE, 'timestamp={time} level=info msg="POST /api/auth/login" user=alice status=200'),
        (5 * MINUTE, 'timestamp={time} level=info msg="GET /api/auth/login" user=bob status=405'),
        (4 * DAY, "{time} WARN login failed, long ago"),
    ],
    "backend": [
        (10 * MINUTE, "{time} WARN slow query: SELECT 1 for user_id=123 took 3 s"),
        (8 * MINUTE, "{time} WARN slowquery"),
        (7 * MINUTE, "{time} INFO user_id=1234 read"),  # holds user_id=123, too
    ],
    "billing": [(6 * MINUTE, "{time} WARN login failed, session expired, slow query, user_id=123")],
    "frontend": [
        (9 * MINUTE, "{time} ERROR error: timeout of upstream"),
        (8 * MINUTE, "{time} ERROR error: refused"),
        (7 * MINUTE, "{time} WARN timeout"),
    ],
    "gremlins-api": [
        (50 * MINUTE, error(message="boom", path="/a", request_id="req_abc123", duration=2500, tags={"team": "x"})),
        (40 * MINUTE, error(message="two", path="/a", status_code=503, duration=2000)),
        (30 * MINUTE, error(message="three", path="/b", status_code=404)),
        (150 * MINUTE, error(message="hours ago", path="/b")),
        (20 * MINUTE, '{"level":"error","message":"quiet","path":"/a"}'),
        (15 * MINUTE, '{"level":"INFO","message":"no ERROR here","duration":2001}'),
        (10 * MINUTE, '{"level":"INFO","message":"ok","path":"/a","request_id":"req_abc123","duration_ms":12.5}'),
        (4 * DAY, error(message="days ago", path="/a", request_id="req_abc123", duration=9000)),
    ],
    "gremlins-web": [
        (51 * MINUTE, '{"level":"info","message":"asked","request_id":"req_abc123","user_id":"u7","event_type":"user.login"}'),
        (12 * MINUTE, '{"level":"info","message":"left","user_id":"u7","event_type":"user.logout"}'),
        (11 * MINUTE, '{"level":"info","message":"no event","user_id":"u7"}'),
    ],
}
# What a query finds: the columns to look at, and their rows. All else of this file's
# services is wrong to be there; other tests' services are not looked at.
EXPECTED = {
    "failed-logins": (["message"], [["login failed for user_id=123"]]),
    "expired-sessions": (["user_id", "message"], [["123", "session 9 of alice expired"]]),
    "one-user-across-services": (
        ["service", "message"],
        [["backend", "user_id=1234 read"], ["auth-service", "login failed for user_id=123"],
         ["backend", "slow query: SELECT 1 for user_id=123 took 3 s"]],
    ),
    "who-logged-in": (["user"], [["alice"]]),
    "slow-database-queries": (["message"], [["slow query: SELECT 1 for user_id=123 took 3 s"]]),
    "frontend-timeouts": (["message"], [["error: timeout of upstream"]]),
    "error-lines": (["message"], [["no ERROR here"], ["three"], ["two"], ["boom"], ["hours ago"]]),
    "one-request-of-a-service": (["message", "duration_ms"], [["ok", "12.5"], ["boom", "2500.0"]]),
    "errors-by-path-of-a-service": (["path", "errors"], [["/a", "2"], ["/b", "1"]]),
    "slow-requests-of-a-service": (["message", "duration_ms"], [["no ERROR here", "2001.0"], ["boom", "2500.0"]]),
    "errors-of-the-last-hour": (
        ["service", "errors", "last_message"],
        [["gremlins-api", "4", "quiet"], ["frontend", "2", "error: refused"]],
    ),
    "one-request-across-services": (
        ["service", "message"],
        [["gremlins-api", "days ago"], ["gremlins-web", "asked"], ["gremlins-api", "boom"], ["gremlins-api", "ok"]],
    ),
    "slow-requests": (
        ["service", "duration_ms"], [["gremlins-api", "2500.0"], ["gremlins-api", "2001.0"], ["gremlins-api", "2000.0"]]
    ),
    "error-counts-by-path": (
        ["service", "path", "errors", "server_errors"],
        [["gremlins-api", "/a", "3", "1"], ["gremlins-api", "/b", "2", "0"]],
    ),
    "audit-by-user": (["event_name", "message"], [["user.login", "asked"], ["user.logout", "left"]]),
}
PLACEHOLDERS = {"REQUEST_ID": "req_abc123", "USER_ID": "u7"}


class Athena:
    """Athena over a database: the view stands in each statement, for the emulator knows none."""

    def __init__(self, deployed, database):
        self.deployed, self.database = deployed, database

    def query(self, sql):
        columns, rows = self.deployed.ask(athena.DUCKDB + athena.inlined(sql), self.database)
        times = [name for name, kind in columns if kind == "timestamp"]
        for row in rows:
            for name in times:
                row[name] = text(datetime.datetime.fromisoformat(row[name])) if row[name] else None
        return rows


@pytest.fixture(scope="module")
def sent(deployed):
    """The lines as they were sent: event id -> line, by service."""
    now = int(datetime.datetime.now(datetime.UTC).timestamp() * 1000)
    sent = {}
    for service, lines in LINES.items():
        at = [(now - age, line.replace("{time}", stamp(now - age))) for age, line in lines]
        payload = subscription_event(f"/ecs/{service}", at)
        deployed.ingest(payload)
        sent[service] = [line for _, line in at]
    return sent


@pytest.fixture(scope="module")
def engines(deployed, sent):
    deployed.parquet_files()  # brings the archive into the mirror
    return {"athena": Athena(deployed, "catchment"), "duckdb": DuckDb(deployed.mirror)}


def ask(engine, query):
    """What an engine finds of this file's services."""
    sql = QUERIES[query].text
    for placeholder, value in PLACEHOLDERS.items():
        sql = sql.replace(f"'{placeholder}'", f"'{value}'")
    rows = engine.query(sql)
    return [row for row in rows if row.get("service", "auth-service") in LINES]


def test_what_every_query_finds_is_known():
    assert sorted(EXPECTED) == sorted(QUERIES)


@pytest.mark.parametrize("query", sorted(EXPECTED))
def test_a_query_finds_what_was_sent_through_each_engine(engines, query):
    columns, expected = EXPECTED[query]
    answers = {name: ask(engine, query) for name, engine in engines.items()}
    assert [[row[column] for column in columns] for row in answers["athena"]] == expected
    assert answers["duckdb"] == answers["athena"]
