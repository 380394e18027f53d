"""No project ever sees or changes another's data, whatever is done in it.

Every endpoint, task, command and page of the admin is run in one project, between two neighbours
that hold the same users, ids, paths and days. After each act not one byte of a neighbour's may
be another, and the answers must be those of a world without neighbours. Whoever adds an endpoint,
a task, a command or an action adds how it is done here.
"""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.management import call_command, get_commands
from django.http import HttpRequest
from django.urls import get_resolver, reverse
from django.utils.html import strip_tags

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.databases.redis_clients import broker_client, stream_client
from analytics.keys.lookup import forget_keys
from analytics.keys.refusals import flush_refusals, read_refusals
from analytics.projects.models import ApiKey
from analytics.remembered import forget_everything
from columns import change, forget
from config.celery import app
from ingestion.drain.loop import drain
from tests.conftest import empty_database
from tests.poison import accept_poison
from tests.tenancy import (
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
    r"|[ap]k_live_[\w-]+|tookMs\W+\d+|New \([0-9a-f]{16}\)"
)

# Of each project its own: ids that it drew, and what seals them.
VARYING = re.compile(r'"after": ?"[^"]*"|"after":"[^"]*"')


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


def break_down(world: World) -> str:
    by = (
        "path", "event", "referrer", "country", "browser", "os", "device", "hostname", "bot",
        "userId",
    )  # fmt: skip
    return " ".join(told(world.read.get("/stats/breakdown", by=each, **WINDOW)) for each in by)


ENDPOINTS: Mapping[str, Act] = {
    "": get("/"),
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
    "query": ask_questions,
    "event/<rest:event_id>": lambda world: " ".join(
        told(world.read.get(f"/event/{event_id}"))
        for event_id in ("id-0", UUID_ID, "poison-1", "by the page", "theirs alone")
    ),
    "users/<rest:user_id>": ask_for_erasure,
    "erasures/<str:erasure_id>": follow_erasure,
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


TASKS: Mapping[str, Act] = {
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
    "upkeep.export_columns": quietly(export_columns),
    "upkeep.tend_columns": quietly(tend_columns),
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


def delete_by_command(world: World) -> Any:
    drain(0, force=True)
    return run_command("delete_project", SUBJECT, "--confirm", "Middle again")(world)


def end_sessions_of_a_user(world: World) -> None:
    User.objects.get_or_create(username="visitor")  # whoever acts here stays signed in
    run_command("end_sessions", "visitor")(world)


COMMANDS: Mapping[str, Act] = {
    "create_api_key": each(
        run_command("create_api_key", "--project", SUBJECT, "--name", "script", "--scopes", "read"),
        run_command("create_api_key", SUBJECT, "--public"),
    ),
    "create_project": quietly(run_command("create_project", "Made by a script")),
    "allow_origin": each(
        run_command("allow_origin", SUBJECT, "https://shop.example"),
        run_command("allow_origin", SUBJECT, "null"),
    ),
    "end_sessions": end_sessions_of_a_user,
    "setup_local": quietly(run_command("setup_local")),  # takes the first project there is
    "doctor": quietly(lambda world: world.read.get("/readyz")),  # only looks
    "drain": quietly(run_command("drain", "--force")),
    "ledger": run_command("ledger", "--project", SUBJECT),
    "verify_rollups": run_command("verify_rollups", "--project", SUBJECT),
    "rebuild_rollups": run_command("rebuild_rollups", "--project", SUBJECT),
    "verify_columns": run_command("verify_columns", SUBJECT),
    "rebuild_columns": run_command("rebuild_columns", SUBJECT),
    "replay_dead_letters": replay_by_command,
    "erase_user": erase_by_command,
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
    accept_poison(world.subject, f"more-{len(world.kept)}", MALLORY)
    world.kept[f"letter {len(world.kept)}"] = True
    drain(0, force=True)
    return str(letter_of(world, status="dead")["_id"].hex())


def spare_key(world: World) -> str:
    key, _ = ApiKey.issue(world.subject.row, "spare", ["read"])
    key.save()
    return str(key.pk)


def project_form(name: str, **fields: Any) -> Callable[[World], dict[str, Any]]:
    return lambda world: {"name": name, "is_active": "on", "ip_rule": "drop", **fields}


RULES = {
    "allowed_origins": "https://shop.example", "allowed_events": "signup",
    "allowed_properties": "plan", "public_max_age_hours": 48, "time_zone": "Europe/Berlin",
    "hostnames": "shop.example", "leaves_out_bots": "on",
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
@pytest.mark.timeout(600)
def test_nothing_that_is_done_in_a_project_touches_another_or_tells_of_it(
    store: None, no_pauses: None
) -> None:
    beside = list(play(make_world(alone=False)))
    for client in (stream_client(), broker_client()):
        client.flushall()
    empty_database()
    shutil.rmtree(settings.COLUMNS_URL)
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
    ours = ("analytics", "ingestion", "upkeep", "reporting", "config")
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
