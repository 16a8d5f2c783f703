"""Size and start of the built functions.

    python -m local_aws.bench
"""

import statistics
import subprocess
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import yaml

from local_aws.emulator import environment
from local_aws.stack import BUILT_TEMPLATE

RUNS = 20


class RuntimeApi(BaseHTTPRequestHandler):
    """Lambda's runtime API, as far as a function's first poll: it notes when that comes, and never answers."""

    def do_GET(self):
        if self.path.endswith("/runtime/invocation/next"):
            self.server.polled_at = time.perf_counter()
            self.server.polled.set()
            self.server.done.wait()

    def log_message(self, *arguments):
        pass


class Loader(yaml.SafeLoader):
    """Reads a template: a tag like !Ref is only noted."""


Loader.add_multi_constructor("!", lambda loader, suffix, node: f"!{suffix}")


def built_functions():
    template = yaml.load(BUILT_TEMPLATE.read_text(), Loader)
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            properties = resource["Properties"]
            yield name, BUILT_TEMPLATE.parent / properties["CodeUri"], properties["Environment"]["Variables"]


def zipped_megabytes(directory):
    archive = directory.parent / f"{directory.name}.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in directory.iterdir():
            file.write(path, path.name)
    size = archive.stat().st_size / 1e6
    archive.unlink()
    return size


def milliseconds_to_first_poll(directory, variables):
    server = ThreadingHTTPServer(("127.0.0.1", 0), RuntimeApi)
    server.daemon_threads = True
    server.polled, server.done, server.polled_at = threading.Event(), threading.Event(), None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    # An endpoint on which nothing listens: a start must not need AWS.
    env = environment("http://127.0.0.1:9")
    env.update({name: "1" for name in variables})
    env.update(
        AWS_LAMBDA_RUNTIME_API=f"127.0.0.1:{server.server_port}",
        AWS_LAMBDA_FUNCTION_NAME="bench", AWS_LAMBDA_FUNCTION_VERSION="1", AWS_LAMBDA_FUNCTION_MEMORY_SIZE="512",
        AWS_LAMBDA_LOG_GROUP_NAME="bench", AWS_LAMBDA_LOG_STREAM_NAME="bench",
    )
    started = time.perf_counter()
    process = subprocess.Popen([directory / "bootstrap"], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        if not server.polled.wait(10):
            process.kill()
            raise SystemExit(f"{directory.name} does not poll:\n{process.communicate()[0].decode()}")
        return (server.polled_at - started) * 1000
    finally:
        process.kill()
        process.wait()
        server.done.set()
        server.shutdown()
        server.server_close()


def main():
    print(f"{'function':<20} {'zipped MB':>10} {'ms to first poll: median':>26} {'min':>6} {'max':>6}")
    for name, directory, variables in built_functions():
        milliseconds_to_first_poll(directory, variables)
        runs = [milliseconds_to_first_poll(directory, variables) for _ in range(RUNS)]
        print(
            f"{name:<20} {zipped_megabytes(directory):>10.2f} {statistics.median(runs):>26.1f}"
            f" {min(runs):>6.1f} {max(runs):>6.1f}"
        )


if __name__ == "__main__":
    main()
