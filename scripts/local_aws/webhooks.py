"""Verifies a webhook's signature: what a receiver of alerts does.

The signature is that of Standard Webhooks, so its libraries do it as well
(`pip install standardwebhooks`); this is all there is to it.
"""

import base64
import hashlib
import hmac
import time


def verify(key, headers, body, now=None, tolerance_seconds=300):
    """Whether the body (bytes, as they came) was signed with the key (`whsec_...`)
    within the last five minutes. Header names are lower-case."""
    timestamp = int(headers["webhook-timestamp"])
    if abs((now or time.time()) - timestamp) > tolerance_seconds:
        return False
    signed = f"{headers['webhook-id']}.{timestamp}.".encode() + body
    digest = hmac.new(base64.b64decode(key.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    expected = b"v1," + base64.b64encode(digest)
    # There may be several, while keys change.
    return any(hmac.compare_digest(it.encode(), expected) for it in headers["webhook-signature"].split())
