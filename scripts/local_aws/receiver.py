"""Stands in for Slack's webhook and for a mailbox.

POST /slack     what Slack would get; answered as Slack answers
POST /email     an SNS notification over HTTP: the subject and the text that an
                email subscriber gets (the emulator sends no email)
GET  /messages  what came so far, as JSON: {"slack": [...], "email": [...]}
POST /slack-busy/N   the next N messages to Slack are answered with 429

    python -m local_aws.receiver PORT
"""

import json
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from local_aws import processes
from local_aws.emulator import environment


class Inbox(ThreadingHTTPServer):
    """The messages received, in the order of their arrival."""

    def __init__(self, port):
        super().__init__(("127.0.0.1", port), Handler)
        self.lock = threading.Lock()
        self.messages = {"slack": [], "email": []}
        self.busy = 0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        with self.server.lock:
            self.answer(200, json.dumps(self.server.messages), "application/json")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/slack":
            self.slack(json.loads(body))
        elif self.path == "/email":
            self.email(json.loads(body))
        elif self.path.startswith("/slack-busy/"):
            with self.server.lock:
                self.server.busy = int(self.path.rsplit("/", 1)[1])
            self.answer(200, "ok")
        else:
            self.answer(404, "no such path")

    def slack(self, message):
        with self.server.lock:
            if self.server.busy:
                self.server.busy -= 1
                self.answer(429, "rate_limited", headers={"Retry-After": "1"})
                return
            self.server.messages["slack"].append(message)
        self.answer(200, "ok")

    def email(self, message):
        if message["Type"] == "SubscriptionConfirmation":
            urllib.request.urlopen(message["SubscribeURL"], timeout=10).close()
        else:
            with self.server.lock:
                self.server.messages["email"].append(
                    {"subject": message.get("Subject"), "text": message["Message"]}
                )
        self.answer(200, "ok")

    def answer(self, status, text, content_type="text/plain", headers=()):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Receiver:
    """A receiver that runs as a process of its own."""

    def __init__(self, pid, port):
        self.pid, self.port = pid, port

    @classmethod
    def start(cls, directory):
        port = processes.free_port()
        env = environment("http://127.0.0.1:9") | {"PYTHONPATH": str(processes.ROOT / "scripts")}
        log = directory / "receiver.log"
        pid = processes.start([sys.executable, "-m", "local_aws.receiver", str(port)], log, env)
        receiver = cls(pid, port)
        try:
            processes.wait_until(receiver.is_healthy, 20, "the local receiver", pid, log)
        except BaseException:  # an interruption too
            receiver.stop()
            raise
        return receiver

    def url(self, path):
        return f"http://127.0.0.1:{self.port}/{path}"

    def open(self, path, data=None):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(urllib.request.Request(self.url(path), data), timeout=5) as answer:
            return answer.read()

    def messages(self):
        return json.loads(self.open("messages"))

    def be_busy(self, times):
        self.open(f"slack-busy/{times}", b"")

    def is_healthy(self):
        try:
            return "slack" in self.messages()
        except OSError:
            return False

    def stop(self):
        processes.stop(self.pid, "local_aws.receiver")


if __name__ == "__main__":
    Inbox(int(sys.argv[1])).serve_forever()
