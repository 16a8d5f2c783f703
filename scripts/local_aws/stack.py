"""Builds the functions and deploys template.yaml, unchanged, with the SAM CLI."""

import os
import platform
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from itertools import takewhile

from local_aws.processes import ROOT, Progress

SAM = ROOT / ".venv" / "sam" / "bin"
SAM_CONFIG = ROOT / "scripts" / "local_aws" / "samconfig.toml"
BUILT_TEMPLATE = ROOT / ".aws-sam" / "build" / "template.yaml"
CLI = ROOT / ".local" / "bin" / "catchment"
ARTIFACTS_BUCKET = "catchment-artifacts"


class CommandFailed(Exception):
    """A command of the build or the deployment failed; the message holds its output."""


def host_architecture():
    return "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"


def run(command, env, log):
    """Runs a command with its output in `log`, shows that it runs, and shows the
    end of its output if it fails. What it wrote."""
    log.parent.mkdir(parents=True, exist_ok=True)
    # Up to the first option: `sam build`, `cargo lambda build`.
    name = " ".join(takewhile(lambda word: not word.startswith("-"), map(str, command)))
    started = time.monotonic()
    with log.open("w") as output:
        process = subprocess.Popen(
            [str(part) for part in command], cwd=ROOT, env=env, stdout=output, stderr=subprocess.STDOUT
        )
        with Progress(name) as progress:
            while process.poll() is None:
                progress.show(time.monotonic() - started)
                time.sleep(0.1)
    text = log.read_text()
    if process.returncode:
        raise CommandFailed(f"`{name} ...` failed with {process.returncode}:\n{text[-8000:]}\nAll of it is in {log}")
    return text


def with_tools(env):
    return env | {
        "PATH": f"{SAM}{os.pathsep}{env['PATH']}",
        "SAM_CLI_TELEMETRY": "0",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


# Compiles in half the time what is to run here only: without optimisation across crates.
QUICK = {"CARGO_PROFILE_RELEASE_LTO": "off", "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16"}


def build(quick=True, command=None):
    """`sam build` for this machine, and the command `catchment`: `command`, or
    built the way the functions are, so that they share compiled dependencies.

    Cargo knows what has changed, SAM would not: its own cache hashes the whole
    repository, target/ included.
    """
    env = with_tools(dict(os.environ)) | (QUICK if quick else {})
    architecture = host_architecture()
    logs = ROOT / ".local"
    run(
        ["sam", "build", "--config-file", SAM_CONFIG, "--parameter-overrides", f"Architecture={architecture}"],
        env, logs / "sam-build.log",
    )
    if command is None:
        lambda_dir = logs / "cargo-lambda"
        run(
            ["cargo", "lambda", "build", "--release", "--package", "catchment-cli", "--bin", "catchment", "--lambda-dir", lambda_dir,
             *(["--arm64"] if architecture == "arm64" else [])],
            env, logs / "cli-build.log",
        )
        command = lambda_dir / "catchment" / "bootstrap"
    CLI.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(command, CLI)


@dataclass
class Stack:
    """A deployed stack: its name and its outputs."""

    name: str
    outputs: dict

    def __getitem__(self, output):
        return self.outputs[output]


def deploy(emulator, name, **parameters):
    """`sam deploy` into the emulator; again is an update, and nothing if nothing changed."""
    if not BUILT_TEMPLATE.exists():
        raise CommandFailed("the functions are not built: run `sam build`, or scripts/demo, first")
    s3 = emulator.client("s3")
    if ARTIFACTS_BUCKET not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=ARTIFACTS_BUCKET)
    chosen = {
        "Architecture": host_architecture(),
        "Emulated": "true",
        **parameters,
    }
    run(
        [
            "sam", "deploy", "--config-file", SAM_CONFIG, "--template-file", BUILT_TEMPLATE,
            "--stack-name", name, "--s3-bucket", ARTIFACTS_BUCKET, "--parameter-overrides", *(f"{key}={value}" for key, value in chosen.items()),
        ],
        with_tools(emulator.environment), emulator.directory / f"deploy-{name}.log",
    )
    described = emulator.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
    return Stack(name, outputs)


def remove(emulator, name, seconds=120):
    """Deletes a stack and waits for the end of it."""
    cloudformation = emulator.client("cloudformation")
    stack_id = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName=name)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        status = cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"]
        if status == "DELETE_COMPLETE":
            return
        if status.endswith("FAILED"):
            break
        time.sleep(0.5)
    events = cloudformation.describe_stack_events(StackName=stack_id)["StackEvents"]
    reasons = [event.get("ResourceStatusReason") for event in events if "FAILED" in event["ResourceStatus"]]
    raise CommandFailed(f"stack {name} is {status}: {reasons}")


if __name__ == "__main__":
    # `as-released`, or where the command is that `cargo test` has built.
    what = sys.argv[1]
    try:
        build(quick=False) if what == "as-released" else build(command=ROOT / what)
    except CommandFailed as fault:
        sys.exit(str(fault))
