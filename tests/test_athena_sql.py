"""infra/athena without a stack: that the template has it, and what the view makes of
rows as files hold them."""

import json
import re

import duckdb
import pytest
from engines import DuckDb
from template import properties, resources

from local_aws import athena
from local_aws.processes import ROOT

# product.md, "Find": these queries must run.
LOGQL = [
    '{service="auth-service"} |= "failed" |= "login"',
    '{service="auth-service"} |= "session" |= "expired"',
    '{service=~"auth-service|backend"} |= "user_id=123"',
    '{service="auth-service"} |= "POST /api/auth/login" | logfmt | line_format "{{.timestamp}} {{.user}}"',
    '{service="backend"} |= "slow query"',
    '{service="frontend"} |= "error" |= "timeout"',
    '{service="gremlins-api"} |= "ERROR" | json',
    '{service="gremlins-api"} | json | request_id="req_abc123"',
    'sum by (path) (count_over_time({service="gremlins-api", level="ERROR"} [1h]))',
    '{service="gremlins-api"} | json | duration > 2000',
]
SQL_ONLY = [
    "Audit by user", "Error counts by path", "Errors of the last hour by service", "One request across services",
    "Slow requests",
]

def test_every_query_of_the_product_has_its_twin():
    queries = athena.queries()
    assert sorted(query.logql for query in queries if query.logql) == sorted(LOGQL)
    assert sorted(query.title for query in queries if not query.logql) == SQL_ONLY
    assert len({query.title for query in queries}) == len(queries) == 15


def test_the_template_has_what_the_files_say():
    text = athena.TEMPLATE.read_text()
    assert athena.written(text) == text, "run: python -m local_aws.athena (in scripts/)"
    saved = {it["Properties"]["Name"]: it for it in resources("AWS::Athena::NamedQuery").values()}
    for query in athena.queries():
        assert saved[query.title]["Properties"]["QueryString"] == query.text
        assert saved[query.title]["Condition"] == "OnAws"
    assert len(saved) == len(athena.queries())


def view_definition():
    """The JSON that Athena finds in the catalogue."""
    separator, (before, encoded, after) = properties("RecordsView")["TableInput"]["ViewOriginalText"]["Fn::Join"]
    assert (separator, before, after) == ("", "/* Presto View: ", " */")
    return json.loads(encoded["Fn::Base64"]["Fn::Sub"].replace("${DatabaseName}", "a_database"))


def test_the_view_in_the_catalogue_is_the_file():
    view = view_definition()
    assert (view["catalog"], view["schema"]) == ("awsdatacatalog", "a_database")
    assert view["originalSql"].split() == " ".join(athena.without_comments(athena.view())).split()
    table = properties("RecordsView")["TableInput"]
    assert table["TableType"] == "VIRTUAL_VIEW"
    assert table["Parameters"]["presto_view"] == "true"
    assert table["PartitionKeys"] == []
    trino = {"string": "varchar", "int": "integer", "timestamp": "timestamp(3)"}
    glue = [(column["Name"], column["Type"]) for column in table["StorageDescriptor"]["Columns"]]
    assert [(column["name"], column["type"]) for column in view["columns"]] == [
        (name, trino.get(kind, kind)) for name, kind in glue
    ]


def test_the_view_has_every_column_of_the_table_but_those_that_it_puts_together():
    table = properties("LogsTable")["TableInput"]
    stored = table["StorageDescriptor"]["Columns"] + table["PartitionKeys"]
    types = {column["Name"]: column["Type"] for column in stored}
    view = {column["Name"]: column["Type"] for column in properties("RecordsView")["TableInput"]["StorageDescriptor"]["Columns"]}
    assert set(types) - set(view) == {"event_batch", "event_index"}
    assert set(view) - set(types) == {"detected_level", "hour"}
    assert all(types[name] == view[name] for name in set(types) & set(view))


def test_partitions_are_projected_as_keys_are_written():
    table = properties("LogsTable")["TableInput"]
    parameters = table["Parameters"]
    assert parameters["projection.enabled"] == "true"
    assert parameters["projection.class.type"] == "enum"
    assert set(parameters["projection.class.values"].split(",")) == {"short", "standard", "long"}
    assert (parameters["projection.dt.type"], parameters["projection.dt.format"]) == ("date", "yyyy-MM-dd")
    assert parameters["projection.dt.range"].endswith(",NOW+1DAYS")  # clocks of services may be ahead
    assert (parameters["projection.dt.interval"], parameters["projection.dt.interval.unit"]) == ("1", "DAYS")
    assert parameters["storage.location.template"] == {
        "Fn::Sub": "s3://${ArchiveBucket}/logs/class=${!class}/dt=${!dt}/"
    }
    assert table["PartitionKeys"] == [{"Name": "class", "Type": "string"}, {"Name": "dt", "Type": "date"}]
    # The classes that keys have: those of the lifecycle rules.
    rules = properties("ArchiveBucket")["LifecycleConfiguration"]["Rules"]
    prefixes = set(re.findall(r"logs/class=(\w+)/", json.dumps(rules)))
    assert prefixes == set(parameters["projection.class.values"].split(","))


