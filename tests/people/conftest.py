"""Who has an account, and how they come in."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from people.members.changes import add_member
from people.members.models import Role
from tests.conftest import TestProject
from tests.members import PASSWORD, let_in


def make_user(name: str, **fields: bool | str) -> User:
    return User.objects.create_user(name, password=PASSWORD, **fields)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def steady_limits(unending_windows: None) -> None:
    """What is tried too often is so however long a test takes."""


@pytest.fixture
def olga(project: TestProject) -> User:
    """The owner of a project."""
    user = make_user("olga", email="olga@example.com")
    add_member(project.row.pk, user, Role.OWNER)
    return user


@pytest.fixture
def owner(olga: User) -> Client:
    """Her browser."""
    return let_in(olga)
