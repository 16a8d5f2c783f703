"""How well lines are understood: `catchment parse` against what people say their fields are.

    python3 -m local_aws.accuracy FOLDER --catchment PROGRAM [--show N]
"""

import argparse
import calendar
import collections
import csv
import datetime
import json
import pathlib
import re
import subprocess
import sys

MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name}
# Spellings of levels and the OpenTelemetry range each belongs to.
LEVELS = {
    name: number
    for number, names in {
        1: "trace trc verbose finest finer v",
        5: "debug dbg fine d",
        9: "info information inf config i notice note",
        13: "warn warning wrn w",
        17: "error err severe failure e",
        21: "critical crit fatal alert emerg emergency panic f",
    }.items()
    for name in names.split()
}
TIME_COLUMNS = ("Month", "Date", "Day", "Time", "Timestamp")
COMPONENT_COLUMNS = ("Component", "Program", "Logger")
# Where a component that is no logger may have gone.
COMPONENT_ATTRIBUTES = ("logger", "host", "thread")

Row = collections.namedtuple("Row", "number line stated record")


def clock(text):
    """(hour, minute, second, microsecond) of `10:30:15,123`, `0:7:20:444`, `15.42.50.363779`, `203615`; None of anything else."""
    packed = re.fullmatch(r"(\d\d)(\d\d)(\d\d)", text)
    match = packed or re.search(r"(\d{1,2})[:.](\d{1,2})[:.](\d{1,2})(?:([.,:])(\d+))?$", text)
    if not match:
        return None
    hour, minute, second = (int(part) for part in match.groups()[:3])
    separator, fraction = (None, None) if packed else match.groups()[3:]
    if separator == ":":
        # Milliseconds, not padded.
        return hour, minute, second, int(fraction) * 1000
    return hour, minute, second, int((fraction or "0")[:6].ljust(6, "0"))


def calendar_day(text, columns):
    """(year or None, month, day) as the columns and the text before the clock state it; None where they state no date."""
    if "Month" in columns:
        day = columns.get("Date") if columns.get("Date", "").isdigit() else columns.get("Day", "")
        return (None, MONTHS.get(columns["Month"][:3].lower(), 0), int(day)) if day.isdigit() else None
    if columns.get("Date", "")[:3].lower() in MONTHS and columns.get("Day", "").isdigit():
        return None, MONTHS[columns["Date"][:3].lower()], int(columns["Day"])
    name = re.search(r"([A-Z][a-z]{2})\w* +(\d{1,2})\b", text)
    if name and name[1].lower() in MONTHS:
        year = re.search(r"\b(\d{4})\b", text)
        return int(year[1]) if year else None, MONTHS[name[1].lower()], int(name[2])
    for pattern, read in (
        (r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})", lambda y, m, d: (y, m, d)),
        (r"\b(\d{4})(\d\d)(\d\d)\b", lambda y, m, d: (y, m, d)),
        (r"\b(\d\d)[-/.](\d\d)[-/.](\d\d)\b", lambda y, m, d: (2000 + y, m, d)),
        (r"^(\d\d)(\d\d)(\d\d)\b", lambda y, m, d: (2000 + y, m, d)),
        (r"\b(\d\d)[-/.](\d\d)\b", lambda m, d: (None, m, d)),
    ):
        match = re.search(pattern, text)
        if match:
            return read(*(int(part) for part in match.groups()))
    return None


def stated_time(columns):
    """The time that a row states, as far as it states it, for `same_time`; None where it states none."""
    time = columns.get("Time", "")
    timestamp = columns.get("Timestamp", "")
    for seconds in (time, "" if time else timestamp):
        if re.fullmatch(r"\d{10}", seconds):
            return "epoch", int(seconds)
    if re.fullmatch(r"\d{10}", timestamp):
        # The seconds say when it was; the other columns say it as the line is read.
        timestamp = ""
    date = columns.get("Date", "")
    if re.fullmatch(r"\d{5,6}", date) and re.fullmatch(r"\d{1,6}", time):
        # `081109 000035`, from which a spreadsheet took the zeros.
        date, time = date.zfill(6), time.zfill(6)
    text = " ".join(filter(None, (date, time, timestamp)))
    # A year behind the clock (`Sun Dec 04 04:47:44 2005`) goes before it.
    behind = re.fullmatch(r"(.*?)(\S*\d+:\d+:\S+) (\d{4})", text)
    if behind:
        text = f"{behind[1]}{behind[3]} {behind[2]}"
    found = clock(text.split(" ")[-1])
    return found and ("civil", calendar_day(text, columns), found)


