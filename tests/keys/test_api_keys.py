"""API keys: what a request's key may do, and how soon a change of it is felt."""

import dataclasses
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import msgspec
import pytest
import redis
from celery import current_app
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import api_key_key, api_keys_complete_key, api_keys_used_key
from analytics.keys import lookup
from analytics.keys.authentication import authenticate, note_use, require_scope
from analytics.keys.key_text import generate_key, read_key_id
from analytics.keys.lookup import forget_keys
from analytics.keys.records import Excluded, KeyRecord
from analytics.projects import key_mirror
from analytics.projects.key_mirror import MirrorDelayed, make_record, mirror_keys, write_records
from analytics.projects.models import ApiKey, Project
from analytics.web.problems import Forbidden, Unauthorized, Unavailable


class Clock:
    """The caches' clock, to be moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def whole_mirror(store: None) -> None:
    mirror_keys()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


@pytest.fixture
def restores(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The restores that were asked of a worker."""
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(
        current_app,
        "send_task",
        lambda name, **options: asked.append({"name": name, **options}),
    )
    return asked


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(3_000):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not come")


@pytest.fixture
def break_redis(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def fail() -> redis.Redis:
        raise redis.ConnectionError("Redis is down")

    def break_it() -> None:
        monkeypatch.setattr(lookup, "stream_client", fail)
        monkeypatch.setattr(key_mirror, "stream_client", fail)

    return break_it


def make_key(scopes: tuple[str, ...] = ("ingest",), **fields: Any) -> tuple[ApiKey, str]:
    project = fields.pop("project", None) or Project.objects.create(name="Alice's shop")
    key, text = ApiKey.issue(project, "Website", scopes, **fields)
    key.save()
    return key, text


def authenticate_text(text: str) -> KeyRecord:
    return authenticate(f"Bearer {text}")


def refusal(header: str | None) -> str:
    with pytest.raises(Unauthorized) as refused:
        authenticate(header)
    assert refused.value.headers["WWW-Authenticate"].startswith("Bearer")
    return refused.value.code


def test_a_new_key_is_good_at_once_and_carries_its_projects_limits() -> None:
    project = Project.objects.create(
        name="Alice's shop", quota_events_per_month=5_000_000, retention_days=30
    )
    key, text = make_key(("ingest", "read"), project=project, rate_events_per_second=50)

    record = authenticate_text(text)

    assert record == KeyRecord(
        key_id=key.id,
        project_id=bytes.fromhex(project.id),
        scopes=frozenset({"ingest", "read"}),
        partition=project.partition,
        rate_events_per_second=50,
        burst_events=10_000,
        quota_events_per_month=5_000_000,
        retention_days=30,
        expires_at=None,
        revoked=False,
        revision=1,
        digest=bytes.fromhex(key.digest),
        leaves_out_bots=True,
    )


def test_only_the_digest_of_a_key_is_kept() -> None:
    _, text = make_key()
    secret = text.split("_", 3)[3]

    database: Any = connection.database  # type: ignore[attr-defined]
    stored = [
        str(document)
        for name in connection.introspection.table_names()
        for document in database[name].find()
    ]
    client = stream_client()
    names = list(client.scan_iter())
    mirrored = [str((name, client.get(name))) for name in names if client.type(name) == b"string"]

    assert not [document for document in stored if secret in document]
    assert not [entry for entry in mirrored if secret in entry]


def test_keys_are_unlike_each_other_and_have_256_random_bits() -> None:
    texts = {generate_key().text for _ in range(200)}
    assert len(texts) == 200
    assert {len(text) for text in texts} == {len("ak_live_") + 8 + 1 + 43}


def test_the_scheme_is_read_in_any_case_and_spaces_are_forgiven() -> None:
    key, text = make_key()
    for header in (f"bearer {text}", f"BEARER {text}", f"Bearer   {text} "):
        assert authenticate(header).key_id == key.id


@pytest.mark.parametrize("header", [None, "", " ", "Basic YWxpY2U6cHc=", "ak_live_x", "Bearerx"])
def test_a_request_without_a_bearer_key_is_told_so(header: str | None) -> None:
    assert refusal(header) == "missing_key"


def test_a_key_that_is_too_short_too_long_or_changed_is_refused() -> None:
    _, text = make_key()
    swapped = text[:-1] + ("A" if text[-1] != "A" else "B")
    for wrong in (text[:-1], text + "x", swapped, text.upper(), text + "\n", f"{text} {text}"):
        assert refusal(f"Bearer {wrong}") == "invalid_key"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "éÿþ",
        "ak_live_\x00",
        "' OR 1=1--",
        "ak_live_\uff12\uff12\uff12\uff12\uff12\uff12\uff12\uff12_" + "A" * 43,
        "ü" * 9_999,
    ],
)
def test_what_is_no_key_is_refused_and_never_raises(text: str) -> None:
    assert refusal(f"Bearer {text}") == "invalid_key"


