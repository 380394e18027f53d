"""What became of an event, for the sender that asks."""

import pymongo
from pymongo.errors import PyMongoError

from analytics.databases.mongo import DEAD_LETTERS, EVENTS, collection
from analytics.events.ids import event_key, public_event_key
from analytics.events.moments import format_moment
from analytics.web.problems import Unavailable
from ingestion.letters.letter import REPLAYED

TIMEOUT_SECONDS = 2.0


def find_receipt(project_id: bytes, event_id: str) -> dict[str, str]:
    """`{eventId, state, ...}`; state is stored, dead, erased or unknown.

    Of an id that came by both kinds of key it is the receipt of the secret one's. An address may
    end in a slash that is not part of the id: the id without it is looked up when the one with it
    is unknown. Raises Unavailable when MongoDB does not answer.
    """
    try:
        with pymongo.timeout(TIMEOUT_SECONDS):
            receipt = _look_up(project_id, event_id)
            if receipt is None and event_id.endswith("/") and event_id != "/":
                event_id = event_id[:-1]
                receipt = _look_up(project_id, event_id)
    except PyMongoError as exc:
        raise Unavailable("The store does not answer.", code="store_unavailable") from exc
    return {"eventId": event_id, **(receipt or {"state": "unknown"})}


def _look_up(project_id: bytes, event_id: str) -> dict[str, str] | None:
    by_secret_key = _look_up_key(event_key(project_id, event_id))
    return by_secret_key or _look_up_key(public_event_key(project_id, event_id))


def _look_up_key(key: bytes) -> dict[str, str] | None:
    event = collection(EVENTS).find_one(
        {"_id": key}, {"timestamp": 1, "ingestedAt": 1, "erased": 1}
    )
    if event and "erased" in event:
        return {"state": "erased", "erasedAt": format_moment(event["erased"])}
    if event:
        return {
            "state": "stored",
            "timestamp": format_moment(event["timestamp"]),
            "ingestedAt": format_moment(event["ingestedAt"]),
        }
    letter = collection(DEAD_LETTERS).find_one(
        {"eventKey": key, "status": {"$ne": REPLAYED}}, {"reason": 1, "buriedAt": 1, "erased": 1}
    )
    if letter and "erased" in letter:
        return {"state": "erased", "erasedAt": format_moment(letter["erased"])}
    if letter:
        return {
            "state": "dead",
            "reason": letter["reason"],
            "buriedAt": format_moment(letter["buriedAt"]),
        }
    return None
