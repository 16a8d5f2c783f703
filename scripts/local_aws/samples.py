"""A shop's log events as its services would write them, the last two minutes of
a bad evening: an attack on the login, and a database that goes away.

Streams are named as ECS (awslogs), EKS (Container Insights) and Lambda name them.
"""

import json
import time
from datetime import datetime, timezone

CHECKOUT = ("/ecs/checkout", "ecs/checkout/6f1d2c3b4a5968778695a4b3c2d1e0f9")
GREMLINS = ("/ecs/gremlins-api", "ecs/gremlins-api/0a1b2c3d4e5f60718293a4b5c6d7e8f9")
AUTH = (
    "/aws/containerinsights/prod/application",
    "application.var.log.containers.auth-service-7d9c5b6f4-x2k8p_shop_auth-service-" + "3f" * 32 + ".log",
)
ORDERS = ("/aws/lambda/orders", "2026/11/21/[$LATEST]94fa0c1b2d3e4f5a6b7c8d9e0f1a2b3c")

# What a customer does, followed across services.
REQUEST_ID = "req_abc123def456"
USER_ID = "user-1842"
SECRET = "hunter2-and-more"


class Writer:
    """Collects the lines of one log stream, each at its time."""

    def __init__(self, address, now):
        self.group, self.stream = address
        self.now = now
        self.events = []

    def line(self, seconds_ago, text):
        self.events.append({"timestamp": int((self.now - seconds_ago) * 1000), "message": text})

    def json(self, seconds_ago, **fields):
        stamp = datetime.fromtimestamp(self.now - seconds_ago, timezone.utc)
        fields = {"timestamp": stamp.isoformat(timespec="milliseconds").replace("+00:00", "Z"), **fields}
        self.line(seconds_ago, json.dumps(fields))


def evening(now=None):
    """The log events, a `Writer` for each stream."""
    now = now or time.time()
    return [checkout(now), gremlins(now), auth(now), orders(now)]


def checkout(now):
    log = Writer(CHECKOUT, now)
    log.json(110, level="info", message="cart opened", request_id=REQUEST_ID, user_id=USER_ID)
    log.json(
        100, level="info", message="POST /api/checkout", request_id=REQUEST_ID, user_id=USER_ID,
        http_method="POST", path="/api/checkout", status_code=201, duration_ms=2340.5,
    )
    log.json(
        99, level="info", message="order created", event_type="content.created", audit=True,
        request_id=REQUEST_ID, user_id=USER_ID, entity_type="order", entity_id="order-7731",
        ip_address="203.0.113.7",
    )
    # A careless line: the password must not reach the archive.
    log.json(60, level="debug", message="payment gateway login", username="shop", password=SECRET)
    stamp = datetime.fromtimestamp(now - 40, timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
    log.line(40, f"{stamp} - checkout.pricing - WARNING - price list is 26 hours old")
    return log


def gremlins(now):
    log = Writer(GREMLINS, now)
    log.json(95, level="INFO", message="stock reserved", request_id=REQUEST_ID, duration_ms=48)
    for number in range(12):
        log.json(
            80 - 5 * number, level="ERROR",
            message="database connection error: timeout after 5000 ms, host db-1.internal",
            request_id=f"req_{number:04}", path="/api/stock", status_code=503, duration_ms=5001 + number,
        )
    return log


def auth(now):
    log = Writer(AUTH, now)
    log.json(
        115, level="info", message="login ok", event_type="user.login", audit=True, user_id=USER_ID,
        entity_type="session", entity_id="s-90125", ip_address="203.0.113.7", user_agent="Mozilla/5.0",
        request_id=REQUEST_ID,
    )
    for number in range(15):
        log.json(
            75 - 4 * number, level="warn", message="login failed: wrong password", event_type="login.failed",
            user_id="admin", ip_address="198.51.100.23", request_id=f"req_login_{number:02}",
        )
    log.json(
        20, level="info", message="account locked after 15 failed logins", event_type="user.updated", audit=True,
        user_id="auth-service", entity_type="user", entity_id="admin",
    )
    return log


def orders(now):
    log = Writer(ORDERS, now)
    invocation = "8f6c3a52-6d0e-4d2b-9c11-5b1f2d3e4a5b"
    log.line(98, f"START RequestId: {invocation} Version: $LATEST\n")
    log.json(98, level="INFO", requestId=invocation, correlation_id=REQUEST_ID, message="order order-7731 accepted")
    log.line(97, f"END RequestId: {invocation}\n")
    log.line(
        97,
        f"REPORT RequestId: {invocation}\tDuration: 46.84 ms\tBilled Duration: 47 ms\t"
        "Memory Size: 128 MB\tMax Memory Used: 34 MB\t\n",
    )
    return log


def create_groups(logs):
    """Creates the log groups, unless they are there."""
    for group, stream in (CHECKOUT, GREMLINS, AUTH, ORDERS):
        for create, names in (
            (logs.create_log_group, {"logGroupName": group}),
            (logs.create_log_stream, {"logGroupName": group, "logStreamName": stream}),
        ):
            try:
                create(**names)
            except logs.exceptions.ResourceAlreadyExistsException:
                pass


def write(logs, writers):
    """Writes the events with PutLogEvents, as the services' log drivers do."""
    for writer in writers:
        logs.put_log_events(
            logGroupName=writer.group, logStreamName=writer.stream,
            logEvents=sorted(writer.events, key=lambda event: event["timestamp"]),
        )
    return sum(len(writer.events) for writer in writers)
