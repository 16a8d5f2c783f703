"""The part of template.yaml that is infra/athena: the view and the saved queries.

    python -m local_aws.athena     writes it anew

The SQL is Athena's (Trino's), in one file each. What another engine calls by
another name is in DUCKDB, and nothing else is different: tests run the same text.
"""

import json
import re
import sys
from dataclasses import dataclass

import duckdb

from local_aws.processes import ROOT

DIRECTORY = ROOT / "infra" / "athena"
TEMPLATE = ROOT / "template.yaml"
VIEW = "records"
BEGIN = "  # Written by scripts/local_aws/athena.py from infra/athena: change it there.\n"
END = "  # End of what is written from infra/athena.\n"

# Trino's functions that DuckDB has under another name, or with another answer.
# Text that is no JSON has no fields for Trino; DuckDB refuses it.
DUCKDB = """
CREATE MACRO json_extract_scalar(json, path) AS
  CASE WHEN json_valid(json) THEN json_extract_string(json, path) END;
"""

# A type by its names: DuckDB's, Glue's, Trino's.
TYPES = {
    "VARCHAR": ("string", "varchar"),
    "BIGINT": ("bigint", "bigint"),
    "INTEGER": ("int", "integer"),
    "DOUBLE": ("double", "double"),
    "TIMESTAMP": ("timestamp", "timestamp(3)"),
    "DATE": ("date", "date"),
}


@dataclass
class Query:
    """A file of infra/athena: title, what it answers, its twin in LogQL if it has one, and all of its text."""

    file: str
    title: str
    description: str
    logql: str | None
    text: str

    @classmethod
    def read(cls, path):
        text = path.read_text()
        comment = [line.removeprefix("-- ") for line in text.split("\nSELECT")[0].splitlines()]
        twins = [line.removeprefix("LogQL: ") for line in comment if line.startswith("LogQL: ")]
        said = [line for line in comment[1:] if not line.startswith("LogQL: ")]
        return cls(path.stem, comment[0], " ".join(said), twins[0] if twins else None, text)

    @property
    def resource(self):
        return "".join(word.title() for word in self.file.split("-")) + "Query"


def queries():
    """Every file but the view, by name."""
    return [Query.read(path) for path in sorted(DIRECTORY.glob("*.sql")) if path.stem != VIEW]


def view():
    """The text of the view."""
    return (DIRECTORY / f"{VIEW}.sql").read_text()


def inlined(sql):
    """The query with the view in it, for an engine that has no views."""
    return f"WITH {VIEW} AS (\n{view()})\n{sql}"


def table_columns(template):
    """(name, Glue type) of the table logs, its partition keys last."""
    table = template.split("\n  LogsTable:\n")[1].split("\n\n")[0]
    keys, columns = table.split("StorageDescriptor:")
    pattern = r"{ Name: (\w+), Type: (\w+)"
    return re.findall(pattern, columns) + re.findall(pattern, keys)


def view_columns(template):
    """(name, Glue type, Trino type) of the view: what its text makes of the table's columns."""
    duckdb_types = {glue: duck for duck, (glue, _) in TYPES.items()}
    connection = duckdb.connect()
    columns = ", ".join(f'"{name}" {duckdb_types[kind]}' for name, kind in table_columns(template))
    connection.execute(f"CREATE TABLE logs ({columns})")
    described = connection.execute(f"DESCRIBE {view()}").fetchall()
    return [(name, *TYPES[kind]) for name, kind, *_ in described]


def without_comments(sql):
    return [line.strip() for line in sql.splitlines() if not line.strip().startswith("--")]


def indented(lines, spaces):
    return "".join(f"{' ' * spaces}{line}\n" for line in lines)


def view_resource(template):
    """Athena's form of a view in the Glue catalogue: JSON in base64 in a comment.

    https://github.com/trinodb/trino/blob/master/plugin/trino-hive/src/main/java/io/trino/plugin/hive/ViewReaderUtil.java
    """
    columns = view_columns(template)
    # Folded by YAML to one line, as a JSON string must be.
    sql = [json.dumps(line)[1:-1] for line in without_comments(view())]
    trino = ",\n".join(f'{{"name": "{name}", "type": "{kind}"}}' for name, _, kind in columns).splitlines()
    return (
        f"""\
  # In the JSON is the text of infra/athena/{VIEW}.sql.
  RecordsView:
    Type: AWS::Glue::Table
    Properties:
      CatalogId: !Ref AWS::AccountId
      DatabaseName: !Ref Database
      TableInput:
        Name: {VIEW}
        Description: One row a log event, with everything that the table logs stores in fewer bytes put together again.
        TableType: VIRTUAL_VIEW
        Parameters: {{ presto_view: "true", comment: Presto View }}
        PartitionKeys: []
        StorageDescriptor:
          SerdeInfo: {{}}
          Columns:
"""
        + indented((f"- {{ Name: {name}, Type: {kind} }}" for name, kind, _ in columns), 12)
        + """\
        ViewExpandedText: /* Presto View */
        ViewOriginalText: !Join
          - ""
          - - "/* Presto View: "
            - Fn::Base64: !Sub >-
                {"catalog": "awsdatacatalog", "schema": "${DatabaseName}", "originalSql": "
"""
        + indented([*sql, '", "columns": [', *trino, "]}"], 16)
        + """\
            - " */"
"""
    )


def query_resource(query):
    return (
        f"""
  {query.resource}:
    Type: AWS::Athena::NamedQuery
    Condition: OnAws
    Properties:
      Name: {query.title}
      Description: {json.dumps(query.description)}
      Database: !Ref Database
      WorkGroup: !Ref Workgroup
      QueryString: |
"""
        + indented(query.text.splitlines(), 8)
    )


def written(template):
    """The template with this part as it should be."""
    before, rest = template.split(BEGIN)
    _, after = rest.split(END)
    return before + BEGIN + view_resource(template) + "".join(map(query_resource, queries())) + END + after


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    TEMPLATE.write_text(written(TEMPLATE.read_text()))
