"""No project ever sees or changes another's data, whatever is done in it.

Every endpoint, task, command and page of the admin is run in one project, between two neighbours
that hold the same users, ids, paths and days. After each act not one byte of a neighbour's may
be another, and the answers must be those of a world without neighbours. Whoever adds an endpoint,
a task, a command or an action adds how it is done here.
"""

import csv
import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command, get_commands
from django.http import HttpRequest
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils.html import strip_tags
from pyotp import TOTP

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.databases.redis_clients import broker_client, stream_client
from analytics.keys.lookup import forget_keys
from analytics.keys.refusals import flush_refusals, read_refusals
from analytics.keys.samples import flush_samples
from analytics.projects.aliases import Alias
from analytics.projects.models import ApiKey
from analytics.remembered import forget_everything
from columns import change, forget
from config.celery import app
from ingestion.drain.loop import drain
from ingestion.receivers.table import RECEIVERS
from notices import rounds
from notices.outbox.notices import digest_target
from notices.recipients.consent import Recipient, ask, make_unsubscribing, write_confirming
from notices.rules.store import list_rules
from people.accounts.models import SecondFactor
from people.accounts.resets import make_reset
from people.members.changes import add_member
from people.members.invitations import invite
from people.members.models import Invitation, Member, Role
from people.saved.models import SavedFunnel, Segment
from people.saved.notes import Note
from people.service_keys import ServiceKey
from people.shares.links import add_link
from people.shares.models import ShareLink
from people.shares.passwords import set_password
from tests.conftest import empty_database
from tests.notices import rules as notice_rules
from tests.poison import accept_poison
from tests.receivers.bodies import RECEIVED, make_request
from tests.receivers.vendor import post
from tests.tenancy import (
    HIGHER,
    LOWER,
    MALLORY,
    MONTH,
    SUBJECT,
    UUID_ID,
    World,
    letter_of,
    make_world,
    read_bytes_of,
)
from upkeep.deletion import columns as deleting
from upkeep.deletion import run
from upkeep.jobs import engine
from upkeep.rollups import copies

Act = Callable[[World], Any]  # returns what the project's people are told

START, END = "2025-03-01T00:00:00Z", "2025-04-01T00:00:00Z"
WINDOW = {"start": START, "end": END}
VARIABLE = re.compile(
    r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|\+00:00)|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|[ap]k_live_[\w-]+|(?:tookMs|server_upload_time)\W+\d+|cache\W+[\w.-]+|New \([0-9a-f]{16}\)"
)

# Of each project its own: ids that it drew, and what seals them.
VARYING = re.compile(r'"after": ?"[^"]*"|"after":"[^"]*"')


DRAWN_END = re.compile(r"-[2-9a-z]{8}\b")  # of a goal's name in an address
KEPT: Mapping[str, Any] = {"segment": Segment, "funnel": SavedFunnel}


def told(answer: Any) -> str:
    return f"{answer.status_code} {answer.content.decode()}"


def quietly(act: Act) -> Act:
    """What operators are told is of the whole deployment."""

    def do(world: World) -> None:
        act(world)

    return do


def get(path: str) -> Act:
    return quietly(lambda world: world.read.get(path))


def report(path: str, **query: Any) -> Act:
    return lambda world: told(world.read.get(path, **query))


def follow_erasure(world: World) -> str:
    mine, theirs = (
        collection(mongo.ERASURES).find_one({"project": bytes.fromhex(project), "open": None})
        for project in (SUBJECT, LOWER)
    )
    assert mine is not None
    ids = [mine["_id"], theirs["_id"] if theirs else "nobody's"]
    return " ".join(told(world.admin.get(f"/erasures/{erasure_id}")) for erasure_id in ids)


def ask_for_export(world: World) -> str:
    """What is in it, but for what each project draws by itself."""
    asked = world.admin.post(
        "/exports", {"format": "jsonl", "withAddresses": True}, content_type="application/json"
    )
    app.tasks["exchange.run_exports"].run()
    path = asked["Location"]
    shown = world.admin.get(path).json()
    file: Any = world.admin.get(f"{path}/file")
    rows = map(json.loads, b"".join(file.streaming_content).splitlines())
    file.close()
    names = ("path", "userId", "event", "ip")
    facts = sorted(str([row.get(name) for name in names]) for row in rows)
    return f"{asked.status_code} {shown['state']} {shown['events']} {facts}"


def list_the_exports(world: World) -> str:
    shown = world.read.get("/exports").json()["exports"]
    return str([(each["state"], each["events"], each["query"]) for each in shown])


def look_for_exports(world: World, more: str = "") -> str:
    """One of its own is removed; one of a neighbour's is not there."""
    mine = world.admin.post("/exports", {}, content_type="application/json").json()["exportId"]
    theirs = collection(mongo.EXPORTS).find_one({"project": bytes.fromhex(LOWER)})
    ids = [mine, theirs["_id"] if theirs else "nobody's"]
    answers = [world.admin.get(f"/exports/{export_id}{more}") for export_id in ids]
    answers += [world.admin.delete(f"/exports/{export_id}") for export_id in ids]
    return " ".join(map(told, answers))


def ask_for_erasure(world: World) -> str:
    counted = told(world.admin.delete(f"/users/{MALLORY}?dryRun=true"))
    return counted + told(world.admin.delete(f"/users/{MALLORY}"))


def send_one(world: World) -> str:
    """By both kinds of key, with the same id."""
    event = {"path": "/0", "eventId": "id-0"}
    answers = [world.ingest.post("/event", event), world.page.send(event)]
    answers += [world.page.send({**event, "eventId": "by the page"}), world.page.send({})]
    flush_refusals()
    project = world.subject.row
    found = read_refusals(project.partition, project.pk)
    counts = sorted((refusals.reason, refusals.times) for refusals in found)
    return " ".join(map(told, answers)) + str(counts)


def send_many(world: World) -> str:
    events = [{"path": "/new", "userId": MALLORY, "eventId": "new"}] * 2
    return told(world.ingest.post("/events", events)) + told(world.page.send_many(events))


def list_events(world: World) -> str:
    """By both kinds of reader, from page to page."""
    pages = [world.read.get("/events", limit=2, **WINDOW)]
    while after := pages[-1].json().get("after"):
        pages.append(world.read.get("/events", limit=2, after=after, **WINDOW))
    pages.append(world.admin.get("/events", WINDOW))
    return " ".join(VARYING.sub("", told(page)) for page in pages)