def test_a_key_without_the_scope_is_forbidden() -> None:
    _, text = make_key(("read",))
    record = authenticate_text(text)
    require_scope(record, "read")
    require_scope(record, "ingest", "read")
    with pytest.raises(Forbidden) as refused:
        require_scope(record, "ingest")
    assert (refused.value.status, refused.value.code) == (403, "missing_scope")
    assert 'scope="ingest"' in refused.value.headers["WWW-Authenticate"]


def test_the_scope_admin_implies_the_others() -> None:
    _, text = make_key(("admin",))
    require_scope(authenticate_text(text), "ingest")
    require_scope(authenticate_text(text), "read")


@pytest.mark.parametrize("scopes", [(), ("write",), ("read", "READ")])
def test_a_key_has_one_or_more_known_scopes(scopes: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError):
        make_key(scopes)


def test_a_key_takes_a_whole_request_in_its_burst() -> None:
    with pytest.raises(ValidationError):
        make_key(burst_events=999)


def test_an_expired_key_is_refused_even_while_it_is_cached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, text = make_key(expires_at=timezone.now() + timedelta(hours=1))
    authenticate_text(text)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3_601)
    assert refusal(f"Bearer {text}") == "expired_key"


def test_a_revoked_key_is_refused_within_10_seconds_in_a_process_that_knows_it(
    clock: Clock,
) -> None:
    key, text = make_key()
    authenticate_text(text)
    key.revoke()
    clock.now += 9.9
    assert refusal(f"Bearer {text}") == "revoked_key"


def test_a_revoked_key_stays_revoked_when_an_older_form_is_saved() -> None:
    key, text = make_key()
    opened_before = ApiKey.objects.get(pk=key.pk)
    key.revoke()
    opened_before.name = "Renamed"
    opened_before.save()

    saved = ApiKey.objects.get(pk=key.pk)
    assert (saved.name, saved.state) == ("Renamed", "revoked")
    assert opened_before.state == "revoked"
    assert refusal(f"Bearer {text}") == "revoked_key"


def test_a_restore_that_read_a_key_before_its_revocation_cannot_bring_it_back() -> None:
    key, text = make_key()
    stale = make_record(key, key.project)
    key.revoke()
    write_records([stale])
    assert refusal(f"Bearer {text}") == "revoked_key"


def test_a_restore_that_read_a_project_before_it_was_deactivated_cannot_bring_its_keys_back() -> (
    None
):
    key, text = make_key()
    stale = make_record(key, key.project)
    key.project.is_active = False
    key.project.save()
    write_records([stale])
    assert refusal(f"Bearer {text}") == "inactive_project"


def test_a_worker_of_the_release_before_takes_out_no_field_that_it_does_not_know() -> None:
    key, text = make_key()
    key.project.excluded_paths = ["/admin*"]
    key.project.save()
    key.refresh_from_db()
    record = make_record(key, key.project)
    name = api_key_key(key.digest)

    def write_without(field: str, revision: int, *, further: bool = False) -> None:
        """As a release does that lacks `field`, and may have another."""
        kept = [one for one in dataclasses.fields(KeyRecord) if one.name != field]
        values = {one.name: getattr(record, one.name) for one in kept} | {"revision": revision}
        kinds = [(one.name, one.type) for one in kept]
        if further:
            kinds, values = [*kinds, ("further", int)], {**values, "further": 1}
        write_records([dataclasses.make_dataclass("Record", kinds)(**values)])

    write_without("excluded", key.revision)
    assert authenticate_text(text).excluded == Excluded(paths=("/admin*",))

    # What it saves itself takes effect at once, and has all fields again with the next restore.
    write_without("excluded", key.revision + 1)
    forget_keys()
    assert authenticate_text(text).excluded is None
    write_records([dataclasses.replace(record, revision=key.revision + 1)])
    forget_keys()
    assert authenticate_text(text).excluded == Excluded(paths=("/admin*",))

    # A release that knows another field is none of before.
    write_without("leaves_out_bots", key.revision + 1, further=True)
    mirrored = msgspec.json.decode(stream_client().get(name) or b"")
    assert (mirrored["further"], "leaves_out_bots" in mirrored) == (1, False)


