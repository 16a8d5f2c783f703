"""The demo: a whole Catchment on this machine, from log lines to an alert.

What it started is noted under .local/demo/, so that a second run uses it again
and `--down` ends it.
"""

import json
import subprocess
import sys
import time
from datetime import datetime, timezone

from boto3.dynamodb.types import TypeDeserializer

from local_aws import processes, samples, stack
from local_aws.emulator import Emulator
from local_aws.receiver import Receiver

DIRECTORY = processes.ROOT / ".local" / "demo"
NAME = "catchment"
RULES = processes.ROOT / "scripts" / "local_aws" / "demo-rules.yaml"
REQUEST = f'{{service=~".+"}} | request_id="{samples.REQUEST_ID}"'
ALERTS = ("LoginFailureBurst", "DatabaseConnectionErrors")
# Rules are evaluated each minute, and one of the two waits one more.
ALERT_PATIENCE = 240


class Demo:
    """What runs: the emulator, the receiver, the stack."""

    def __init__(self, emulator, receiver, deployed):
        self.emulator, self.receiver, self.stack = emulator, receiver, deployed

    @classmethod
    def up(cls):
        emulator = Emulator.running(DIRECTORY)
        receiver = running_receiver()
        if not (emulator and receiver):
            down()
            emulator = timed("starting the emulator", lambda: Emulator.start(DIRECTORY))
            receiver = Receiver.start(DIRECTORY)
            (DIRECTORY / "receiver.json").write_text(json.dumps({"pid": receiver.pid, "port": receiver.port}))
        deployed = timed("deploying template.yaml with sam deploy", lambda: deploy(emulator, receiver))
        return cls(emulator, receiver, deployed)

    def send(self):
        logs = self.emulator.client("logs")
        samples.create_groups(logs)
        # What the schedule does every ten minutes; a demo is not that patient.
        self.emulator.client("lambda").invoke(FunctionName=self.stack["SubscribeFunctionName"], Payload=b"{}")
        before = len(self.archived())
        count = samples.write(logs, samples.evening())
        print(f"   {count} log events of 4 services written with PutLogEvents")
        wait("the archive", lambda: len(self.archived()) >= before + 4, 60)

    def archived(self):
        return self.listed("logs/")

    def listed(self, prefix):
        pages = self.emulator.client("s3").get_paginator("list_objects_v2").paginate(
            Bucket=self.stack["ArchiveBucketName"], Prefix=prefix
        )
        return [item for page in pages for item in page.get("Contents", [])]

    def show_archive(self):
        title("In the archive: Parquet with zstd, by retention class and day")
        for item in self.archived()[-6:]:
            print(f"   {item['Size']:>7} bytes  {item['Key']}")
        print(f"   {len(self.listed('quarantine/'))} objects in quarantine")

    def show_query(self):
        sql = (
            f"SELECT service, severity_text AS level, count(*) AS records, max(duration_ms) AS slowest "
            f"FROM {self.stack['DatabaseName']}.logs GROUP BY service, severity_text ORDER BY records DESC LIMIT 8"
        )
        title("An answer from Athena, in SQL")
        print(f"   $ catchment query --sql \"{sql}\"\n")
        subprocess.run([stack.CLI, "query", "--sql", sql], env=self.emulator.environment, check=True)
        title("One request across services, in LogQL")
        print(f"   $ catchment query '{REQUEST}'\n")
        subprocess.run([stack.CLI, "query", REQUEST], env=self.emulator.environment, check=True)

    def show_audit(self):
        title(f"The audit trail of {samples.USER_ID}, from DynamoDB")
        items = self.emulator.client("dynamodb").query(
            TableName=self.stack["AuditTableName"], IndexName="by-actor",
            KeyConditionExpression="actor_pk = :actor",
            ExpressionAttributeValues={":actor": {"S": f"ACT#{samples.USER_ID}"}},
        )["Items"]
        read = TypeDeserializer().deserialize
        for item in items:
            entry = {name: read(value) for name, value in item.items()}
            print(f"   {entry['sk'][:24]}  {entry['action']:<16} {entry['pk']}  from {entry.get('ip_address', '?')}")

    def show_alerts(self):
        def fired():
            messages = self.receiver.messages()
            told = " ".join(mail["text"] for mail in messages["email"])
            return all(name in told for name in ALERTS) and messages["slack"]

        title("The alerts that fired")
        wait("the alert rules, which are evaluated each minute", fired, ALERT_PATIENCE)
        messages = self.receiver.messages()
        for mail in messages["email"][-2:]:
            print(f"   --- email ---\n   Subject: {mail['subject']}\n")
            print("\n".join(f"   {line}" for line in mail["text"].splitlines()), "\n")
        print("   --- Slack, as posted with chat.postMessage ---")
        print("\n".join(f"   {line}" for line in json.dumps(messages["slack"][-1], indent=2).splitlines()))

    def show_next(self):
        title("It goes on running. Try")
        exports = " ".join(
            f"{name}={self.emulator.environment[name]}"
            for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")
        )
        cli = stack.CLI.relative_to(processes.ROOT)
        table = f"{self.stack['DatabaseName']}.logs"
        print(f"""   export {exports}
   {cli} query '{REQUEST}'
   {cli} query --format json --sql "SELECT service, path, status_code, duration_ms FROM {table} WHERE duration_ms > 1000"
   echo '{{"level":"error","msg":"disk full","password":"x"}}' | {cli} parse - --log-group /ecs/checkout
   scripts/demo          more log events into the same stack, new code and template deployed
   scripts/demo --down   ends it""")


