"""/projects/<project>/members and /invitations: who is in a project, as what."""

from typing import Any

from django.contrib.auth.models import User
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.audit import record
from analytics.databases.transactions import transact_models
from analytics.events.moments import format_moment
from analytics.projects.models import Project
from analytics.web.problems import BadRequest, Conflict, NotFound
from people.links import digest_token, make_token
from people.members.changes import LastOwner, add_member, change_role, remove_member
from people.members.invitations import (
    MAX_OPEN,
    TooMany,
    invite,
    list_open,
    mail_link,
    withdraw,
)
from people.members.models import Invitation, Member, Role, member_id
from people.web.forms import check_model, refuse
from people.web.idempotency import REPLAYED, Once
from people.web.member_schema import (
    describe_adding,
    describe_invitations,
    describe_inviting,
    describe_members,
    describe_removing,
    describe_role,
    describe_withdrawing,
)
from people.web.views import AdminView
from reporting.questions.language.json_body import Node

MAX_ID_CHARS = 64


def render_member(member: Member) -> dict[str, Any]:
    return {
        "userId": str(member.user_id),  # type: ignore[attr-defined]
        "username": member.user.get_username(),
        "role": member.role,
        "since": format_moment(member.since),
    }


def render_invitation(invitation: Invitation, link: str | None = None) -> dict[str, Any]:
    """`link` with the answer that makes it."""
    return {
        "invitationId": invitation.pk,
        "role": invitation.role,
        "email": invitation.email,
        "invitedBy": invitation.invited_by.get_username(),
        "createdAt": format_moment(invitation.created_at),
        "expiresAt": format_moment(invitation.expires_at),
        "link": link,
    }


class MemberListView(AdminView):
    @describe_members
    def get(self, request: Request, project_id: str) -> Response:
        project = self.actor_of(request).open_project(project_id)
        rows = Member.objects.filter(project=project).select_related("user")
        found, after = self.turn_page(request, rows)
        return Response({"members": [render_member(row) for row in found], "after": after})

    @describe_adding
    def post(self, request: Request, project_id: str) -> Response:
        """Somebody with an account, whom a key of the service may let in without asking them."""
        actor = self.actor_of(request)
        actor.require_service()
        project = actor.open_project(project_id)
        fields = self.body_of(request)[0].fields(("username", "role"))
        role = read_role(fields.get("role"))
        user = _read_user(fields.get("username"))
        if user is None:
            raise _refuse("username", "is nobody's, or of somebody who was shut out")
        was = Member.objects.filter(pk=member_id(project.pk, user.pk)).exists()

        def work() -> None:
            if not was:
                add_member(project.pk, user, role)
                record(actor.name, project.pk, "member.added", user.get_username(), role=role)

        if was:
            _try(lambda: change_role(project.pk, str(user.pk), role, actor.name))
        else:
            transact_models(work)
        member = _find(project, str(user.pk))
        return Response(render_member(member), 200 if was else 201)


class MemberView(AdminView):
    @describe_role
    def patch(self, request: Request, project_id: str, user_id: str) -> Response:
        actor = self.actor_of(request)
        project = actor.open_project(project_id)
        role = read_role(self.body_of(request)[0].fields(("role",)).get("role"))
        user_id = _cut(user_id)
        if not _try(lambda: change_role(project.pk, user_id, role, actor.name)):
            raise NotFound("This project has no such member.")
        return Response(render_member(_find(project, user_id)))

    @describe_removing
    def delete(self, request: Request, project_id: str, user_id: str) -> Response:
        actor = self.actor_of(request)
        project = actor.open_project(project_id)
        self.read_parameters(request, ()).check()
        if not _try(lambda: remove_member(project.pk, _cut(user_id), actor.name)):
            raise NotFound("This project has no such member.")
        return Response(status=204)