def test_every_save_raises_the_revision() -> None:
    key, _ = make_key()
    revisions = [key.revision]
    for action in (key.save, key.project.save, key.revoke, key.revoke):
        action()
        revisions.append(ApiKey.objects.get(pk=key.pk).revision)
    assert revisions == [1, 2, 3, 4, 5]


def test_a_changed_project_reaches_its_keys_and_no_others(clock: Clock) -> None:
    key, text = make_key()
    _, other_text = make_key(project=Project.objects.create(name="Bob's blog"))
    authenticate_text(text)
    key.project.quota_events_per_month = 7
    key.project.save()
    clock.now += 9.9
    assert authenticate_text(text).quota_events_per_month == 7
    assert authenticate_text(other_text).quota_events_per_month is None


def test_the_keys_of_an_inactive_project_are_refused_until_it_is_active_again(
    clock: Clock,
) -> None:
    key, text = make_key()
    for is_active in (False, True):
        key.project.is_active = is_active
        key.project.save()
        clock.now += 9.9
        if is_active:
            assert authenticate_text(text).key_id == key.id
        else:
            assert refusal(f"Bearer {text}") == "inactive_project"


def test_the_partition_of_a_project_outlives_a_change_of_their_number(settings: Any) -> None:
    settings.STREAM_PARTITIONS = 4
    projects = [Project.objects.create(id=f"{n:016x}", name=str(n)) for n in range(40)]
    assert {project.partition for project in projects} == {0, 1, 2, 3}
    settings.STREAM_PARTITIONS = 64
    for project in projects:
        project.save()
        assert Project.objects.get(pk=project.pk).partition == project.partition < 4


def test_an_emptied_redis_is_503_and_asks_for_a_restore_that_heals_it(
    clock: Clock, restores: list[dict[str, Any]]
) -> None:
    key, text = make_key()
    authenticate_text(text)
    clock.now += 5.1
    stream_client().flushall()

    for _ in range(3):
        with pytest.raises(Unavailable) as refused:
            authenticate_text(text)
    assert refused.value.code == "keys_unavailable"
    assert int(refused.value.headers["Retry-After"]) > 0
    wait_for(lambda: bool(restores))
    assert [(task["name"], task["queue"]) for task in restores] == [
        ("analytics.mirror_keys", "maintenance")
    ]

    assert mirror_keys() == 1
    assert authenticate_text(text).key_id == key.id


def test_an_unknown_key_is_503_while_the_mirror_is_not_whole(
    restores: list[dict[str, Any]],
) -> None:
    stream_client().flushall()
    with pytest.raises(Unavailable):
        authenticate_text(generate_key().text)
    mirror_keys()
    assert refusal(f"Bearer {generate_key().text}") == "invalid_key"


def test_a_broker_that_is_down_does_not_fail_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = threading.Event()

    def fail(*args: Any, **options: Any) -> None:
        failed.set()
        raise OSError("no broker")

    monkeypatch.setattr(current_app, "send_task", fail)
    stream_client().flushall()
    with pytest.raises(Unavailable):
        authenticate_text(generate_key().text)
    assert failed.wait(30)


def test_an_unreadable_record_is_503_and_is_replaced_by_the_next_restore(
    restores: list[dict[str, Any]],
) -> None:
    key, text = make_key()
    for damaged in (b"\xff", b"[]", b'{"revision": "x"}', b'{"revision": 1}'):
        stream_client().set(api_key_key(key.digest), damaged)
        with pytest.raises(Unavailable):
            authenticate_text(text)
        mirror_keys()
        assert authenticate_text(text).key_id == key.id
        forget_keys()
    wait_for(lambda: len(restores) == 4)


def test_a_known_key_outlives_a_redis_that_is_down_by_a_minute(
    clock: Clock, break_redis: Callable[[], None]
) -> None:
    _, text = make_key()
    authenticate_text(text)
    break_redis()
    clock.now += 59.0
    authenticate_text(text)
    clock.now += 1.1
    with pytest.raises(Unavailable):
        authenticate_text(text)


