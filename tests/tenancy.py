"""Projects side by side, as like each other as can be, and every byte that is one's own."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import redis
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from analytics.databases import mongo
from analytics.databases.mongo import Document, collection, database
from analytics.databases.redis_clients import broker_client, stream_client
from analytics.keys.refusals import flush_refusals
from analytics.keys.samples import flush_samples
from analytics.projects.aliases import Alias
from analytics.projects.key_mirror import mirror_keys
from analytics.projects.models import ApiKey
from columns.export import export_project, list_tails
from columns.garbage import collect_files
from columns.merge import merge_project
from exchange.incoming.run import IMPORTS
from ingestion.drain.loop import drain
from ingestion.letters.change import discard_letters
from people.members.changes import add_member
from people.members.models import Role
from people.shares.links import add_link
from people.shares.models import ShareLink
from tests.conftest import Api, TestProject, make_project
from tests.exchange.exports import export
from tests.imports.imports import ask
from tests.pages import Page, make_public_key
from tests.poison import accept_poison
from tests.receivers.bodies import RECEIVED, Owner, make_request
from tests.receivers.vendor import add_alias, post
from tests.upkeep.erasure.erasures import erase
from upkeep.deletion.data import find_runs
from upkeep.jobs.engine import run_job
from upkeep.ledger.checkpoints import take_checkpoints
from upkeep.ledger.lines import compact_ledger
from upkeep.rollups.compaction import compact_summaries
from upkeep.rollups.copies import build_days, build_months
from upkeep.rollups.runs import collect_garbage

# Neighbours by their ids, one below and one above; the first in each world is the one acted in.
SUBJECT, LOWER, HIGHER = "8000000000000000", "7fffffffffffffff", "8000000000000001"

MONTH = datetime(2025, 3, 3, 9, tzinfo=UTC)
UUID_ID = "0198c0de-1234-7abc-9def-123456789abc"
MALLORY, GONE, PAGE = "mallory", "gone", "page"
NOW = timedelta(0)
RAW = CodecOptions(RawBSONDocument)  # as they are stored
READ_BY = {b"hash": "hgetall", b"stream": "xrange", b"string": "get"}

Bytes = dict[tuple[str, Any], Any]


@dataclass(frozen=True)
class World:
    """A project to act in, and its neighbours: none of them, or one on either side."""

    subject: TestProject
    others: list[TestProject]
    operator: Client
    kept: dict[str, Any] = field(default_factory=dict)  # what one act leaves for another

    @property
    def ingest(self) -> Api:
        return Api(self.subject.ingest_key)

    @property
    def page(self) -> Page:
        return Page(ApiKey.objects.get(project=self.subject.row.pk, name=PAGE))

    @property
    def owner(self) -> Owner:
        """What clients of other vendors call the project."""
        return name_owner(self.subject)

    @property
    def read(self) -> Api:
        return Api(self.subject.read_key)

    @property
    def admin(self) -> Client:
        return Client(headers={"authorization": f"Bearer {self.subject.admin_key}"})


def make_world(*, alone: bool) -> World:
    subject = make_project("Middle", id=SUBJECT)
    others = [] if alone else [make_project("Low", id=LOWER), make_project("High", id=HIGHER)]
    projects = [subject, *others]
    for project in projects:
        fill(project)
    for other in others:
        Api(other.ingest_key).post("/event", {"path": "/theirs", "eventId": "theirs alone"})
    drain(0)
    for project in projects:
        erase(project, GONE)
    settle()
    for project in projects:
        export(project, "csv")
        bring_file(project)
    store: Any = stream_client()
    for allowances in store.keys("*:addresses:*"):
        store.persist(allowances)  # else they go by themselves, within the minute
    bob = User.objects.create_user("bob")
    for project in projects[1:]:
        add_member(project.row.pk, bob, Role.VIEWER)
    client = Client()
    client.force_login(User.objects.create_superuser("alice", password="correct horse"))
    return World(subject, others, client)


def bring_file(project: TestProject) -> None:
    """An import that waits until somebody says what its file is."""
    import_id = ask(project, b"time,page\n2025-03-01T10:00:00Z,/0\n", None)
    run_job(IMPORTS, import_id)


def fill(project: TestProject) -> None:
    """The same ids, users, paths and days in each: events, duplicates, letters of every state."""
    ingest = Api(project.ingest_key)
    events = [
        {"path": f"/{n % 4}", "eventId": f"id-{n}", "userId": (MALLORY, "alice", GONE)[n % 3],
         "timestamp": (MONTH + timedelta(days=n % 5, minutes=n)).isoformat()}
        for n in range(15)
    ]  # fmt: skip
    events += [{"path": "/uuid", "eventId": UUID_ID, "userId": MALLORY}, {"path": "/anonymous"}]
    events.insert(0, {
        "path": "/robots.txt", "eventId": "bot", "timestamp": MONTH.isoformat(),
        "userAgent": "GPTBot/1.2", "hostname": "a.example",
    })  # fmt: skip
    for _ in range(2):  # the second time they are duplicates
        assert ingest.post("/events", events).status_code == 202
        drain(0)
    page = Page(make_public_key(project, PAGE))
    for _ in range(2):
        assert page.send_many([{"path": "/0", "eventId": "id-0"}, events[-2]]).status_code == 202
        drain(0)
    assert page.send({}).status_code == 400
    fill_receivers(project)
    add_link(ShareLink(project=project.row, name="for the board", panels=["pages"]))
    flush_refusals()
    for n, user in enumerate((MALLORY, MALLORY, "alice", "alice", GONE)):
        accept_poison(project, f"poison-{n}", user)
    drain(0)
    letters = collection(mongo.DEAD_LETTERS).find({"project": project.id}).sort("_id", 1)
    discard_letters([next(letters)["_id"]], "a test", "not wanted")


def name_owner(project: TestProject) -> Owner:
    text = ApiKey.objects.get(project=project.row.pk, name=PAGE).text
    return Owner(text, f"p{project.row.pk}.example", str(UUID(project.row.pk * 2)))


def fill_receivers(project: TestProject) -> None:
    """The same events by clients of other vendors, and samples of what was refused them."""
    owner = name_owner(project)
    for alias in owner.aliases:
        add_alias(project, alias)
    for name, path in RECEIVED:
        sent = make_request(name, path, owner)
        assert post(sent.path, sent.body, **sent.headers).status_code in (200, 202, 204)
    bad = {"batch": [{"type": "nonsense", "userId": MALLORY}], "writeKey": owner.key}
    assert post("/v1/batch", bad).status_code == 200
    flush_samples()


def settle() -> None:
    """Until maintenance has nothing left to do: then what it touches, it must not have."""
    compact_summaries()
    build_days(quiet=NOW)
    build_months(quiet=NOW)
    collection(mongo.ROLLUP_GARBAGE).update_many({}, {"$set": {"dueAt": MONTH}})
    collect_garbage()
    while compact_ledger():
        pass
    take_checkpoints()
    mirror_keys()
    for tail in list_tails():
        export_project(tail.project_id)
        while merge_project(tail.project_id):
            pass
    collection(mongo.COLUMN_GARBAGE).update_many({}, {"$set": {"dueAt": MONTH}})
    collect_files()


def read_bytes_of(projects: list[TestProject]) -> Bytes:
    """Every document, key, field and entry in which a project occurs, or that is a part of one."""
    found: Bytes = {}
    if not projects:
        return found
    marks = [mark for project in projects for mark in _marks_of(project)]
    for name in database().list_collection_names():
        stored: Any = database().get_collection(name, RAW)
        for document in stored.find():
            if any(mark in document.raw for mark in marks):
                found[name, str(document["_id"])] = document.raw
    stores = (stream_client(), broker_client(), redis.Redis.from_url(settings.CACHE_URL))
    for number, client in enumerate(stores):
        for key, value in _walk_keys(client):
            if any(mark in b"%b %b" % (key, value) for mark in marks):
                found[f"redis {number}", key] = value
    for project in projects:
        for root in (settings.COLUMNS_URL, settings.EXPORTS_DIR, settings.IMPORTS_DIR):
            for file in (Path(root) / project.id.hex()).rglob("*"):
                found["file", str(file)] = file.read_bytes() if file.is_file() else b""
    return found


def _marks_of(project: TestProject) -> Iterator[bytes]:
    """What a byte of the project's can be told by."""
    yield project.id
    yield project.row.pk.encode()
    for key in ApiKey.objects.filter(project=project.row.pk):
        yield key.pk.encode()
        yield key.digest.encode()
    for alias in Alias.objects.filter(project=project.row.pk):
        yield alias.key_id.encode()
        yield alias.digest.hex().encode()
    for name in (mongo.ROLLUP_DAYS, mongo.ROLLUP_MONTHS):
        for head in collection(name).find({"project": project.id}):
            yield from find_runs(head)


def _walk_keys(client: Any) -> Iterator[tuple[bytes, bytes]]:
    """Keys, and the fields of hashes and the entries of streams by themselves, with their bytes."""
    keys = client.keys("*")
    with client.pipeline(transaction=False) as asked:
        for key in keys:
            asked.type(key)
        kinds = asked.execute()
        for key, kind in zip(keys, kinds, strict=True):
            getattr(asked, READ_BY.get(kind, "dump"))(key)
        values = asked.execute()
    for key, kind, value in zip(keys, kinds, values, strict=True):
        match kind:
            case b"hash":
                for name, part in value.items():
                    yield b"%b %b" % (key, name), part
            case b"stream":
                for entry_id, fields in value:
                    yield b"%b %b" % (key, entry_id), repr(fields).encode()
            case _:
                yield key, value or b""


def letter_of(world: World, **query: Any) -> Document:
    """The oldest letter of the project acted in."""
    found = collection(mongo.DEAD_LETTERS).find_one(
        {"project": world.subject.id, **query}, sort=[("_id", 1)]
    )
    assert found is not None
    return found
