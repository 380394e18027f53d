"""What the OpenAPI document says about API keys."""

from analytics.keys.records import SCOPES
from analytics.web.openapi import Json, object_of
from people.web.schema import (
    BODY,
    IDEMPOTENT,
    LOCATION,
    MOMENT,
    MOMENT_OR_NULL,
    NAME,
    OF_SERVICE,
    ONCE,
    PROJECT_ID,
    REPLAYED,
    TEXT,
    TEXT_OR_NULL,
    THERE,
    body_of,
    describe,
    describe_list,
    id_in_path,
    one_of,
)

KEY_ID = id_in_path("key_id", "Its keyId.")
_SCOPES: Json = {"type": "array", "items": one_of(SCOPES)}
_OF_KEY: Json = {
    "name": NAME,
    "scopes": _SCOPES,
    "rateEventsPerSecond": {"type": "integer", "minimum": 1},
    "burstEvents": {"type": "integer", "minimum": 1_000},
    "expiresAt": MOMENT_OR_NULL,
}
_KIND: Json = one_of(["secret", "public"])
KEY = object_of(
    {
        "keyId": TEXT,
        **_OF_KEY,
        "kind": _KIND,
        "state": one_of(["active", "revoked", "expired"]),
        "revokedAt": MOMENT_OR_NULL,
        "lastUsedAt": MOMENT_OR_NULL,
        "createdAt": MOMENT,
        "text": {
            **TEXT_OR_NULL,
            "description": "Of a public key; of a secret one in the answer that makes it, alone.",
        },
    }
)


describe_keys = describe_list(
    "listKeys",
    "The API keys of a project",
    "keys",
    KEY,
    THERE,
    told="By their ids, revoked ones with them.",
)
describe_making_key = describe(
    "makeKey",
    "Make an API key",
    BODY,
    ONCE,
    THERE,
    OF_SERVICE,
    answers={
        201: (KEY, "It is made; `text` is shown this once, of a secret key."),
        200: (KEY, "It was made before; of a secret key `text` is null."),
    },
    parameters=[PROJECT_ID, IDEMPOTENT, REPLAYED, LOCATION],
    request=body_of({**_OF_KEY, "kind": _KIND}, "name"),
)
describe_key = describe(
    "getKey",
    "An API key",
    THERE,
    answers={200: (KEY, "As it is.")},
    parameters=[PROJECT_ID, KEY_ID],
)
describe_key_change = describe(
    "changeKey",
    "Change an API key",
    BODY,
    THERE,
    OF_SERVICE,
    {409: ("key_revoked",)},
    answers={200: (KEY, "As it is now.")},
    parameters=[PROJECT_ID, KEY_ID],
    request=body_of(_OF_KEY),
    description="What is not in the body stays as it is.",
)
describe_revoking = describe(
    "revokeKey",
    "Revoke an API key",
    THERE,
    answers={200: (KEY, "It is refused everywhere within 10 seconds.")},
    parameters=[PROJECT_ID, KEY_ID],
    description="It cannot be undone, and stays in the list. Again is harmless.",
)