def test_a_key_that_this_process_never_saw_is_503_while_redis_is_down(
    break_redis: Callable[[], None],
) -> None:
    _, text = make_key()
    break_redis()
    with pytest.raises(Unavailable) as refused:
        authenticate_text(text)
    assert refused.value.code == "keys_unavailable"


def test_a_revoked_key_stays_refused_while_redis_is_down(
    clock: Clock, break_redis: Callable[[], None]
) -> None:
    key, text = make_key()
    key.revoke()
    assert refusal(f"Bearer {text}") == "revoked_key"
    break_redis()
    clock.now += 30.0
    assert refusal(f"Bearer {text}") == "revoked_key"


def test_known_and_unknown_keys_are_looked_up_in_redis_once_in_5_seconds(
    clock: Clock, break_redis: Callable[[], None]
) -> None:
    key, text = make_key()
    unknown = generate_key().text
    authenticate_text(text)
    assert refusal(f"Bearer {unknown}") == "invalid_key"
    break_redis()
    clock.now += 4.9
    assert authenticate_text(text).key_id == key.id
    assert refusal(f"Bearer {unknown}") == "invalid_key"
    clock.now += 0.2
    with pytest.raises(Unavailable):
        authenticate_text(unknown)


def test_a_flood_of_unknown_keys_fills_no_memory_and_drives_out_no_known_key(
    monkeypatch: pytest.MonkeyPatch, break_redis: Callable[[], None]
) -> None:
    monkeypatch.setattr(lookup._keys.unknown, "_max_items", 50)
    key, text = make_key()
    authenticate_text(text)
    for _ in range(120):
        refusal(f"Bearer {generate_key().text}")
    assert len(lookup._keys.unknown) == 50
    break_redis()
    assert authenticate_text(text).key_id == key.id


def test_a_revocation_that_redis_did_not_hear_of_says_so_and_comes_with_the_next_restore(
    monkeypatch: pytest.MonkeyPatch, break_redis: Callable[[], None]
) -> None:
    key, text = make_key()
    with monkeypatch.context():
        break_redis()
        with pytest.raises(MirrorDelayed):
            key.revoke()
    monkeypatch.undo()
    assert ApiKey.objects.get(pk=key.pk).state == "revoked"
    assert authenticate_text(text).key_id == key.id  # not yet

    mirror_keys()
    forget_keys()
    assert refusal(f"Bearer {text}") == "revoked_key"


def test_a_revocation_gets_through_a_full_redis() -> None:
    key, text = make_key()
    client = stream_client()
    before = str(client.config_get("maxmemory")["maxmemory"])
    client.config_set("maxmemory", "1")
    try:
        with pytest.raises(redis.ResponseError):
            client.set("anything", "new")
        key.revoke()
        mirror_keys()
        assert refusal(f"Bearer {text}") == "revoked_key"
        note_use(make_record(key, key.project))  # refused by Redis, and only logged
    finally:
        client.config_set("maxmemory", before)


def test_a_key_that_mongodb_lost_is_taken_out_of_the_mirror() -> None:
    kept, kept_text = make_key()
    lost, lost_text = make_key(project=kept.project)
    ApiKey.objects.filter(pk=lost.pk).delete()
    mirror_keys()
    assert authenticate_text(kept_text).key_id == kept.id
    assert refusal(f"Bearer {lost_text}") == "invalid_key"


def test_an_empty_database_does_not_empty_the_mirror() -> None:
    key, text = make_key()
    ApiKey.objects.all().delete()
    mirror_keys()
    assert authenticate_text(text).key_id == key.id


def test_a_restore_that_redis_was_emptied_under_does_not_call_the_mirror_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_key()
    stream_client().delete(api_keys_complete_key())

    def write_and_lose(written: list[ApiKey]) -> None:
        stream_client().flushall()

    monkeypatch.setattr(key_mirror, "_write_keys", write_and_lose)
    assert mirror_keys() == 0
    assert not stream_client().exists(api_keys_complete_key())


def test_the_last_use_is_noted_once_a_minute_and_copied_by_the_restore(clock: Clock) -> None:
    key, text = make_key()
    record = authenticate_text(text)
    note_use(record)
    stream_client().hset(api_keys_used_key(), key.id, "1000000000")
    note_use(record)
    mirror_keys()
    used_at = ApiKey.objects.get(pk=key.pk).last_used_at
    assert used_at is not None and used_at.timestamp() == 1_000_000_000

    clock.now += 60.0
    note_use(record)
    mirror_keys()
    used_at = ApiKey.objects.get(pk=key.pk).last_used_at
    assert used_at is not None and abs(time.time() - used_at.timestamp()) < 60

    stream_client().hset(api_keys_used_key(), key.id, "1000000000")  # a clock that is behind
    mirror_keys()
    assert ApiKey.objects.get(pk=key.pk).last_used_at == used_at


