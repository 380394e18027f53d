"""Web pages that send events by a public key, as their browsers would."""

from typing import Any

import msgspec
from django.test import Client

from analytics.projects.models import ApiKey
from analytics.remembered import forget_everything
from tests.conftest import TestProject

ADDRESS = "198.51.100.7"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"


def make_public_key(project: TestProject, name: str = "page", **limits: int) -> ApiKey:
    """A public key of a project, with limits that may be below what the admin form allows."""
    key = ApiKey.issue_public(project.row, name)
    for field, value in limits.items():
        setattr(key, field, value)
    key.save()
    return key


def set_rules(project: TestProject, **rules: Any) -> None:
    """Change the project and have every process know it."""
    for name, value in rules.items():
        setattr(project.row, name, value)
    project.row.save()
    forget_everything()


class Page:
    """Sends what it has to say as text, with the key in the address, from one address."""

    def __init__(self, key: ApiKey | str, ip: str = ADDRESS, **headers: str) -> None:
        self.key = key if isinstance(key, str) else key.text
        self._client = Client(REMOTE_ADDR=ip, HTTP_USER_AGENT=BROWSER, headers=headers)

    def send(self, body: Any, path: str = "/event", **extra: Any) -> Any:
        extra.setdefault("content_type", "text/plain;charset=UTF-8")
        if not isinstance(body, bytes):
            body = msgspec.json.encode(body)
        return self._client.post(f"{path}?key={self.key}", body, **extra)

    def look(self, **parameters: str) -> Any:
        """A view by a picture."""
        return self._client.get("/pixel.gif", {"key": self.key, **parameters})

    def send_many(self, events: Any, **extra: Any) -> Any:
        return self.send(events, "/events", **extra)
