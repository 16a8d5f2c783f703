"""Every query of infra/athena over an archive that ingest wrote: through Athena, and
once more with DuckDB reading the files by itself. What they find is reasoned from
the lines that were sent.
"""

import base64
import datetime
import json
import random
import subprocess
import time
from functools import cache
from pathlib import Path

import duckdb
import pytest
from conftest import DATABASE, event_id, subscription_event
from engines import Athena, DuckDb, Spark
from template import properties

from local_aws import athena
from local_aws.processes import ROOT

MINUTE = 60_000
DAY = 1440 * MINUTE
QUERIES = {query.file: query for query in athena.queries()}


def stamp(at):
    return day(at, "%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def day(at, form="%Y-%m-%d"):
    return datetime.datetime.fromtimestamp(at / 1000, datetime.UTC).strftime(form)


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
# Lines whose bytes somebody may look at: the format that they are read as, and the line.
VERBATIM = [
    ("json", '{"level":"warn", "message":"a \\"quoted\\" thing\\u00e9\\n", "request_id":"r-1","path":"/a b","user_id": 7 }'),
    ("json", '{"ts":1734604215.5,"msg":"unicode é 漢 🙂","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7"}'),
    ("access", '203.0.113.9 - frank [{clf}] "GET /apache_pb.gif?a=1&b=%20 HTTP/1.1" 200 2326 "http://example.com/start" "Mozilla/4.08 [en]"'),
    ("logfmt", 'time={time} level=info msg="POST /pay  ok" request_id=r-2 duration=1.5s path=/pay status=200'),
    ("text", "{time} ERROR   something   broke for user_id=u-3\tat once  "),
    ("text", "2024-12-19 10:30:15 - personal_assistant.core - INFO - Enhanced LTM optimization"),
    ("syslog", "<34>1 {time} mymachine.example.com su - ID47 - 'su root' failed for lonvick on /dev/pts/8"),
    ("text", "a \x1a alone, \x1a0 and \x1am twice \x1a\x1a, at the end \x1a"),
    ("json", '{"message":"a raw \\u001a escape","request_id":"r-4"}'),
    ("text", "\x1a0"),
]


@pytest.fixture(scope="module")
def now():
    return int(time.time() * 1000)


@pytest.fixture(scope="module")
def archive(deployed, now, tmp_path_factory):
    """The lines are sent; a folder with what ingest wrote, and nothing that compact made of it later."""
    for service, lines in LINES.items():
        at = [(now - age, line.replace("{time}", stamp(now - age))) for age, line in lines]
        deployed.ingest(subscription_event(f"/ecs/{service}", at))
    deployed.ingest(subscription_event("/ecs/verbatim", verbatim(now)))
    # Far more bytes than the others have, which nobody asks for.
    for group, age in (("/ecs/bulk", 3 * DAY), ("/ecs/short-bulk", 4 * DAY)):
        lines = [(now - age, f"{number} {random.randbytes(200).hex()}") for number in range(1000)]
        deployed.ingest(subscription_event(group, lines))
    folder = tmp_path_factory.mktemp("small")
    for file in map(Path, deployed.parquet_files()):
        copy = folder / file.relative_to(deployed.mirror)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.hardlink_to(file)
    return folder


@pytest.fixture(scope="module")
def compacted(archive, now, tmp_path_factory):
    """The same as the compactor leaves it when every day of it is over."""
    folder = copied(archive, tmp_path_factory.mktemp("compacted"), lambda path, data: data)
    subprocess.run(
        ["cargo", "run", "--locked", "--quiet", "--package", "catchment-archive", "--example", "compacted", folder, str(now + 2 * DAY)],
        cwd=ROOT, check=True,
    )
    files = list(folder.rglob("*.parquet"))
    assert len(files) < len(list(archive.rglob("*.parquet"))) and any("-m" in file.name for file in files)
    return folder


@pytest.fixture(scope="module")
def engines(deployed, archive, compacted):
    """What answers, by archive and name; each is made when it is first asked."""
    return cache(
        lambda form, name: {
            ("small", "athena"): lambda: Athena(deployed, DATABASE),
            ("compacted", "athena"): lambda: catalogued(deployed, "compacted", compacted),
            ("small", "duckdb"): lambda: DuckDb(archive),
            ("compacted", "duckdb"): lambda: DuckDb(compacted),
            ("small", "spark"): lambda: Spark(archive),
            ("compacted", "spark"): lambda: Spark(compacted),
        }[form, name]()
    )


@pytest.fixture(scope="module", params=["athena", "duckdb", "spark"])
def engine_name(request):
    if request.param == "spark":
        # Not among what is installed for the tests: half a gigabyte, and it needs Java.
        pytest.importorskip("pyspark")
    return request.param


@pytest.fixture(scope="module", params=["small", "compacted"])
def engine(request, engines, engine_name):
    return engines(request.param, engine_name)


def verbatim(now):
    times = {"{time}": stamp(now), "{clf}": day(now, "%d/%b/%Y:%H:%M:%S +0000")}
    lines = []
    for number, (_, line) in enumerate(VERBATIM):
        for name, written in times.items():
            line = line.replace(name, written)
        lines.append((now + number, line))
    return lines


def ask(engine, query):
    """What an engine finds of this file's services."""
    sql = QUERIES[query].text
    for placeholder, value in PLACEHOLDERS.items():
        sql = sql.replace(f"'{placeholder}'", f"'{value}'")
    rows = engine.query(sql)
    return [row for row in rows if row.get("service", "auth-service") in LINES]


@pytest.mark.parametrize("files", ["small", "compacted"])
def test_files_hold_less_than_they_say(engines, files):
    """Or the tests of the view over them would show nothing."""
    stored = engines(files, "duckdb").query(
        """SELECT count(*) AS records, count(event_id) AS ids, count(event_batch) AS batches, count(time_unix_nano) AS nanos,
                  count_if(strpos(line, chr(26)) > 0) AS lines, count_if(strpos(message, chr(26)) > 0) AS messages
           FROM logs WHERE service IN ("""
        + ", ".join(f"'{service}'" for service in [*LINES, "verbatim"]) + ")"
    )[0]
    assert stored["ids"] == stored["nanos"] == "0" and stored["batches"] == stored["records"]
    assert int(stored["lines"]) > int(stored["records"]) * 0.9


def test_the_view_in_the_deployed_catalogue_is_the_file(deployed, engines):
    table = deployed.client("glue").get_table(DatabaseName=DATABASE, Name=athena.VIEW)["Table"]
    assert (table["TableType"], table["ViewExpandedText"]) == ("VIRTUAL_VIEW", "/* Presto View */")
    encoded = table["ViewOriginalText"].removeprefix("/* Presto View: ").removesuffix(" */")
    definition = json.loads(base64.b64decode(encoded, validate=True))
    assert (definition["catalog"], definition["schema"]) == ("awsdatacatalog", DATABASE)
    ours = engines("small", "duckdb")
    ours.connection.execute(f"CREATE OR REPLACE TEMP VIEW theirs AS {definition['originalSql']}")
    answer = "SELECT * FROM {} WHERE service = 'verbatim' ORDER BY event_id"
    assert ours.query(answer.format("theirs")) == ours.query(answer.format(athena.VIEW)) != []


def test_what_every_query_finds_is_known():
    assert sorted(EXPECTED) == sorted(QUERIES)


@pytest.mark.parametrize("query", sorted(EXPECTED))
def test_a_query_finds_what_was_sent_through_every_engine(engine, engines, query):
    columns, expected = EXPECTED[query]
    answer = ask(engine, query)
    assert [[row[column] for column in columns] for row in answer] == expected
    # All of the columns, too, are equal.
    assert answer == ask(engines("small", "duckdb"), query)


def test_a_line_comes_back_byte_for_byte_with_its_event_id_and_time(engine, now):
    rows = engine.query(
        "SELECT event_id, line, message, format, observed_timestamp FROM records WHERE service = 'verbatim' ORDER BY event_id"
    )
    sent = verbatim(now)
    group, stream = "/ecs/verbatim", "ecs/app/0123456789abcdef0123456789abcdef"
    assert [row["line"] for row in rows] == [line for _, line in sent]
    assert [row["format"] for row in rows] == [form for form, _ in VERBATIM]
    marked = [row for row in rows if "\x1a" in row["line"]]
    assert len(marked) == 2 and all(row["message"] == row["line"] for row in marked)
    assert [row["event_id"] for row in rows] == [
        event_id(group, stream, number, at) for number, (at, _) in enumerate(sent)
    ]
    assert [row["observed_timestamp"] for row in rows] == [day(at, "%Y-%m-%d %H:%M:%S.%f") for at, _ in sent]


def test_every_column_of_every_record_is_as_ingest_wrote_it(engine, engines):
    services = ", ".join(f"'{service}'" for service in [*LINES, "verbatim", "bulk", "short-bulk"])
    everything = f"SELECT * FROM records WHERE service IN ({services}) ORDER BY event_id"
    answer = engine.query(everything)
    assert answer == engines("small", "duckdb").query(everything)
    assert len(answer) == sum(map(len, LINES.values())) + len(VERBATIM) + 2000


# ----------------------------------------------------------- what is not read

LINES_OF = "SELECT count(*) AS records, count(line) AS lines FROM records WHERE service <> 'nobody'"


@pytest.mark.parametrize("form", ["small", "compacted"])
@pytest.mark.parametrize("name", ["athena", "duckdb"])
def test_a_query_for_one_day_or_class_reads_little_of_the_others(engines, now, form, name):
    few, many = day(now - 4 * DAY), day(now - 3 * DAY)
    read = {
        bound: engines(form, name).bytes_read(LINES_OF + bound)
        for bound in ("", f" AND dt = DATE '{many}'", f" AND dt = DATE '{few}'", f" AND dt = DATE '{few}' AND class = 'standard'")
    }
    print(form, name, read)
    both, of_many, of_few, of_standard = read.values()
    # 1,000 lines of 400 random hexadecimal digits each, twice: zstd halves them.
    assert both > 400_000
    assert 200_000 < of_many < both * 0.65 and 200_000 < of_few < both * 0.65
    assert of_standard < both * 0.2


def damage_pages(data):
    """A Parquet file whose metadata can be read, and nothing else."""
    footer = int.from_bytes(data[-8:-4], "little") + 8
    return data[:4] + b"\xff" * (len(data) - footer - 4) + data[-footer:]


def copied(source, target, change):
    for path in source.rglob("*.parquet"):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(change(path, path.read_bytes()))
    return target


def catalogued(deployed, name, folder):
    """A database and its table logs, as the template has them, over a copy of a folder."""
    deployed.s3.create_bucket(Bucket=name)
    for path in folder.rglob("*.parquet"):
        deployed.s3.put_object(Bucket=name, Key=str(path.relative_to(folder)), Body=path.read_bytes())
    glue = deployed.client("glue")
    glue.create_database(DatabaseInput={"Name": name})
    table = json.loads(json.dumps(properties("LogsTable")["TableInput"]))
    table["Parameters"]["storage.location.template"] = f"s3://{name}/logs/class=${{class}}/dt=${{dt}}/"
    table["StorageDescriptor"]["Location"] = f"s3://{name}/logs/"
    glue.create_table(DatabaseName=name, TableInput=table)
    return Athena(deployed, name)


@pytest.mark.parametrize("partition", ["class=standard/dt={few}", "dt={many}"])
def test_no_byte_of_another_partition_is_needed(deployed, archive, engines, now, tmp_path, partition):
    partition = partition.format(few=day(now - 4 * DAY), many=day(now - 3 * DAY))
    first = min(archive.rglob("*.parquet"))

    def pages(path, data):
        return data if partition in str(path) else damage_pages(data)

    def files(path, data):
        return data if partition in str(path) else damage_pages(data) if path == first else b"no Parquet"

    # The emulator's Athena looks into the metadata of every file, DuckDB by itself of the first, to know the columns.
    damaged = {
        "athena": catalogued(deployed, f"damaged-{len(partition)}", copied(archive, tmp_path / "pages", pages)),
        "duckdb": DuckDb(copied(archive, tmp_path / "files", files)),
    }
    bounds = "".join(f" AND {key} = '{value}'" for key, value in (it.split("=") for it in partition.split("/")))
    for engine, over_damage in damaged.items():
        (expected,) = engines("small", engine).query(LINES_OF + bounds)
        assert over_damage.query(LINES_OF + bounds) == [expected] != [{"records": "0", "lines": "0"}]
        with pytest.raises((AssertionError, duckdb.Error)):
            over_damage.query(LINES_OF)


def test_a_query_without_bounds_answers_too_where_days_have_expired(engine):
    count = "SELECT count(*) AS records, count(DISTINCT event_id) AS events FROM records WHERE service = 'gremlins-api'"
    sent = str(len(LINES["gremlins-api"]))
    assert engine.query(count) == [{"records": sent, "events": sent}]
    assert engine.query(count + " AND dt < DATE '2024-01-01'") == [{"records": "0", "events": "0"}]
