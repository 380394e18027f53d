"""Members of a project, by their roles."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from people.members.models import Role
from tests import members
from tests.conftest import TestProject

Join = Callable[[TestProject, str], Client]


@pytest.fixture
def join(store: None) -> Join:
    """Somebody new in a project, in that role; their browser."""

    def make(project: TestProject, role: str) -> Client:
        return members.join(project, Role(role), f"{role} {User.objects.count()}")

    return make
