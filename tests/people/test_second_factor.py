"""The second factor: what it asks, of whom, and that a code lets in once."""

import threading
from io import StringIO
from typing import Any

import pyotp
import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from analytics.databases import mongo
from analytics.databases.mongo import collection
from people.accounts import second_factor
from people.accounts.models import SecondFactor
from people.accounts.picture import draw_secret
from tests.members import PASSWORD, let_in
from tests.people.conftest import make_user

ADMIN = reverse("admin:login")
PAGE = "/account/second-factor"


def set_up(client: Client) -> tuple[str, list[str]]:
    """By the page; the secret, and the recovery codes that it shows."""
    page = client.get(PAGE)
    secret = page.context["secret"]
    sent = {"section": "set_up", "password": PASSWORD, "code": pyotp.TOTP(secret).now()}
    answer = client.post(PAGE, sent)
    return secret, list(answer.context["codes"])


def later_code(user: User, secret: str) -> str:
    """One that no earlier one stands before."""
    SecondFactor.objects.filter(pk=user.pk).update(last_step=0)
    return pyotp.TOTP(secret).now()


def sign_in(code: str = "", address: str = "/signin", **fields: str) -> Any:
    sent = {"username": "olga", "password": PASSWORD, "code": code, **fields}
    return Client().post(address, sent)


