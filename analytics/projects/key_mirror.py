"""The mirror of all API keys in Redis: written when a key or project is saved, restored by
`migrate`, by beat each minute, and when a request finds it gone.

A record replaces only one with the same or a lower revision, so that a slow restore, which read
a key before its revocation, cannot bring it back; and of the same revision none with further
fields, so that a worker of the release before takes out nothing that it does not know. A changed
project is saved first and raises the revision of its keys second, and keys are read before their
projects: so a high revision never carries an old project.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog
from django.apps import AppConfig
from django.db.models import F, Q
from django.db.models.signals import post_migrate, post_save
from redis.exceptions import RedisError

from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import (
    api_key_key,
    api_keys_complete_key,
    api_keys_used_key,
    origins_key,
)
from analytics.keys.records import Excluded, KeyRecord
from analytics.projects.models import PUBLIC_SCOPES, ApiKey, Project
from analytics.projects.rules import HOURS_PER_DAY

log = structlog.get_logger(__name__)

_CHUNK_KEYS = 500

# Both start with DEL: at maxmemory Redis refuses a script whose first write needs memory, and a
# revocation must get through a full Redis.
_WRITE_RECORD = """
local current = redis.call('GET', KEYS[1])
if current then
    local readable, record = pcall(cjson.decode, current)
    local revision = readable and type(record) == 'table' and tonumber(record.revision)
    if revision and revision > tonumber(ARGV[2]) then
        return 0
    end
    if revision and revision == tonumber(ARGV[2]) then
        local given = cjson.decode(ARGV[1])
        local drops, adds = false, false
        for name in pairs(record) do drops = drops or given[name] == nil end
        for name in pairs(given) do adds = adds or record[name] == nil end
        if drops and not adds then
            return 0
        end
    end