def ask_questions(world: World) -> str:
    """Also for whoever did something, which asks twice."""
    did = {"did": {"field": "userId", "op": "is", "values": [MALLORY]}}
    questions: list[dict[str, Any]] = [
        {"dimensions": ["path", "userId"]},
        {"dimensions": ["time:day"], "compare": "previous", "filter": did},
        {"metrics": ["count(properties.a)", "conversions"], "goal": did},
    ]
    asked = [{"metrics": ["views", "visitors"], **WINDOW, "bots": True, **q} for q in questions]
    return " ".join(told(world.read.post("/query", question)) for question in asked)


def follow_people(world: World) -> str:
    """Step by step, over weeks, and visit by visit."""
    did = {"did": {"field": "userId", "op": "is", "values": [MALLORY]}}
    paths = [{"field": "path", "op": "is", "values": [path]} for path in ("/0", "/1", "/2")]
    funnel = {"steps": paths, "dimension": "userId", "within": 7_776_000, "filter": did}
    asked: list[tuple[str, dict[str, Any]]] = [
        ("funnel", funnel | {"by": "user"}),
        ("funnel", funnel | {"by": "visit", "order": "strict"}),
        ("retention", {"interval": "day", "cohort": did}),
        ("retention", {"interval": "day", "by": "visitor"}),
        ("journeys", {"field": "event", "filter": did}),
        ("journeys", {"from": paths[1]}),
    ]
    answers = [
        world.read.post(f"/query/{name}", question | {**WINDOW, "bots": True})
        for name, question in asked
    ]
    return " ".join(map(told, answers))


def break_down(world: World) -> str:
    by = (
        "path", "event", "referrer", "country", "browser", "os", "device", "hostname", "bot",
        "userId",
    )  # fmt: skip
    return " ".join(told(world.read.get("/stats/breakdown", by=each, **WINDOW)) for each in by)


def look(path: str, **query: Any) -> Act:
    """At a part of the pages, as an operator: its numbers, and whose they are."""

    def do(world: World) -> str:
        answer = world.operator.get(f"/p/{SUBJECT}/{path}", {"from": START, "to": END, **query})
        assert answer.status_code == 200, answer.content
        return " ".join(
            re.findall(r'(?:data-key|data-curve|value)="[^"]*"', answer.content.decode())
        )

    return do


def look_shared(path: str, **query: Any) -> Act:
    """By a link of the project, as somebody whom nobody knows."""

    def do(world: World) -> str:
        token = share_by_link(world)
        answer = Client().get(f"/share/{token}/{path}", {"from": START, "to": END, **query})
        assert answer.status_code == 200, answer.content
        return " ".join(
            re.findall(r'(?:data-key|data-curve|value)="[^"]*"', answer.content.decode())
        )

    return do


def share_by_link(world: World) -> str:
    link = ShareLink(project=world.subject.row, name="for tests", panels=["pages", "events"])
    link.may_choose_window = True
    set_password(link, world.kept.get("password", ""))
    return add_link(link)


def spare_share(world: World) -> str:
    share_by_link(world)
    return str(ShareLink.objects.filter(project=world.subject.row, revoked_at=None)[0].pk)


def unlock_shared(world: World) -> None:
    world.kept["password"] = "open sesame"
    token = share_by_link(world)
    del world.kept["password"]
    client = Client()
    for password, status in (("wrong", 200), ("open sesame", 302)):
        answer = client.post(f"/share/{token}/unlock", {"password": password})
        assert answer.status_code == status, answer.content
    assert "data-curve" in client.get(f"/share/{token}/", {"full": 1}).content.decode()


def make_on_a_page(world: World) -> None:
    name = f"Made on a page {len(world.kept)}"
    world.kept[name] = True
    answer = world.operator.post("/new", {"name": name, "hostnames": "made.example"})
    assert answer.status_code == 302, answer.content


def sign_out(world: World) -> None:
    """Whoever acts here stays signed in."""
    client = Client()
    client.force_login(User.objects.get_or_create(username="visitor")[0])
    assert client.post("/signout").status_code == 302


def export_by_page(world: World) -> None:
    """One is asked for, and removed; a neighbour's is not."""
    path = f"/p/{SUBJECT}/exports"
    assert world.operator.post(path, {"format": "csv"}).status_code == 302
    found = collection(mongo.EXPORTS).find({"open": True}, {"_id": 1})
    theirs = collection(mongo.EXPORTS).find({"project": bytes.fromhex(LOWER)}, {"_id": 1})
    for export in [*found, *theirs]:
        world.operator.post(path, {"remove": export["_id"]})
    assert world.operator.get(path).status_code == 200


def import_by_page(world: World) -> None:
    """One is brought, said to be something and cancelled; a neighbour's is not."""
    path = f"/p/{SUBJECT}/imports"
    file = SimpleUploadedFile("events.csv", b"time,page\n2025-03-01T10:00:00Z,/imported\n")
    assert world.operator.post(path, {"act": "bring", "file": file}).status_code == 302
    app.tasks["exchange.run_imports"].run()
    found = list(collection(mongo.IMPORTS).find({"open": True}, {"_id": 1}))
    theirs = collection(mongo.IMPORTS).find({"project": bytes.fromhex(LOWER)}, {"_id": 1})
    columns = {"source": "csv", "column-0": "timestamp", "column-1": "path"}
    for each in [*found, *theirs]:
        for act in ("choose", "confirm", "cancel"):  # in one go: nothing of it is stored
            world.operator.post(path, {"act": act, "import": each["_id"], **columns})
    assert world.operator.get(path).status_code == 200


def send_pieces(world: World) -> None:
    """Of a file of its own; a neighbour's takes none."""
    path = f"/p/{SUBJECT}/imports/pieces"
    piece, kind, import_id = b"time,page\n", "application/octet-stream", str(uuid4())
    for query in ("at=0&name=a.csv&bytes=20", "at=10"):
        asked = f"{path}?{query}&import={import_id}"
        answer = world.operator.post(asked, piece, content_type=kind)
        assert answer.status_code == 200, answer.content
    for theirs in collection(mongo.IMPORTS).find({"project": bytes.fromhex(LOWER)}, {"_id": 1}):
        for query in ("at=0&name=a.csv&bytes=20", "at=10"):
            asked = f"{path}?{query}&import={theirs['_id']}"
            answer = world.operator.post(asked, piece, content_type=kind)
            assert answer.status_code == 409, answer.content
    world.operator.post(f"/p/{SUBJECT}/imports", {"act": "cancel", "import": import_id})


