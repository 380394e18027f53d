"""Forgotten passwords: links by mail, or from who runs the service."""

import json
import re
from base64 import b64decode
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.databases.redis_clients import broker_client
from analytics.task_names import MAINTENANCE_QUEUE, SEND_RESETS
from people.accounts.models import PasswordReset
from people.accounts.resets import make_reset
from people.tasks import send_resets
from tests.members import PASSWORD, let_in
from tests.people.conftest import make_user
from tests.people.smtp import Server, taking_mail

NEW = "another horse battery"


@pytest.fixture
def server(settings: Settings) -> Iterator[Server]:
    with taking_mail() as taking:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", taking.server_address[1]
        settings.EMAIL_USE_TLS = False
        settings.DEFAULT_FROM_EMAIL = "Analytics <service@example.com>"
        yield taking


def ask(name: str, client: Client | None = None) -> Any:
    return (client or Client()).post("/signin/forgotten", {"name": name})


def run_asked() -> list[Any]:
    """What a worker is asked to do, done; what each was asked for."""
    done = []
    while found := broker_client().lpop(MAINTENANCE_QUEUE):
        message = json.loads(bytes(found))  # type: ignore[arg-type]
        assert message["headers"]["task"] == SEND_RESETS
        done.append(message["headers"]["argsrepr"])
        text = json.loads(b64decode(message["body"]))
        send_resets(*text[0])
    return done


def choose(link: str, password: str = NEW) -> Any:
    client = Client()
    opened = client.get(link)
    assert opened.status_code == 302
    return client.post(opened["Location"], {"new_password1": password, "new_password2": password})


def is_let_in(password: str) -> bool:
    sent = {"username": "olga", "password": password}
    return bool(Client().post("/signin", sent).status_code == 302)


def test_a_link_by_mail_sets_a_new_password_once(store: None, server: Server) -> None:
    olga = make_user("olga", email="olga@example.com")
    here = let_in(olga)
    assert "a link is on its way" in ask("olga").content.decode()
    run_asked()

    [text] = server.taken
    assert "To: olga@example.com" in text
    assert "From: Analytics <service@example.com>" in text
    link = re.findall(r"http://testserver(/password/[\w-]{43})", text)[0]
    assert choose(link)["Location"] == "/signin"

    entry = collection(mongo.AUDIT).find_one({"act": "password.reset_asked"})
    assert entry is not None
    assert (entry["actor"], entry["subject"]) == ("somebody at the door", "olga")
    assert is_let_in(NEW)
    assert not is_let_in(PASSWORD)
    assert here.get("/account").status_code == 302
    assert choose(link, "a third horse battery").status_code == 404
    assert is_let_in(NEW)


def test_the_answer_is_the_same_whether_there_is_such_an_account(
    store: None, server: Server
) -> None:
    make_user("olga", email="olga@example.com")
    make_user("nomail")
    answers = [ask(name) for name in ("olga", "nobody", "nomail", "olga@example.com", ".*")]

    texts = {re.sub(r'value="[^"]{64}"', "", each.content.decode()) for each in answers}
    assert len(texts) == 1
    assert len(run_asked()) == 5
    assert len(server.taken) == 2


def test_asking_is_limited_by_name_and_by_address(store: None, settings: Settings) -> None:
    settings.EMAIL_HOST = "mail.example"

    assert [ask("olga").status_code for _ in range(4)] == [200] * 3 + [429]
    answers = [ask(f"user {number}") for number in range(8)]
    assert answers[-1].status_code == 429
    assert int(answers[-1]["Retry-After"]) > 0


def test_without_mail_one_is_told_whom_to_ask(store: None) -> None:
    assert "Ask who runs this service" in Client().get("/signin/forgotten").content.decode()
    ask("olga")
    assert run_asked() == []
    assert mail.outbox == []


def test_only_superusers_make_links_in_the_admin(store: None) -> None:
    olga = make_user("olga")
    users = reverse("admin:auth_user_changelist")
    sent = {"action": "make_links", "_selected_action": [str(olga.pk)]}

    let_in(make_user("sam", is_staff=True)).post(users, sent)
    assert not PasswordReset.objects.exists()
    boss = make_user("boss", is_staff=True, is_superuser=True)
    page = let_in(boss).post(users, sent, follow=True).content.decode()

    link = re.findall(r"http://testserver(/password/[\w-]{43})", page)[0]
    assert choose(link).status_code == 302
    assert is_let_in(NEW)


