"""Somebody in a project, and their browser."""

from django.contrib.auth.models import User
from django.test import Client

from people.members.changes import add_member
from people.members.models import Role
from tests.conftest import TestProject

PASSWORD = "correct horse battery"


def let_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def join(project: TestProject, role: Role | None, name: str) -> Client:
    """Somebody new, in that role; None: a member of nothing."""
    user = User.objects.create_user(name)
    if role:
        add_member(project.row.pk, user, role)
    return let_in(user)
