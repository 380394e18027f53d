"""Web, worker, beat and both kinds of receivers, as they run; and a worker that is killed."""

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from django.contrib.auth.models import User

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.databases.redis_clients import broker_client
from analytics.databases.redis_keys import lane_key
from local.process.child import Child
from notices.rules.now import signal_looking
from notices.rules.store import list_rules
from people.members.changes import add_member
from people.members.models import Role
from tests.conftest import TestProject, make_project
from tests.members import let_in
from tests.notices.rules import notices
from tests.notices.sending.hooks import listening, make_certificate, say
from tests.notices.sending.smtp import HANG, USUAL, taking_mail
from tests.service import Gunicorn
from tests.workers import wait_until, worker_program
from upkeep.jobs.lane import NOTICE_RULES, NOTICES

pytestmark = pytest.mark.slow

ADA = "ada@example.com"
TAKEN = "HTTP/1.1 204 Taken\r\n\r\n"
EVENTS = 5
ALERT = {
    "act": "add", "kind": "alert", "name": "Many", "metric": "visitors", "how": "above",
    "value": "2", "unit": "day", "running": "on", "direction": "either", "against": "before",
    "silent_minutes": "60", "pause_hours": "24",
}  # fmt: skip
REPORT = {
    "act": "add", "kind": "report", "name": "Daily", "every": "day", "hour": "0", "mails": ADA,
}  # fmt: skip


class Person:
    """Ada at the page of reports, without a browser."""

    def __init__(self, client: httpx.Client, project: TestProject) -> None:
        user = User.objects.create_user("ada", email=ADA)
        add_member(project.row.pk, user, Role.OWNER)
        client.cookies["sessionid"] = let_in(user).cookies["sessionid"].value
        self._client = client
        self._path = f"/p/{project.row.pk}/reports"

    def submit(self, form: dict[str, str]) -> None:
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self._read())
        assert token
        answer = self._client.post(self._path, data={**form, "csrfmiddlewaretoken": token[1]})
        assert answer.status_code == 302, answer.text

    def sees(self, text: str) -> bool:
        return text in self._read()

    def _read(self) -> str:
        answer = self._client.get(self._path)
        assert answer.status_code == 200, answer.text
        return answer.text


@pytest.fixture
def noon_project(store: None) -> TestProject:
    """Of a zone where it is about noon, whenever a test runs: no window ends meanwhile."""
    return make_project("Shop", time_zone=f"Etc/GMT{datetime.now(UTC).hour - 12:+}")


@contextmanager
def serving(folder: Path, environment: dict[str, str]) -> Iterator[Gunicorn]:
    web = Gunicorn(folder / "gunicorn.log", environment)
    web.start()
    try:
        yield web
    finally:
        web.stop()


def kill(worker: Child) -> None:
    os.kill(worker.pid, signal.SIGKILL)
    assert worker.wait(10)


def lapse() -> None:
    """As if all that a dead worker keeps for a while were free again."""
    broker_client().delete(lane_key(NOTICES), lane_key(NOTICE_RULES))
    mongo.client().admin.command("killAllSessions", [])
    now = {"$set": {"nextAt": datetime.now(UTC)}}
    collection(mongo.NOTICES).update_many({"state": "sending"}, now)
    collection(mongo.NOTICE_RULES).update_many({}, now)


def make_due(project: TestProject, name: str) -> None:
    """As if its time had come; a report was made two days ago."""
    now = datetime.now(UTC)
    collection(mongo.NOTICE_RULES).update_one(
        {"project": project.id, "name": name},
        {"$set": {"nextAt": now, "since": now - timedelta(days=2)}},
    )


@pytest.mark.timeout(400)
def test_an_alert_and_reports_come_once_whenever_the_worker_is_killed(
    noon_project: TestProject, tmp_path: Path
) -> None:
    project, certificate = noon_project, make_certificate(tmp_path)
    with taking_mail() as mailbox, listening(certificate, say(TAKEN)) as hook:
        environment = {
            "EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": str(mailbox.port), "EMAIL_SECURITY": "none",
            "EMAIL_FROM": "service@stats.example", "PUBLIC_URL": "https://stats.example",
            "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8", "SSL_CERT_FILE": str(certificate),
        }  # fmt: skip
        with (
            serving(tmp_path, environment) as web,
            httpx.Client(base_url=web.address, timeout=60) as client,
        ):
            person = Person(client, project)
            with worker_program(tmp_path, "threads", **environment) as worker:
                for number in range(EVENTS):
                    event = json.dumps({"path": "/", "userId": f"visitor {number}"}).encode()
                    web.request("POST", "/event", event, key=project.ingest_key)
                stored = collection(mongo.EVENTS)
                wait_until(lambda: stored.count_documents({}) == EVENTS, 60, "they are stored")
                person.submit({**ALERT, "hooks": f"https://127.0.0.1:{hook.port}/in"})
                wait_until(lambda: person.sees(">sent</span>, "), 60, "it has fired")
                kill(worker)
            # Nobody is at work. One is asked for now, and the time of another comes.
            person.submit(REPORT)
            [_, report] = list_rules(project.id)
            person.submit({"act": "now", "rule": report["_id"]})
            make_due(project, "Daily")
            lapse()
            # One is given over and not answered for as the next worker dies.
            mailbox.answers["body"] = HANG
            with worker_program(tmp_path, "threads", **environment) as worker:
                wait_until(lambda: "body" in mailbox.heard, 60, "the mail is given over")
                kill(worker)
            assert mailbox.taken == []
            mailbox.answers["body"] = USUAL["body"]
            lapse()
            with worker_program(tmp_path, "threads", **environment):
                wait_until(lambda: len(mailbox.taken) == 2, 60, "both are sent")
                # And all are looked at once more.
                looked = [rule["lookedAt"] for rule in list_rules(project.id)]
                make_due(project, "Many")
                make_due(project, "Daily")
                signal_looking()
                wait_until(
                    lambda: list_rules(project.id)[0]["lookedAt"] != looked[0], 60, "another look"
                )
                wait_until(
                    lambda: all(each["state"] == "sent" for each in notices(project)),
                    60,
                    "all sent",
                )

        [posted] = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in hook.requests]
        assert (posted["type"], posted["data"]["figure"]["value"]) == ("alert.fired", EVENTS)
        now, scheduled = mailbox.taken
        assert now["Message-ID"] != scheduled["Message-ID"]
        assert now["Subject"] == scheduled["Subject"]
        assert {now["To"], scheduled["To"]} == {ADA}
    assert len(notices(project)) == 3
