"""Invitations: a link that lets one person into a project, once, within a week."""

from datetime import timedelta

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils import timezone

from analytics.audit import record
from analytics.databases.transactions import transact_models
from analytics.projects.models import Project
from people.accounts.addresses import note_claimed
from people.links import digest_token, make_token
from people.mail import mail
from people.members.changes import add_member
from people.members.models import Invitation, Role
from people.members.roles import Act, may, member_role

LIFETIME = timedelta(days=7)
MAX_OPEN = 100

_RANKS = list(Role)


class TooMany(Exception):
    """MAX_OPEN invitations of the project are open."""


class NotGood(Exception):
    """Used, withdrawn, expired, never given, or of somebody who may invite no more: none is told
    from another."""


def list_open(project_id: str) -> QuerySet[Invitation]:
    found = Invitation.objects.filter(project_id=project_id, expires_at__gt=timezone.now())
    return found.select_related("invited_by")


def invite(
    project: Project, role: Role, email: str, by: User, *, actor: str = "", token: str = ""
) -> str:
    """The token of a new invitation, which can be shown now and never again. Raises TooMany.

    `actor` is who did it in the name of `by`, where it was not they themselves.
    """
    token = token or make_token()

    def work() -> str:
        if list_open(project.pk).count() >= MAX_OPEN:
            raise TooMany
        Invitation.objects.create(
            digest=digest_token(token),
            project=project,
            role=role,
            email=email,
            invited_by=by,
            expires_at=timezone.now() + LIFETIME,
        )
        record(actor or by.get_username(), project.pk, "invitation.made", email, role=role)
        return token

    return transact_models(work)


def mail_link(address: str, project: Project, role: Role, link: str) -> bool:
    """Whether the server took the mail of an invitation; False where none is set up."""
    text = (
        f"You are invited to look at {project.name}, as {role.label.lower()}.\n\n{link}\n\n"
        f"The link works once, and for {LIFETIME.days} days. Who does not know of this may "
        "forget it.\n"
    )
    return mail(address, f"Invitation to {project.name}", text)


def withdraw(project_id: str, digest: str, actor: str) -> bool:
    """Whether there was such an invitation."""

    def work() -> bool:
        found = Invitation.objects.filter(pk=digest, project_id=project_id).first()
        if found is None or not _use(found):
            return False
        record(actor, project_id, "invitation.withdrawn", found.email, role=found.role)
        return True

    return transact_models(work)


def find_invitation(token: str) -> Invitation:
    """Raises NotGood."""
    found = Invitation.objects.filter(
        pk=digest_token(token), expires_at__gt=timezone.now(), project__deleted_at=None
    )
    invitation = found.select_related("project", "invited_by").first()
    if invitation is None or not may(invitation.invited_by, invitation.project_id, Act.OWN):
        raise NotGood
    return invitation


def gives_more(invitation: Invitation, user: User) -> bool:
    """Whether somebody would be more in the project by it than they are as a member."""
    has = member_role(user, invitation.project_id)
    return has is None or _RANKS.index(has) < _RANKS.index(Role(invitation.role))


def accept(token: str, user: User) -> Invitation:
    """Let the user in, and use the invitation up. Raises NotGood."""
    return transact_models(lambda: _accept(token, user))


def accept_as_new(token: str, asked: User) -> User:
    """The same, of an account like `asked`, which it makes.

    Raises NotGood, and IntegrityError where somebody else took the name meanwhile.
    """

    def work() -> User:
        new = User(username=asked.username, email=asked.email, password=asked.password)
        new.save(force_insert=True)
        note_claimed(new)
        record(new.get_username(), None, "account.made", new.get_username())
        _accept(token, new)
        return new

    return transact_models(work)


def _accept(token: str, user: User) -> Invitation:
    invitation = find_invitation(token)
    if not gives_more(invitation, user) or not _use(invitation):
        raise NotGood
    add_member(invitation.project_id, user, Role(invitation.role))
    name, by = user.get_username(), invitation.invited_by.get_username()
    record(name, invitation.project_id, "member.joined", name, role=invitation.role, invited_by=by)
    return invitation


def _use(invitation: Invitation) -> bool:
    """False: somebody else did, meanwhile."""
    return Invitation.objects.filter(pk=invitation.pk).delete()[0] == 1
