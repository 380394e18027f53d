"""Who may say who may do what in the admin: superusers, whatever else a role allows."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse

pytestmark = pytest.mark.slow

EVERYTHING = {"is_superuser": "on", "is_staff": "on", "is_active": "on"}
PASSWORD = "another horse battery"


@pytest.fixture
def bob(store: None) -> User:
    """On the staff, with every permission there is over users and groups, and no superuser."""
    bob = User.objects.create_user("bob", password="x", is_staff=True)
    bob.user_permissions.set(Permission.objects.filter(content_type__app_label="auth"))
    return bob


@pytest.fixture
def browser(bob: User) -> Client:
    return sign_in(bob)


def sign_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def change(client: Client, user: User, **fields: Any) -> int:
    """Post the form of a user's page, forged where it offers less."""
    joined = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    form = {"username": user.username, "is_active": "on", **joined, **fields}
    address = reverse("admin:auth_user_change", args=[str(user.pk)])
    return int(client.post(address, form).status_code)


def set_password(client: Client, user: User) -> int:
    address = reverse("admin:auth_user_password_change", args=[str(user.pk)])
    form = {"usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    return int(client.post(address, form).status_code)


def rights_of(user: User) -> tuple[bool, bool, int, int]:
    user = User.objects.get(pk=user.pk)
    counts = user.groups.count(), user.user_permissions.count()
    return (user.is_superuser, user.is_staff, *counts)


def all_rights() -> dict[str, Any]:
    everything = [str(pk) for pk in Permission.objects.values_list("pk", flat=True)]
    group = Group.objects.create(name="Everything")
    return {**EVERYTHING, "groups": [str(group.pk)], "user_permissions": everything}


def test_a_forged_form_gives_nobody_rights(browser: Client, bob: User) -> None:
    carol = User.objects.create_user("carol", password="x")
    before = rights_of(bob)

    assert change(browser, carol, first_name="Carol", **all_rights()) == 302
    assert change(browser, bob, **EVERYTHING) == 403

    assert rights_of(carol) == (False, False, 0, 0)
    assert rights_of(bob) == before
    assert User.objects.get(username="carol").first_name == "Carol"


def test_a_user_is_added_without_rights_whatever_the_form_says(browser: Client) -> None:
    form = {"usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    answer = browser.post(
        reverse("admin:auth_user_add"), {"username": "dave", **form, **all_rights()}
    )

    assert answer.status_code == 302
    assert rights_of(User.objects.get(username="dave")) == (False, False, 0, 0)


@pytest.mark.parametrize("kind", ["superuser", "off duty", "staff", "in a group", "permitted"])
def test_an_account_with_rights_cannot_be_taken_over(browser: Client, kind: str) -> None:
    victim = User.objects.create_user("alice", "alice@example.com", password="x")
    match kind:
        case "superuser":
            victim.is_superuser = victim.is_staff = True
        case "off duty":
            victim.is_superuser, victim.is_active = True, False
        case "staff":
            victim.is_staff = True
        case "in a group":
            victim.groups.add(Group.objects.create(name="Editors"))
        case "permitted":
            victim.user_permissions.add(Permission.objects.get(codename="change_apikey"))
    victim.save()
    before = User.objects.filter(pk=victim.pk).values().get()

    assert change(browser, victim, email="bob@example.com", username="alice2") == 403
    assert set_password(browser, victim) == 403
    address = reverse("admin:auth_user_delete", args=[str(victim.pk)])
    assert browser.post(address, {"post": "yes"}).status_code == 403
    chosen = {"_selected_action": [str(victim.pk)], "post": "yes", "action": "delete_selected"}
    browser.post(reverse("admin:auth_user_changelist"), chosen)

    assert User.objects.filter(pk=victim.pk).values().get() == before


def test_groups_are_for_superusers_to_make_and_change(browser: Client, bob: User) -> None:
    group = Group.objects.create(name="Editors")
    bob.groups.add(group)
    forged = {"name": "Editors", "permissions": all_rights()["user_permissions"]}
    address = reverse("admin:auth_group_change", args=[str(group.pk)])

    assert browser.post(address, forged).status_code == 403
    assert browser.post(reverse("admin:auth_group_add"), forged).status_code == 403
    delete = reverse("admin:auth_group_delete", args=[str(group.pk)])
    assert browser.post(delete, {"post": "yes"}).status_code == 403

    assert group.permissions.count() == 0
    assert set(Group.objects.values_list("name", flat=True)) == {"Editors", "Everything"}


def test_who_is_no_superuser_ends_no_others_sessions(browser: Client, bob: User) -> None:
    alice = User.objects.create_superuser("alice", password="x")
    other = sign_in(alice)
    chosen = {"_selected_action": [str(alice.pk)], "action": "end_all_sessions"}

    page = browser.post(reverse("admin:auth_user_changelist"), chosen, follow=True)

    assert "sessions ended" not in page.content.decode()
    assert other.get(reverse("admin:index")).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "password__startswith=m", "groups__user__password__startswith=m",
        "user__password__startswith=m", "user_permissions__user__password__startswith=m",
    ],
)  # fmt: skip
def test_no_filter_of_a_list_reads_a_password_bit_by_bit(browser: Client, query: str) -> None:
    for page in ("auth_user", "auth_group"):
        address = reverse(f"admin:{page}_changelist")
        assert browser.get(f"{address}?{query}").status_code in (302, 400)


def test_an_account_without_rights_is_theirs_to_manage(browser: Client) -> None:
    carol = User.objects.create_user("carol", password="x")

    assert change(browser, carol, email="carol@example.com") == 302
    assert set_password(browser, carol) == 302

    carol.refresh_from_db()
    assert carol.email == "carol@example.com"
    assert carol.check_password(PASSWORD)


def test_a_superuser_gives_and_takes_every_right(store: None) -> None:
    client = sign_in(User.objects.create_superuser("alice", password="x"))
    carol = User.objects.create_user("carol", password="x")
    given = all_rights()

    assert change(client, carol, **given) == 302
    assert rights_of(carol) == (True, True, 1, len(given["user_permissions"]))
    assert change(client, carol) == 302
    assert rights_of(carol) == (False, False, 0, 0)
