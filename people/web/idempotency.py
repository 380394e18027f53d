"""What is asked twice is done once: by the header Idempotency-Key, kept for a day.

What it makes has its id before it is there. So a request that died half way is finished by the
next one with the same key, and none makes a second thing.
"""

import hashlib
from datetime import UTC, datetime, timedelta

from pymongo.errors import DuplicateKeyError
from rest_framework.request import Request

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.web.problems import BadRequest, Conflict
from people.web.actors import Actor

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
MAX_KEY_CHARS = 200
KEPT = timedelta(hours=24)


class Once:
    """A request by its key; without one each request is another."""

    def __init__(self, request: Request, actor: Actor, body: bytes) -> None:
        """Raises BadRequest."""
        text = request.headers.get(HEADER)
        if text is not None and not (1 <= len(text) <= MAX_KEY_CHARS and text.isprintable()):
            detail = f"{HEADER} has 1 to {MAX_KEY_CHARS} characters that can be seen."
            raise BadRequest(detail, code="bad_idempotency_key")
        parts = "\n".join((actor.key_id, request.path.rstrip("/"), text or ""))
        self._id = hashlib.sha256(parts.encode()).digest() if text else None
        self._digest = hashlib.sha256(body).digest()

    def find(self) -> str | None:
        """The id of what the first request with this key makes. Raises Conflict."""
        if self._id is None:
            return None
        found = collection(mongo.ADMIN_REQUESTS).find_one({"_id": self._id})
        if found is None:
            return None
        if found["digest"] != self._digest:
            detail = f"There was another request with this {HEADER}."
            raise Conflict(detail, code="idempotency_conflict")
        return str(found["makes"])

    def require_new(self, new_id: str) -> None:
        """Of what has a secret, which nobody can make a second time. Raises Conflict."""
        if self.reserve(new_id) != new_id:
            detail = f"What this {HEADER} was for is not there, or no longer: use another one."
            raise Conflict(detail, code="idempotency_conflict")

    def reserve(self, new_id: str) -> str:
        """The id of what this makes: `new_id`, or what one before it has. Raises Conflict."""
        if self._id is None:
            return new_id
        document = {
            "_id": self._id,
            "digest": self._digest,
            "makes": new_id,
            "expiresAt": datetime.now(UTC) + KEPT,
        }
        try:
            collection(mongo.ADMIN_REQUESTS).insert_one(document)
        except DuplicateKeyError:
            return self.find() or new_id
        return new_id
