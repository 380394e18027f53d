"""What the OpenAPI document says about share links."""

from analytics.web.openapi import Codes, Json, object_of
from people.shares.shared import PANELS
from people.web.schema import (
    BODY,
    FLAG,
    IDEMPOTENT,
    MOMENT,
    MOMENT_OR_NULL,
    NAME,
    ONCE,
    PROJECT_ID,
    REPLAYED,
    TEXT,
    TEXT_OR_NULL,
    TEXTS,
    THERE,
    body_of,
    describe,
    describe_list,
    id_in_path,
    made,
    one_of,
)
from reporting.web.codes import ENGINE
from reporting.web.query_operations import FILTER_CODES

_FIELDS: Json = {
    "name": NAME,
    "panels": {"type": "array", "items": one_of(PANELS)},
    "period": {**TEXT, "description": "The first window, by a name of `POST /query`; or empty,"},
    "start": {**TEXT, "description": "and days of its own from this one"},
    "end": {**TEXT, "description": "to before this one."},
    "mayChooseWindow": FLAG,
    "expiresAt": MOMENT_OR_NULL,
    "origins": TEXTS,
}
LINK = object_of(
    {
        "linkId": TEXT,
        "state": one_of(["active", "expired", "revoked"]),
        **_FIELDS,
        "filter": {**TEXT_OR_NULL, "description": "As JSON of the query language."},
        "hasPassword": FLAG,
        "uses": {"type": "integer"},
        "createdBy": TEXT,
        "createdAt": MOMENT,
        "lastUsedAt": MOMENT_OR_NULL,
        "revokedAt": MOMENT_OR_NULL,
        "address": {**TEXT_OR_NULL, "description": "In the answer that makes it, alone."},
    }
)
_BODY: Json = {
    **_FIELDS,
    "filter": {
        "type": ["object", "null"],
        "description": "A filter of `POST /query`: for who has the link no other events are there.",
    },
    "password": {**TEXT_OR_NULL, "maxLength": 128},
}
_ENGINE: Codes = {400: ("query_timeout", "query_too_large"), 503: ENGINE}
LINK_ID = id_in_path("link_id", "Its linkId.")

describe_links = describe_list(
    "listLinks",
    "The share links of a project",
    "links",
    LINK,
    THERE,
    told="By their ids, those that are over with them.",
)
describe_making_link = describe(
    "makeLink",
    "Make a share link",
    BODY,
    FILTER_CODES,
    _ENGINE,
    ONCE,
    THERE,
    answers=made(LINK),
    parameters=[PROJECT_ID, IDEMPOTENT, REPLAYED],
    request=body_of(_BODY, "name"),
)
describe_link = describe(
    "getLink",
    "A share link",
    THERE,
    answers={200: (LINK, "As it is.")},
    parameters=[PROJECT_ID, LINK_ID],
)
describe_link_change = describe(
    "changeLink",
    "Change a share link",
    BODY,
    FILTER_CODES,
    _ENGINE,
    THERE,
    {409: ("link_revoked",)},
    answers={200: (LINK, "As it is now.")},
    parameters=[PROJECT_ID, LINK_ID],
    request=body_of(_BODY),
    description="What is not in the body stays as it is. A new password ends what it opened.",
)
describe_ending = describe(
    "revokeLink",
    "Revoke a share link",
    THERE,
    answers={200: (LINK, "It opens nothing any more.")},
    parameters=[PROJECT_ID, LINK_ID],
    description="It cannot be undone. Again is harmless.",
)
