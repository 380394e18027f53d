"""Keys that ask the admin API."""

import json
from typing import Any

import pytest
from django.test import Client

from analytics.projects.models import ApiKey
from people.service_keys import issue_service_key
from tests.conftest import TestProject


class Script:
    """A client of the admin API, with a key."""

    def __init__(self, key: str) -> None:
        self._client = Client(headers={"authorization": f"Bearer {key}"})
        self.key = key

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        sent: dict[str, Any] = {}
        if body is not None:
            sent = {"data": json.dumps(body), "content_type": "application/json"}
        return self._client.generic(method, path, headers=headers, **sent)

    def get(self, path: str, **query: Any) -> Any:
        return self._client.get(path, query)


@pytest.fixture
def owner(project: TestProject) -> Script:
    """A key of the project with the scope admin."""
    return Script(project.admin_key)


@pytest.fixture
def service(store: None) -> Script:
    key, text = issue_service_key("Terraform", "alice")
    key.save()
    return Script(text)


def make_key(project: TestProject, *scopes: str, **fields: Any) -> tuple[ApiKey, Script]:
    key, text = ApiKey.issue(project.row, "a script", scopes, **fields)
    key.save()
    return key, Script(text)
