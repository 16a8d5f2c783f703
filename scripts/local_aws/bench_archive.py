"""The archive on this disk: compacted, measured, asked, and DuckDB beside it.

    python -m local_aws.bench_archive [GIGABYTES [CORPUS …]]

Runs the Rust bench of the same name, which ingests corpora of log lines, compacts
them and asks for one request and for texts; then asks DuckDB the same over the same
files, through the view `records`. Both on one thread.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from local_aws import athena

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 3
# No round begins after so many.
MAX_SECONDS = 60


def phases(gigabytes, corpora, folder):
    """The lines of the Rust bench as they come: a dictionary each."""
    command = ["cargo", "bench", "--quiet", "--package", "catchment-archive", "--bench", "archive", "--", *corpora]
    command += ["--gigabytes", gigabytes, "--folder", folder]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        # Words with spaces stand at the end of their line.
        line, _, needle = line.rstrip("\n").partition(" needle=")
        line, _, refused = line.partition(" refused=")
        phase = dict(pair.split("=", 1) for pair in line.split())
        phase |= {name: words for name, words in [("needle", needle), ("refused", refused)] if words}
        yield phase
    if process.wait():
        raise SystemExit("the bench failed; its words are above")


def show(phase, measured):
    if "refused" in phase:
        print(f"{phase['corpus']:<8} {phase['phase']:<16} refused: {phase['refused']}", flush=True)
    if "seconds" not in phase:
        return
    seconds, megabytes = float(phase["seconds"]), int(phase["raw_bytes"]) / 1e6
    said = {
        "ingest": lambda: f"{phase['objects']} objects of {megabytes:,.0f} MB raw, {int(phase['bytes']) / 1e6:,.1f} MB stored",
        "compact": lambda: f"{float(phase['raw_mb_a_second']):,.0f} MB/s raw, {phase['objects']} objects of"
        f" {int(phase['bytes']) / 1e6:,.1f} MB, {phase['repeated_rows']} repeats left out",
        "lines_to_zstd3": lambda: f"archive / zstd-3 of the lines joined: {float(phase['archive_to_zstd3']):.3f};"
        f" compacting took {float(measured['compact']['core_seconds']) / float(phase['core_seconds']):.2f} times as long as this",
        "scan": lambda: f"{phase['rows']} rows, {float(phase['raw_mb_a_second']):,.0f} MB/s raw",
    }.get(
        phase["phase"],
        lambda: f"{phase['rows']} rows, {seconds * 1000:,.1f} ms, {float(phase['read_percent']):.2f} % of the bytes read,"
        f" {float(phase['raw_mb_a_second']):,.0f} MB/s raw",
    )()
    peak = int(phase["peak_memory_bytes"]) / 1e6
    print(f"{phase['corpus']:<8} {phase['phase']:<16} {seconds:>8.2f} s  {said}; peak memory {peak:,.0f} MB", flush=True)


class DuckDb:
    """DuckDB over a corpus's files, with the view that hides how they are stored."""

    def __init__(self, folder):
        self.connection = duckdb.connect()
        self.connection.execute("SET threads = 1; SET TimeZone = 'UTC'")
        self.connection.execute(athena.DUCKDB)
        files = f"{folder}/logs/class=*/dt=*/*.parquet"
        self.connection.execute(
            f"CREATE VIEW logs AS SELECT * FROM read_parquet('{files}', hive_partitioning = true)"
        )
        self.connection.execute(f"CREATE VIEW {athena.VIEW} AS {athena.view()}")

    def seconds(self, sql, text):
        """The best of some rounds, and how many rows there are."""
        taken = []
        while len(taken) < ROUNDS and sum(taken) < MAX_SECONDS:
            started = time.perf_counter()
            rows = self.connection.execute(sql, [text]).fetchall()
            taken.append(time.perf_counter() - started)
        return min(taken), len(rows)


def compare(corpus, measured, folder):
    duck = DuckDb(folder)
    for phase, what, sql in [
        ("lookup_again", "request_id", 'SELECT "timestamp", service, message FROM records WHERE request_id = ?'),
        ("needle", "needle", 'SELECT "timestamp", service, message FROM records WHERE contains(line, ?)'),
    ]:
        text = measured["ask"][what]
        if not text:
            continue
        theirs, rows = duck.seconds(sql, text)
        ours = float(measured[phase]["seconds"])
        if int(measured[phase]["rows"]) != rows:
            raise SystemExit(f"{corpus}: {what} \"{text}\": {measured[phase]['rows']} rows, DuckDB has {rows}")
        print(
            f"{corpus:<8} {what:<16} DuckDB {theirs * 1000:,.1f} ms / Catchment {ours * 1000:,.1f} ms"
            f" = {theirs / ours:.1f}, {rows} rows each",
            flush=True,
        )


def main(gigabytes="1", *corpora):
    with tempfile.TemporaryDirectory(dir=ROOT / ".local") as folder:
        measured = {}
        for phase in phases(gigabytes, corpora, folder):
            of_corpus = measured.setdefault(phase["corpus"], {})
            of_corpus[phase["phase"]] = phase
            show(phase, of_corpus)
        print("\nThe same files, asked through the view records:")
        for corpus, of_corpus in measured.items():
            compare(corpus, of_corpus, Path(folder) / corpus)


if __name__ == "__main__":
    main(*sys.argv[1:])
