"""What answers SQL in the tests: Athena in the emulator, DuckDB over the files, and
Spark over the files where it is installed.

All take the same text of infra/athena, and answer with dictionaries of texts. A
folder of files is laid out as the bucket is: `logs/class=…/dt=…/…`.
"""

import datetime
import json

import duckdb

from local_aws import athena

PROFILED = "EXPLAIN (ANALYZE, FORMAT json) "

HIVE = "hive_partitioning = true, hive_types = {'class': VARCHAR, 'dt': DATE}"


def text(value):
    """A value as an answer shows it: times in UTC, to the microsecond."""
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return None if value is None else str(value)


class Athena:
    """Athena over a database of a deployed stack. The view stands in each statement, for the emulator knows none."""

    def __init__(self, deployed, database):
        self.deployed, self.database = deployed, database

    def query(self, sql, before=athena.DUCKDB):
        columns, rows = self.deployed.ask(before + athena.inlined(sql), self.database)
        times = [name for name, kind in columns if kind == "timestamp"]
        for row in rows:
            for name in times:
                row[name] = text(datetime.datetime.fromisoformat(row[name])) if row[name] else None
        return rows

    def bytes_read(self, sql):
        """What the emulator's engine read to answer; DataScannedInBytes is no measure of it there."""
        ((_, profile),) = [row.values() for row in self.query(sql, before=PROFILED)]
        return json.loads(profile)["io"]["total_bytes_read"]


class DuckDb:
    """DuckDB over a folder, or over some files of it."""

    def __init__(self, folder, files=None):
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")
        self.connection.execute(athena.DUCKDB)
        self.connection.execute(
            f"CREATE VIEW logs AS SELECT * FROM read_parquet({files or [f'{folder}/logs/*/*/*.parquet']}, {HIVE})"
        )
        self.connection.execute(f"CREATE VIEW {athena.VIEW} AS {athena.view()}")

    def query(self, sql):
        answer = self.connection.execute(sql)
        names = [column[0] for column in answer.description]
        return [dict(zip(names, map(text, row))) for row in answer.fetchall()]

    def bytes_read(self, sql):
        """What it read to answer."""
        ((_, profile),) = self.connection.execute(PROFILED + sql).fetchall()
        return json.loads(profile)["io"]["total_bytes_read"]


class Spark:
    """Spark over a folder. Its dialect comes from sqlglot, which reads the text as Athena's."""

    def __init__(self, folder):
        import sqlglot
        from pyspark.sql import SparkSession

        self.transpile = lambda sql: sqlglot.transpile(sql, read="athena", write="spark")[0]
        self.session = (
            SparkSession.builder.master("local[1]")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.sql.shuffle.partitions", "1")
            .getOrCreate()
            .newSession()  # with temporary views of its own
        )
        self.session.read.parquet(f"{folder}/logs").createOrReplaceTempView("logs")
        self.session.sql(f"CREATE OR REPLACE TEMP VIEW {athena.VIEW} AS {self.transpile(athena.view())}")

    def query(self, sql):
        rows = self.session.sql(self.transpile(sql)).collect()
        return [{name: text(value) for name, value in row.asDict().items()} for row in rows]