def import_by_script(world: World) -> str:
    """A dry run, from its file to its report, and which imports there are."""
    content = b"time,page\n2025-03-01T10:00:00Z,/imported\n"
    mapping = {"fields": {"timestamp": "time", "path": "page"}}
    body = {
        "file": "a.csv", "bytes": len(content), "source": "csv", "mapping": mapping,
        "dryRun": True,
    }  # fmt: skip
    asked = world.admin.post("/imports", body, content_type="application/json")
    path = asked["Location"]
    sent = world.admin.put(f"{path}/file", content, content_type="application/octet-stream")
    app.tasks["exchange.run_imports"].run()
    shown = [each["file"] for each in world.admin.get("/imports").json()["imports"]]
    return " ".join(map(told, (asked, sent, world.admin.get(path)))) + str(sorted(set(shown)))


def look_for_imports(act: str) -> Act:
    """One of its own is told something and cancelled; a neighbour's is not there."""

    def do(world: World) -> str:
        body = {"file": "a.csv", "bytes": 10, "source": "own"}
        asked = world.admin.post("/imports", body, content_type="application/json").json()
        theirs = collection(mongo.IMPORTS).find_one({"project": bytes.fromhex(LOWER)})
        answers: list[Any] = []
        for import_id in (asked["importId"], theirs["_id"] if theirs else "nobody's"):
            path = f"/imports/{import_id}"
            answers.append(world.admin.get(path))
            if act == "file":
                kind = "application/octet-stream"
                answers.append(world.admin.put(f"{path}/file?at=4", b"x", content_type=kind))
            elif act:
                body = {"source": "own"}
                answers.append(
                    world.admin.post(f"{path}/{act}", body, content_type="application/json")
                )
            answers.append(world.admin.delete(path))
        return " ".join(map(told, answers))

    return do


# All of them name the project; the frame around them also names the others of who looks.
def read_trust(world: World) -> None:
    """And has a day verified."""
    look("trust")(world)
    world.operator.post(f"/p/{SUBJECT}/trust", {"day": START[:10]})


def change_settings(world: World) -> None:
    """Each section, but the deletion: that is done last, in the admin."""
    path, name = f"/p/{SUBJECT}/settings", "Middle again"  # as the admin calls it later
    alias, zone = "by-settings.example", world.subject.row.time_zone
    sections: list[dict[str, Any]] = [
        {"section": "general", "name": name, "time_zone": "Asia/Tokyo", "initial-time_zone": zone},
        {"section": "website", "hostnames": "mine.example", "allowed_origins": "*"},
        {"section": "counting", "excluded_paths": "/admin/*"},
        {"section": "keeping", "retention_days": 9_000},
        {"section": "public", "name": "a page"},
        {"section": "secret", "name": "a server", "scopes": ["read"]},
        {"section": "revoke", "key": spare_key(world)},
        {"section": "alias", "kind": "plausible", "value": alias},
        {"section": "remove", "alias": f"plausible:{alias}"},
        {"section": "share", "name": "a board", "period": "7d", "panels": ["pages"]},
        {"section": "share-change", "name": "a wall", "period": "all", "link": spare_share(world)},
        {"section": "share-revoke", "link": spare_share(world)},
        {"section": "invite", "role": "viewer"},
    ]
    for fields in sections:
        answer = world.operator.post(path, fields)
        assert answer.status_code == 302, (fields, answer.content)
    assert world.operator.get(path).status_code == 200
    change_members(world, path)
    forget_everything()  # as the seconds do for which a process knows a project's rules


def keep_things(world: World) -> None:
    """A segment, a funnel, a goal and a note, each made, changed and removed."""
    number = len(world.kept)
    world.kept[f"kept {number}"] = True
    page = f"/p/{SUBJECT}"
    asked = f"{page}/saved?f=is:userId:alice&s=page:/0&s=page:/1"
    for kind, model in KEPT.items():
        made = {"kind": kind, "act": "save", "name": f"Kept {number}", "shared": "on"}
        assert world.operator.post(asked, made).status_code == 302
        row = model.objects.get(project_id=SUBJECT, name=f"Kept {number}")
        for act in ("rename", "share", "delete"):
            form = {"kind": kind, "id": row.pk, "act": act, "name": f"Kept again {number}"}
            assert world.operator.post(f"{page}/saved", form).status_code == 302
    goal = {"section": "goal", "name": f"Goal {number}", "what": "page", "value": "/0"}
    assert world.operator.post(f"{page}/settings", goal).status_code == 302
    note = {"act": "add", "day": START[:10], "text": "A note"}
    assert world.operator.post(f"{page}/notes", note).status_code == 302
    for kept in Note.objects.filter(project_id=SUBJECT, author="alice"):
        change = {"act": "change", "note": kept.name, "day": START[:10], "text": "Another"}
        assert world.operator.post(f"{page}/notes", change).status_code == 302


def keep_rules(world: World) -> None:
    """A report and an alert: made, tried, paused, resumed, sent now, changed and removed."""
    page, hook = f"/p/{SUBJECT}/reports", "https://hooks.example/in"
    both = {"act": "add", "name": "R", "hooks": hook, "every": "day", "hour": "1"}
    alert = {
        **both, "kind": "alert", "metric": "visitors", "how": "above", "value": "1", "unit": "day",
        "direction": "either", "against": "before", "silent_minutes": "60", "pause_hours": "24",
    }  # fmt: skip
    assert world.operator.post(page, {**alert, "try": "1"}).status_code == 200
    for form in ({**both, "kind": "report"}, alert):
        assert world.operator.post(page, form).status_code == 302
    target = digest_target({"kind": "webhook", "url": hook, "secret": "", "shape": "plain"})
    mine = [rule for rule in list_rules(world.subject.id) if rule["name"] == "R"]
    assert len(mine) == 2
    for rule in mine:
        for act in ("pause", "resume", "now", "change", "remove"):
            form = {**alert, "act": act, "rule": rule["_id"], "target": target}
            assert world.operator.post(page, form).status_code == 302, act
    assert world.operator.get(page).status_code == 200


def say_yes_and_no(world: World) -> str:
    """By the links of mails, to a rule of the project."""
    address = f"ada{len(world.kept)}@example.com"  # one is not asked for ever
    world.kept[address] = True
    rule = notice_rules.add_report(world.subject, "day", 8, MONTH)
    recipient = Recipient(world.subject.id, rule["_id"], address)
    ask(recipient, "alice")
    answers = [
        Client().post(f"/notices/confirm/{write_confirming(recipient)}"),
        Client().get(f"/notices/unsubscribe/{make_unsubscribing(recipient)}"),
        Client().post(f"/notices/unsubscribe/{make_unsubscribing(recipient)}"),
    ]
    return " ".join(map(told, answers))


