"""A person at the pages, in a real browser, on a running service."""

import json
from typing import Any

from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import BrowserContext, Page

from tests.conftest import TestProject
from tests.members import PASSWORD
from tests.service import Gunicorn

READ_FIGURES = """() => Object.fromEntries([...document.querySelectorAll("[data-metric]")].map(
  each => [each.dataset.metric, each.dataset.value === "" ? null : Number(each.dataset.value)]))"""
READ_ROWS = """panel => [...document.querySelectorAll(`#panel-${panel} [data-key]`)].map(each => [
  "none" in each.dataset ? null : each.dataset.key, Number(each.dataset.value)])"""
SCROLL_THROUGH = """async () => {
  for (let y = 0; y < document.body.scrollHeight; y += 300) {
    scrollTo(0, y);
    await new Promise(done => setTimeout(done, 30));
  }
}"""


class Visit:
    """Somebody who looks at a project, signed in."""

    def __init__(self, page: Page, gunicorn: Gunicorn, project: TestProject) -> None:
        self.page = page
        self.project = project
        self._origin = f"http://localhost:{gunicorn.port}"
        self._gunicorn = gunicorn

    @property
    def home(self) -> str:
        return f"{self._origin}/p/{self.project.row.pk}/"

    def open(self, query: str = "", path: str = "") -> None:
        self.page.goto(f"{self.home}{path}{query}")
        self.settle()

    def settle(self) -> None:
        """Until nothing is asked any more."""
        self.page.wait_for_function(
            "() => !document.querySelector('.loading') && !document.querySelector('.htmx-request')"
        )

    def see_all(self) -> None:
        """Every part, also those that are asked for when they come near."""
        self.page.evaluate(SCROLL_THROUGH)
        self.page.wait_for_function("() => !document.querySelector('[data-stale]')")
        self.settle()

    def figures(self) -> dict[str, Any]:
        found: dict[str, Any] = self.page.evaluate(READ_FIGURES)
        return found

    def rows(self, panel: str) -> list[list[Any]]:
        found: list[list[Any]] = self.page.evaluate(READ_ROWS, panel)
        return found

    def ask(self, metrics: list[str], **question: Any) -> Any:
        """What the API of the same service answers."""
        return self.ask_path("/query", metrics=metrics, **question)

    def ask_path(self, path: str, **question: Any) -> Any:
        """As `ask`, of another kind of question."""
        body = json.dumps(question).encode()
        answer = self._gunicorn.request("POST", path, body, key=self.project.read_key)
        assert answer.status == 200, answer
        return answer.json()

    def wait_for(self, query: str) -> None:
        """Until the address has it, and the parts that it changes are there."""
        self.page.wait_for_function("query => location.search.includes(query)", arg=query)
        self.settle()


def make_user(name: str = "alice") -> User:
    """A superuser, whose password the service can check: tests hash theirs in a quicker way."""
    user = User(username=name, is_superuser=True, is_staff=True)
    user.password = PBKDF2PasswordHasher().encode(PASSWORD, "salt", iterations=1_000)
    user.save()
    return user


def sign_in(context: BrowserContext, user: User) -> None:
    """Without the form."""
    client = Client()
    client.force_login(user)
    cookie = {
        "name": "sessionid",
        "value": client.cookies["sessionid"].value,
        "domain": "localhost",
        "path": "/",
    }
    context.add_cookies([cookie])  # type: ignore[list-item]
