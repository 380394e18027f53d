"""The admin: projects and API keys."""

import re
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
import redis
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse

from analytics.admin import keys as keys_admin
from analytics.keys.authentication import authenticate
from analytics.keys.lookup import forget_keys
from analytics.projects import key_mirror
from analytics.projects.key_mirror import mirror_keys
from analytics.projects.models import ApiKey, Project
from analytics.web.problems import Unauthorized

pytestmark = pytest.mark.slow

KEY_TEXT = re.compile(r"ak_live_[a-z0-9]{8}_[A-Za-z0-9_-]{43}")
LIMITS = {"rate_events_per_second": "100", "burst_events": "1000"}


@pytest.fixture(autouse=True)
def whole_mirror(store: None) -> None:
    mirror_keys()


@pytest.fixture
def project(store: None) -> Project:
    return Project.objects.create(name="Shop <b>one</b>")


@pytest.fixture
def key(project: Project) -> ApiKey:
    key, _ = ApiKey.issue(project, "Website", ["ingest"])
    key.save()
    return key


def url(page: str, *args: str) -> str:
    return reverse(f"admin:{page}", args=args)


def read_page(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def post_form(client: Client, address: str, **fields: Any) -> str:
    """Send a form and follow its redirect; the page it leads to."""
    response = client.post(address, fields, follow=True)
    assert response.status_code == 200
    assert response.redirect_chain, "the form was refused"
    return response.content.decode()


def is_good(text: str) -> bool:
    forget_keys()
    try:
        authenticate(f"Bearer {text}")
    except Unauthorized:
        return False
    return True


def test_signing_in_takes_the_right_password() -> None:
    User.objects.create_superuser("alice", password="correct horse")
    client = Client()
    for password, status in (("wrong", 200), ("correct horse", 302)):
        answer = client.post(url("login"), {"username": "alice", "password": password})
        assert answer.status_code == status
    read_page(client, url("index"))


def test_pages_are_for_staff_only() -> None:
    client = Client()
    for page in ("index", "analytics_project_changelist", "analytics_apikey_add"):
        assert client.get(url(page)).status_code == 302
    client.force_login(User.objects.create_user("mallory", password="x"))
    assert client.get(url("analytics_apikey_changelist")).status_code == 302


def test_a_new_key_is_shown_once_and_works(admin: Client, project: Project) -> None:
    page = post_form(
        admin,
        url("analytics_apikey_add"),
        project=project.id,
        name="Website",
        scopes=["ingest", "read"],
        **LIMITS,
    )
    found = KEY_TEXT.findall(unescape(page))
    assert len(found) == 1
    assert is_good(found[0])

    key = ApiKey.objects.get()
    assert key.scopes == ["ingest", "read"]
    secret = found[0][-43:]  # which may hold underscores
    for address in (
        url("analytics_apikey_change", key.id),
        url("analytics_apikey_changelist"),
        url("analytics_apikey_history", key.id),
        url("index"),
    ):
        page = read_page(admin, address)
        assert secret not in page
        assert key.digest not in page
    assert secret not in str(admin.cookies)
    for entry in LogEntry.objects.all():
        assert secret not in f"{entry.object_repr} {entry.change_message}"


def test_a_keys_digest_secret_project_and_revision_cannot_be_edited(
    admin: Client, project: Project, key: ApiKey
) -> None:
    other = Project.objects.create(name="Bob's blog")
    post_form(
        admin,
        url("analytics_apikey_change", key.id),
        name="Renamed",
        scopes=["read"],
        project=other.id,
        digest="0" * 64,
        revision="99",
        id="22222222",
        **LIMITS,
    )
    saved = ApiKey.objects.get()
    assert (saved.name, saved.scopes, saved.rate_events_per_second) == ("Renamed", ["read"], 100)
    assert (saved.id, saved.digest, saved.project_id) == (key.id, key.digest, project.id)
    assert saved.revision == key.revision + 1


def test_a_key_with_a_burst_below_a_request_or_without_scopes_is_refused(
    admin: Client, project: Project
) -> None:
    form = {"project": project.id, "name": "x", "rate_events_per_second": "1"}
    for wrong in ({"burst_events": "999", "scopes": ["read"]}, {"burst_events": "1000"}):
        answer = admin.post(url("analytics_apikey_add"), {**form, **wrong})
        assert answer.status_code == 200
        assert b"errorlist" in answer.content
    assert not ApiKey.objects.exists()


def test_a_key_is_revoked_on_its_own_page(admin: Client, project: Project) -> None:
    key, text = ApiKey.issue(project, "Website", ["ingest"])
    key.save()
    assert is_good(text)
    form = {"name": "Website", "scopes": ["ingest"], **LIMITS}
    page = post_form(admin, url("analytics_apikey_change", key.id), revoke_now="on", **form)
    assert ApiKey.objects.get().state == "revoked"
    assert not is_good(text)
    assert "revoke" in read_page(admin, url("analytics_apikey_change", key.id)).lower()
    assert key.digest not in page

    admin.post(url("analytics_apikey_change", key.id), {**form, "name": "Too late"})
    assert ApiKey.objects.get().name == "Website"


def test_several_keys_are_revoked_by_the_action(admin: Client, project: Project) -> None:
    texts = []
    for name in ("one", "two", "three"):
        key, text = ApiKey.issue(project, name, ["ingest"])
        key.save()
        texts.append(text)
    chosen = [key.id for key in ApiKey.objects.exclude(name="three")]
    form: dict[str, Any] = {"action": "revoke_keys", "_selected_action": chosen}
    page = admin.post(url("analytics_apikey_changelist"), form).content.decode()
    assert "Revoke 2 API keys?" in page
    assert all(ApiKey.objects.get(pk=pk).prefix in page for pk in chosen)
    assert [is_good(text) for text in texts] == [True, True, True]

    page = post_form(admin, url("analytics_apikey_changelist"), **form, confirm="yes")
    assert "Revoked 2 API keys." in page
    assert [is_good(text) for text in texts] == [False, False, True]
    assert LogEntry.objects.filter(object_id__in=chosen).count() == 2


def test_all_that_a_filter_shows_are_asked_about_and_too_many_are_not_revoked(
    admin: Client, project: Project, key: ApiKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    second, _ = ApiKey.issue(project, "second", ["read"])
    second.save()
    form = {"action": "revoke_keys", "_selected_action": [key.id], "select_across": "1"}
    address = f"{url('analytics_apikey_changelist')}?q=Shop"

    page = admin.post(address, form).content.decode()

    assert f'value="{second.id}"' in page and f'value="{key.id}"' in page
    monkeypatch.setattr(keys_admin, "MAX_REVOKED_KEYS", 1)
    assert "Choose at most 1 keys" in post_form(admin, address, **form, confirm="yes")
    assert not ApiKey.objects.exclude(revoked_at=None).exists()


def test_no_key_is_made_that_has_expired(admin: Client, project: Project, key: ApiKey) -> None:
    form = {"name": "Late", "scopes": ["ingest"], "project": project.id, **LIMITS}
    past = {"expires_at_0": "2020-01-01", "expires_at_1": "00:00:00"}
    for address in (url("analytics_apikey_add"), url("analytics_apikey_change", key.id)):
        assert "in the past" in admin.post(address, {**form, **past}).content.decode()
    assert list(ApiKey.objects.values_list("name", "expires_at")) == [("Website", None)]

    for days in ("-1", "0", "99999999"):
        with pytest.raises(CommandError):
            call_command(
                *("create_api_key", "--project", project.id, "--name", "Late"),
                *("--scopes", "ingest", "--expires-days", days),
            )


def test_an_expired_key_keeps_its_date_when_it_is_renamed(admin: Client, key: ApiKey) -> None:
    ApiKey.objects.filter(pk=key.pk).update(expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    form = {"name": "Old", "scopes": ["ingest"], **LIMITS}
    past = {"expires_at_0": "2020-01-01", "expires_at_1": "00:00:00"}

    post_form(admin, url("analytics_apikey_change", key.id), **form, **past)

    assert ApiKey.objects.get().name == "Old"


def test_keys_are_filtered_by_project_scope_and_state_and_found_by_prefix(
    admin: Client, project: Project, key: ApiKey
) -> None:
    other, _ = ApiKey.issue(Project.objects.create(name="Bob's blog"), "Report", ["read"])
    other.save()
    other.revoke()
    expectations = {
        f"project__id__exact={project.id}": {"Website"},
        "scope=read": {"Report"},
        "state=active": {"Website"},
        "state=revoked": {"Report"},
        "state=expired": set(),
        f"q={key.prefix}": {"Website"},
        f"q=ak_live_{other.id}": {"Report"},
        "q=blog": {"Report"},
        "q=ak_live_": {"Website", "Report"},
        "q=nothing": set(),
    }
    for query, names in expectations.items():
        page = read_page(admin, f"{url('analytics_apikey_changelist')}?{query}")
        shown = {name for name in ("Website", "Report") if f">{name}</a>" in page}
        assert shown == names, query
        assert key.digest not in page


def test_neither_keys_nor_projects_can_be_deleted(
    admin: Client, project: Project, key: ApiKey
) -> None:
    for page, pk in (("analytics_project", project.id), ("analytics_apikey", key.id)):
        assert admin.post(url(f"{page}_delete", pk), {"post": "yes"}).status_code == 403
        assert "delete_selected" not in read_page(admin, url(f"{page}_changelist"))
        admin.post(
            url(f"{page}_changelist"),
            {"action": "delete_selected", "_selected_action": [pk], "post": "yes"},
        )
    assert Project.objects.count() == ApiKey.objects.count() == 1


def test_a_project_is_added_found_and_deactivated(admin: Client) -> None:
    form = {"name": "Shop", "ip_rule": "truncate"}
    post_form(admin, url("analytics_project_add"), is_active="on", **form)
    project = Project.objects.get()
    assert (project.retention_days, project.quota_events_per_month) == (None, None)
    for query in ("", "?q=Shop", f"?q={project.id}", "?is_active__exact=1"):
        page = read_page(admin, url("analytics_project_changelist") + query)
        assert project.id in page

    key, text = ApiKey.issue(project, "Website", ["ingest"])
    key.save()
    assert is_good(text)
    post_form(admin, url("analytics_project_change", project.id), **form)
    assert not is_good(text)


@pytest.mark.parametrize(
    "wrong", [{"retention_days": "1"}, {"quota_events_per_month": "0"}, {"ip_rule": "x"}]
)
def test_a_project_with_impossible_rules_is_refused(admin: Client, wrong: dict[str, str]) -> None:
    form = {"name": "Shop", "ip_rule": "drop", **wrong}
    assert b"errorlist" in admin.post(url("analytics_project_add"), form).content
    assert not Project.objects.exists()


def test_names_are_escaped_everywhere(admin: Client, project: Project, key: ApiKey) -> None:
    for page in (
        url("analytics_project_changelist"),
        url("analytics_project_change", project.id),
        url("analytics_apikey_changelist"),
        url("analytics_apikey_change", key.id),
    ):
        assert "<b>one</b>" not in read_page(admin, page)


def test_a_save_that_redis_did_not_hear_of_is_kept_and_says_so(
    admin: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, text = ApiKey.issue(project, "Website", ["ingest"])
    key.save()

    def fail() -> redis.Redis:
        raise redis.ConnectionError("Redis is down")

    monkeypatch.setattr(key_mirror, "stream_client", fail)
    form = {"name": "Website", "scopes": ["ingest"], "revoke_now": "on", **LIMITS}
    page = post_form(admin, url("analytics_apikey_change", key.id), **form)
    assert "each minute" in page
    assert ApiKey.objects.get().state == "revoked"

    page = post_form(
        admin, url("analytics_apikey_add"), project=project.id, **{**form, "name": "Second"}
    )
    assert "each minute" in page
    monkeypatch.undo()
    mirror_keys()
    assert is_good(KEY_TEXT.findall(unescape(page))[0])
    assert not is_good(text)


def test_users_and_groups_are_managed_and_deleted(admin: Client) -> None:
    form = {"username": "bob", "password1": "battery staple", "password2": "battery staple"}
    post_form(admin, url("auth_user_add"), usable_password="true", **form)
    post_form(admin, url("auth_group_add"), name="Staff")
    bob, staff = User.objects.get(username="bob"), Group.objects.get()
    bob.groups.add(staff)
    read_page(admin, url("auth_user_change", str(bob.pk)))
    read_page(admin, url("auth_group_change", str(staff.pk)))
    for page, pk in (("auth_user", bob.pk), ("auth_group", staff.pk)):
        read_page(admin, url(f"{page}_changelist"))
        post_form(
            admin,
            url(f"{page}_changelist"),
            action="delete_selected",
            _selected_action=[str(pk)],
            post="yes",
        )
    assert not User.objects.filter(username="bob").exists()
    assert not Group.objects.exists()


def test_a_user_is_deleted_on_the_users_own_page(admin: Client) -> None:
    bob = User.objects.create_user("bob", password="battery staple")
    page = post_form(admin, url("auth_user_delete", str(bob.pk)), post="yes")
    assert not User.objects.filter(username="bob").exists()
    assert "deleted successfully" in page


def test_origins_are_written_one_a_line(admin: Client, project: Project) -> None:
    form = {"name": "Shop", "is_active": "on", "ip_rule": "truncate"}
    address = url("analytics_project_change", project.id)
    lines = "https://a.example\r\n\r\n  https://*.b.example  \r\n"
    post_form(admin, address, **form, allowed_origins=lines)

    assert Project.objects.get().allowed_origins == ["https://a.example", "https://*.b.example"]
    assert "https://a.example\nhttps://*.b.example</textarea>" in read_page(admin, address)

    of_apps = ["capacitor://localhost", "ionic://localhost", "http://[::1]:3000"]
    post_form(admin, address, **form, allowed_origins="\r\n".join(of_apps))
    assert Project.objects.get().allowed_origins == of_apps

    answer = admin.post(address, {**form, "allowed_origins": "https://a.example/path"})
    assert b"is not an origin" in answer.content
    post_form(admin, address, **form, allowed_origins="")
    assert Project.objects.get().allowed_origins == []


def test_every_change_of_a_model_has_its_migration(store: None) -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
