"""Verifies what Carillon sends, with the standard library. Works for every sender of Standard Webhooks."""

import base64
import hashlib
import hmac
import time


def verify(secret, headers, body, tolerance=300, now=None):
    """headers: a mapping with names in lower case. body: the bytes as they came, before any JSON parsing."""
    identifier, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    now = time.time() if now is None else now
    if not timestamp.isascii() or not timestamp.isdigit() or abs(now - int(timestamp)) > tolerance:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{identifier}.{timestamp}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    # While a secret is being rotated there are two signatures; one that fits is enough.
    given = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(expected.encode(), one.encode()) for one in given)
