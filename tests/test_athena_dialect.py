"""That infra/athena is Athena's SQL: as a parser of its dialect reads it, and by
functions that Trino has. DuckDB, which runs it in the other tests, takes more."""

import re

import pytest
import sqlglot
from sqlglot import exp

from local_aws import athena

# Functions of Trino, https://trino.io/docs/current/functions.html. One that is not
# here may be DuckDB's alone: look it up there, then add it.
TRINO_FUNCTIONS = {
    "chr", "coalesce", "count", "count_if", "date_diff", "date_trunc", "json_extract_scalar", "lpad", "max", "max_by",
    "now", "replace", "split_part", "strpos", "substr", "translate",
}
FILES = sorted(athena.DIRECTORY.glob("*.sql"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_one_statement_of_athena_with_functions_that_it_has(path):
    sql = path.read_text()
    (statement,) = sqlglot.parse(sql, read="athena")
    assert isinstance(statement, exp.Select)
    assert not list(statement.find_all(exp.Anonymous))
    # No text but in single quotes, no comment behind code: what is left has names only.
    code = re.sub(r"'[^']*'", "''", "\n".join(athena.without_comments(sql)))
    assert "--" not in code and ";" not in code
    keywords = {"and", "as", "by", "cast", "decimal", "from", "in"}
    assert {name.lower() for name in re.findall(r"(\w+)\s*\(", code)} - keywords <= TRINO_FUNCTIONS


@pytest.mark.parametrize("query", athena.queries(), ids=lambda query: query.file)
def test_a_query_asks_the_view_within_bounds_of_days(query):
    statement = sqlglot.parse_one(query.text, read="athena")
    assert [table.name for table in statement.find_all(exp.Table)] == [athena.VIEW]
    bounds = [it for it in statement.args["where"].find_all(exp.GTE) if it.this.name == "dt"]
    assert len(bounds) == 1
    # A column of the table alone, or the partitions are not pruned.
    assert isinstance(bounds[0].this, exp.Column)
    assert query.description and not query.description.startswith("SELECT")
