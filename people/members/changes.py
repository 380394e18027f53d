"""Changes of who is in a project. Each is one transaction, its entry in the audit log included.

The last owner stays one: whoever is to be no owner any more is so only beside another, who can
still sign in. Two such changes at once write the same documents, the owners', and so one of them
waits for the other.
"""

from django.contrib.auth.models import User
from django.db.models import F

from analytics.audit import record
from analytics.databases.transactions import transact_models
from people.members.models import Invitation, Member, Role, member_id


class LastOwner(Exception):
    """A project keeps an owner."""


def add_member(project_id: str, user: User, role: Role) -> None:
    """Inside of a transaction; who is a member already becomes one of this role."""
    pk = member_id(project_id, user.pk)
    if not Member.objects.filter(pk=pk).update(role=role, revision=F("revision") + 1):
        Member.objects.create(pk=pk, project_id=project_id, user=user, role=role)


def change_role(project_id: str, user_id: str, role: Role, actor: str) -> bool:
    """Whether there is such a member. Raises LastOwner."""

    def work() -> bool:
        member = _find(project_id, user_id)
        if member is None or member.role == role:
            return member is not None
        if member.role == Role.OWNER:
            _leave_owners(member)
        Member.objects.filter(pk=member.pk).update(role=role, revision=F("revision") + 1)
        name = member.user.get_username()
        record(actor, project_id, "member.changed", name, before=member.role, role=role)
        return True

    return transact_models(work)


def remove_member(project_id: str, user_id: str, actor: str) -> bool:
    """Whether there was such a member. Raises LastOwner."""

    def work() -> bool:
        member = _find(project_id, user_id)
        if member is None:
            return False
        if member.role == Role.OWNER:
            _leave_owners(member)
        Member.objects.filter(pk=member.pk).delete()
        name = member.user.get_username()
        record(actor, project_id, "member.removed", name, role=member.role)
        return True

    return transact_models(work)


def _find(project_id: str, user_id: str) -> Member | None:
    found = Member.objects.filter(pk=member_id(project_id, user_id), project_id=project_id)
    return found.select_related("user").first()


def _leave_owners(member: Member) -> None:
    """What they invited people to goes with it. Raises LastOwner."""
    owners = Member.objects.filter(project_id=member.project_id, role=Role.OWNER)
    owners.update(revision=F("revision") + 1)
    others = owners.exclude(pk=member.pk).values_list("user_id", flat=True)
    if not User.objects.filter(pk__in=list(others), is_active=True).exists():
        raise LastOwner
    Invitation.objects.filter(project_id=member.project_id, invited_by=member.user).delete()
