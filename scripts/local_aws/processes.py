"""Background processes: starting them apart from this one, ending only our own."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class StartError(Exception):
    """A process did not come up; the message says where its log is."""


def free_port():
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(command, log, env):
    """Starts a process that outlives this one; its output goes to `log`. Its pid."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, env=env, cwd=ROOT, stdin=subprocess.DEVNULL,
            stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )
    return process.pid


def wait_until(condition, seconds, what, pid=None, log=None):
    """Waits for `condition()` to be true, as long as process `pid` lives."""
    deadline = time.monotonic() + seconds
    while not condition():
        dead = pid is not None and not alive(pid)
        if dead or time.monotonic() > deadline:
            reason = "ended" if dead else f"was not ready after {seconds} s"
            raise StartError(f"{what} {reason}; its log is {log}")
        time.sleep(0.1)


def alive(pid):
    """Whether a process of that id runs (one that ended and was not waited for does not)."""
    try:
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    except ChildProcessError:
        pass  # started by an earlier run: not our child
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def is_ours(pid, mark):
    """Whether the process still is what we started: ids are reused."""
    try:
        return mark.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False  # it ended


def stop(pid, mark):
    """Ends the process group of `pid` if `mark` stands in its command line."""
    if not alive(pid) or not is_ours(pid, mark):
        return
    for sign, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        try:
            os.killpg(pid, sign)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if not alive(pid):
                return
            time.sleep(0.1)


class Progress:
    """Seconds that pass: counted in place on a terminal, a line each half minute elsewhere."""

    def __init__(self, what):
        self.what, self.shown = what, 0
        self.on_terminal = sys.stdout.isatty()

    def __enter__(self):
        return self

    def show(self, seconds):
        whole = int(seconds)
        if self.on_terminal and whole > self.shown:
            print(f"\r   {self.what}: {whole} s ", end="", flush=True)
            self.shown = whole
        elif not self.on_terminal and whole >= self.shown + 30:
            print(f"   {self.what}: {whole} s so far", flush=True)
            self.shown = whole

    def __exit__(self, *_):
        if self.on_terminal and self.shown:
            print("\r\033[K", end="", flush=True)