def deploy(emulator, receiver):
    deployed = stack.deploy(
        emulator, NAME, SlackWebhookSecretArn=slack_secret(emulator, receiver.slack_bot()),
        AlertEmail="oncall@example.com", Environment="demo",
    )
    # Rules that need no patience; rule files in the bucket take the place of
    # those that the functions bring along.
    emulator.client("s3").put_object(
        Bucket=deployed["ArchiveBucketName"], Key="rules/demo.yaml", Body=RULES.read_bytes()
    )
    # The emulator sends no email. An HTTP subscriber gets the text that an email would have.
    emulator.client("sns").subscribe(
        TopicArn=deployed["AlertTopicArn"], Protocol="http", Endpoint=receiver.url("email")
    )
    return deployed


def slack_secret(emulator, value):
    secrets = emulator.client("secretsmanager")
    try:
        return secrets.create_secret(Name="catchment/slack", SecretString=value)["ARN"]
    except secrets.exceptions.ResourceExistsException:
        return secrets.put_secret_value(SecretId="catchment/slack", SecretString=value)["ARN"]


def running_receiver():
    try:
        state = json.loads((DIRECTORY / "receiver.json").read_text())
    except FileNotFoundError:
        return None
    receiver = Receiver(state["pid"], state["port"])
    return receiver if processes.is_ours(receiver.pid, "local_aws.receiver") and receiver.is_healthy() else None


def down():
    """Ends what runs. Whether there was anything."""
    running = [Emulator.running(DIRECTORY), running_receiver()]
    for process in filter(None, running):
        process.stop()
    for name in ("receiver.json", "emulator.json"):
        (DIRECTORY / name).unlink(missing_ok=True)
    return any(running)


def title(text):
    print(f"\n== {text}")


def timed(what, action):
    started = time.monotonic()
    result = action()
    print(f"   {what}: {time.monotonic() - started:.0f} s", flush=True)
    return result


def wait(what, condition, seconds):
    """Waits for a condition and shows that it does."""
    started = time.monotonic()
    with processes.Progress(f"waiting for {what}") as progress:
        while not condition():
            passed = time.monotonic() - started
            if passed > seconds:
                raise processes.StartError(
                    f"{what}: nothing after {seconds} s; look into {DIRECTORY / 'emulator.log'}"
                )
            progress.show(passed)
            time.sleep(0.25)
    print(f"   waited {time.monotonic() - started:.1f} s for {what}", flush=True)


def main(arguments):
    if arguments == ["--down"]:
        print("The demo is ended." if down() else "The demo was not running.")
        return
    started = time.monotonic()
    title("Building the functions and the command (minutes the first time)")
    timed("sam build, cargo lambda build", stack.build)
    title("Starting AWS on this machine")
    demo = Demo.up()
    title("An evening of a shop")
    demo.send()
    demo.show_archive()
    demo.show_query()
    demo.show_audit()
    demo.show_alerts()
    demo.show_next()
    print(f"\n   {datetime.now(timezone.utc):%H:%M:%S} UTC, after {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (processes.StartError, stack.CommandFailed, subprocess.CalledProcessError) as fault:
        sys.exit(f"\n{fault}")
    except KeyboardInterrupt:
        sys.exit("\nStopped. What was started goes on running; scripts/demo --down ends it.")