def pin(world: World) -> None:
    for pinned in ("yes", "no", "yes"):
        answer = world.operator.post(f"/p/{SUBJECT}/pin", {"pinned": pinned})
        assert answer.status_code == 302


def send(client: Client, method: str, path: str, body: Any) -> Any:
    return client.generic(method, path, json.dumps(body), "application/json")


def ask_as_script(world: World) -> str:
    """The admin API, by a key of the project: of its own, and of its neighbours."""
    number = len(world.kept)
    world.kept[f"script {number}"] = True
    script, mine = world.admin, f"/projects/{SUBJECT}"
    made = send(script, "POST", f"{mine}/keys", {"name": "k", "scopes": ["read"]})
    key = f"{mine}/keys/{made.json()['keyId']}"
    statuses = [
        send(script, "PATCH", mine, {"excludedPaths": [f"/{number}"]}),
        send(script, "PATCH", key, {"name": "another"}),
        script.get(key),
        script.delete(key),
        script.delete(f"{mine}?name=nobody's"),
        script.get(f"{mine}/deletion"),
    ]
    names = sorted(each["name"] for each in script.get(f"{mine}/keys").json()["keys"])
    answers = [script.get("/projects"), script.get(mine)]
    for other in (LOWER, HIGHER):
        theirs = f"/projects/{other}"
        answers += [
            script.get(theirs),
            script.get(f"{theirs}/keys"),
            send(script, "PATCH", theirs, {"excludedPaths": ["/x"]}),
            send(script, "POST", f"{theirs}/keys", {"name": "k", "scopes": ["read"]}),
            script.delete(f"{theirs}?name=Low"),
        ]
    return f"{[each.status_code for each in statuses]} {names} {' '.join(map(told, answers))}"


def look_as_script(rest: str) -> Act:
    """At what the two acts around this one change."""
    projects = (SUBJECT, LOWER, HIGHER)
    return lambda world: str(
        [world.admin.get(f"/projects/{each}{rest}").status_code for each in projects]
    )


def ask_about_people(world: World) -> str:
    """Members, invitations and links: by a script of the project, also of its neighbours."""
    script, answers = world.admin, []
    for project in (SUBJECT, LOWER, HIGHER):
        base = f"/projects/{project}"
        user = str(User.objects.get(username="alice").pk)
        made = [
            send(script, "POST", f"{base}/invitations", {"role": "viewer", "by": "nobody"}),
            send(script, "POST", f"{base}/links", {"name": "Press", "panels": ["pages"]}),
        ]
        link = f"{base}/links/{made[1].json().get('linkId', 'none')}"
        answers += [
            *made,
            *(script.get(f"{base}/{name}") for name in ("members", "invitations", "links")),
            send(script, "PATCH", f"{base}/members/{user}", {"role": "viewer"}),
            script.delete(f"{base}/members/{user}"),
            script.delete(f"{base}/invitations/none"),
            script.get(link),
            send(script, "PATCH", link, {"name": "Press again"}),
            script.delete(link),
        ]
    return str([answer.status_code for answer in answers])


def write_notes(world: World) -> str:
    note = {"id": "n-1", "at": START, "text": "A note"}
    status = world.ingest.post("/notes", note).status_code
    found = world.read.get("/notes", **WINDOW).json()["notes"]
    return f"{status} {sorted((each['at'], each['text'], each['author']) for each in found)}"


def change_members(world: World, path: str) -> None:
    """With users who are members of the neighbours, too."""
    bob, eve = (User.objects.get_or_create(username=name)[0] for name in ("bob", "eve"))
    for user in (bob, eve):
        add_member(SUBJECT, user, Role.OWNER)
    leaver = Client()
    leaver.force_login(eve)
    held = Invitation.objects.get(project=SUBJECT)
    world.operator.post(path, {"section": "withdraw", "invitation": held.pk})
    world.operator.post(path, {"section": "member", "user": str(bob.pk), "role": "viewer"})
    world.operator.post(path, {"section": "unmember", "user": str(bob.pk)})
    assert leaver.post(path, {"section": "leave"}).status_code == 302
    assert world.operator.get(f"/p/{SUBJECT}/settings").status_code == 200


def accept_invitation(world: World) -> None:
    """As a new account, and as one that is in the neighbours already."""
    bob = User.objects.get_or_create(username="bob")[0]
    Member.objects.filter(project=SUBJECT, user=bob).delete()
    for user in (None, bob):
        client = Client()
        if user:
            client.force_login(user)
        inviter = User.objects.get(username="alice")
        token = invite(world.subject.row, Role.VIEWER, "", inviter)
        client.get(f"/invitation/{token}")
        sent = {"username": f"new-{len(world.kept)}"}
        sent |= {"password1": "correct horse battery", "password2": "correct horse battery"}
        world.kept[sent["username"]] = True
        assert client.post("/invitation", sent).status_code == 302


def reset_password(world: World) -> None:
    user = User.objects.get_or_create(username="visitor")[0]
    client = Client()
    client.get(f"/password/{make_reset(user, 'alice')}")
    sent = {"new_password1": "another horse battery", "new_password2": "another horse battery"}
    assert client.post("/password", sent).status_code == 302


def change_account(world: World) -> None:
    """That of somebody else: whoever acts here stays signed in."""
    client = Client()
    client.force_login(User.objects.get_or_create(username="visitor")[0])
    assert client.get("/account").status_code == 200
    assert client.post("/account", {"section": "everywhere"}).status_code == 302


def set_up_factor(world: World) -> None:
    user = User.objects.get_or_create(username=f"careful {len(world.kept)}")[0]
    world.kept[user.username] = True
    user.set_password("correct horse battery")
    user.save()
    client = Client()
    client.force_login(user)
    secret = client.get("/account/second-factor").context["secret"]
    sent = {"section": "set_up", "code": TOTP(secret).now(), "password": "correct horse battery"}
    assert client.post("/account/second-factor", sent).context["codes"]


def read_audit(path: str) -> Act:
    def do(world: World) -> None:
        assert world.operator.get(path).status_code == 200

    return do


