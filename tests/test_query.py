"""Answers: how soon, and through the command. What Athena answers is in test_athena.py."""

import json
import time

import pytest
from conftest import subscription_event, wait_for


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
