"""Links that work once: their tokens, and how often one may come with a wrong one.

Only the SHA-256 of a token is kept, also of share links: a fast hash is right for random bits.
"""

import hashlib
import secrets

from analytics.keys.failures import FailureLimit

TOKEN_BYTES = 32
BY_ADDRESS = FailureLimit("one-time links by address", 20, 900)


def make_token() -> str:
    return secrets.token_urlsafe(TOKEN_BYTES)


def digest_token(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
