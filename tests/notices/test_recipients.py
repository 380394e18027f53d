"""Who is mailed: people of the project, and whoever said yes and not yet no."""

import re
import time
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client

from analytics.databases import mongo
from analytics.databases.mongo import collection
from notices.documents import NoticeDocument, RuleDocument
from notices.outbox.notices import make_notice
from notices.recipients import consent
from notices.recipients.consent import Recipient, TooOften, ask, make_unsubscribing
from notices.recipients.standing import Standing, find_standing, is_wanted
from notices.rules import keeping
from notices.sending.asking import mail_asking
from notices.sending.send import send
from people.members.changes import add_member, remove_member
from people.members.invitations import accept_as_new, invite
from people.members.models import Role
from tests.conftest import TestProject
from tests.notices.rules import add_report, at
from tests.notices.saying import EVIL, make_report

PASSWORD = "long enough for anybody"
ADA, BOB = "ada@example.com", "bob@example.com"
NOW = at("2025-03-01 00:00")


@pytest.fixture(autouse=True)
def can_mail(settings: Any, unending_windows: None) -> None:
    settings.EMAIL_HOST, settings.PUBLIC_URL = "mail.example", "https://stats.example"
    settings.DEFAULT_FROM_EMAIL = "service@stats.example"


@pytest.fixture
def rule(project: TestProject) -> RuleDocument:
    return add_report(project, "week", 8, NOW, {"kind": "mail", "address": ADA})


def of(project: TestProject, rule: RuleDocument, address: str = ADA) -> Recipient:
    return Recipient(project.id, rule["_id"], address)


def make(project: TestProject, rule: RuleDocument, address: str = ADA) -> NoticeDocument:
    target: Any = {"kind": "mail", "address": address}
    return make_notice(project.id, rule["_id"], "report:x", target, make_report(), NOW)


def standing(recipient: Recipient) -> Standing:
    return find_standing(recipient.project, recipient.rule, recipient.address)


def ask_by_mail(recipient: Recipient, name: str = "Every week") -> str:
    """The path of the link that was mailed."""
    ask(recipient, "alice")
    assert mail_asking(recipient, "Shop", name)
    [link] = re.findall(r"https://stats\.example(\S+)", str(mail.outbox[-1].body))
    return str(link)


def end_link(message: Any) -> str:
    return str(message.extra_headers["List-Unsubscribe"]).strip("<>")[
        len("https://stats.example") :
    ]


def test_whoever_nobody_knows_is_asked_and_mailed_after_a_yes(
    project: TestProject, rule: RuleDocument
) -> None:
    ada = of(project, rule)
    assert standing(ada) == Standing.UNASKED
    assert send(make(project, rule))["result"] == "dropped"
    link = ask_by_mail(ada)
    assert (mail.outbox[-1].to, standing(ada)) == ([ADA], Standing.ASKED)
    assert send(make(project, rule))["result"] == "dropped"

    stranger = Client(enforce_csrf_checks=True)
    looked = stranger.get(link)  # as programs do that look at mails
    assert looked.status_code == 200
    assert looked["Referrer-Policy"] == "no-referrer"
    assert standing(ada) == Standing.ASKED
    for _ in range(2):
        assert stranger.post(link).status_code == 200
        assert standing(ada) == Standing.CONFIRMED
    assert send(make(project, rule)) == {"result": "sent", "detail": ""}
    assert mail.outbox[-1].subject.startswith("Shop: weekly report")


