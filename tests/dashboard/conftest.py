"""Who looks at the pages, and what there is to see."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.members import PASSWORD, let_in


@pytest.fixture
def alice(store: None) -> User:
    """A superuser."""
    return User.objects.create_superuser("alice", password=PASSWORD)


@pytest.fixture
def signed_in(alice: User) -> Client:
    """Her browser, to Django."""
    return let_in(alice)
