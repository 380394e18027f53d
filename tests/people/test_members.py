"""Who is in a project, and that it keeps an owner, whatever happens at the same moment."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from analytics.audit import record
from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.databases.transactions import transact_models
from people.members import changes, invitations
from people.members.changes import LastOwner, add_member, change_role, remove_member
from people.members.invitations import NotGood, accept, accept_as_new, find_invitation, invite
from people.members.models import Invitation, Member, Role
from people.members.roles import Act, list_projects, may, role_of
from tests.conftest import TestProject


class Killed(BaseException):
    """As if the process ended there."""


def make_member(project: TestProject, name: str, role: Role) -> User:
    user = User.objects.create_user(name)
    add_member(project.row.pk, user, role)
    return user


def roles_in(project: TestProject) -> dict[str, str]:
    found = Member.objects.filter(project=project.row).select_related("user")
    return {member.user.username: member.role for member in found}


def entries() -> list[str]:
    return [entry["act"] for entry in collection(mongo.AUDIT).find().sort("_id")]


@pytest.fixture
def owner(project: TestProject) -> User:
    return make_member(project, "olga", Role.OWNER)


@pytest.mark.parametrize(
    ("role", "acts"),
    [
        (Role.VIEWER, {Act.LOOK}),
        (Role.EDITOR, {Act.LOOK, Act.EDIT}),
        (Role.OWNER, {Act.LOOK, Act.EDIT, Act.OWN}),
    ],
)
def test_a_role_is_of_one_project(
    role: Role, acts: set[Act], project: TestProject, other_project: TestProject
) -> None:
    user = make_member(project, "bob", role)

    assert {act for act in Act if may(user, project.row.pk, act)} == acts
    assert role_of(user, other_project.row.pk) is None
    assert list(list_projects(user)) == [project.row]


def test_who_is_no_longer_active_may_nothing(project: TestProject, owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(is_active=False)
    owner.refresh_from_db()

    assert role_of(owner, project.row.pk) is None
    assert not list_projects(owner).exists()


@pytest.mark.parametrize("rights", [{"is_staff": True}, {"is_superuser": True}])
def test_staff_look_at_everything_and_superusers_own_it(
    rights: dict[str, Any], project: TestProject
) -> None:
    user = User.objects.create_user("sam", **rights)

    assert role_of(user, project.row.pk) == (Role.OWNER if user.is_superuser else Role.VIEWER)
    assert list(list_projects(user)) == [project.row]


def test_the_last_owner_can_neither_leave_nor_become_less(
    project: TestProject, owner: User
) -> None:
    make_member(project, "eve", Role.EDITOR)

    with pytest.raises(LastOwner):
        remove_member(project.row.pk, str(owner.pk), "olga")
    with pytest.raises(LastOwner):
        change_role(project.row.pk, str(owner.pk), Role.EDITOR, "olga")

    assert roles_in(project) == {"olga": "owner", "eve": "editor"}
    assert entries() == []


@pytest.mark.parametrize("turn", range(3))
def test_of_two_owners_who_leave_at_the_same_moment_one_stays(
    turn: int, project: TestProject, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_member(project, "otto", Role.OWNER)
    both = threading.Barrier(2)
    find, met = changes._find, threading.local()

    def meet(project_id: str, user_id: str) -> Member | None:
        found = find(project_id, user_id)
        if not getattr(met, "once", False):
            met.once = True
            both.wait(timeout=60)
        return found

    monkeypatch.setattr(changes, "_find", meet)
    ended: list[str] = []

    def leave(user: User) -> None:
        try:
            remove_member(project.row.pk, str(user.pk), user.username)
            ended.append("left")
        except LastOwner:
            ended.append("stays")
        finally:
            connection.close()

    threads = [threading.Thread(target=leave, args=(user,)) for user in (owner, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=90)

    assert sorted(ended) == ["left", "stays"]
    assert list(roles_in(project).values()) == ["owner"]
    assert entries() == ["member.removed"]


def kill_at(monkeypatch: pytest.MonkeyPatch, module: object, name: str, after: bool) -> None:
    real: Callable[..., object] = getattr(module, name)

    def killed(*args: object, **kwargs: object) -> object:
        if after:
            real(*args, **kwargs)
        raise Killed

    monkeypatch.setattr(module, name, killed)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", ["_use", "add_member", "record"])
def test_who_accepts_while_the_process_is_killed_can_accept_again(
    step: str, after: bool, project: TestProject, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = invite(project.row, Role.EDITOR, "", owner)
    with monkeypatch.context() as patch:
        kill_at(patch, invitations, step, after)
        with pytest.raises(Killed):
            accept_as_new(token, User(username="nina"))

    assert roles_in(project) == {"olga": "owner"}
    assert not User.objects.filter(username="nina").exists()
    assert entries() == ["invitation.made"]
    accept_as_new(token, User(username="nina"))
    assert roles_in(project) == {"olga": "owner", "nina": "editor"}
    assert entries() == ["invitation.made", "account.made", "member.joined"]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", ["_leave_owners", "record"])
def test_a_change_of_owners_that_is_killed_did_not_happen(
    step: str, after: bool, project: TestProject, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_member(project, "otto", Role.OWNER)
    kill_at(monkeypatch, changes, step, after)

    with pytest.raises(Killed):
        change_role(project.row.pk, str(other.pk), Role.VIEWER, "olga")

    assert roles_in(project) == {"olga": "owner", "otto": "owner"}
    assert entries() == []


def test_an_invitation_is_good_once(project: TestProject, owner: User) -> None:
    token = invite(project.row, Role.VIEWER, "", owner)
    accept(token, User.objects.create_user("bob"))

    with pytest.raises(NotGood):
        accept(token, User.objects.create_user("eve"))
    assert roles_in(project) == {"olga": "owner", "bob": "viewer"}


def test_of_two_who_accept_at_the_same_moment_one_is_let_in(
    project: TestProject, owner: User
) -> None:
    token = invite(project.row, Role.VIEWER, "", owner)
    both = threading.Barrier(2)
    ended: list[str] = []

    def enter(user: User) -> None:
        both.wait(timeout=60)
        try:
            accept(token, user)
            ended.append("in")
        except NotGood:
            ended.append("out")
        finally:
            connection.close()

    users = [User.objects.create_user(name) for name in ("bob", "eve")]
    threads = [threading.Thread(target=enter, args=(user,)) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=90)

    assert sorted(ended) == ["in", "out"]
    assert len(roles_in(project)) == 2


def test_only_a_digest_of_an_invitations_token_is_kept(project: TestProject, owner: User) -> None:
    token = invite(project.row, Role.VIEWER, "bob@example.com", owner)

    [kept] = collection(mongo.INVITATIONS).find()
    assert token not in repr(kept)
    with pytest.raises(NotGood):
        find_invitation(kept["_id"])
    assert token not in repr(list(collection(mongo.AUDIT).find()))


def test_an_invitation_expires_and_the_store_removes_it(project: TestProject, owner: User) -> None:
    token = invite(project.row, Role.VIEWER, "", owner)
    Invitation.objects.update(expires_at=Invitation.objects.get().created_at)

    with pytest.raises(NotGood):
        find_invitation(token)
    assert collection(mongo.INVITATIONS).index_information()["expiry"]["expireAfterSeconds"] == 0


def test_who_is_no_owner_any_more_let_nobody_in(project: TestProject, owner: User) -> None:
    other = make_member(project, "otto", Role.OWNER)
    token = invite(project.row, Role.OWNER, "", other)

    change_role(project.row.pk, str(other.pk), Role.VIEWER, "olga")

    with pytest.raises(NotGood):
        find_invitation(token)


def test_an_invitation_makes_nobody_less_than_they_are(project: TestProject, owner: User) -> None:
    token = invite(project.row, Role.VIEWER, "", owner)

    with pytest.raises(NotGood):
        accept(token, owner)
    assert roles_in(project) == {"olga": "owner"}
    assert find_invitation(token)


def test_what_fails_inside_of_a_transaction_leaves_no_entry(
    project: TestProject, owner: User
) -> None:
    def work() -> None:
        record("olga", project.row.pk, "member.changed", "bob")
        raise ValueError

    with pytest.raises(ValueError):
        transact_models(work)
    assert entries() == []


def shut_out(user: User) -> None:
    user.is_active = False
    user.save()


@pytest.mark.parametrize("role", [Role.EDITOR, None])
def test_an_owner_who_was_shut_out_is_none_that_stays(
    role: Role | None, project: TestProject, owner: User
) -> None:
    gone = make_member(project, "otto", Role.OWNER)
    shut_out(gone)

    def end(user: User) -> None:
        if role is None:
            remove_member(project.row.pk, str(user.pk), "olga")
        else:
            change_role(project.row.pk, str(user.pk), role, "olga")

    with pytest.raises(LastOwner):
        end(owner)
    end(gone)

    assert roles_in(project)["olga"] == "owner"
    assert roles_in(project).get("otto") == role


def test_an_invitation_lets_in_while_who_made_it_may_invite(
    project: TestProject, owner: User
) -> None:
    """However they lost it: as a member, by an account shut out, or by rights in the admin."""
    staff = User.objects.create_user("sam", is_staff=True, is_superuser=True)
    make_member(project, "otto", Role.OWNER)
    tokens = [invite(project.row, Role.OWNER, "", user) for user in (owner, staff)]
    for token in tokens:
        assert find_invitation(token).role == Role.OWNER

    shut_out(owner)
    User.objects.filter(pk=staff.pk).update(is_superuser=False)

    for number, token in enumerate(tokens):
        with pytest.raises(NotGood):
            accept_as_new(token, User(username=f"nina{number}"))
    assert set(roles_in(project)) == {"olga", "otto"}
