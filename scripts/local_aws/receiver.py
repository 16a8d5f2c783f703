"""Stands in for Slack, a webhook's receiver, Amazon Q and a mailbox.

POST /slack                        Slack's incoming webhook; answered as Slack answers
POST /slack/api/chat.postMessage   Slack's Web API, for the bot of local_aws.slack.Workspace
POST /webhook                      a signed webhook; 401 if the signature is not good
POST /email                        an SNS notification over HTTP: the subject and the text that
                                   an email subscriber gets (the emulator sends no email)
POST /amazon-q                     the same, of Amazon Q's topic
GET  /messages                     what came so far, as JSON: {"slack": [...], "email": [...], ...}
POST /slack-busy/N                 the next N messages to Slack are answered with 429

    python -m local_aws.receiver PORT
"""

import json
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from local_aws import processes, webhooks
from local_aws.emulator import environment
from local_aws.slack import Workspace

# The key of the webhook's signatures.
WEBHOOK_KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Inbox(ThreadingHTTPServer):
    """The messages received, in the order of their arrival."""

    def __init__(self, port):
        super().__init__(("127.0.0.1", port), Handler)
        self.lock = threading.Lock()
        self.slack = Workspace()
        self.received = {"email": [], "amazon_q": [], "webhook": []}

    def keep(self, kind, message):
        with self.lock:
            self.received[kind].append(message)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        with self.server.lock, self.server.slack.lock:
            messages = json.dumps(self.server.received | {"slack": self.server.slack.messages})
        self.answer(200, {"Content-Type": "application/json"}, messages)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        slack = self.server.slack
        if self.path == "/slack":
            self.answer(*slack.webhook(body))
        elif self.path == "/slack/api/chat.postMessage":
            self.answer(*slack.post_message(self.headers.get("Authorization"), body))
        elif self.path == "/webhook":
            self.webhook(body)
        elif self.path == "/email":
            self.notification(body, "email", lambda it: {"subject": it.get("Subject"), "text": it["Message"]})
        elif self.path == "/amazon-q":
            self.notification(body, "amazon_q", lambda it: json.loads(it["Message"]))
        elif self.path.startswith("/slack-busy/"):
            with slack.lock:
                slack.busy = int(self.path.rsplit("/", 1)[1])
            self.answer(200, {}, "ok")
        else:
            self.answer(404, {}, "no such path")

    def webhook(self, body):
        headers = {name.lower(): value for name, value in self.headers.items()}
        if not webhooks.verify(WEBHOOK_KEY, headers, body):
            self.answer(401, {}, "bad signature")
            return
        self.server.keep("webhook", {"id": headers["webhook-id"], "body": json.loads(body)})
        self.answer(204, {}, "")

    def notification(self, body, kind, read):
        message = json.loads(body)
        if message["Type"] == "SubscriptionConfirmation":
            urllib.request.urlopen(message["SubscribeURL"], timeout=10).close()
        else:
            self.server.keep(kind, read(message))
        self.answer(200, {}, "ok")

    def answer(self, status, headers, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in ({"Content-Type": "text/plain"} | headers).items():
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

    def slack_bot(self):
        """The secret with which notify posts as a bot."""
        return json.dumps(
            {"token": Workspace.TOKEN, "channel": Workspace.CHANNEL, "api_url": self.url("slack/api")}
        )

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
