"""`/` of a process that only takes events, and the icon."""

import re
from types import ModuleType
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import path as route

from analytics.web import front_page
from config.urls import urlpatterns as all_urls
from tests.conftest import TestProject

# Where the pages are served, `/` is theirs.
INGEST: Any = ModuleType("ingest_urls")
INGEST.urlpatterns = [route("", front_page.front_page), *all_urls]


@pytest.fixture(autouse=True)
def of_ingest(settings: LazySettings) -> None:
    settings.ROOT_URLCONF = INGEST


METHODS_REFUSED = ("POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def test_the_page_leads_to_what_the_process_serves() -> None:
    answer = Client().get("/")

    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    links = re.findall(r'<a href="(.+?)"', answer.content.decode())
    assert links == ["/docs/", "/schema/", "/healthz"]


def test_every_link_of_the_page_leads_somewhere(store: None) -> None:
    page = Client().get("/").content.decode()
    addresses = re.findall(r'(?:href|src)="(.+?)"', page)

    assert {"/docs/", "/favicon.svg"} <= set(addresses)
    for address in addresses:
        assert Client().get(address, follow=True).status_code == 200, address


def test_the_page_needs_no_script_no_other_host_and_sets_no_cookie(project: TestProject) -> None:
    answer = Client().get("/")

    page = answer.content.decode()
    assert "<script" not in page
    assert "//" not in page.replace("<!doctype", "")
    assert "prefers-color-scheme: dark" in page
    assert 'name="viewport"' in page
    assert "default-src 'self'" in answer["Content-Security-Policy"]
    assert not answer.cookies
    assert project.read_key not in page
    assert project.ingest_key not in page


@pytest.mark.parametrize(
    ("path", "content_type", "beginning"),
    [
        ("/favicon.ico", "image/x-icon", b"\x00\x00\x01\x00"),
        ("/favicon.svg", "image/svg+xml", b"<svg "),
    ],
)
def test_the_icon_is_kept_for_a_day(path: str, content_type: str, beginning: bytes) -> None:
    answer = Client().get(path)

    assert (answer.status_code, answer["Content-Type"]) == (200, content_type)
    assert answer["Cache-Control"] == "public, max-age=86400"
    assert answer.content.startswith(beginning)


@pytest.mark.parametrize("path", ["/", "/favicon.ico", "/favicon.svg"])
def test_head_is_answered_and_every_other_method_is_refused(path: str) -> None:
    client = Client(enforce_csrf_checks=True)

    head = client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head["Content-Type"] == client.get(path)["Content-Type"]
    for method in METHODS_REFUSED:
        answer = client.generic(method, path)
        assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD"), method
        assert answer["Content-Type"] == "application/problem+json"
