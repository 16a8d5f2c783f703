"""Engines that read the archive's files by themselves: DuckDB, and Spark where it is installed.

Both read a folder laid out as the bucket is (`logs/class=…/dt=…/…`), take the same
text of infra/athena, and answer as Deployed.query does: dictionaries of texts.
"""

import datetime

import duckdb

from local_aws import athena

HIVE = "hive_partitioning = true, hive_types = {'class': VARCHAR, 'dt': DATE}"


def text(value):
    """A value as an answer shows it: times in UTC, to the microsecond."""
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return None if value is None else str(value)


class DuckDb:
    """DuckDB over a folder; `files_read` tells which of its files the last query opened."""

    def __init__(self, folder):
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")
        self.connection.execute(athena.DUCKDB)
        self.connection.execute(
            f"CREATE VIEW logs AS SELECT * FROM read_parquet('{folder}/logs/*/*/*.parquet', {HIVE})"
        )
        self.connection.execute(f"CREATE VIEW {athena.VIEW} AS {athena.view()}")

    def query(self, sql):
        answer = self.connection.execute(sql)
        names = [column[0] for column in answer.description]
        return [dict(zip(names, map(text, row))) for row in answer.fetchall()]


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
        )
        self.session.read.parquet(f"{folder}/logs").createOrReplaceTempView("logs")
        self.session.sql(f"CREATE OR REPLACE TEMP VIEW {athena.VIEW} AS {self.transpile(athena.view())}")

    def query(self, sql):
        rows = self.session.sql(self.transpile(sql)).collect()
        return [{name: text(value) for name, value in row.asDict().items()} for row in rows]
