"""The first page of the admin: by what people do."""

import re

import pytest
from django.contrib import admin as django_admin
from django.contrib.auth.models import Permission, User
from django.test import Client

from analytics.accounts.groups import GROUPS, REST, group_models

pytestmark = pytest.mark.slow


def captions(client: Client) -> list[str]:
    page = client.get("/admin/").content.decode()
    return [text.strip() for text in re.findall(r'class="section"[^>]*>([^<]+)</a>', page)]


def test_its_lists_are_grouped_by_what_people_do(admin: Client) -> None:
    assert captions(admin)[: len(GROUPS)] == list(GROUPS)


def test_every_list_stands_there_once(admin: Client) -> None:
    page = admin.get("/admin/").content.decode()

    links = re.findall(r'<th scope="row"[^>]*>\s*<a href="([^"]+)"', page)
    assert len(links) == len(set(links)) == len(django_admin.site._registry)


def test_who_may_see_one_list_sees_its_group_alone(store: None) -> None:
    user = User.objects.create_user("bob", password="correct horse", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_deadletter"))
    client = Client()
    client.force_login(user)

    assert captions(client) == ["What became of events"]


def test_what_has_no_group_comes_last() -> None:
    apps = [{"app_label": "new", "models": [{"object_name": "Thing"}]},
            {"app_label": "auth", "models": [{"object_name": "User"}]}]  # fmt: skip

    found = group_models(apps, "/admin/")

    assert [group["name"] for group in found] == ["People", REST]
    assert found[1]["models"] == [{"object_name": "Thing"}]