PAGES: Mapping[str, Act] = {
    "": quietly(lambda world: world.operator.get("/", {"q": "Mid"})),
    "signin": quietly(lambda world: Client().get("/signin")),
    "signout": quietly(sign_out),
    "signin/forgotten": quietly(lambda world: Client().get("/signin/forgotten")),
    "password": quietly(reset_password),
    "password/<str:token>": quietly(reset_password),
    "invitation": quietly(accept_invitation),
    "invitation/<str:token>": quietly(accept_invitation),
    "account": quietly(change_account),
    "account/second-factor": quietly(set_up_factor),
    "audit": quietly(read_audit("/audit")),
    "p/<str:project_id>/audit": quietly(read_audit(f"/p/{SUBJECT}/audit")),
    "new": quietly(make_on_a_page),
    "p/<str:project_id>": quietly(look("", full=1)),
    "p/<str:project_id>/glance": quietly(look("glance")),
    "p/<str:project_id>/bar": look("bar"),
    "p/<str:project_id>/top": look("top", f="is:userId:alice"),
    "p/<str:project_id>/panel/<str:name>": look("panel/pages"),
    "p/<str:project_id>/current": quietly(look("current")),
    "p/<str:project_id>/waiting": look("waiting"),
    "p/<str:project_id>/suggest": look("suggest", field="userId", value="al"),
    "p/<str:project_id>/row": look("row", field="path", key="/0"),
    "p/<str:project_id>/list/<path:field>": quietly(look("list/path", full=1)),
    "p/<str:project_id>/list/<path:field>/rows": look("list/userId/rows"),
    "p/<str:project_id>/list/<path:field>/csv": lambda world: told(
        world.operator.get(f"/p/{SUBJECT}/list/userId/csv", {"from": START, "to": END})
    ),
    "p/<str:project_id>/funnels": quietly(look("funnels", full=1, s=["page:/0", "page:/1"])),
    "p/<str:project_id>/funnels/result": look(
        "funnels/result", s=["page:/0", "page:/1"], within="90d", split="userId"
    ),
    "p/<str:project_id>/retention": quietly(look("retention", full=1)),
    "p/<str:project_id>/retention/result": look("retention/result", every="day"),
    "p/<str:project_id>/journeys": quietly(look("journeys", full=1)),
    "p/<str:project_id>/journeys/result": look("journeys/result", of="event"),
    "p/<str:project_id>/beside": quietly(look("beside", full=1, one="is:userId:alice")),
    "p/<str:project_id>/beside/result": look("beside/result", one="is:userId:alice"),
    "p/<str:project_id>/events": quietly(look("events", full=1)),
    "p/<str:project_id>/events/result": look("events/result", event="pageview"),
    "p/<str:project_id>/live": quietly(look("live", full=1)),
    "p/<str:project_id>/live/now": quietly(look("live/now", f="is:userId:alice")),
    "p/<str:project_id>/live/stream": quietly(look("live/stream", q="/0")),
    "p/<str:project_id>/books": quietly(look("books")),
    "p/<str:project_id>/trust": quietly(read_trust),
    "p/<str:project_id>/reports": quietly(keep_rules),
    "notices/confirm/<str:token>": say_yes_and_no,
    "notices/unsubscribe/<str:token>": say_yes_and_no,
    "p/<str:project_id>/exports": export_by_page,
    "p/<str:project_id>/imports": import_by_page,
    "p/<str:project_id>/imports/pieces": send_pieces,
    "p/<str:project_id>/settings": quietly(change_settings),
    "p/<str:project_id>/saved": quietly(keep_things),
    "p/<str:project_id>/goals": lambda world: DRAWN_END.sub("", str(look("goals")(world))),
    "p/<str:project_id>/notes": quietly(look("notes")),
    "p/<str:project_id>/pin": quietly(pin),
    "share/<str:token>": quietly(look_shared("", full=1)),
    "share/<str:token>/unlock": quietly(unlock_shared),
    "share/<str:token>/bar": look_shared("bar"),
    "share/<str:token>/top": look_shared("top"),
    "share/<str:token>/panel/<str:name>": look_shared("panel/pages"),
    "share/<str:token>/suggest": look_shared("suggest", field="path", value="/"),
    "share/<str:token>/row": look_shared("row", field="path", key="/0"),
    "share/<str:token>/list/<path:field>": quietly(look_shared("list/path", full=1)),
    "share/<str:token>/list/<path:field>/rows": look_shared("list/event/rows"),
    "share/<str:token>/list/<path:field>/csv": quietly(look_shared("list/path/csv")),
}

ENDPOINTS: Mapping[str, Act] = {
    **PAGES,
    "favicon.ico": get("/favicon.ico"),
    "favicon.svg": get("/favicon.svg"),
    "healthz": get("/healthz"),
    "readyz": get("/readyz"),
    "metrics": get("/metrics"),
    "metrics/state": get("/metrics/state"),
    "schema": get("/schema/"),
    "docs": get("/docs/"),
    "event": send_one,
    "events": lambda world: list_events(world) + send_many(world),
    "properties": report("/properties", **WINDOW),
    "notes": write_notes,
    "projects": ask_as_script,
    "projects/<str:project_id>": look_as_script(""),
    "projects/<str:project_id>/deletion": look_as_script("/deletion"),
    "projects/<str:project_id>/keys": look_as_script("/keys"),
    "projects/<str:project_id>/keys/<str:key_id>": look_as_script("/keys/none"),
    "projects/<str:project_id>/members": ask_about_people,
    "projects/<str:project_id>/members/<str:user_id>": look_as_script("/members/none"),
    "projects/<str:project_id>/invitations": look_as_script("/invitations"),
    "projects/<str:project_id>/invitations/<str:invitation_id>": look_as_script("/invitations/x"),
    "projects/<str:project_id>/links": look_as_script("/links"),
    "projects/<str:project_id>/links/<str:link_id>": look_as_script("/links/none"),
    "query": ask_questions,
    "query/funnel": follow_people,
    "query/journeys": follow_people,
    "query/retention": follow_people,
    "event/<rest:event_id>": lambda world: " ".join(
        told(world.read.get(f"/event/{event_id}"))
        for event_id in ("id-0", UUID_ID, "poison-1", "by the page", "theirs alone")
    ),
    "users/<rest:user_id>": ask_for_erasure,
    "erasures/<str:erasure_id>": follow_erasure,
    "exports": lambda world: ask_for_export(world) + list_the_exports(world),
    "exports/<str:export_id>": look_for_exports,
    "exports/<str:export_id>/file": lambda world: look_for_exports(world, "/file"),
    "imports": import_by_script,
    "imports/<str:import_id>": look_for_imports(""),
    "imports/<str:import_id>/file": look_for_imports("file"),
    "imports/<str:import_id>/choice": look_for_imports("choice"),
    "imports/<str:import_id>/confirmation": look_for_imports("confirmation"),
    "stats": lambda world: " ".join(
        told(world.read.get("/stats", **query))
        for query in (
            {},
            WINDOW,
            {"exact": "true"},
            {"groupBy": "userId", **WINDOW},
            {"bots": "true", **WINDOW},
            {"bots": "only", "exact": "true"},
        )
    ),
    "stats/timeseries": report("/stats/timeseries", interval="day", bots="true", **WINDOW),
    "stats/breakdown": break_down,
    "stats/realtime": quietly(lambda world: world.read.get("/stats/realtime")),
}