class InvitationListView(AdminView):
    @describe_invitations
    def get(self, request: Request, project_id: str) -> Response:
        project = self.actor_of(request).open_project(project_id)
        found, after = self.turn_page(request, list_open(project.pk))
        shown = [render_invitation(row) for row in found]
        return Response({"invitations": shown, "after": after})

    @describe_inviting
    def post(self, request: Request, project_id: str) -> Response:
        """In the name of an owner: what they invited people to ends with their ownership."""
        actor = self.actor_of(request)
        project = actor.open_project(project_id)
        node, body = self.body_of(request)
        once = Once(request, actor, body)
        if (made := once.find()) and (found := list_open(project.pk).filter(pk=made).first()):
            return Response(render_invitation(found), 200, headers={REPLAYED: "true"})
        fields = node.fields(("email", "role", "by"))
        role = read_role(fields.get("role"))
        email = (fields["email"].text() or "") if "email" in fields else ""
        owner = _find_owner(project, fields.get("by"))
        check_model(
            Invitation(project=project, role=role, email=email, invited_by=owner),
            exclude=("digest", "project", "invited_by", "expires_at"),
        )
        token = make_token()
        once.require_new(digest_token(token))
        try:
            invite(project, role, email, owner, actor=actor.name, token=token)
        except TooMany:
            told = f"{MAX_OPEN} invitations are open. Withdraw some."
            raise Conflict(told, code="too_many_invitations") from None
        link = request.build_absolute_uri(reverse("dashboard:open_invitation", args=[token]))
        if email:
            mail_link(email, project, role, link)
        invitation = Invitation.objects.select_related("invited_by").get(pk=digest_token(token))
        return Response(render_invitation(invitation, link), 201)


class InvitationView(AdminView):
    @describe_withdrawing
    def delete(self, request: Request, project_id: str, invitation_id: str) -> Response:
        actor = self.actor_of(request)
        project = actor.open_project(project_id)
        self.read_parameters(request, ()).check()
        if not withdraw(project.pk, _cut(invitation_id), actor.name):
            raise NotFound("This project has no such invitation.")
        return Response(status=204)


def read_role(node: Node | None) -> Role:
    """Raises BadRequest."""
    if node is None:
        raise _refuse("role", "is required", "missing_field")
    text = node.text()
    if text is not None and text not in Role.values:
        node.refuse("bad_value", f"is none of {', '.join(Role.values)}")
    node.mistakes.check()
    return Role(text or Role.VIEWER)


def _read_user(node: Node | None) -> User | None:
    """Raises BadRequest."""
    if node is None:
        raise _refuse("username", "is required", "missing_field")
    text = node.text()
    node.mistakes.check()
    return User.objects.filter(username=text, is_active=True).first()


def _find_owner(project: Project, node: Node | None) -> User:
    """The one that is named, or who has been it for longest. Raises BadRequest, Conflict."""
    owners = Member.objects.filter(project=project, role=Role.OWNER, user__is_active=True)
    owners = owners.select_related("user")
    if node is not None:
        name = node.text()
        node.mistakes.check()
        owners = owners.filter(user__username=name)
        if not owners.exists():
            raise _refuse("by", "is no owner of this project")
    member = owners.order_by("since", "pk").first()
    if member is None:
        raise Conflict("The project has no owner, in whose name one invites.", code="no_owner")
    return member.user


def _find(project: Project, user_id: str) -> Member:
    """Raises NotFound: somebody removed them at this moment."""
    found = Member.objects.filter(pk=member_id(project.pk, user_id)).select_related("user")
    member = found.first()
    if member is None:
        raise NotFound("This project has no such member.")
    return member


def _try(act: Any) -> bool:
    """Raises Conflict."""
    try:
        return bool(act())
    except LastOwner:
        told = "A project keeps an owner: make somebody else one first."
        raise Conflict(told, code="last_owner") from None


def _cut(text: str) -> str:
    return text.replace("\x00", "")[:MAX_ID_CHARS]


def _refuse(field: str, reason: str, code: str = "bad_value") -> BadRequest:
    error = {"field": field, "code": code, "detail": f"{field} {reason}."}
    return refuse([error])
