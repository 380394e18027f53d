"""The page of reports and alerts: what is sent to whom, how it went, and its changes."""

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client

from analytics.databases import mongo
from analytics.databases.mongo import collection
from notices.documents import RuleDocument
from notices.outbox.sending_round import send_waiting
from notices.recipients.standing import Standing, find_standing
from notices.rounds import look_at_rules
from notices.rules import keeping
from notices.rules.slots import GRACE, find_due_report
from notices.rules.store import list_rules
from notices.sending.send import send
from notices.tasks import ask_recipient_task
from people.members.changes import add_member
from people.members.models import Role
from tests.conftest import TestProject
from tests.dashboard.traffic import make_visits, store
from tests.members import let_in

pytestmark = pytest.mark.usefixtures("unending_windows")

ADA = "ada@example.com"
NEVER_AGAIN = "Copy it now, it is not shown again."
HOOK = "https://hooks.example/services/T0/SECRET"
REPORT = {
    "act": "add", "kind": "report", "name": "Every Monday", "every": "week", "hour": "8",
    "hooks": HOOK,
}  # fmt: skip
ALERT = {
    "act": "add", "kind": "alert", "name": "Many visitors", "metric": "visitors", "how": "above",
    "value": "1000", "unit": "day", "direction": "either", "against": "before",
    "silent_minutes": "60", "pause_hours": "24", "slacks": HOOK,
}  # fmt: skip


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Tasks that are asked for, which run at once."""
    asked: list[tuple[str, Any]] = []

    def run(name: str, args: Any = (), **_: Any) -> None:
        asked.append((name, args))
        if name == "notices.ask_recipient":
            ask_recipient_task.run(*args)

    monkeypatch.setattr("celery.current_app.send_task", run)
    return asked


@pytest.fixture
def mailing(settings: Any) -> None:
    settings.EMAIL_HOST, settings.PUBLIC_URL = "mail.example", "https://stats.example"
    settings.DEFAULT_FROM_EMAIL = "service@stats.example"


@pytest.fixture
def editor(project: TestProject) -> Client:
    user = User.objects.create_user("ed", email="ed@example.com")
    add_member(project.row.pk, user, Role.EDITOR)
    return let_in(user)


def page_of(project: TestProject) -> str:
    return f"/p/{project.row.pk}/reports"


def text_of(answer: Any) -> str:
    """What is to be read, its markup left out."""
    page = re.sub(r"<[^>]*>", " ", answer.content.decode())
    return " ".join(html.unescape(page).split())


def errors_of(answer: Any) -> list[str]:
    found = re.findall(r'role="alert"[^>]*>([^<]*)', answer.content.decode())
    return [html.unescape(each) for each in found]


def post(client: Client, project: TestProject, form: dict[str, str], **more: str) -> str:
    """Done, and then what the page says."""
    answer = client.post(page_of(project), {**form, **more})
    assert answer.status_code == 302, errors_of(answer)
    return text_of(client.get(page_of(project)))


def only_rule(project: TestProject) -> RuleDocument:
    [rule] = list_rules(project.id)
    return rule


def test_a_report_is_made_shown_changed_paused_and_removed(
    editor: Client, project: TestProject
) -> None:
    told = post(editor, project, REPORT)
    rule = only_rule(project)
    assert rule["report"] == {"every": "week", "hour": 8, "filters": []}
    assert "Every Monday report" in told
    assert "Weekly report, at 08:00" in told
    assert "hooks.example" in told
    assert re.search(r"Next \w{3} \d+ \w{3} \d{4}, 08:00, for \d+", told)
    assert "Last sending none yet" in told

    change = {**REPORT, "act": "change", "rule": rule["_id"], "filters": "is:country:DE"}
    told = post(editor, project, change, every="month", hour="0", name="<i>Monthly</i>")
    changed = only_rule(project)
    assert changed["report"] == {"every": "month", "hour": 0, "filters": ["is:country:DE"]}
    assert changed["targets"] == rule["targets"]  # with the secret it had
    assert "<i>Monthly</i>" in told
    assert "Only Country is DE" in told

    for act, word in (("pause", "paused"), ("resume", "on")):
        told = post(editor, project, {"act": act, "rule": rule["_id"]})
        assert f"report {word}" in told
    assert "Nothing yet." in post(editor, project, {"act": "remove", "rule": rule["_id"]})
    assert list_rules(project.id) == []
    acts = [each["act"] for each in collection(mongo.AUDIT).find({"project": project.id})]
    assert [act for act in acts if act.startswith("rule")] == [
        "rule.added", "rule.changed", "rule.paused", "rule.resumed", "rule.removed",
    ]  # fmt: skip


def test_the_secret_of_a_webhook_is_shown_once(editor: Client, project: TestProject) -> None:
    told = post(editor, project, REPORT)
    [target] = only_rule(project)["targets"]
    assert target["kind"] == "webhook"
    assert f"This secret signs what hooks.example gets. {NEVER_AGAIN} {target['secret']}" in told
    assert target["secret"].startswith("whsec_")
    assert target["secret"] not in editor.get(page_of(project)).content.decode()


def test_a_webhook_that_is_signed_from_now_on_has_a_secret_that_is_shown(
    editor: Client, project: TestProject
) -> None:
    url = REPORT["hooks"]
    post(editor, project, REPORT, hooks="", slacks=url)
    rule = only_rule(project)
    change = {**REPORT, "act": "change", "rule": rule["_id"]}
    told = post(editor, project, change)
    [target] = only_rule(project)["targets"]
    assert target["kind"] == "webhook"
    assert target["secret"] != rule["targets"][0]["secret"]  # type: ignore[typeddict-item]
    assert target["secret"] in told


def test_an_alert_is_made_and_tried_on_the_past_before(
    editor: Client, project: TestProject
) -> None:
    store(project, make_visits(5, 12, until=datetime.now(UTC) - timedelta(days=1)))
    answer = editor.post(page_of(project), {**ALERT, "value": "3", "try": "1"})
    assert answer.status_code == 200
    found = re.search(r"In the last 30 days it would have fired (.*?)\. ", text_of(answer))
    assert found
    assert found[1] in ("once", "twice", "3 times", "4 times", "5 times")
    assert 'value="3.0"' in answer.content.decode() or 'value="3"' in answer.content.decode()
    assert list_rules(project.id) == []  # it is only tried

    never = editor.post(page_of(project), {**ALERT, "try": "1"})
    assert "In the last 30 days it would have fired not once." in text_of(never)
    told = post(editor, project, ALERT)
    assert "It watches for visitors above 1,000 in a day." in told
    terms = only_rule(project)["alert"]
    assert (terms["value"], terms["pauseMinutes"]) == (1000, 1440)


@pytest.mark.parametrize(
    ("fields", "terms"),
    [
        (
            {"how": "changed", "value": "30", "direction": "up", "against": "week"},
            {"value": 0.3, "direction": "up", "against": "week", "running": False},
        ),
        ({"metric": "bounceRate", "value": "62.5", "smallest": "50"}, {"value": 0.625}),
        ({"metric": "visitDuration", "value": "30", "how": "below"}, {"value": 30.0}),
        (
            {"how": "silent", "silent_minutes": "90", "value": "", "running": "on"},
            {"metric": "events", "silentMinutes": 90, "value": None, "running": False},
        ),
        ({"running": "on"}, {"running": True, "silentMinutes": None}),
    ],
)
def test_what_the_form_says_is_what_the_alert_says(
    editor: Client, project: TestProject, fields: dict[str, str], terms: dict[str, Any]
) -> None:
    post(editor, project, {**ALERT, **fields})
    saved: Any = only_rule(project)["alert"]
    assert {name: saved[name] for name in terms} == terms
    # And the form that changes it says the same again.
    page = editor.get(page_of(project)).content.decode()
    shown = re.search(rf'name="value" value="([^"]*)"[^>]*id="{only_rule(project)["_id"]}', page)
    assert float(shown[1]) == float(fields["value"]) if shown and fields.get("value") else True


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({**REPORT, "name": ""}, "This field is required."),
        ({**REPORT, "hooks": ""}, "Give at least one address, here or below."),
        ({**REPORT, "hooks": "http://hooks.example"}, "It must begin with https://."),
        ({**REPORT, "hooks": "https://10.0.0.1/"}, "Its address is not a public one."),
        ({**REPORT, "hooks": "https://localhost/"}, "Its address is not a public one."),
        ({**REPORT, "slacks": "https://[::1]/"}, "Its address is not a public one."),
        ({**REPORT, "hooks": "https://127.1/"}, "is a number, and not an address."),
        ({**REPORT, "hooks": "https://a.example:22/"}, "Its port must be 443"),
        ({**REPORT, "slacks": HOOK}, "One of the addresses is there twice."),
        ({**REPORT, "mails": ADA}, "Mail is not set up here, so no address can be added."),
        ({**REPORT, "filters": "is:nothing:x"}, "names no field."),
        ({**REPORT, "every": "year"}, "not one of the available choices"),
        ({**ALERT, "value": ""}, "Give a number."),
        ({**ALERT, "value": "1e400"}, "Enter a number."),
        ({**ALERT, "how": "silent", "silent_minutes": "1"}, "Silence lasts five minutes at least"),
        ({**ALERT, "metric": "conversions"}, "Choose a goal."),
        ({**ALERT, "metric": "conversions", "try": "1"}, "Choose a goal."),
        ({**ALERT, "pause_hours": "0"}, "greater than or equal to 1"),
        ({**ALERT, "how": "changed", "against": "week", "unit": "month", "value": "5"},
         "Hours and days are compared with a week earlier"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_beside_its_field(
    editor: Client, project: TestProject, form: dict[str, str], told: str
) -> None:
    answer = editor.post(page_of(project), form)
    assert answer.status_code == 200
    assert told in " ".join(errors_of(answer)), errors_of(answer)
    assert list_rules(project.id) == []
    assert form["name"] in answer.content.decode()


def test_an_address_of_nobody_here_is_asked_and_a_members_is_not(
    editor: Client, project: TestProject, mailing: None, sent: list[Any]
) -> None:
    told = post(editor, project, REPORT, hooks="", mails=f"{ADA}\nED@example.com")
    rule = only_rule(project)
    assert ("notices.look_at_rules", ()) in sent  # at once, and not when beat asks for it
    assert [message.to for message in mail.outbox] == [[ADA]]
    assert f"{ADA} is asked whether it wants this." in told
    assert f"{ADA} asked, has not answered yet" in told
    assert "ED@example.com member" in told

    target = re.findall(r'name="target" value="(\w+)"', str(editor.get(page_of(project)).content))
    ask = {"act": "ask", "rule": rule["_id"], "target": target[0]}
    for _ in range(2):
        assert f"{ADA} is asked whether it wants this." in post(editor, project, ask)
    assert "was asked too often" in post(editor, project, ask)
    assert len(mail.outbox) == 3
    # Saved again, nobody is asked by the way.
    post(editor, project, {**REPORT, "act": "change", "rule": rule["_id"]}, hooks="", mails=ADA)
    assert len(mail.outbox) == 3
    assert find_standing(project.id, rule["_id"], ADA) == Standing.ASKED


def test_one_is_sent_now_with_the_text_of_the_scheduled_one(
    editor: Client, project: TestProject, mailing: None, sent: list[Any]
) -> None:
    slot = find_due_report("month", 0, UTC, datetime.now(UTC))
    made = slot.at - timedelta(days=1)  # so that this month is the first to be told of
    user: Any = {"kind": "mail", "address": "ed@example.com"}
    draft: Any = {
        "name": "Monthly",
        "report": {"every": "month", "hour": 0, "filters": []},
        "targets": [user],
    }
    rule = keeping.add(project.row, draft, "ed", made)
    told = post(editor, project, {"act": "now", "rule": rule["_id"]})
    assert "It is on its way to ed@example.com." in told
    assert ("notices.send_notices", ()) in sent
    send_waiting(send, 60.0)
    # A month that has only just ended is not told of yet.
    late = max(slot.end + GRACE, datetime.now(UTC))
    look_at_rules(10.0, lambda: late)
    send_waiting(send, 60.0, late)
    now, scheduled = mail.outbox
    assert now.subject == scheduled.subject
    assert strip_token(str(now.body)) == strip_token(str(scheduled.body))
    assert "Last sending sent" in text_of(editor.get(page_of(project)))


def strip_token(text: str) -> str:
    return re.sub(r"/notices/unsubscribe/\S+", "", text)


def test_what_failed_is_shown_and_tried_again(
    editor: Client, project: TestProject, sent: list[Any]
) -> None:
    post(editor, project, REPORT)
    rule = only_rule(project)
    [target] = re.findall(
        r'name="target" value="(\w+)"', editor.get(page_of(project)).content.decode()
    )
    post(editor, project, {"act": "now", "rule": rule["_id"], "target": target})
    send_waiting(lambda notice: {"result": "failed", "detail": "It answered 410."}, 60.0)
    page = editor.get(page_of(project))
    told = text_of(page)
    assert re.search(
        r"failed \w{3} .*, to hooks\.example , for .* It answered 410\. Try again", told
    )
    [key] = re.findall(r'name="notice" value="(\w+)"', page.content.decode())
    assert "It is tried again." in post(editor, project, {"act": "retry", "notice": key})
    taken = []
    send_waiting(lambda notice: taken.append(notice) or {"result": "sent", "detail": ""}, 60.0)  # type: ignore[func-returns-value]
    assert [notice["key"] for notice in taken] == [key]
    # What was sent is not sent again by a form that comes twice.
    assert editor.post(page_of(project), {"act": "retry", "notice": key}).status_code == 404


def test_viewers_see_what_is_sent_and_change_nothing(
    editor: Client, project: TestProject, other_project: TestProject
) -> None:
    post(editor, project, REPORT)
    rule = only_rule(project)
    viewer, stranger = User.objects.create_user("vi"), User.objects.create_user("st")
    add_member(project.row.pk, viewer, Role.VIEWER)
    add_member(other_project.row.pk, stranger, Role.OWNER)
    page = let_in(viewer).get(page_of(project))
    assert "Every Monday" in text_of(page)
    assert "<form" not in page.content.decode().partition("<main")[2].partition("</main")[0]
    assert "SECRET" not in page.content.decode()
    for act in ("add", "change", "pause", "resume", "remove", "now", "ask", "retry"):
        form = {**REPORT, "act": act, "rule": rule["_id"]}
        assert let_in(viewer).post(page_of(project), form).status_code == 403
        assert let_in(stranger).post(page_of(project), form).status_code == 404
        if act != "add":  # by the address of a project of theirs
            assert let_in(stranger).post(page_of(other_project), form).status_code == 404
    assert only_rule(project) == rule


def test_the_page_says_that_mail_is_off(
    editor: Client, project: TestProject, settings: Any
) -> None:
    told = "Mail is off: whoever runs this service sets EMAIL_HOST and PUBLIC_URL for it."
    assert told in text_of(editor.get(page_of(project)))
    settings.EMAIL_HOST = "mail.example"
    assert told in text_of(editor.get(page_of(project)))
    settings.PUBLIC_URL = "https://stats.example"
    assert told not in text_of(editor.get(page_of(project)))


def test_a_form_of_nothing_is_refused(editor: Client, project: TestProject) -> None:
    for form in ({}, {"act": "what"}, {"act": "add", "kind": "what"}):
        assert editor.post(page_of(project), form).status_code == 400
    for act in ("pause", "resume", "remove", "now", "ask", "change", "retry"):
        for rule in ("", "none", "\x00"):
            answer = editor.post(page_of(project), {**REPORT, "act": act, "rule": rule})
            assert answer.status_code == 404
