"""What the OpenAPI document says about members and invitations."""

from analytics.web.openapi import Json, object_of
from people.members.models import Role
from people.web.schema import (
    BODY,
    IDEMPOTENT,
    MOMENT,
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
    made,
    one_of,
)

ROLE: Json = one_of(Role.values)
MEMBER = object_of({"userId": TEXT, "username": TEXT, "role": ROLE, "since": MOMENT})
INVITATION = object_of(
    {
        "invitationId": TEXT,
        "role": ROLE,
        "email": TEXT,
        "invitedBy": TEXT,
        "createdAt": MOMENT,
        "expiresAt": MOMENT,
        "link": {**TEXT_OR_NULL, "description": "In the answer that makes it, alone."},
    }
)
USER_ID = id_in_path("user_id", "Their userId.")
INVITATION_ID = id_in_path("invitation_id", "Its invitationId.")
LAST_OWNER = {409: ("last_owner",)}

describe_members = describe_list(
    "listMembers", "The members of a project", "members", MEMBER, THERE
)
describe_adding = describe(
    "addMember",
    "Let a user into a project",
    BODY,
    THERE,
    OF_SERVICE,
    LAST_OWNER,
    answers={201: (MEMBER, "They are a member."), 200: (MEMBER, "They were; of this role now.")},
    parameters=[PROJECT_ID],
    request=body_of({"username": TEXT, "role": ROLE}, "username", "role"),
    description="Needs a key of the service. Others invite.",
)
describe_role = describe(
    "changeMember",
    "Change the role of a member",
    BODY,
    THERE,
    LAST_OWNER,
    answers={200: (MEMBER, "As it is now.")},
    parameters=[PROJECT_ID, USER_ID],
    request=body_of({"role": ROLE}, "role"),
)
describe_removing = describe(
    "removeMember",
    "Remove a member",
    THERE,
    LAST_OWNER,
    answers={204: (None, "They are no member any more.")},
    parameters=[PROJECT_ID, USER_ID],
)
describe_invitations = describe_list(
    "listInvitations", "The open invitations of a project", "invitations", INVITATION, THERE
)
describe_inviting = describe(
    "invite",
    "Invite somebody into a project",
    BODY,
    ONCE,
    THERE,
    {409: ("no_owner", "too_many_invitations")},
    answers=made(INVITATION),
    parameters=[PROJECT_ID, IDEMPOTENT, REPLAYED],
    request=body_of(
        {
            "role": ROLE,
            "email": {**TEXT, "description": "Where mail is set up, the link is sent there."},
            "by": {**TEXT, "description": "The owner in whose name; else the first one."},
        },
        "role",
    ),
    description="The link works once, for a week.",
)
describe_withdrawing = describe(
    "withdrawInvitation",
    "Withdraw an invitation",
    THERE,
    answers={204: (None, "Its link opens nothing any more.")},
    parameters=[PROJECT_ID, INVITATION_ID],
)