def same_time(stated, nanos):
    """Whether the record's time is the stated one; what the row leaves out (date, year) is not compared."""
    if nanos is None:
        return False
    kind = stated[0]
    if kind == "epoch":
        return nanos // 1_000_000_000 == stated[1]
    _, day, (hour, minute, second, microsecond) = stated
    time = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=nanos // 1000)
    if (time.hour, time.minute, time.second, time.microsecond) != (hour, minute, second, microsecond):
        return False
    if day is None:
        return True
    year, month, day_of_month = day
    return (time.month, time.day) == (month, day_of_month) and year in (None, time.year)


def level_number(text):
    """The first OpenTelemetry number of a level's range; None for what is no level."""
    return LEVELS.get(text.strip().lower())


def same_level(stated, record):
    number = record["severity_number"]
    return number is not None and (number - 1) // 4 * 4 + 1 == level_number(stated)


def squeezed(text):
    return " ".join((text or "").split())


def same_component(stated, record):
    attributes = record["attributes"] or {}
    return any(squeezed(str(attributes.get(name, ""))) == squeezed(stated) for name in COMPONENT_ATTRIBUTES)


def columns_compared(rows):
    """What of a system can be compared, as (kind, column's name, how a row is judged)."""
    names = list(rows[0].stated)
    levels = [row.stated["Level"] for row in rows] if "Level" in names else []
    if levels and sum(level_number(level) is not None for level in levels) > len(levels) // 2:
        yield "level", "Level", lambda row: same_level(row.stated["Level"], row.record)
    if stated_time(rows[0].stated):
        yield (
            "time",
            "+".join(name for name in TIME_COLUMNS if name in names),
            lambda row: same_time(stated_time(row.stated), row.record["time_unix_nano"]),
        )
    if "Content" in names:
        yield "message", "Content", lambda row: squeezed(row.record["message"]) == squeezed(row.stated["Content"])
    for name in COMPONENT_COLUMNS:
        if name in names:
            yield "component", name, lambda row, name=name: same_component(row.stated[name], row.record)
            return


def system_rows(log, program):
    lines = enumerate(log.read_bytes().decode("utf-8", "replace").split("\n"), 1)
    lines = [(number, line) for number, line in lines if line.strip("\r")]
    with open(log.with_suffix(".structured.csv"), newline="", encoding="utf-8", errors="replace") as file:
        stated = list(csv.DictReader(file))
    output = subprocess.run([program, "parse", str(log)], check=True, capture_output=True).stdout
    # Not splitlines(): a record may hold characters that it takes for the end of a line.
    records = [json.loads(line) for line in output.decode().split("\n") if line]
    if len(lines) != len(stated):
        raise SystemExit(f"{log}: {len(lines)} lines, {len(stated)} rows that say what they are; there must be as many of each.")
    # A record's events are its lines' numbers; lines that were stitched together share a record.
    record_of = {}
    for record in records:
        for number in [record["event_id"], *(record["more_event_ids"] or "").split(",")]:
            record_of[number] = record
    return [Row(number, line, row, record_of[str(number)]) for (number, line), row in zip(lines, stated)]


def shown(row, kind, column):
    stated = " ".join(row.stated[name] for name in column.split("+") if row.stated.get(name))
    record = row.record
    got = {
        "level": record["severity_text"],
        "time": record["timestamp"],
        "message": record["message"],
        "component": json.dumps(record["attributes"]),
    }[kind]
    return f"  {kind}, line {row.number}: {row.line.strip()}\n    stated {stated!r}\n    read   {got!r} (format {record['format']})"


def main():
    parser = argparse.ArgumentParser(prog="scripts/accuracy", description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--catchment", required=True)
    parser.add_argument("--show", type=int, default=0)
    arguments = parser.parse_args()
    logs = [log for log in sorted(arguments.folder.glob("*.log")) if log.with_suffix(".structured.csv").exists()]
    if not logs:
        sys.exit(f"{arguments.folder} has no *.log with a *.structured.csv beside it.")
    kinds = ("level", "time", "message", "component")
    width = max(len(log.stem) for log in logs)
    print(f"{'system':{width}} {'lines':>6} " + " ".join(f"{kind + ' %':>12}" for kind in kinds) + "  compared columns")
    examples = []
    for log in logs:
        rows = system_rows(log, arguments.catchment)
        shares, columns = {}, []
        for kind, column, is_right in columns_compared(rows):
            wrong = [row for row in rows if not is_right(row)]
            shares[kind] = f"{100 * (1 - len(wrong) / len(rows)):.2f}"
            columns.append(column)
            examples += [(log.stem, shown(row, kind, column)) for row in wrong[: arguments.show]]
        cells = " ".join(f"{shares.get(kind, '-'):>12}" for kind in kinds)
        print(f"{log.stem:{width}} {len(rows):>6} {cells}  {', '.join(columns)}", flush=True)
    for system, example in examples:
        print(f"\n{system}\n{example}")


if __name__ == "__main__":
    main()
