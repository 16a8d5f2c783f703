"""Answers: Athena, the saved queries, the command."""

import json
import time

import pytest
from conftest import subscription_event, wait_for
from template import saved_queries


@pytest.fixture(scope="module")
def shop(deployed):
    """A request across two services, one of them slow, and an error."""
    deployed.ingest(
        subscription_event(
            "/ecs/shop-web",
            [
                json.dumps({"level": "info", "message": "POST /buy", "request_id": "req_shop", "user_id": "shopper",
                            "http_method": "POST", "path": "/buy", "status_code": 200, "duration_ms": 1700}),
                json.dumps({"level": "info", "message": "bought", "event_type": "content.created", "audit": True,
                            "request_id": "req_shop", "user_id": "shopper"}),
            ],
        )
    )
    deployed.ingest(
        subscription_event(
            "/ecs/shop-stock",
            [json.dumps({"level": "error", "message": "out of stock", "request_id": "req_shop"})],
        )
    )


def saved(deployed, name, **replace):
    sql = saved_queries()[name]
    for placeholder, value in replace.items():
        assert f"'{placeholder}'" in sql
        sql = sql.replace(placeholder, value)
    return deployed.query(sql)


def test_errors_of_the_last_hour_by_service(deployed, shop):
    rows = saved(deployed, "Errors of the last hour by service")
    (stock,) = [row for row in rows if row["service"] == "shop-stock"]
    assert (stock["errors"], stock["last_message"]) == ("1", "out of stock")
    assert "shop-web" not in [row["service"] for row in rows]


def test_one_request_across_services(deployed, shop):
    rows = saved(deployed, "One request across services", REQUEST_ID="req_shop")
    assert sorted((row["service"], row["message"]) for row in rows) == [
        ("shop-stock", "out of stock"), ("shop-web", "POST /buy"), ("shop-web", "bought"),
    ]


def test_slow_requests(deployed, shop):
    rows = saved(deployed, "Slow requests")
    assert [(row["path"], float(row["duration_ms"])) for row in rows if row["service"] == "shop-web"] == [("/buy", 1700.0)]


def test_audit_by_user(deployed, shop):
    rows = saved(deployed, "Audit by user", USER_ID="shopper")
    assert [(row["event_name"], row["message"]) for row in rows] == [("content.created", "bought")]


def test_every_saved_query_is_tried_here():
    assert sorted(saved_queries()) == [
        "Audit by user", "Errors of the last hour by service", "One request across services", "Slow requests",
    ]


def test_a_line_is_found_within_seconds(deployed):
    deployed.create_group("/ecs/quick")
    deployed.subscribe()
    started = time.monotonic()
    deployed.put("/ecs/quick", ["find me"])
    wait_for(
        "row", lambda: deployed.query("SELECT message FROM catchment.logs WHERE log_group = '/ecs/quick'"), 10
    )
    seconds = time.monotonic() - started
    print(f"from PutLogEvents to a row that Athena finds: {seconds:.2f} s")
    assert seconds < 5


def test_the_command_answers_with_json(deployed, shop):
    sql = "SELECT service, message FROM catchment.logs WHERE request_id = 'req_shop' AND severity_number >= 17"
    answer = deployed.catchment("query", "--stack", "e2e", "--format", "json", "--sql", sql)
    assert json.loads(answer) == [{"service": "shop-stock", "message": "out of stock"}]