def test_a_member_is_out_of_reach_of_staff_who_may_change_users(olga: User) -> None:
    """Whoever sets an owner's password owns the project."""
    sam = make_user("sam", is_staff=True)
    sam.user_permissions.set(Permission.objects.filter(codename__endswith="_user"))
    form = reverse("admin:auth_user_password_change", args=[olga.pk])

    answer = let_in(sam).post(form, {"password1": NEW, "password2": NEW, "usable_password": "true"})

    assert answer.status_code == 403
    assert not is_let_in(NEW)


def test_only_a_digest_of_a_links_token_is_kept(store: None) -> None:
    token = make_reset(make_user("olga"), "boss")

    [kept] = collection(mongo.PASSWORD_RESETS).find()
    assert token not in repr(kept)
    assert token not in repr(list(collection(mongo.AUDIT).find()))
    assert choose(f"/password/{kept['_id']}").status_code == 404
    assert (
        collection(mongo.PASSWORD_RESETS).index_information()["expiry"]["expireAfterSeconds"] == 0
    )


def test_a_link_expires_and_goes_with_the_account(store: None) -> None:
    olga = make_user("olga")
    token, second = make_reset(olga, "boss"), make_reset(olga, "boss")
    PasswordReset.objects.update(expires_at=timezone.now())
    assert choose(f"/password/{token}").status_code == 404

    PasswordReset.objects.update(expires_at=timezone.now() + timedelta(hours=1))
    User.objects.filter(pk=olga.pk).update(is_active=False)
    assert choose(f"/password/{second}").status_code == 404


def test_a_weak_password_is_refused_and_the_link_stays_good(store: None) -> None:
    token = make_reset(make_user("olga"), "boss")

    assert "too short" in choose(f"/password/{token}", "short").content.decode()
    assert choose(f"/password/{token}").status_code == 302


@pytest.mark.parametrize("kind", ["password", "invitation"])
def test_a_links_token_leaves_the_address_at_once(kind: str, store: None) -> None:
    client = Client()
    answer = client.get(f"/{kind}/some-token")

    assert (answer.status_code, answer["Location"]) == (302, f"/{kind}")
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["Cache-Control"] == "private, no-store"
    [cookie] = answer.cookies.values()
    assert cookie.value == "some-token"
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == (f"/{kind}", True, "Lax")
    page = client.get(f"/{kind}")
    assert page.status_code == 404
    assert "some-token" not in page.content.decode()


@pytest.mark.parametrize("kind", ["password", "invitation"])
def test_wrong_tokens_are_limited_by_address(kind: str, store: None) -> None:
    client = Client()
    client.get(f"/{kind}/wrong")

    answers = [client.get(f"/{kind}").status_code for _ in range(21)]

    assert answers == [404] * 20 + [429]
    assert Client(REMOTE_ADDR="203.0.113.9").get(f"/{kind}").status_code == 404


@pytest.mark.parametrize("section", ["password", "email", "admin"])
def test_a_new_password_or_address_ends_the_links_that_are_out(section: str, store: None) -> None:
    """Whoever reads the old mailbox does not come back by one of them."""
    olga = make_user("olga", email="old@example.com")
    here, token = let_in(olga), make_reset(olga, "olga")
    second = "a second horse battery"
    sent = {
        "password": {"old_password": PASSWORD, "new_password1": second, "new_password2": second},
        "email": {"email": "new@example.com", "password": PASSWORD},
    }
    if section == "admin":
        boss = let_in(make_user("boss", is_staff=True, is_superuser=True))
        form = reverse("admin:auth_user_password_change", args=[olga.pk])
        changed = {"password1": second, "password2": second, "usable_password": "true"}
        answer = boss.post(form, changed)
    else:
        answer = here.post("/account", {"section": section, **sent[section]})
    assert answer.status_code == 302

    assert choose(f"/password/{token}").status_code == 404
    assert not is_let_in(NEW)


def test_signing_in_leaves_a_link_as_it_is(store: None) -> None:
    token = make_reset(make_user("olga"), "boss")

    assert is_let_in(PASSWORD)

    assert choose(f"/password/{token}").status_code == 302
