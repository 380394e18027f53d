"""What a role may do, and which role somebody has.

Superusers own every project. Other staff see all of them, and own them if the admin lets them
change projects: they could do there what an owner does here.
"""

from enum import StrEnum

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db.models import QuerySet

from analytics.projects.models import Project
from people.members.models import Member, Role, member_id

Someone = AbstractUser | AnonymousUser

CHANGE_PROJECTS = "analytics.change_project"


class Act(StrEnum):
    """What is done in a project, by what it takes."""

    LOOK = "look"  # see its pages, and keep things for oneself
    EDIT = "edit"  # change what its members share
    OWN = "own"  # change what is kept, keys and members, and end it


MAY = {
    Role.VIEWER: frozenset({Act.LOOK}),
    Role.EDITOR: frozenset({Act.LOOK, Act.EDIT}),
    Role.OWNER: frozenset({Act.LOOK, Act.EDIT, Act.OWN}),
}


def member_role(user: Someone, project_id: str) -> Role | None:
    """What somebody is in a project by membership alone."""
    if not user.is_active or user.pk is None:
        return None
    found = Member.objects.filter(pk=member_id(project_id, user.pk)).values_list("role", flat=True)
    role = found.first()
    return Role(role) if role else None


def role_of(user: Someone, project_id: str) -> Role | None:
    """None: somebody who may not even know that there is such a project."""
    if not user.is_active:
        return None
    if user.is_superuser:
        return Role.OWNER
    if not user.is_staff:
        return member_role(user, project_id)
    if user.has_perm(CHANGE_PROJECTS):
        return Role.OWNER
    return member_role(user, project_id) or Role.VIEWER


def may(user: Someone, project_id: str, act: Act) -> bool:
    role = role_of(user, project_id)
    return role is not None and act in MAY[role]


def list_projects(user: Someone) -> QuerySet[Project]:
    """The projects that somebody may look at, without those that are deleted."""
    there = Project.objects.filter(deleted_at=None)
    if not user.is_active:
        return there.none()
    if user.is_staff or user.is_superuser:
        return there
    ids = Member.objects.filter(user_id=user.pk).values_list("project_id", flat=True)
    return there.filter(pk__in=list(ids))