def receive(name: str, path: str) -> Act:
    """What a client of the receiver sends, twice, with an event that is refused between."""

    def do(world: World) -> str:
        sent = make_request(name, path, world.owner)
        answers = [post(sent.path, sent.body, **sent.headers) for _ in range(2)]
        answers.append(post(sent.path, b"{", **sent.headers))
        flush_samples()
        return " ".join(map(told, answers))

    return do


def ask_as_client(route: str) -> Act:
    """What a client asks besides, of its key."""

    def do(world: World) -> str:
        key = world.owner.key
        path = re.sub(r"<[^>]+>", key, route)
        return told(Client().get(f"/{path}", {"writeKey": key} if path == route else {}))

    return do


def post_as_client(path: str) -> Act:
    return lambda world: told(post(path, {"api_key": world.owner.key, "token": world.owner.key}))


def view_by_pixel(world: World) -> str:
    """A view that is kept, and one that is refused."""
    answers = [world.page.look(path="/0", rnd="1"), world.page.look()]
    return " ".join(answer["X-Analytics"] for answer in answers)


ENDPOINTS = {
    **ENDPOINTS,
    "pixel.gif": view_by_pixel,
    "tracker.js": get("/tracker.js"),
    "tracker-more.js": get("/tracker-more.js"),
    "tracker.<str:name>.js": get("/tracker.0123456789abcdef.js"),
    "receivers": get("/receivers"),
    **{
        str(pattern.pattern).rstrip("/"): ask_as_client(str(pattern.pattern))
        for receiver in RECEIVERS
        for pattern in receiver.read_patterns()
    },
    **{path[1:]: receive(name, path) for name, path in RECEIVED},
    **{path[1:]: post_as_client(path) for receiver in RECEIVERS for path in receiver.other_views()},
}


def run_task(name: str, *arguments: Any) -> Act:
    return quietly(lambda world: app.tasks[name].run(*arguments))


def build_copies(world: World) -> None:
    app.tasks["ingestion.build_copies"].run()
    collection(mongo.ROLLUP_GARBAGE).update_many({}, {"$set": {"dueAt": MONTH}})
    app.tasks["ingestion.build_copies"].run()


def export_columns(world: World) -> None:
    """Of whoever has anything fresh, as after an hour, and of events from before columns."""
    for document in list(collection(mongo.COLUMN_FRESH).find()):
        collection(mongo.COLUMN_FRESH).delete_one({"_id": document["_id"]})
        old = bytes(document["project"]) + bytes(8) + bytes(document["_id"])[-8:]
        collection(mongo.COLUMN_FRESH).insert_one({**document, "_id": old})
    app.tasks["upkeep.export_columns"].run()


def tend_columns(world: World) -> None:
    """With a segment of the project that is damaged, and old events of it."""
    subject = {"project": world.subject.id}
    collection(mongo.COLUMN_SEGMENTS).update_one(subject, {"$set": {"damagedAt": MONTH}})
    old = {"oldUntil": 2**62, "oldFrom": MONTH}
    collection(mongo.COLUMN_HEADS).update_one({"_id": world.subject.id}, {"$set": old})
    app.tasks["upkeep.tend_columns"].run()
    collection(mongo.COLUMN_GARBAGE).update_many({}, {"$set": {"dueAt": MONTH}})
    app.tasks["upkeep.tend_columns"].run()


def look_at_rules(world: World) -> str:
    """A report and an alert of the month in which everything is, and what they say."""
    begun = MONTH + timedelta(days=5)
    notice_rules.add_report(world.subject, "week", 8, begun)
    notice_rules.add_alert(world.subject, begun, value=0, metric="events", unit="week")
    notice_rules.look(begun + timedelta(days=3))
    facts: list[Any] = [notice["facts"] for notice in notice_rules.notices(world.subject)]
    for goal in [goal for each in facts for goal in each.get("goals", [])]:
        del goal["id"]  # drawn by each project
    names = ("window", "figures", "figure", "lists", "goals", "notes", "events", "books")
    return str(sorted(str([each.get(name) for name in names]) for each in facts))


def run_rounds(world: World) -> str:
    """Of the tasks that wake them, here and now."""
    told = look_at_rules(world)
    rounds.LOOKING.work()
    rounds.SENDING.work()
    return told + tell_of_notices(world)


def ask_recipient(world: World) -> Any:
    rule = notice_rules.add_report(world.subject, "week", 8, MONTH)
    return app.tasks["notices.ask_recipient"].run(SUBJECT, rule["_id"], "ada@example.com")


def run_rounds_by_command(world: World) -> str:
    """What it prints counts the notices of all projects."""
    told = look_at_rules(world)
    run_command("send_due_notices")(world)
    return told + tell_of_notices(world)


def tell_of_notices(world: World) -> str:
    found = notice_rules.notices(world.subject)
    return str(sorted((each["state"], each["detail"] or "") for each in found))


TASKS: Mapping[str, Act] = {
    "notices.look_at_rules": run_rounds,
    "notices.send_notices": run_rounds,
    "notices.ask_recipient": quietly(ask_recipient),
    "ingestion.drain": run_task("ingestion.drain", 0),
    "analytics.mirror_keys": run_task("analytics.mirror_keys"),
    "ingestion.apply_retention": run_task("ingestion.apply_retention"),
    "ingestion.run_erasures": run_task("ingestion.run_erasures"),
    "ingestion.compact_summaries": run_task("ingestion.compact_summaries"),
    "ingestion.compact_ledger": run_task("ingestion.compact_ledger"),
    "ingestion.build_copies": build_copies,
    "ingestion.forget_consumers": run_task("ingestion.forget_consumers"),
    "ingestion.verify_sample": run_task("ingestion.verify_sample"),
    "ingestion.run_deletions": run_task("ingestion.run_deletions"),
    "people.send_resets": run_task("people.send_resets", "visitor", "http://localhost/password/"),
    "upkeep.export_columns": quietly(export_columns),
    "upkeep.tend_columns": quietly(tend_columns),
    "exchange.run_exports": run_task("exchange.run_exports"),
    "exchange.run_imports": run_task("exchange.run_imports"),
    "exchange.sweep_imports": run_task("exchange.sweep_imports"),
    "exchange.sweep_exports": run_task("exchange.sweep_exports"),
}


def run_command(name: str, *arguments: str) -> Act:
    def do(world: World) -> str:
        output = StringIO()
        call_command(name, *arguments, stdout=output)
        return output.getvalue()

    return do


