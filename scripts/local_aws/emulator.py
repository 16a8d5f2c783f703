"""The AWS emulator (MiniStack): one process, one port, loopback only.

    python -m local_aws.emulator start DIRECTORY   prints its endpoint
    python -m local_aws.emulator stop DIRECTORY
"""

import json
import os
import shutil
import sys
import urllib.request
from pathlib import Path

import boto3
from botocore.config import Config

from local_aws import processes

REGION = "us-east-1"
ACCOUNT = "000000000000"


def environment(endpoint):
    """The variables with which a program speaks to the emulator and to nothing
    else: no profile, no credentials, no proxy of the user's is left in them."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    env.update(
        AWS_ENDPOINT_URL=endpoint,
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
        AWS_REGION=REGION,
        AWS_DEFAULT_REGION=REGION,
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
        NO_PROXY="127.0.0.1,localhost",
        no_proxy="127.0.0.1,localhost",
    )
    return env


class Emulator:
    """An emulator whose files and state are under `directory`."""

    def __init__(self, directory, pid, port):
        self.directory, self.pid, self.port = Path(directory), pid, port

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self):
        return environment(self.endpoint)

    @property
    def log(self):
        return self.directory / "emulator.log"

    @classmethod
    def start(cls, directory):
        directory = Path(directory).resolve()
        shutil.rmtree(directory, ignore_errors=True)  # what an earlier one left
        scratch = directory / "tmp"
        scratch.mkdir(parents=True)
        port = processes.free_port()
        # It must itself be told its endpoint, or the functions that it runs
        # natively call the real AWS.
        env = environment(f"http://127.0.0.1:{port}")
        env.update(
            BIND_HOST="127.0.0.1",
            MINISTACK_HOST="127.0.0.1",
            GATEWAY_PORT=str(port),
            MINISTACK_REGION=REGION,
            MINISTACK_ACCOUNT_ID=ACCOUNT,
            LAMBDA_EXECUTOR="local",
            # Nothing but the one port; IoT would open 8883.
            IOT_MTLS_ENABLED="0",
            SFTP_ENABLED="0",
            S3_DATA_DIR=str(directory / "s3"),
            STATE_DIR=str(directory / "state"),
            TMPDIR=str(scratch),
            # Athena's sessions are in UTC.
            TZ="UTC",
        )
        log = directory / "emulator.log"
        pid = processes.start([sys.executable, "-m", "ministack"], log, env)
        emulator = cls(directory, pid, port)
        try:
            processes.wait_until(emulator.is_healthy, 60, "the emulator", pid, log)
        except BaseException:  # an interruption too
            emulator.stop()
            raise
        (directory / "emulator.json").write_text(json.dumps({"pid": pid, "port": port}))
        return emulator

    @classmethod
    def running(cls, directory):
        """The emulator that an earlier run left under `directory`, or None."""
        try:
            state = json.loads((Path(directory) / "emulator.json").read_text())
        except FileNotFoundError:
            return None
        emulator = cls(directory, state["pid"], state["port"])
        return emulator if processes.is_ours(emulator.pid, "ministack") and emulator.is_healthy() else None

    def is_healthy(self):
        try:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(f"{self.endpoint}/_ministack/health", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def stop(self):
        processes.stop(self.pid, "ministack")
        (self.directory / "emulator.json").unlink(missing_ok=True)

    def client(self, service):
        """A boto3 client of this emulator; nothing is read from the user's configuration."""
        return boto3.client(
            service, endpoint_url=self.endpoint, region_name=REGION,
            aws_access_key_id="test", aws_secret_access_key="test",
            config=Config(
                proxies={}, retries={"max_attempts": 2}, read_timeout=120,
                s3={"addressing_style": "path"},
            ),
        )


def main(arguments):
    match arguments:
        case ["start", directory]:
            print(Emulator.start(directory).endpoint)
        case ["stop", directory]:
            emulator = Emulator.running(directory)
            if emulator:
                emulator.stop()
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
