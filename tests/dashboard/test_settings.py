"""The settings of a project: each section saves by itself, and refuses beside the field."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from analytics.databases.mongo import PROJECT_DELETIONS, collection
from analytics.keys.lookup import forget_keys
from analytics.projects.aliases import Alias
from analytics.projects.models import ApiKey, Project
from tests.conftest import Api, TestProject
from tests.members import PASSWORD


def address(project: TestProject) -> str:
    return f"/p/{project.row.pk}/settings"


def read_page(client: Client, project: TestProject) -> str:
    answer = client.get(address(project))
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


def save(client: Client, project: TestProject, section: str, **fields: Any) -> str:
    """The page that follows; it must have been reached by a redirect."""
    answer = client.post(address(project), {"section": section, **fields})
    assert answer.status_code == 302, re.findall(r'role="alert"[^<]*', answer.content.decode())
    assert answer["Location"].startswith(address(project) + "#")
    return read_page(client, project)


def refuse(client: Client, project: TestProject, section: str, **fields: Any) -> list[str]:
    """What is told beside the fields, by their ids."""
    before = row(project)
    answer = client.post(address(project), {"section": section, **fields})
    assert answer.status_code == 200
    assert row(project) == before
    return re.findall(r'role="alert" id="([\w-]+)"', answer.content.decode())


def row(project: TestProject) -> dict[str, Any]:
    found = collection("projects").find_one({"_id": project.row.pk})
    assert found is not None
    return found


def let_in(*permissions: str, name: str = "bob") -> Client:
    """A member of the staff who may do just that."""
    user = User.objects.create_user(name, password=PASSWORD, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


GENERAL = {"name": "Shop", "time_zone": "UTC", "initial-time_zone": "UTC"}
SAVED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "general": (GENERAL, {"name": "Shop", "name_key": "shop"}),
    "website": (
        {"hostnames": "https://WWW.Shop.example/x\nshop.example", "allowed_origins": "*"},
        {"hostnames": ["www.shop.example", "shop.example"], "allowed_origins": ["*"]},
    ),
    "counting": (
        {
            "leaves_out_bots": "on",
            "excluded_addresses": "198.51.100.9/24",
            "excluded_paths": "/admin/*\n*.php",
            "excluded_hostnames": "*.Test.example",
        },
        {
            "leaves_out_bots": True,
            "honours_do_not_track": False,
            "tidies_addresses": False,
            "excluded_addresses": ["198.51.100.0/24"],
            "excluded_paths": ["/admin/*", "*.php"],
            "excluded_hostnames": ["*.test.example"],
        },
    ),
    "keeping": ({"retention_days": "90"}, {"retention_days": 90}),
}
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("general", GENERAL | {"name": ""}, "general-name"),
    ("general", GENERAL | {"name": "x" * 101}, "general-name"),
    ("general", GENERAL | {"name": "other"}, "general-name"),
    ("general", GENERAL | {"time_zone": "Mars/Base"}, "general-time_zone"),
    ("website", {"hostnames": "no host"}, "website-hostnames"),
    ("website", {"allowed_origins": "shop.example"}, "website-allowed_origins"),
    ("counting", {"excluded_addresses": "300.1.1.1"}, "counting-excluded_addresses"),
    ("counting", {"excluded_paths": "admin"}, "counting-excluded_paths"),
    ("counting", {"excluded_hostnames": "a b"}, "counting-excluded_hostnames"),
    ("keeping", {"retention_days": "1"}, "keeping-retention_days"),
    ("keeping", {"retention_days": "soon"}, "keeping-retention_days"),
    ("public", {"name": ""}, "public-name"),
    ("secret", {"name": "server"}, "secret-scopes"),
    ("secret", {"name": "server", "scopes": ["all"]}, "secret-scopes"),
    ("secret", {"name": "s", "scopes": ["read"], "expires_at": "2020-01-01"}, "secret-expires_at"),
    ("alias", {"kind": "umami", "value": "shop"}, "alias-value"),
    ("alias", {"kind": "none", "value": "shop"}, "alias-kind"),
    ("delete", {"project_name": "other"}, "delete-project_name"),
]


@pytest.mark.parametrize("section", SAVED)
def test_a_section_is_saved_without_the_others(
    section: str, project: TestProject, other_project: TestProject, signed_in: Client
) -> None:
    fields, stored = SAVED[section]
    before, neighbour = row(project), row(other_project)

    page = save(signed_in, project, section, **fields)

    assert page.count('role="status" data-said>Saved.') == 1
    assert row(project) == before | stored | (
        {"retention_applied_days": None} if section == "keeping" else {}
    )
    assert row(other_project) == neighbour
    assert "Saved." not in read_page(signed_in, project)  # told once
    assert "on the settings page" in LogEntry.objects.get().change_message


@pytest.mark.parametrize(("section", "fields", "field"), REFUSED)
def test_what_is_wrong_is_told_beside_its_field_and_nothing_is_saved(
    section: str,
    fields: dict[str, Any],
    field: str,
    project: TestProject,
    other_project: TestProject,
    signed_in: Client,
) -> None:
    Project.objects.filter(pk=other_project.row.pk).update(name="other", name_key="other")
    keys = ApiKey.objects.count()

    assert refuse(signed_in, project, section, **fields) == [f"{field}_error"]
    assert ApiKey.objects.count() == keys
    assert not Alias.objects.exists()
    assert not LogEntry.objects.exists()


def test_a_refused_name_stays_in_its_field_and_out_of_the_frame(
    project: TestProject, signed_in: Client
) -> None:
    fields = GENERAL | {"section": "general", "name": "x" * 101}
    page = signed_in.post(address(project), fields).content.decode()

    assert f'value="{"x" * 101}"' in page
    assert page.count("x" * 101) == 1


def test_a_new_time_zone_says_when_it_takes_effect(project: TestProject, signed_in: Client) -> None:
    page = save(signed_in, project, "general", **GENERAL | {"time_zone": "Asia/Kathmandu"})

    assert re.search(r"Asia/Kathmandu is in effect from \d+ \w+ \d{4}, 00:00 there", page)
    assert "until then days are those of UTC" in page


def test_a_form_that_was_open_meanwhile_undoes_no_other_section(
    project: TestProject, signed_in: Client
) -> None:
    save(signed_in, project, "general", **GENERAL | {"time_zone": "Europe/Berlin"})

    save(signed_in, project, "general", **GENERAL | {"name": "Renamed"})

    assert row(project)["time_zone"] == "Europe/Berlin"
    assert row(project)["name"] == "Renamed"


def test_a_public_key_is_made_with_its_own_limits_and_shown_with_its_snippet(
    project: TestProject, signed_in: Client
) -> None:
    page = save(signed_in, project, "public", name="<b>Blog</b>")

    key = ApiKey.objects.get(project=project.row, is_public=True)
    assert (key.name, key.scopes, key.rate_events_per_second) == ("<b>Blog</b>", ["ingest"], 200)
    assert f"data-key=&quot;{key.text}&quot;" in page or f'data-key="{key.text}"' in page
    assert "<bdi>&lt;b&gt;Blog&lt;/b&gt;</bdi>" in page


def test_a_secret_key_is_shown_once_and_works(project: TestProject, signed_in: Client) -> None:
    day = (datetime.now(UTC) + timedelta(days=9)).date()
    page = save(
        signed_in, project, "secret",
        name="server", scopes=["ingest", "read"], expires_at=day.isoformat(),
    )  # fmt: skip

    [text] = re.findall(r"ak_live_\w{8}_[\w-]{20,}", page)
    key = ApiKey.objects.get(name="server")
    assert (key.scopes, key.text, key.rate_events_per_second) == (["ingest", "read"], "", 10_000)
    assert key.expires_at is not None
    assert key.expires_at.date() == day
    assert Api(text).post("/event", '{"path":"/"}').status_code == 202
    assert text not in read_page(signed_in, project)


def test_a_revoked_key_is_refused(project: TestProject, signed_in: Client) -> None:
    key = ApiKey.objects.get(project=project.row, scopes=["ingest"])

    page = save(signed_in, project, "revoke", key=key.pk)

    forget_keys()
    assert Api(project.ingest_key).post("/event", '{"path":"/"}').status_code == 401
    assert "<b>revoked</b>" in page


def test_an_alias_is_added_and_removed(project: TestProject, signed_in: Client) -> None:
    page = save(signed_in, project, "alias", kind="plausible", value="Shop.example")

    assert Alias.objects.get().project_id == project.row.pk
    assert "<bdi>shop.example</bdi>" in page

    save(signed_in, project, "remove", alias="plausible:shop.example")

    assert not Alias.objects.exists()


def test_what_is_anothers_is_neither_revoked_nor_removed_nor_taken(
    project: TestProject, other_project: TestProject, signed_in: Client
) -> None:
    Alias.parse(other_project.row, "plausible:other.example").save()
    key = ApiKey.objects.filter(project=other_project.row)[0]

    for fields in (
        {"section": "revoke", "key": key.pk},
        {"section": "remove", "alias": "plausible:other.example"},
    ):
        assert signed_in.post(address(project), fields).status_code == 404
    taken = {"section": "alias", "kind": "plausible", "value": "other.example"}
    answer = signed_in.post(address(project), taken)

    assert "This alias is taken." in answer.content.decode()
    assert Alias.objects.get().project_id == other_project.row.pk
    key.refresh_from_db()
    assert key.state == "active"
    assert "other.example" not in read_page(signed_in, project)


def test_who_types_its_name_deletes_the_project(project: TestProject, signed_in: Client) -> None:
    fields = {"section": "delete", "project_name": project.row.name}

    answer = signed_in.post(address(project), fields)

    assert answer["Location"] == "/"
    assert "The project is being deleted." in signed_in.get("/").content.decode()
    job = collection(PROJECT_DELETIONS).find_one({"_id": project.row.pk})
    assert job is not None
    assert job["requestedBy"] == "dashboard alice"
    assert signed_in.get(address(project)).status_code == 404


ACTS: dict[str, dict[str, Any]] = {
    **{section: fields for section, (fields, _) in SAVED.items()},
    "public": {"name": "page"},
    "secret": {"name": "server", "scopes": ["admin"]},
    "revoke": {"key": "..."},
    "alias": {"kind": "plausible", "value": "shop.example"},
    "remove": {"alias": "plausible:old.example"},
    "delete": {"project_name": "test"},
}


@pytest.mark.parametrize("section", ACTS)
def test_without_the_right_a_section_is_only_read(section: str, project: TestProject) -> None:
    Alias.parse(project.row, "plausible:old.example").save()
    key = ApiKey.objects.filter(project=project.row)[0]
    fields = ACTS[section] | ({"key": key.pk} if section == "revoke" else {})
    others = {
        "public": ("change_project", "change_apikey"), "secret": ("change_project",),
        "revoke": ("change_project", "add_apikey"), "alias": ("change_project", "delete_alias"),
        "remove": ("change_project", "add_alias"), "delete": ("change_project",),
    }  # fmt: skip
    client = let_in(*others.get(section, ("add_apikey", "change_apikey", "add_alias")))
    before, keys = row(project), ApiKey.objects.count()

    assert client.post(address(project), {"section": section, **fields}).status_code == 403
    assert row(project) == before
    assert ApiKey.objects.filter(revoked_at=None).count() == keys
    assert Alias.objects.count() == 1
    assert f'name="section" value="{section}"' not in read_page(client, project)


def test_who_may_change_nothing_sees_what_is_set_and_no_form(
    project: TestProject, signed_in: Client
) -> None:
    save(signed_in, project, "website", hostnames="shop.example")

    page = read_page(let_in(), project)

    assert 'name="section"' not in page
    assert "<bdi>shop.example</bdi>" in page
    assert "You may look at these settings, not change them." in page


@pytest.mark.parametrize("permission", ["change_project", "add_apikey"])
def test_a_right_is_enough_for_its_section(permission: str, project: TestProject) -> None:
    client = let_in(permission)
    section, fields = {
        "change_project": ("general", GENERAL), "add_apikey": ("public", {"name": "page"})
    }[permission]  # fmt: skip

    assert client.post(address(project), {"section": section, **fields}).status_code == 302


@pytest.mark.parametrize("section", ACTS)
def test_nothing_is_changed_without_the_token_of_the_form(
    section: str, project: TestProject, alice: User
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    before, keys = row(project), ApiKey.objects.count()

    answer = client.post(address(project), {"section": section, **ACTS[section]})

    assert answer.status_code == 403
    assert row(project) == before
    assert ApiKey.objects.count() == keys


@pytest.mark.parametrize("section", ["", "nothing", "__class__"])
def test_a_section_that_there_is_not_is_told(
    section: str, project: TestProject, signed_in: Client
) -> None:
    assert signed_in.post(address(project), {"section": section}).status_code == 400


def test_no_two_elements_have_one_id(project: TestProject, signed_in: Client) -> None:
    ApiKey.issue_public(project.row, "page").save()
    ids = re.findall(r' id="([^"]*)"', read_page(signed_in, project))

    assert sorted(ids) == sorted(set(ids))


def test_looking_changes_nothing(project: TestProject, signed_in: Client) -> None:
    before = row(project)

    signed_in.get(address(project), {"section": "general", "name": "Sneaked in"})

    assert row(project) == before


def test_a_browser_is_left_out_on_the_projects_own_website(
    project: TestProject, signed_in: Client
) -> None:
    assert "#aq-off" in read_page(signed_in, project)

    page = save(
        signed_in, project, "website",
        hostnames="shop.example", allowed_origins="https://shop.example\nhttps://*.test.example",
    )  # fmt: skip

    assert re.findall(r'href="([^"]*#aq-off)"', page) == ["https://shop.example/#aq-off"]