end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1])
return 1
"""
_WRITE_TEXT = """
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1])
"""


class MirrorDelayed(Exception):
    """What was saved stands, but Redis does not know it yet: the next restore tells it."""

    def __init__(self) -> None:
        super().__init__(
            "Saved, but Redis does not answer: it takes effect when the mirror of the keys "
            "is next restored, which is tried each minute."
        )


def connect_signals(app: AppConfig) -> None:
    """Keep the mirror up to date with every save and every `migrate`."""
    post_save.connect(_on_key_saved, sender=ApiKey, dispatch_uid="mirror_key")
    post_save.connect(_on_project_saved, sender=Project, dispatch_uid="mirror_project")
    post_migrate.connect(_on_migrated, sender=app, dispatch_uid="mirror_keys")


def make_record(key: ApiKey, project: Project) -> KeyRecord:
    return KeyRecord(
        key_id=key.id,
        project_id=project.id_bytes,
        # Whatever its row says: a key that stands in pages can do nothing but send.
        scopes=frozenset(PUBLIC_SCOPES if key.is_public else key.scopes),
        partition=project.partition,
        rate_events_per_second=key.rate_events_per_second,
        burst_events=key.burst_events,
        quota_events_per_month=project.quota_events_per_month,
        retention_days=project.retention_days,
        expires_at=key.expires_at.timestamp() if key.expires_at else None,
        revoked=key.revoked_at is not None,
        revision=key.revision,
        digest=bytes.fromhex(key.digest),
        project_active=project.is_active and project.deleted_at is None,
        raw_since=project.raw_since,
        leaves_out_bots=bool(project.leaves_out_bots),
        allowed_origins=frozenset(project.allowed_origins or ()),
        excluded=read_excluded(project),
        public=bool(key.is_public),
        public_quota_events_per_month=project.public_quota if key.is_public else None,
        public_max_age_hours=project.public_max_age_hours or HOURS_PER_DAY,  # before `migrate`
        allowed_events=frozenset(project.allowed_events or ()),
        allowed_properties=frozenset(project.allowed_properties or ()),
    )


def read_excluded(project: Project) -> Excluded | None:
    """None where the project leaves out nothing: then nothing has to be judged."""
    rules = Excluded(
        tuple(project.excluded_addresses or ()),
        tuple(project.excluded_paths or ()),
        tuple(project.excluded_hostnames or ()),
    )
    return None if rules == Excluded() else rules


def write_records(
    records: Iterable[KeyRecord], name_of: Callable[[str], str] = api_key_key
) -> None:
    """Mirror `records`; those for which Redis holds a higher revision change nothing."""
    client = stream_client()
    write_record = client.register_script(_WRITE_RECORD)
    pipeline = client.pipeline(transaction=False)
    for record in records:
        write_record(
            keys=[name_of(record.digest.hex())],
            args=[msgspec.json.encode(record), record.revision],
            client=pipeline,
        )
    pipeline.execute()


def mirror_keys() -> int:
    """Write every API key to Redis, mark the mirror as whole, and note when keys were used.

    Returns the number of keys. Raises RedisError or a DatabaseError; run it again then.
    """
    client = stream_client()
    mirrored = set(client.scan_iter(match=api_key_key("*"), count=1_000))
    keys = list(ApiKey.objects.order_by("pk"))
    _write_keys(keys)
    # No keys at all looks more like a wrong database than like a wish to refuse everyone.
    if keys:
        _drop_orphans(mirrored, keys)
        if not client.exists(api_key_key(keys[0].digest)):
            log.warning("key_mirror_emptied_meanwhile")
            return 0
    _write_origins()
    client.eval(_WRITE_TEXT, 1, api_keys_complete_key(), str(int(time.time())))
    _copy_last_use(keys)
    return len(keys)


def _write_keys(keys: Sequence[ApiKey]) -> None:
    """Mirror `keys` with their projects as they are now."""
    for start in range(0, len(keys), _CHUNK_KEYS):
        chunk = keys[start : start + _CHUNK_KEYS]
        projects = Project.objects.in_bulk({key.project_id for key in chunk})
        write_records(make_record(key, projects[key.project_id]) for key in chunk)


def _write_origins() -> None:
    """Mirror which origins any project allows, for preflights."""
    lists = Project.objects.filter(is_active=True).values_list("allowed_origins", flat=True)
    origins = sorted({origin for allowed in lists for origin in allowed or ()})
    stream_client().eval(_WRITE_TEXT, 1, origins_key(), msgspec.json.encode(origins))


def _drop_orphans(mirrored: set[bytes], keys: Sequence[ApiKey]) -> None:
    """Take out what was `mirrored` before `keys` were read and is not among them."""
    kept = {api_key_key(key.digest).encode() for key in keys}
    kept |= {api_keys_complete_key().encode(), api_keys_used_key().encode()}
    for name in mirrored - kept:
        log.warning("key_mirror_orphan_dropped", name=name.decode())
        stream_client().delete(name)


def _copy_last_use(keys: Sequence[ApiKey]) -> None:
    """Copy the times of use that the web processes left in Redis, forward only."""
    used = stream_client().hgetall(api_keys_used_key())
    for key in keys:
        seconds = used.get(key.id.encode())
        if seconds is None:
            continue
        used_at = datetime.fromtimestamp(int(seconds), UTC)
        if key.last_used_at is None or key.last_used_at < used_at:
            ApiKey.objects.filter(
                Q(last_used_at__isnull=True) | Q(last_used_at__lt=used_at), pk=key.pk
            ).update(last_used_at=used_at)


@contextmanager
def telling_of_delay() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        log.warning("key_mirror_delayed", error=repr(error))
        raise MirrorDelayed from error


def _on_key_saved(instance: ApiKey, **kwargs: Any) -> None:
    with telling_of_delay():
        _write_keys(list(ApiKey.objects.filter(pk=instance.pk)))


def _on_project_saved(instance: Project, created: bool, **kwargs: Any) -> None:
    if created and not instance.allowed_origins:
        return  # nothing of it is mirrored yet
    ApiKey.objects.filter(project=instance).update(revision=F("revision") + 1)
    with telling_of_delay():
        _write_keys(list(ApiKey.objects.filter(project=instance)))
        _write_origins()


def _on_migrated(**kwargs: Any) -> None:
    try:
        mirror_keys()
    except RedisError as error:
        log.warning("key_mirror_not_restored", error=repr(error))
