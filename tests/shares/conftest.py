"""A project whose every value says whether it is shared, and links to it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from people.shares.links import add_link
from people.shares.models import ShareLink
from people.shares.passwords import set_password
from people.shares.restriction import write_restriction
from tests.conftest import TestProject
from tests.stored import ENRICHED, store_events

GERMANY = {"field": "country", "op": "is", "values": ["DE"]}


def before_midnight(now: datetime) -> datetime:
    """As late as may be, so that no visit of the last minutes is cut by a midnight."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return now if now - midnight > timedelta(minutes=15) else midnight - timedelta(seconds=1)


NOW = before_midnight(datetime.now(UTC))


@dataclass(frozen=True)
class Visitor:
    """Somebody with the address of a link, and no cookie."""

    link: ShareLink
    token: str
    client: Client

    @property
    def home(self) -> str:
        return f"/share/{self.token}/"

    def get(self, path: str = "", **query: Any) -> Any:
        return self.client.get(self.home + path, query)

    def read(self, path: str = "", **query: Any) -> str:
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.content
        text: str = answer.content.decode()
        return text


Share = Callable[..., Visitor]


@pytest.fixture(autouse=True)
def steady_limits(unending_windows: None) -> None:
    """What is tried too often is so however long a test takes."""


@pytest.fixture
def share() -> Share:
    def make(
        project: TestProject,
        panels: tuple[str, ...] = ("pages", "sources"),
        *,
        restriction: Any = None,
        password: str = "",
        **fields: Any,
    ) -> Visitor:
        fields = {"name": "For the board", "may_choose_window": True, **fields}
        link = ShareLink(project=project.row, panels=list(panels), **fields)
        if restriction:
            link.restriction = write_restriction(restriction, project.id)
        set_password(link, password)
        return Visitor(link, add_link(link), Client())

    return make


def at(minutes_ago: float, path: str, country: str = "DE", **fields: Any) -> dict[str, Any]:
    found = {"country": country, **fields.pop("found", {})}
    return {
        "path": path,
        "title": f"Title of {path}",
        "hostname": "www.example.com",
        "timestamp": NOW - timedelta(minutes=minutes_ago),
        ENRICHED: found,
        **fields,
    }


SECRETS = ("secret", 'data-key="FR"', "mallory", "hidden-session", "Bordeaux")
"""What no link of the tests shows that has the restriction GERMANY and the panels of pages and
sources; `secret` is in every text of what is outside."""


@pytest.fixture
def told(project: TestProject) -> TestProject:
    """With what is to be seen, and what is not."""
    store_events(
        project,
        [
            at(10, "/", userId="ann", found={"source": "news", "channel": "Referral"}),
            at(8, "/pricing", userId="ann"),
            at(6, "/docs", userId="bob"),
            at(5, "/docs", "FR", userId="bob", title="secret title"),
            at(4, "/secret", "FR", userId="mallory", hostname="secret.example",
               sessionId="hidden-session",
               properties={"secret": "secret plan"},
               found={"city": "Bordeaux", "source": "secret source"}),
            at(3, "/docs", userId="bob", event="secret signup", properties={"secret": 1}),
            at(60 * 24 * 40, "/long-ago", userId="ann"),
        ],
    )  # fmt: skip
    return project
