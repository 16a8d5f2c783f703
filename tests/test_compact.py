"""Small objects in; large ones out, with the same records in them."""

import time

from conftest import subscription_event

HOUR = 3_600_000
DAY = 24 * HOUR
STREAMS = [f"ecs/app/{number:032x}" for number in range(4)]


def yesterday():
    """Five in the morning of the day before: its hour is closed, its day is, and it is not old."""
    return (int(time.time() * 1000) // DAY - 1) * DAY + 5 * HOUR


def athena(deployed, group):
    """The request ids of a log group's records as Athena finds them in the objects."""
    rows = deployed.query(f"SELECT request_id FROM catchment.logs WHERE log_group = '{group}'")
    return sorted(row["request_id"] for row in rows)


def events(number, minute):
    """Twenty events of a stream, within a minute."""
    start = yesterday() + minute * 60_000
    return [
        (start + i * 1000, f'{{"level":"info","message":"order {number}-{i} placed","request_id":"r-{number}-{i}"}}')
        for i in range(20)
    ]


def partition():
    day = time.strftime("%Y-%m-%d", time.gmtime(yesterday() / 1000))
    return f"logs/class=short/dt={day}/", {"class": "short", "day": day}


def test_small_objects_of_a_closed_day_become_one_and_a_late_event_joins(deployed):
    prefix, event = partition()
    group = "/ecs/short-compact"
    for number, stream in enumerate(STREAMS):
        deployed.ingest(subscription_event(group, events(number, number), stream))
    # CloudWatch delivers at least once; here, with other events, so that it is another batch.
    twice = events(0, 0)[:5] + [(yesterday() + HOUR // 2, '{"level":"info","message":"one more","request_id":"r-more"}')]
    deployed.ingest(subscription_event(group, twice, STREAMS[0]))
    before = deployed.records(group)
    assert len(deployed.keys(prefix)) == 5 and len(before) == 86

    answer, metrics = deployed.invoke("CompactFunctionName", event)
    assert (answer["objects_replaced"], answer["objects_written"]) == (5, 1)
    assert (answer["rows_read"], answer["rows_written"], answer["duplicates_removed"]) == (86, 81, 5)
    assert (metrics["ConservationViolated"], metrics["PartitionsFailed"], metrics["StepsLeft"]) == (0, 0, 0)
    (merged,) = deployed.keys(prefix)
    assert merged.rpartition("-")[2].startswith("m")
    tags = deployed.s3.get_object_tagging(Bucket=deployed.bucket, Key=merged)["TagSet"]
    assert tags == [{"Key": "catchment-expiry", "Value": "on"}]

    # The same records, each once; columns that no merge folds are as they were.
    after = deployed.records(group)
    columns = ["timestamp", "log_stream", "service", "severity_number", "request_id", "class"]
    values = {tuple(record[column] for column in columns) for record in before}
    assert sorted(tuple(record[column] for column in columns) for record in after) == sorted(values)
    assert athena(deployed, group) == sorted({record["request_id"] for record in before})

    deployed.ingest(subscription_event(group, [(yesterday() + 90_000, '{"message":"late","request_id":"r-late"}')]))
    assert len(deployed.keys(prefix)) == 2
    answer, _ = deployed.invoke("CompactFunctionName", event)
    assert (answer["objects_replaced"], answer["objects_written"], answer["rows_written"]) == (2, 1, 82)
    assert len(deployed.keys(prefix)) == 1 and merged not in deployed.keys(prefix)
    assert len(athena(deployed, group)) == 82

    answer, _ = deployed.invoke("CompactFunctionName", event)
    assert (answer["partitions"], answer["steps"]) == (1, 0)


def test_an_object_of_somebody_else_is_reported_and_left(deployed):
    prefix, event = partition()
    group, key = "/ecs/short-beside", f"{prefix}somebody-elses.parquet"
    deployed.ingest(subscription_event(group, [(yesterday() + 7 * HOUR, "beside it")]))
    deployed.s3.put_object(Bucket=deployed.bucket, Key=key, Body=b"not ours")
    try:
        answer, metrics = deployed.invoke("CompactFunctionName", event)
        assert answer["foreign_objects"] == metrics["ForeignObjects"] == 1
        assert answer["rows_written"] >= 1, "the rest is compacted"
        assert deployed.object(key) == b"not ours"
    finally:
        deployed.s3.delete_object(Bucket=deployed.bucket, Key=key)


def test_what_is_written_now_is_left_until_its_hour_is_closed(deployed):
    group = "/ecs/open-hour"
    before = set(deployed.keys("logs/"))
    deployed.ingest(subscription_event(group, ["just now"]))
    new = set(deployed.keys("logs/")) - before
    answer, metrics = deployed.invoke("CompactFunctionName", {})
    assert answer["foreign_objects"] == metrics["PartitionsFailed"] == 0
    assert new and new <= set(deployed.keys("logs/"))
    assert len(deployed.records(group)) == 1