def test_a_scan_is_limited_and_answers_are_encrypted():
    configuration = properties("Workgroup")["WorkGroupConfiguration"]
    assert configuration["EnforceWorkGroupConfiguration"] is True
    assert configuration["BytesScannedCutoffPerQuery"] == {"Ref": "AthenaScanLimitBytes"}
    assert configuration["EngineVersion"]["SelectedEngineVersion"] == "Athena engine version 3"
    assert configuration["ResultConfiguration"]["EncryptionConfiguration"]["EncryptionOption"]


def test_the_template_is_below_cloudformations_limit():
    assert len(athena.TEMPLATE.read_bytes()) < 1_000_000 * 0.5


# ---------------------------------------------------------------- the view

AT = 1_734_604_215_123  # 2024-12-19T10:30:15.123Z


@pytest.fixture
def archive(tmp_path):
    """Writes rows (dictionaries of columns) as an object of a day; gives DuckDB over all of them."""

    def write(rows, day="2024-12-19", retention_class="standard"):
        columns = athena.table_columns(athena.TEMPLATE.read_text())[:-2]
        types = {"string": "VARCHAR", "int": "INTEGER", "timestamp": "TIMESTAMPTZ"}
        connection = duckdb.connect()
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("CREATE TABLE t (" + ", ".join(f'"{n}" {types.get(k, k)}' for n, k in columns) + ")")
        for row in rows:
            values = [row.get(name) for name, _ in columns]
            marks = ["epoch_ms(?::BIGINT)" if kind == "timestamp" else "?" for _, kind in columns]
            connection.execute(f"INSERT INTO t VALUES ({', '.join(marks)})", values)
        folder = tmp_path / "logs" / f"class={retention_class}" / f"dt={day}"
        folder.mkdir(parents=True, exist_ok=True)
        connection.execute(f"COPY t TO '{folder}/{len(list(folder.iterdir()))}.parquet' (FORMAT parquet)")
        return DuckDb(tmp_path)

    return write


def test_a_folded_event_id_is_the_one_that_was_sent(archive):
    ids = []
    for observed, rest in [
        (AT, 0),
        (AT, 2**144 - 1),
        (AT, 65_535),  # the greatest index
        (AT, 10**22 - 1),  # the lower half is full: it carries
        (AT + 1, 10**22),
        (1_600_000_000_000, 12_345_678_901_234_567_890_123_456_789),
        (4_000_000_000_000, 2**144 - 65_536),  # the year 2096
    ]:
        ids.append((observed, rest, str((observed << 144) + rest).zfill(56)))
    rows = [
        {"timestamp": AT, "observed_timestamp": None if observed == AT else observed,
         "event_batch": str(rest >> 16 << 16), "event_index": rest & 0xFFFF, "message": str(number)}
        for number, (observed, rest, _) in enumerate(ids)
    ]
    rows.append({"timestamp": AT, "event_id": "an id of another form", "message": "9"})
    # A time that no calendar shows is no reason to fail.
    rows.append({"timestamp": AT, "observed_timestamp": 9_000_000_000_000_000, "event_id": "9", "message": "99"})
    rows.append({"timestamp": AT})
    found = archive(rows).query("SELECT event_id FROM records ORDER BY message NULLS LAST")
    assert [row["event_id"] for row in found] == [*(it for _, _, it in ids), "an id of another form", "9", None]


def test_times_stand_where_they_were_left_out(archive):
    engine = archive([
        {"timestamp": AT, "message": "1"},
        {"timestamp": AT, "time_unix_nano": AT * 1_000_000 + 456_789, "observed_timestamp": AT + 5, "message": "2"},
        {"timestamp": None, "observed_timestamp": AT, "message": "3"},  # a line from a file, without a time
        {"timestamp": -1, "message": "4"},
    ])
    found = engine.query('SELECT time_unix_nano, observed_timestamp, hour, dt FROM records ORDER BY message')
    ten = "2024-12-19 10:00:00.000000"
    assert found == [
        {"time_unix_nano": f"{AT}000000", "observed_timestamp": "2024-12-19 10:30:15.123000", "hour": ten, "dt": "2024-12-19"},
        {"time_unix_nano": f"{AT}456789", "observed_timestamp": "2024-12-19 10:30:15.128000", "hour": ten, "dt": "2024-12-19"},
        {"time_unix_nano": None, "observed_timestamp": "2024-12-19 10:30:15.123000", "hour": None, "dt": "2024-12-19"},
        {"time_unix_nano": "-1000000", "observed_timestamp": "1969-12-31 23:59:59.999000", "hour": "1969-12-31 23:00:00.000000", "dt": "2024-12-19"},
    ]


