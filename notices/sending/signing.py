"""Signatures of webhooks, as Standard Webhooks 1.0 has them (https://www.standardwebhooks.com):
there are libraries that check them in many languages.

HMAC-SHA256 by the bytes of the secret over `<id>.<timestamp>.<body>`, in base64, after `v1,`.
"""

import base64
import hashlib
import hmac
import secrets

PREFIX = "whsec_"
SECRET_BYTES = 32


class BadSecret(Exception):
    """It was not made by `make_secret`."""


def make_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def sign(secret: str, message_id: str, at: int, body: bytes) -> dict[str, str]:
    """The headers of a request of that moment, in seconds since 1970. Raises BadSecret."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except ValueError:  # not base64, or not even ASCII
        raise BadSecret from None
    if not secret.startswith(PREFIX) or not key:
        raise BadSecret
    signed = f"{message_id}.{at}.".encode() + body
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