def each(*acts: Act) -> Act:
    return lambda world: [act(world) for act in acts]


def replay_by_command(world: World) -> str:
    first = run_command("replay_dead_letters", "--project", SUBJECT, "--dry-run")(world)
    return str(first) + str(run_command("replay_dead_letters", "--project", SUBJECT)(world))


def erase_by_command(world: World) -> str:
    drain(0, force=True)  # else it waits
    first = run_command("erase_user", "alice", "--project", SUBJECT, "--dry-run")(world)
    return str(first) + str(run_command("erase_user", "alice", "--project", SUBJECT)(world))


def export_by_command(world: World) -> list[str]:
    with TemporaryDirectory() as folder:
        output = Path(folder, "events.csv")
        run_command("export_events", SUBJECT, "--format", "csv", "--output", str(output))(world)
        return sorted(row["path"] for row in csv.DictReader(StringIO(output.read_text())))


def import_by_command(world: World) -> list[str]:
    """A dry run, which ends by itself; its report alone, before which there are random ids."""
    with TemporaryDirectory() as folder:
        path, mapping = Path(folder, "events.csv"), Path(folder, "mapping.json")
        path.write_text("time,page\n2025-03-01T10:00:00Z,/imported\n")
        mapping.write_text('{"fields": {"timestamp": "time", "path": "page"}}')
        told = run_command(
            "import_events", SUBJECT, str(path), "--mapping", str(mapping), "--dry-run"
        )(world)
        return str(told).splitlines()[-4:]


def delete_by_command(world: World) -> Any:
    drain(0, force=True)
    return run_command("delete_project", SUBJECT, "--confirm", "Middle again")(world)


def end_sessions_of_a_user(world: World) -> None:
    User.objects.get_or_create(username="visitor")  # whoever acts here stays signed in
    run_command("end_sessions", "visitor")(world)


def remove_a_factor(world: World) -> None:
    user = User.objects.get_or_create(username="visitor")[0]
    SecondFactor.objects.get_or_create(user=user, secret="A" * 32)
    run_command("remove_second_factor", "visitor")(world)


COMMANDS: Mapping[str, Act] = {
    "send_due_notices": run_rounds_by_command,
    "create_api_key": each(
        run_command("create_api_key", "--project", SUBJECT, "--name", "script", "--scopes", "read"),
        run_command("create_api_key", SUBJECT, "--public"),
    ),
    "create_service_key": quietly(run_command("create_service_key", "CI")),
    "create_project": quietly(run_command("create_project", "Made by a script")),
    "allow_origin": each(
        run_command("allow_origin", SUBJECT, "https://shop.example"),
        run_command("allow_origin", SUBJECT, "null"),
    ),
    "add_alias": each(
        run_command("add_alias", SUBJECT, "plausible:middle.example"),
        run_command("add_alias", SUBJECT, "umami:7e3c1b9a-52d4-4c0f-9a31-0d5c8f6b2e17"),
    ),
    "end_sessions": end_sessions_of_a_user,
    "remove_second_factor": remove_a_factor,
    "setup_local": quietly(run_command("setup_local")),  # takes the first project there is
    "doctor": quietly(lambda world: world.read.get("/readyz")),  # only looks
    "drain": quietly(run_command("drain", "--force")),
    "ledger": run_command("ledger", "--project", SUBJECT),
    "verify_rollups": run_command("verify_rollups", "--project", SUBJECT),
    "rebuild_rollups": run_command("rebuild_rollups", "--project", SUBJECT),
    "verify_columns": run_command("verify_columns", SUBJECT),
    "rebuild_columns": run_command("rebuild_columns", SUBJECT),
    "restore_columns": each(
        run_command("restore_columns", SUBJECT), run_command("restore_columns", SUBJECT, "--strike")
    ),
    "replay_dead_letters": replay_by_command,
    "erase_user": erase_by_command,
    "export_events": export_by_command,
    "import_events": import_by_command,
    "demo": quietly(lambda world: None),  # a client of the endpoints, of a project of its own
    "loadtest": quietly(lambda world: None),  # a client of the endpoints
    "delete_project": delete_by_command,
}


def submit(
    view: str, form: Callable[[World], dict[str, Any]], key: Any = None, query: str = ""
) -> Act:
    """Send a form of the admin; what its messages say."""

    def do(world: World) -> str:
        address = reverse(f"admin:{view}", args=[key(world)] if key else []) + query
        page = world.operator.post(address, form(world), follow=True)
        assert not (page.context or {}).get("errors"), page.context["errors"]
        told = list(page.context["messages"])
        assert "error" not in [message.level_tag for message in told], told
        return " ".join(strip_tags(str(message)) for message in told)

    return do


def act_on(model: str, action: str, key: Callable[[World], str]) -> Act:
    return submit(
        f"{model}_changelist",
        lambda world: {"action": action, "_selected_action": [key(world)], "why": "a test"},
    )


def open_letter(world: World) -> str:
    event_id = f"more-{len(world.kept)}"
    accept_poison(world.subject, event_id, MALLORY)
    world.kept[f"letter {len(world.kept)}"] = True
    forget_everything()  # or the rule for addresses is that of before for some seconds
    drain(0, force=True)
    return str(letter_of(world, eventId=event_id, status="dead")["_id"].hex())


def spare_key(world: World) -> str:
    key, _ = ApiKey.issue(world.subject.row, "spare", ["read"])
    key.save()
    return str(key.pk)


def spare_alias(world: World) -> str:
    name = "plausible:spare.example"
    if not Alias.objects.filter(pk=name).exists():
        Alias.parse(world.subject.row, name).save()
    return name


def project_form(name: str, **fields: Any) -> Callable[[World], dict[str, Any]]:
    return lambda world: {"name": name, "is_active": "on", "ip_rule": "drop", **fields}


def add_service_key(world: World) -> None:
    world.kept[f"service key {len(world.kept)}"] = True
    submit("people_servicekey_add", lambda world: {"name": f"CI {len(world.kept)}"})(world)


def revoke_service_keys(world: World) -> None:
    add_service_key(world)
    key = str(ServiceKey.objects.first().pk)  # type: ignore[union-attr]
    act_on("people_servicekey", "revoke_service_keys", lambda world: key)(world)


