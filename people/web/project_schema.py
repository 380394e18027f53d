"""What the OpenAPI document says about projects."""

from drf_spectacular.utils import OpenApiParameter

from analytics.web.openapi import Json, describe_header, object_of
from people.web.schema import (
    BODY,
    FLAG,
    IDEMPOTENT,
    LOCATION,
    MOMENT,
    NAME,
    NUMBER_OR_NULL,
    OF_SERVICE,
    ONCE,
    PROJECT_ID,
    REPLAYED,
    TEXT,
    TEXTS,
    THERE,
    body_of,
    describe,
    describe_list,
    made,
    one_of,
)
from upkeep.deletion.job import Deletion

_SETTINGS: Json = {
    "name": NAME,
    "timeZone": {**TEXT, "description": "By its IANA name; in effect at the next midnight there."},
    "hostnames": TEXTS,
    "allowedOrigins": TEXTS,
    "leavesOutBots": FLAG,
    "honoursDoNotTrack": FLAG,
    "tidiesAddresses": FLAG,
    "excludedAddresses": TEXTS,
    "excludedPaths": TEXTS,
    "excludedHostnames": TEXTS,
    "retentionDays": NUMBER_OR_NULL,
    "columnsRetentionDays": NUMBER_OR_NULL,
    "isActive": {**FLAG, "description": "Changed by keys of the service alone, like what follows."},
    "quotaEventsPerMonth": NUMBER_OR_NULL,
    "publicQuotaEventsPerMonth": NUMBER_OR_NULL,
    "publicMaxAgeHours": {"type": "integer", "minimum": 1},
    "allowedEvents": TEXTS,
    "allowedProperties": TEXTS,
    "ipRule": one_of(["keep", "truncate", "drop"]),
}
PROJECT = object_of({"projectId": TEXT, **_SETTINGS, "createdAt": MOMENT})
DELETION = object_of(
    {
        "projectId": TEXT,
        "state": one_of(dict.fromkeys(Deletion.STATES.values())),
        "requestedAt": MOMENT,
        "finishedAt": MOMENT,
    },
    optional=("finishedAt",),
)
describe_projects = describe_list(
    "listProjects", "The projects of the key", "projects", PROJECT, parameters=()
)
describe_making_project = describe(
    "makeProject",
    "Make a project",
    BODY,
    ONCE,
    OF_SERVICE,
    {409: ("name_taken",)},
    answers=made(PROJECT),
    parameters=[IDEMPOTENT, REPLAYED, LOCATION],
    request=body_of(_SETTINGS, "name"),
    description="Needs a key of the service. It has no API key yet.",
)
describe_project = describe(
    "getProject",
    "A project and its settings",
    THERE,
    answers={200: (PROJECT, "As it is.")},
    parameters=[PROJECT_ID],
)
describe_project_change = describe(
    "changeProject",
    "Change settings of a project",
    BODY,
    OF_SERVICE,
    THERE,
    {409: ("name_taken",)},
    answers={200: (PROJECT, "As it is now.")},
    parameters=[PROJECT_ID],
    request=body_of(_SETTINGS),
    description="What is not in the body stays as it is.",
)
describe_deleting = describe(
    "deleteProject",
    "Delete a project",
    THERE,
    {400: ("missing_parameter", "bad_value")},
    answers={202: (DELETION, "Its keys are revoked; a job removes what it holds.")},
    parameters=[
        PROJECT_ID,
        OpenApiParameter("name", str, description="Its name, to show that it is meant.",
                         required=True),
        describe_header("Location", "Where to follow the job.", 202),
    ],
)  # fmt: skip
describe_deletion = describe(
    "getDeletion",
    "How far the deletion of a project is",
    OF_SERVICE,
    THERE,
    answers={200: (DELETION, "Its state.")},
    parameters=[PROJECT_ID],
    description="Needs a key of the service: those of the project are revoked.",
)
