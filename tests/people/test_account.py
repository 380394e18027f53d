"""One's own account: the password, and sessions that one ends."""

from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import User
from django.test import Client

from analytics.accounts.sessions import list_sessions
from analytics.databases import mongo
from analytics.databases.mongo import collection
from tests.members import PASSWORD, let_in
from tests.people.conftest import make_user

NEW = "another horse battery"


def change(client: Client, old: str = PASSWORD) -> int:
    sent = {"section": "password", "old_password": old, "new_password1": NEW, "new_password2": NEW}
    return client.post("/account", sent).status_code


def test_a_new_password_ends_the_other_sessions(store: None) -> None:
    olga = make_user("olga")
    here, other = let_in(olga), let_in(olga)

    assert change(here) == 302

    assert here.get("/account").status_code == 200
    assert other.get("/account").status_code == 302
    olga.refresh_from_db()
    assert olga.check_password(NEW)


def test_who_is_at_somebodys_screen_cannot_try_many_passwords(store: None) -> None:
    olga = make_user("olga")
    here = let_in(olga)

    assert [change(here, "wrong") for _ in range(10)] == [200] * 10

    assert change(here) == 200  # the right one is not even looked at
    assert User.objects.get().check_password(PASSWORD)
    assert collection(mongo.AUDIT).count_documents({"act": "password.failed"}) == 10


def test_the_address_for_links_is_changed_with_the_password_alone(store: None) -> None:
    here = let_in(make_user("olga"))

    for password, email in (("wrong", ""), (PASSWORD, "o@example.com")):
        sent = {"section": "email", "email": "o@example.com", "password": password}
        answer = here.post("/account", sent, follow=True)
        assert answer.status_code == 200
        assert User.objects.get().email == email


def test_an_old_hash_ends_no_session_when_the_password_is_asked_for(store: None) -> None:
    olga = make_user("olga")
    User.objects.update(password=MD5PasswordHasher().encode(PASSWORD, "short"))
    olga.refresh_from_db()
    here = let_in(olga)

    for _ in range(2):
        sent = {"section": "email", "email": "o@example.com", "password": PASSWORD}
        assert here.post("/account", sent)["Location"] == "/account"


def test_sessions_are_listed_and_ended_one_by_one(store: None) -> None:
    olga = make_user("olga")
    here, other = let_in(olga), Client(headers={"User-Agent": "Firefox <b>"})
    other.post("/signin", {"username": "olga", "password": PASSWORD})

    page = here.get("/account").content.decode()
    assert "Firefox &lt;b&gt;" in page
    [theirs] = [each for each in list_sessions(olga) if each.browser == "Firefox <b>"]
    assert (
        here.post("/account", {"section": "session", "session": theirs.digest}).status_code == 302
    )

    assert other.get("/account").status_code == 302
    assert here.get("/account").status_code == 200


def test_nobody_ends_the_session_of_another(store: None) -> None:
    olga, bob = make_user("olga"), make_user("bob")
    here, other = let_in(olga), let_in(bob)
    [theirs] = list_sessions(bob)

    for digest in (theirs.digest, "no hex"):
        sent = {"section": "session", "session": digest}
        assert here.post("/account", sent).status_code == 404

    assert other.get("/account").status_code == 200


def test_signing_out_everywhere_ends_all_sessions_and_nobody_elses(store: None) -> None:
    olga = make_user("olga")
    here, there, bob = let_in(olga), let_in(olga), let_in(make_user("bob"))

    assert here.post("/account", {"section": "everywhere"})["Location"] == "/signin"

    assert [each.get("/account").status_code for each in (here, there, bob)] == [302, 302, 200]


def test_what_is_no_section_is_refused(store: None) -> None:
    client = let_in(make_user("olga"))

    assert client.post("/account", {"section": "other"}).status_code == 400
    assert client.post("/account/second-factor", {}).status_code == 400