def test_severity_has_one_name_whatever_the_line_called_it(archive):
    numbers = [None, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24]
    engine = archive([{"timestamp": AT + at, "severity_number": number} for at, number in enumerate(numbers)])
    found = [row["detected_level"] for row in engine.query('SELECT detected_level FROM records ORDER BY "timestamp"')]
    assert found == [None, *(name for name in ("trace", "debug", "info", "warn", "error", "fatal") for _ in "ab")]


def test_attributes_are_the_column_or_the_line_that_is_json(archive):
    engine = archive([
        {"timestamp": 1, "format": "json", "line": '{"a":{"b":"1"}}'},
        {"timestamp": 2, "format": "logfmt", "line": "a=1 b=2", "attributes": '{"a":1}'},
        {"timestamp": 3, "format": "json", "line": 'prefix {"a":2}', "attributes": '{"a":2}'},
        {"timestamp": 4, "format": "text", "line": '{"a": cut off'},
        {"timestamp": 5, "format": "lambda", "line": "START RequestId: 1"},
        {"timestamp": 6, "format": "json", "line": '{"id":"\x1a0"}'},
    ])
    found = engine.query(
        """SELECT attributes, coalesce(json_extract_scalar(attributes, '$.a.b'), json_extract_scalar(attributes, '$.a')) AS a
           FROM records ORDER BY "timestamp" """
    )
    assert [(row["attributes"], row["a"]) for row in found] == [
        ('{"a":{"b":"1"}}', "1"), ('{"a":1}', "1"), ('{"a":2}', "2"), (None, None), (None, None), ('{"id":"\x1a"}', None),
    ]


def placeholders(text):
    """`<m>` as files have it: U+001A and the letter."""
    return re.sub("<(.)>", "\x1a\\1", text)


# Of shared/archive/src/fold.rs: what is stored, and what it stands for in the row below.
FOLDED = [
    ("nothing", "nothing"),
    ("<m>", 'He said "a\\b"\n\ttwice: req-1, 503'),
    ('{"message":"<j>","level":"<l>"}', '{"message":"He said \\"a\\\\b\\"\\n\\ttwice: req-1, 503","level":"WARN"}'),
    ("<r> <t> <s> <u> <p> <h> <e> <c>", "req-1 4bf92f35 00f067aa u7 /a?b=c POST user.login 503"),
    ("2024-12-19T<i>.<f>Z", "2024-12-19T10:30:15.123Z"),
    # Between quotes and, without punctuation, behind them: attributes is {"a":"x y","n":12.5,"o":{"k":true}}.
    ("<B>=<D> <F>=<G> <J>=<K>", "a=x y n=12.5 k=true"),
    ("<Z><Y>", ""),  # more than there are
    ("<r><r>", "req-1req-1"),
    ("<0>m <0>0 <0>", "\x1am \x1a0 \x1a"),
]


def test_a_folded_line_is_the_one_that_was_sent(archive):
    row = {
        "message": placeholders('He said "a\\b"\n\ttwice: <r>, <c>'), "request_id": "req-1", "trace_id": "4bf92f35",
        "span_id": "00f067aa", "user_id": "u7", "path": "/a?b=c", "severity_text": "WARN", "http_method": "POST",
        "event_name": "user.login", "status_code": 503, "attributes": '{"a":"x y","n":12.5,"o":{"k":true}}',
    }
    engine = archive([{**row, "timestamp": AT + number * 86_400_000, "line": placeholders(stored)} for number, (stored, _) in enumerate(FOLDED)])
    found = engine.query('SELECT line, message FROM records ORDER BY "timestamp"')
    assert [row["line"] for row in found] == [line for _, line in FOLDED]
    assert {row["message"] for row in found} == {'He said "a\\b"\n\ttwice: req-1, 503'}


def test_a_folded_line_needs_no_column_to_have_a_value(archive):
    every = "".join(f"<{letter}>" for letter in "mjrtsulhpecif" + "BCDEFGHIJKLMNOPQRSTUVWXYZ")
    engine = archive([{"timestamp": None, "line": placeholders(every + "<0>")}])
    assert engine.query("SELECT line, message, attributes FROM records") == [{"line": "\x1a", "message": None, "attributes": None}]


def test_every_placeholder_that_is_written_is_known_to_the_view():
    source = (ROOT / "shared/archive/src/fold.rs").read_text()
    table = re.findall(r"^//! \| (`.*?) \|", source, re.MULTILINE)
    assert table
    letters = set(re.findall("`(.)`", " ".join(table))) | set("BCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert letters == set(re.findall(r"^ +chr\(26\) \|\| '(.)', ", athena.view(), re.MULTILINE))