@pytest.mark.parametrize(
    ("moment", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_are_those_of_the_standard(moment: int, code: str) -> None:
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

    assert second_factor.find_step(secret, code, moment) == moment // 30
    assert second_factor.find_step(secret, code, moment + 30) == moment // 30
    assert second_factor.find_step(secret, code, moment + 90) is None


@pytest.mark.parametrize("address", ["/signin", ADMIN])
def test_who_has_one_is_let_in_with_its_code_alone(store: None, address: str) -> None:
    olga = make_user("olga", is_staff=True)
    secret, _ = set_up(let_in(olga))
    code = later_code(olga, secret)

    without = sign_in(address=address)
    wrong = sign_in("000000" if code != "000000" else "111111", address)
    assert (without.status_code, wrong.status_code) == (200, 200)
    assert "Please enter a correct username and password, and the code" in wrong.content.decode()
    assert sign_in(code, address, password="wrong").status_code == 200

    assert sign_in(code, address).status_code == 302


def test_a_code_lets_in_once(store: None) -> None:
    olga = make_user("olga")
    secret, _ = set_up(let_in(olga))
    code = later_code(olga, secret)

    assert sign_in(code).status_code == 302
    assert sign_in(code).status_code == 200


def test_of_two_at_once_with_the_same_code_one_is_let_in(store: None) -> None:
    olga = make_user("olga")
    secret, recovery = set_up(let_in(olga))
    for code in (later_code(olga, secret), recovery[0]):
        both = threading.Barrier(2)
        taken: list[str] = []

        def take(code: str, both: threading.Barrier, taken: list[str]) -> None:
            both.wait(timeout=60)
            taken.append(second_factor.take_code(olga, code))
            connection.close()

        threads = [threading.Thread(target=take, args=(code, both, taken)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=90)

        assert sorted(map(bool, taken)) == [False, True]


def test_a_recovery_code_lets_in_once_and_only_digests_are_kept(store: None) -> None:
    olga = make_user("olga")
    _, recovery = set_up(let_in(olga))
    assert len(set(recovery)) == 10

    assert sign_in(recovery[3].upper().replace("-", " ")).status_code == 302
    assert sign_in(recovery[3]).status_code == 200
    [kept] = collection(mongo.SECOND_FACTORS).find()
    assert len(kept["recovery"]) == 9
    assert all(code.replace("-", "") not in repr(kept) for code in recovery)


def test_wrong_codes_lock_as_wrong_passwords_do(store: None) -> None:
    olga = make_user("olga")
    secret, _ = set_up(let_in(olga))

    answers = [sign_in("no").status_code for _ in range(6)]

    assert answers == [200] * 5 + [429]
    assert sign_in(later_code(olga, secret)).status_code == 429
    failed = collection(mongo.AUDIT).count_documents({"act": "signin.failed", "subject": "olga"})
    assert failed == 5


def test_codes_cannot_be_guessed_from_many_addresses(store: None) -> None:
    """Who knows the password has ten tries, and learns by nothing that it is right."""
    olga = make_user("olga")
    secret, recovery = set_up(let_in(olga))

    def guess(number: int, **fields: str) -> Any:
        sent = {"username": "olga", "password": PASSWORD, "code": "no", **fields}
        return Client(REMOTE_ADDR=f"192.0.2.{number}").post("/signin", sent)

    for number in range(10):
        assert guess(number).status_code == 200
    right = [guess(11, code=later_code(olga, secret)), guess(12, code=recovery[0])]
    wrong = guess(13, password="wrong")

    told = [answer.context["form"].errors["__all__"] for answer in (*right, wrong)]
    assert [answer.status_code for answer in (*right, wrong)] == [200] * 3
    assert told[0] == told[1] == told[2]
    assert SecondFactor.objects.get(pk=olga.pk).last_step == 0


def test_setting_it_up_ends_the_sessions_that_never_showed_it(store: None) -> None:
    olga = make_user("olga")
    other, here = let_in(olga), let_in(olga)

    set_up(here)

    assert here.get("/account").status_code == 200
    assert other.get("/account").status_code == 302


def test_neither_a_wrong_code_nor_a_wrong_password_sets_anything_up(store: None) -> None:
    olga = make_user("olga")
    client = let_in(olga)
    secret = client.get(PAGE).context["secret"]

    sent = {"section": "set_up", "password": PASSWORD, "code": "12 34"}
    answer = client.post(PAGE, sent)
    assert "not the code of now" in answer.content.decode()
    assert answer.context["secret"] == secret

    sent |= {"code": pyotp.TOTP(secret).now(), "password": "wrong"}
    assert "not your password" in client.post(PAGE, sent).content.decode()
    assert not SecondFactor.objects.exists()


def test_taking_it_off_and_new_recovery_codes_need_a_code_and_are_limited(store: None) -> None:
    olga = make_user("olga")
    client = let_in(olga)
    _, recovery = set_up(client)

    renewed = client.post(PAGE, {"section": "renew", "code": recovery[0]}).context["codes"]
    assert not set(renewed) & set(recovery)
    assert sign_in(recovery[1]).status_code == 200  # the first wrong one
    answers = [client.post(PAGE, {"section": "remove", "code": "no"}) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [200] * 9 + [
        429
    ] * 2  # one was typed at the door
    assert int(answers[-1]["Retry-After"]) > 0
    assert SecondFactor.objects.exists()


def test_who_took_it_off_signs_in_without(store: None) -> None:
    olga = make_user("olga")
    client = let_in(olga)
    _, recovery = set_up(client)
    other = Client()
    other.post("/signin", {"username": "olga", "password": PASSWORD, "code": recovery[1]})
    assert other.get("/account").status_code == 200

    assert client.post(PAGE, {"section": "remove", "code": recovery[0]}).status_code == 302

    assert client.get("/account").status_code == 200
    assert other.get("/account").status_code == 302
    assert sign_in().status_code == 302


def test_where_it_is_required_everybody_is_led_to_it_first(store: None, settings: Settings) -> None:
    settings.SECOND_FACTOR_REQUIRED = True
    olga = make_user("olga", is_staff=True, is_superuser=True)
    client = let_in(olga)

    assert client.get("/?q=a")["Location"] == f"{PAGE}?next=%2F%3Fq%3Da"
    assert client.get("/", headers={"HX-Request": "true"}).status_code == 403
    assert client.get("/account")["Location"].startswith(PAGE)
    admin = client.get("/admin/analytics/project/", follow=True)
    assert admin.redirect_chain[-1][0] == PAGE

    _, recovery = set_up(client)

    assert client.get("/").status_code == 200
    assert client.get("/admin/").status_code == 200
    off = client.post(PAGE, {"section": "remove", "code": recovery[0]})
    assert off.status_code == 400
    assert SecondFactor.objects.exists()


def test_operators_remove_it_for_who_lost_everything(store: None) -> None:
    olga = make_user("olga")
    somewhere = let_in(olga)
    set_up(somewhere)
    output = StringIO()

    call_command("remove_second_factor", "olga", stdout=output)

    assert somewhere.get("/account").status_code == 302
    assert output.getvalue() == "removed\n"
    assert sign_in().status_code == 302


def test_only_superusers_remove_it_in_the_admin(store: None) -> None:
    olga = make_user("olga")
    set_up(let_in(olga))
    users = reverse("admin:auth_user_changelist")
    sent = {"action": "remove_factors", "_selected_action": [str(olga.pk)]}
    boss = make_user("boss", is_staff=True, is_superuser=True)

    let_in(make_user("sam", is_staff=True)).post(users, sent)
    assert SecondFactor.objects.exists()
    let_in(boss).post(users, sent)
    assert not SecondFactor.objects.exists()
    entry = collection(mongo.AUDIT).find_one({"act": "second_factor.removed"})
    assert entry is not None
    assert (entry["actor"], entry["subject"]) == ("boss", "olga")


def test_the_picture_is_plain_svg(store: None) -> None:
    picture = draw_secret(second_factor.make_secret(), User(username='<b>"&'))

    assert picture.startswith("<svg")
    assert not [part for part in ("style", "script", "<b>", " on") if part in picture]
