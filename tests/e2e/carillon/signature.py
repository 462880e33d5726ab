"""Standard Webhooks signatures, made from the specification and from nothing of the product's."""

import base64
import hashlib
import hmac

# Published vectors: secret, id, timestamp, body, signature.
VECTORS = [
    (
        "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
        "1649367553",
        b'{"email":"test@example.com","username":"test_user"}',
        "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
    ),
    (
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "1614265330",
        b'{"test": 2432232314}',
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
]


def sign(secret, identifier, timestamp, body):
    key = base64.b64decode(secret[len("whsec_"):], validate=True)
    content = f"{identifier}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def verifies(secret, arrival):
    """Whether one of the arrival's signatures is the secret's."""
    expected = sign(secret, arrival.headers["webhook-id"], arrival.headers["webhook-timestamp"], arrival.body)
    given = arrival.headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(expected, one) for one in given)
