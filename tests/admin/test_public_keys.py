"""The admin: public keys, which web pages and apps hold."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from analytics.keys.authentication import authenticate
from analytics.projects.key_mirror import mirror_keys
from analytics.projects.models import ApiKey, Project
from analytics.web.scripts import find_hashed_name
from ingestion.enrich.bots import judge_user_agent

pytestmark = pytest.mark.slow

PUBLIC_TEXT = re.compile(r"pk_live_[a-z0-9]{8}_[A-Za-z0-9_-]{43}")
SECRET_TEXT = re.compile(r"ak_live_[a-z0-9]{8}_[A-Za-z0-9_-]{43}")


@pytest.fixture(autouse=True)
def whole_mirror(store: None) -> None:
    mirror_keys()


@pytest.fixture
def project(store: None) -> Project:
    return Project.objects.create(name="Shop")


@pytest.fixture
def key(project: Project) -> ApiKey:
    key = ApiKey.issue_public(project, "Website")
    key.save()
    return key


@pytest.fixture
def staff(store: None) -> Callable[..., Client]:
    """Bob, who may do so much and no more."""

    def sign_in(*codenames: str) -> Client:
        bob = User.objects.create_user("bob", password="x", is_staff=True)
        bob.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client = Client()
        client.force_login(bob)
        return client

    return sign_in


def url(page: str, *args: str) -> str:
    return reverse(f"admin:analytics_apikey_{page}", args=args)


def read_page(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return unescape(response.content.decode())


def post_form(client: Client, address: str, **fields: Any) -> str:
    response = client.post(address, fields, follow=True)
    assert response.status_code == 200
    assert response.redirect_chain, "the form was refused"
    return unescape(response.content.decode())


def test_a_public_key_is_made_in_three_fields_and_may_only_send(
    admin: Client, project: Project
) -> None:
    page = post_form(admin, url("add"), project=project.id, kind="public", name="Website")

    key = ApiKey.objects.get()
    assert (key.is_public, key.scopes, key.state) == (True, ["ingest"], "active")
    assert (key.rate_events_per_second, key.burst_events) == (200, 1_000)
    assert set(PUBLIC_TEXT.findall(page)) == {key.text}
    assert "not shown again" not in page
    record = authenticate(f"Bearer {key.text}")
    assert record.public
    assert record.scopes == {"ingest"}


def test_limits_of_its_own_are_kept_and_scopes_are_not(admin: Client, project: Project) -> None:
    limits = {"rate_events_per_second": "7", "burst_events": "2000"}
    form = {"project": project.id, "kind": "public", "name": "App", **limits}

    post_form(admin, url("add"), **form, scopes=["read", "admin"])

    key = ApiKey.objects.get()
    assert (key.scopes, key.rate_events_per_second, key.burst_events) == (["ingest"], 7, 2_000)


def test_a_secret_key_needs_scopes_has_its_own_defaults_and_is_shown_once(
    admin: Client, project: Project
) -> None:
    form = {"project": project.id, "name": "Server"}
    for kind in ({}, {"kind": "secret"}):
        assert b"errorlist" in admin.post(url("add"), {**form, **kind}).content
    assert not ApiKey.objects.exists()

    page = post_form(admin, url("add"), **form, scopes=["ingest"])

    key = ApiKey.objects.get()
    assert (key.is_public, key.text) == (False, "")
    assert (key.rate_events_per_second, key.burst_events) == (10_000, 10_000)
    [text] = SECRET_TEXT.findall(page)
    page = read_page(admin, url("change", key.id))
    assert text not in page
    assert "/event?key=" not in page
    assert "public" not in page


@pytest.mark.parametrize("kind", ["Public", "both", "\x00"])
def test_there_is_no_third_kind(admin: Client, project: Project, kind: str) -> None:
    form = {"project": project.id, "kind": kind, "name": "x", "scopes": ["ingest"]}
    assert b"errorlist" in admin.post(url("add"), form).content
    assert not ApiKey.objects.exists()


def test_a_public_key_is_shown_to_all_who_may_look_and_how_to_send_by_it(
    key: ApiKey, admin: Client, staff: Callable[..., Client]
) -> None:
    for client in (admin, staff("view_apikey")):
        page = read_page(client, url("change", key.id))
        assert f"<pre>{key.text}</pre>" in page
        assert f'curl -s "http://testserver/event?key={key.text}"' in page
        assert f'src="http://testserver/tracker.js" data-key="{key.text}"' in page
        assert f'src="http://testserver/{find_hashed_name()}" integrity="sha384-' in page
        assert "the project allows no origin" in page
        assert "<th" in (listed := read_page(client, url("changelist")))
        assert '<td class="field-kind">public</td>' in listed
        assert key.text not in listed


def test_the_command_that_is_shown_sends_a_person_and_no_bot(key: ApiKey, admin: Client) -> None:
    [user_agent] = re.findall(r'-A "([^"]+)"', read_page(admin, url("change", key.id)))

    assert judge_user_agent(user_agent) is None


def test_who_may_not_look_at_keys_sees_none(key: ApiKey, staff: Callable[..., Client]) -> None:
    client = staff("view_project", "change_project")
    assert client.get(url("change", key.id)).status_code == 403
    page = read_page(client, reverse("admin:analytics_project_change", args=[key.project_id]))
    assert key.text not in page


def test_a_revoked_public_key_is_shown_without_how_to_send(admin: Client, key: ApiKey) -> None:
    post_form(admin, url("change", key.id), name="Website", revoke_now="on",
              rate_events_per_second="200", burst_events="1000")  # fmt: skip

    page = read_page(admin, url("change", key.id))

    assert ApiKey.objects.get().state == "revoked"
    assert key.text in page
    assert "curl" not in page


def test_neither_form_nor_save_gives_a_public_key_more(admin: Client, key: ApiKey) -> None:
    forged = {"name": "Renamed", "rate_events_per_second": "9", "burst_events": "1000"}

    post_form(admin, url("change", key.id), **forged, scopes=["admin"], kind="secret",
              is_public="", text="pk_live_x", digest="0" * 64)  # fmt: skip

    saved = ApiKey.objects.get()
    assert (saved.name, saved.rate_events_per_second) == ("Renamed", 9)
    assert (saved.is_public, saved.scopes) == (True, ["ingest"])
    assert (saved.text, saved.digest) == (key.text, key.digest)
    saved.is_public = False
    saved.scopes = ["admin"]
    saved.save()
    assert ApiKey.objects.get().is_public
    assert authenticate(f"Bearer {key.text}").scopes == {"ingest"}


def test_a_secret_key_never_becomes_public(admin: Client, project: Project) -> None:
    secret, _ = ApiKey.issue(project, "Server", ["read"])
    secret.save()
    form = {"name": "Server", "rate_events_per_second": "9", "burst_events": "1000"}

    post_form(admin, url("change", secret.id), **form, kind="public", scopes=["read"])

    saved = ApiKey.objects.get()
    assert (saved.is_public, saved.text, saved.scopes) == (False, "", ["read"])


def test_a_public_key_is_of_the_scope_ingest_alone(project: Project) -> None:
    key = ApiKey.issue_public(project, "Website")
    for scopes in (["read"], ["ingest", "read"], ["admin"], []):
        key.scopes = scopes
        with pytest.raises(ValidationError):
            key.full_clean()


def test_keys_are_found_by_their_kind_and_by_the_text_of_a_public_one(
    admin: Client, key: ApiKey
) -> None:
    secret, _ = ApiKey.issue(key.project, "Server", ["read"])
    secret.save()
    expectations = {
        "is_public__exact=1": {"Website"},
        "is_public__exact=0": {"Server"},
        f"q={key.text}": {"Website"},
        f"q={key.prefix}": {"Website"},
        "q=pk_live_": {"Website", "Server"},
    }
    for query, names in expectations.items():
        page = read_page(admin, f"{url('changelist')}?{query}")
        shown = {name for name in ("Website", "Server") if f">{name}</a>" in page}
        assert shown == names, query


def test_the_text_of_a_public_key_is_in_no_history(admin: Client, project: Project) -> None:
    post_form(admin, url("add"), project=project.id, kind="public", name="Website")
    key = ApiKey.objects.get()
    entries = [f"{entry.object_repr} {entry.change_message}" for entry in LogEntry.objects.all()]
    assert entries
    assert key.text not in str(entries)