RULES = {
    "allowed_origins": "https://shop.example", "allowed_events": "signup",
    "allowed_properties": "plan", "public_max_age_hours": 48, "time_zone": "Europe/Berlin",
    "hostnames": "shop.example", "leaves_out_bots": "on", "excluded_addresses": "203.0.113.7",
    "excluded_paths": "/admin/*", "excluded_hostnames": "test.shop.example",
}  # fmt: skip
LIMITS = {"scopes": ["read"], "rate_events_per_second": 10, "burst_events": 1_000}
ADMIN: Mapping[str, Act] = {
    "analytics_project add": submit("analytics_project_add", project_form("New")),
    "analytics_project change": submit(
        "analytics_project_change", project_form("Middle again", retention_days=9_000, **RULES),
        lambda world: SUBJECT,
    ),
    "analytics_apikey add": each(
        submit(
            "analytics_apikey_add", lambda world: {"project": SUBJECT, "name": "a key", **LIMITS}
        ),
        submit(
            "analytics_apikey_add",
            lambda world: {"project": SUBJECT, "name": "a page", "kind": "public"},
        ),
    ),
    "analytics_apikey change": submit(
        "analytics_apikey_change", lambda world: {"name": "b", "revoke_now": "on", **LIMITS},
        spare_key,
    ),
    "analytics_alias add": submit(
        "analytics_alias_add",
        lambda world: {
            "project": SUBJECT, "kind": "plausible", "value": "by-form.example",
            "rate_events_per_second": 10, "burst_events": 1_000,
        },
    ),
    "analytics_alias change": submit(
        "analytics_alias_change",
        lambda world: {"rate_events_per_second": 20, "burst_events": 1_000},
        spare_alias,
    ),
    "analytics_alias delete_selected": submit(
        "analytics_alias_changelist",
        lambda world: {
            "action": "delete_selected", "_selected_action": [spare_alias(world)], "post": "yes",
        },
    ),
    "people_servicekey add": quietly(add_service_key),
    "people_servicekey change": quietly(revoke_service_keys),
    "people_servicekey revoke_service_keys": quietly(revoke_service_keys),
    "analytics_apikey revoke_keys": act_on("analytics_apikey", "revoke_keys", spare_key),
    "ingestion_deadletter change": submit(
        "ingestion_deadletter_change",
        lambda world: {"text": '{"path": "/mended"}', "do": "replay", "why": ""},
        open_letter,
    ),
    "ingestion_deadletter replay": act_on("ingestion_deadletter", "replay", open_letter),
    "ingestion_deadletter discard": act_on("ingestion_deadletter", "discard", open_letter),
    "upkeep_erasure add": submit(
        "upkeep_erasure_add", lambda world: {"of_project": SUBJECT, "user_id": "nobody"}
    ),
    "upkeep_projectdeletion add": submit(
        "upkeep_projectdeletion_add",
        lambda world: {"project_name": "Middle again", "project_id": SUBJECT},
        query=f"?project={SUBJECT}",
    ),
}  # fmt: skip
# Removing the project is done last, in this order.
ENDING = ("upkeep_projectdeletion add", "ingestion.run_deletions", "manage.py delete_project")


def list_acts() -> list[tuple[str, Act]]:
    """All of them, and each task after what gives it work."""
    commands = {f"manage.py {name}": act for name, act in COMMANDS.items()}
    acts = {**ADMIN, **commands, **TASKS}
    ending = [(name, acts.pop(name)) for name in ENDING]
    tasks = [(name, act) for name, act in TASKS.items() if name in acts]
    return [*ENDPOINTS.items(), *tasks, *acts.items(), *ENDPOINTS.items(), *ending, *tasks]


def play(world: World) -> Iterator[tuple[str, str]]:
    """Do everything in the world's project; each act, and what it told."""
    before = read_bytes_of(world.others)
    for name, act in list_acts():
        forget_keys()  # as the seconds do for which a process knows a key, and its project
        answer = act(world)
        after = read_bytes_of(world.others)
        changed = {key for key in {*before, *after} if before.get(key) != after.get(key)}
        assert not changed, f"{name} touched what is of others: {changed}"
        yield name, VARIABLE.sub("...", json.dumps(answer))


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "SETTLE", timedelta(0))
    monkeypatch.setattr(run, "REST", timedelta(0))
    for module in (change, forget, deleting):
        monkeypatch.setattr(module, "READ_TIME", timedelta(0))
    monkeypatch.setattr(engine, "FOLLOW_SECONDS", 0.0)
    monkeypatch.setattr(copies, "QUIET", timedelta(0))
    monkeypatch.setenv("ADMIN_PASSWORD", "correct horse")
    app.loader.import_default_modules()


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_nothing_that_is_done_in_a_project_touches_another_or_tells_of_it(
    store: None, no_pauses: None
) -> None:
    beside = list(play(make_world(alone=False)))
    for client in (stream_client(), broker_client()):
        client.flushall()
    empty_database()
    shutil.rmtree(settings.COLUMNS_URL)
    shutil.rmtree(settings.EXPORTS_DIR)
    shutil.rmtree(settings.IMPORTS_DIR)
    forget_everything()
    alone = list(play(make_world(alone=True)))

    told = {name: (here, there) for (name, here), (_, there) in zip(beside, alone, strict=True)}
    assert {name: both for name, both in told.items() if both[0] != both[1]} == {}


def test_every_endpoint_has_an_act() -> None:
    def walk(patterns: Any, prefix: str = "") -> Iterator[str]:
        for pattern in patterns:
            route = prefix + str(pattern.pattern)
            if hasattr(pattern, "url_patterns"):
                yield from walk(pattern.url_patterns, route)
            else:
                yield route.rstrip("/")

    routes = {route for route in walk(get_resolver().url_patterns) if not route.startswith("admin")}
    assert routes == set(ENDPOINTS)


def test_every_task_has_an_act() -> None:
    app.loader.import_default_modules()
    assert {name for name in app.tasks if not name.startswith("celery.")} == set(TASKS)


def test_every_command_has_an_act() -> None:
    ours = (
        *("analytics", "ingestion", "upkeep", "people", "exchange", "notices"),
        *("reporting", "config"),
    )
    assert {name for name, app_name in get_commands().items() if app_name in ours} == set(COMMANDS)


def test_everything_an_operator_may_do_in_the_admin_has_an_act(rf: Any) -> None:
    """Of our own models; Django's users and groups are of no project."""
    request: HttpRequest = rf.get("/admin/")
    request.user = User(is_superuser=True, is_staff=True, is_active=True)
    done = set()
    for model, page in admin.site._registry.items():
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        if model._meta.app_label == "auth":
            continue
        done |= {f"{name} add"} if page.has_add_permission(request) else set()
        done |= {f"{name} change"} if page.has_change_permission(request) else set()
        done |= {f"{name} {action}" for action in page.get_actions(request)}
    assert done == set(ADMIN)
