"""Who sent an event."""

from hashlib import blake2b


def hash_visitor(
    project_id: bytes, user_id: str | None, ip: str | None, user_agent: str | None, salt: bytes
) -> int:
    """Who this is, as a signed 64-bit BLAKE2b hash: the user, or else address and browser.

    An anonymous hash cannot be undone or followed once the salt of its day is deleted.
    """
    if user_id is not None:
        text, key = f"user\n{user_id}", project_id
    else:
        text, key = f"anonymous\n{ip or ''}\n{user_agent or ''}", project_id + salt
    digest = blake2b(text.encode(), digest_size=8, key=key).digest()
    return int.from_bytes(digest, "big", signed=True)