def test_one_click_ends_it_without_an_account(project: TestProject, rule: RuleDocument) -> None:
    ada = of(project, rule)
    asked = ask_by_mail(ada)
    Client().post(asked)
    send(make(project, rule))
    link = end_link(mail.outbox[-1])
    stranger = Client(enforce_csrf_checks=True)
    assert stranger.get(link).status_code == 200
    assert standing(ada) == Standing.CONFIRMED  # a look ends nothing
    answer = stranger.post(link, {"List-Unsubscribe": "One-Click"})
    assert (answer.status_code, standing(ada)) == (200, Standing.UNSUBSCRIBED)
    assert stranger.post(link, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert send(make(project, rule))["result"] == "dropped"
    # The old yes is used up; a new one is asked for, and brings it back.
    assert Client().post(asked).status_code == 404
    assert standing(ada) == Standing.UNSUBSCRIBED
    again = ask_by_mail(ada)
    assert standing(ada) == Standing.UNSUBSCRIBED
    Client().post(again)
    assert standing(ada) == Standing.CONFIRMED
    entries = collection(mongo.AUDIT).find({"project": project.id}).sort("at")
    acts = [each["act"] for each in entries if each["act"].startswith("recipient")]
    assert acts == ["recipient.confirmed", "recipient.unsubscribed", "recipient.confirmed"]


def test_a_no_is_of_one_rule_alone(project: TestProject, rule: RuleDocument) -> None:
    other = add_report(project, "day", 8, NOW, {"kind": "mail", "address": ADA})
    for each in (rule, other):
        Client().post(ask_by_mail(of(project, each)))
    consent.unsubscribe(make_unsubscribing(of(project, rule)))
    assert standing(of(project, rule)) == Standing.UNSUBSCRIBED
    assert standing(of(project, other)) == Standing.CONFIRMED


def test_members_need_no_asking_and_get_nothing_once_they_left(
    project: TestProject, rule: RuleDocument
) -> None:
    user = User.objects.create_user("ada", email="Ada@Example.com")
    owner = User.objects.create_user("olga", email="olga@example.com")
    add_member(project.row.pk, owner, Role.OWNER)
    ada = of(project, rule)
    assert standing(ada) == Standing.UNASKED
    add_member(project.row.pk, user, Role.VIEWER)
    assert standing(ada) == Standing.MEMBER
    assert send(make(project, rule))["result"] == "sent"
    remove_member(project.row.pk, str(user.pk), "olga")
    assert standing(ada) == Standing.UNASKED
    assert send(make(project, rule))["result"] == "dropped"


def test_an_address_that_a_member_typed_is_asked_as_a_strangers(
    project: TestProject, rule: RuleDocument
) -> None:
    """Else whoever has an account has anybody mailed, by saying that the address is theirs."""
    user = User.objects.create_user("mallory", email="mallory@example.com", password=PASSWORD)
    add_member(project.row.pk, user, Role.EDITOR)
    browser = Client()
    browser.force_login(user)
    account = {"section": "email", "email": ADA, "password": PASSWORD}
    assert browser.post("/account", account).status_code == 302
    ada = of(project, rule)
    assert standing(ada) == Standing.UNASKED
    now = browser.post(f"/p/{project.row.pk}/reports", {"act": "now", "rule": rule["_id"]})
    assert now.status_code == 302
    assert collection(mongo.NOTICES).count_documents({}) == 0
    assert standing(ada) == Standing.ASKED
    assert send(make(project, rule))["result"] == "dropped"

    link = ask_by_mail(ada)
    Client().post(link)  # a yes of whoever has the mailbox, for this rule
    assert standing(ada) == Standing.CONFIRMED
    browser.post(link)  # who has the mailbox has the account
    assert standing(ada) == Standing.MEMBER


def test_an_address_that_somebody_gives_with_an_invitation_is_asked(
    project: TestProject, rule: RuleDocument
) -> None:
    owner = User.objects.create_user("olga", email="olga@example.com")
    add_member(project.row.pk, owner, Role.OWNER)
    token = invite(project.row, Role.VIEWER, ADA, owner)
    accept_as_new(token, User(username="ada", email=ADA, password="!"))
    assert standing(of(project, rule)) == Standing.UNASKED


def test_a_member_can_say_no_as_well(project: TestProject, rule: RuleDocument) -> None:
    user = User.objects.create_user("ada", email=ADA)
    add_member(project.row.pk, user, Role.VIEWER)
    send(make(project, rule))
    Client().post(end_link(mail.outbox[-1]), {"List-Unsubscribe": "One-Click"})
    assert standing(of(project, rule)) == Standing.UNSUBSCRIBED
    assert not is_wanted(project.id, rule["_id"], ADA)


def test_whoever_cannot_sign_in_any_more_is_mailed_no_more(
    project: TestProject, rule: RuleDocument
) -> None:
    user = User.objects.create_user("ada", email=ADA)
    add_member(project.row.pk, user, Role.VIEWER)
    user.is_active = False
    user.save()
    assert standing(of(project, rule)) == Standing.UNASKED


def test_members_of_another_project_are_strangers(
    project: TestProject, other_project: TestProject, rule: RuleDocument
) -> None:
    add_member(other_project.row.pk, User.objects.create_user("ada", email=ADA), Role.OWNER)
    assert standing(of(project, rule)) == Standing.UNASKED
    Client().post(ask_by_mail(of(project, rule)))
    assert find_standing(other_project.id, rule["_id"], ADA) == Standing.MEMBER
    assert find_standing(other_project.id, rule["_id"], BOB) == Standing.UNASKED


def test_a_link_is_good_for_a_week(
    project: TestProject, rule: RuleDocument, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = of(project, rule)
    link = ask_by_mail(ada)
    week = 7 * 86_400
    now = time.time()
    monkeypatch.setattr("django.core.signing.time.time", lambda: now + week + 60)
    assert Client().post(link).status_code == 404
    assert standing(ada) == Standing.ASKED


def test_a_link_that_was_changed_or_is_of_something_else_does_nothing(
    project: TestProject, rule: RuleDocument
) -> None:
    ada = of(project, rule)
    link = ask_by_mail(ada)
    end = make_unsubscribing(ada)
    token = link.rpartition("/")[2]
    for path in (
        f"{link}x", f"/notices/confirm/{end}", f"/notices/unsubscribe/{token}",
        "/notices/confirm/a", f"/notices/unsubscribe/{'a' * 5_000}", "/notices/unsubscribe/\x00",
    ):  # fmt: skip
        for answer in (Client().get(path), Client().post(path)):
            assert answer.status_code == 404, path
    assert standing(ada) == Standing.ASKED


def test_asking_anew_makes_the_link_before_it_useless(
    project: TestProject, rule: RuleDocument
) -> None:
    ada = of(project, rule)
    first = ask_by_mail(ada)
    second = ask_by_mail(ada)
    assert Client().post(first).status_code == 404
    assert Client().post(second).status_code == 200


def test_what_was_mailed_is_not_mailed_again_by_a_task_that_comes_twice(
    project: TestProject, rule: RuleDocument
) -> None:
    ask_by_mail(of(project, rule))
    assert not mail_asking(of(project, rule), "Shop", "Every week")
    assert len(mail.outbox) == 1


def test_nobody_is_flooded(project: TestProject, other_project: TestProject) -> None:
    """By whichever rules and projects somebody asks."""
    for number in range(3):
        ask(Recipient((project, other_project)[number % 2].id, f"rule{number}", ADA), "alice")
    with pytest.raises(TooOften):
        ask(Recipient(project.id, "another", ADA.upper()), "alice")
    for number in range(28):
        ask(Recipient(project.id, "rule", f"{number}@example.com"), "alice")
    with pytest.raises(TooOften):
        ask(Recipient(project.id, "rule", "one-more@example.com"), "alice")
    ask(Recipient(other_project.id, "rule", "one-more@example.com"), "alice")


def test_names_in_the_mail_that_asks_are_names(project: TestProject, rule: RuleDocument) -> None:
    ask_by_mail(of(project, rule), EVIL)
    [message] = mail.outbox
    assert "\n" not in message.subject
    assert not re.search(r"^Bcc", str(message.body), re.MULTILINE)


def test_a_rule_that_is_removed_ends_what_it_asked(
    project: TestProject, rule: RuleDocument
) -> None:
    link = ask_by_mail(of(project, rule))
    send(make(project, rule))
    end = f"/notices/unsubscribe/{make_unsubscribing(of(project, rule))}"
    keeping.remove(project.row, rule["_id"], "alice")
    consent.forget_rule(project.id, rule["_id"])
    assert Client().post(link).status_code == 404
    assert Client().post(end).status_code == 200  # whoever has its mail may still say no


def test_mail_that_is_off_is_a_failure_that_says_so(
    settings: Any, project: TestProject, rule: RuleDocument
) -> None:
    Client().post(ask_by_mail(of(project, rule)))
    for name in ("EMAIL_HOST", "PUBLIC_URL"):
        before = getattr(settings, name)
        setattr(settings, name, "")
        outcome = send(make(project, rule))
        assert outcome == {"result": "failed", "detail": "Mail is not set up here."}
        setattr(settings, name, before)
