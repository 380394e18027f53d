"""Who looks at the admin."""

import pytest
from django.contrib.auth.models import User
from django.test import Client


@pytest.fixture
def admin(store: None) -> Client:
    """Alice, a superuser, signed in."""
    client = Client()
    client.force_login(User.objects.create_superuser("alice", password="correct horse"))
    return client