def test_the_mirror_reads_back_as_it_was_written() -> None:
    key, _ = make_key(("read",), expires_at=datetime(2030, 1, 1, tzinfo=UTC))
    raw = stream_client().get(api_key_key(key.digest)) or b""
    assert msgspec.json.decode(raw, type=KeyRecord) == make_record(key, key.project)


def run(command: str, *arguments: str) -> str:
    out = StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue()


def test_create_api_key_prints_a_key_that_works() -> None:
    arguments = ("--name", "Importer", "--scopes", "ingest,read", "--rate", "20", "--burst", "2000")
    printed = run("create_api_key", "--project", "Carol", "--create-project", *arguments)
    record = authenticate_text(printed.strip())
    assert record.scopes == {"ingest", "read"}
    assert (record.rate_events_per_second, record.burst_events) == (20, 2_000)
    project = Project.objects.get(name="Carol")
    assert record.project_id == project.id_bytes

    again = run("create_api_key", "--project", project.id, *arguments, "--expires-days", "3")
    expires_at = authenticate_text(again.strip()).expires_at
    assert expires_at is not None and 2.9 * 86_400 < expires_at - time.time() <= 3 * 86_400
    assert Project.objects.count() == 1


@pytest.mark.parametrize(
    ("project", "scopes"), [("Nobody", "ingest"), ("Dave", "ingest,write"), ("Twin", "ingest")]
)
def test_create_api_key_refuses_what_it_cannot_do(project: str, scopes: str) -> None:
    for name in ("Dave", "Twin", "Twin"):  # equal names are from before they were refused
        Project.objects.bulk_create([Project(name=name, partition=0)])
    with pytest.raises(CommandError):
        run("create_api_key", "--project", project, "--name", "x", "--scopes", scopes)
    assert not ApiKey.objects.exists()


def test_setup_local_keeps_the_keys_of_an_earlier_run_while_they_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ADMIN_PASSWORD", "correct horse")

    def set_up() -> dict[str, str]:
        answer: dict[str, str] = msgspec.json.decode(run("setup_local").splitlines()[-1])
        monkeypatch.setenv("INGEST_KEY", answer["ingestKey"])
        monkeypatch.setenv("READ_KEY", answer["readKey"])
        return answer

    first = set_up()
    assert set_up() == first
    assert authenticate_text(first["ingestKey"]).scopes == {"ingest"}
    assert authenticate_text(first["readKey"]).project_id.hex() == first["projectId"]

    ApiKey.objects.get(pk=read_key_id(first["ingestKey"])).revoke()
    third = set_up()
    assert third["ingestKey"] != first["ingestKey"]
    assert third["readKey"] == first["readKey"]
    assert third["publicKey"] == first["publicKey"]


def test_setup_local_has_a_public_key_of_the_project_and_keeps_it_while_it_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ADMIN_PASSWORD", "correct horse")

    def set_up() -> dict[str, str]:
        answer: dict[str, str] = msgspec.json.decode(run("setup_local").splitlines()[-1])
        return answer

    first = set_up()
    record = authenticate_text(first["publicKey"])
    assert record.public
    assert record.scopes == {"ingest"}
    assert record.project_id.hex() == first["projectId"]
    # Of another project, and one that is newer: the first stays.
    for project in (Project.objects.create(name="Other"), Project.objects.get(name="Demo")):
        ApiKey.issue_public(project, "Website").save()
    assert set_up()["publicKey"] == first["publicKey"]

    ApiKey.objects.get(text=first["publicKey"]).revoke()
    second = set_up()["publicKey"]
    assert ApiKey.objects.get(text=second).name == "Website"
    ApiKey.objects.get(text=second).revoke()
    third = authenticate_text(set_up()["publicKey"])
    assert (third.public, third.project_id.hex()) == (True, first["projectId"])


def test_setup_local_needs_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ADMIN_PASSWORD", raising=False)
    with pytest.raises(CommandError, match="ADMIN_PASSWORD"):
        run("setup_local")
