"""The mirror of all aliases in Redis, beside that of the API keys and kept as it is.

A removed alias is left there as revoked until the next restore takes it out: so none that read it
before its removal brings it back.
"""

import time
from collections.abc import Iterable
from typing import Any

import structlog
from django.apps import AppConfig
from django.db.models import F
from django.db.models.signals import post_delete, post_migrate, post_save
from django.utils import timezone
from redis.exceptions import RedisError

from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import alias_key, aliases_complete_key
from analytics.projects.aliases import Alias
from analytics.projects.key_mirror import make_record, telling_of_delay, write_records
from analytics.projects.models import ApiKey, Project

log = structlog.get_logger(__name__)


def connect_signals(app: AppConfig) -> None:
    """Keep the mirror up to date with every save, every removal and every `migrate`."""
    post_save.connect(_on_alias_saved, sender=Alias, dispatch_uid="mirror_alias")
    post_delete.connect(_on_alias_removed, sender=Alias, dispatch_uid="mirror_removal")
    post_save.connect(_on_project_saved, sender=Project, dispatch_uid="mirror_aliases_of")
    post_migrate.connect(_on_migrated, sender=app, dispatch_uid="mirror_aliases")


def mirror_aliases() -> int:
    """Write every alias to Redis and mark the mirror as whole; their number.

    Raises RedisError or a DatabaseError; run it again then.
    """
    client = stream_client()
    mirrored = set(client.scan_iter(match=alias_key("*"), count=1_000))
    aliases = list(Alias.objects.select_related("project"))
    _write(aliases)
    # Without a key it is the wrong database, rather than one in which nobody has an alias.
    if ApiKey.objects.exists():
        kept = {alias_key(alias.digest.hex()).encode() for alias in aliases}
        if orphans := mirrored - kept - {aliases_complete_key().encode()}:
            client.delete(*orphans)
    client.set(aliases_complete_key(), int(time.time()))
    return len(aliases)


def _write(aliases: Iterable[Alias]) -> None:
    records = [make_record(alias.as_key(), alias.project) for alias in aliases]
    write_records(records, alias_key)


def _on_alias_saved(instance: Alias, **kwargs: Any) -> None:
    with telling_of_delay():
        _write(Alias.objects.filter(pk=instance.pk).select_related("project"))


def _on_alias_removed(instance: Alias, **kwargs: Any) -> None:
    key = instance.as_key()
    key.revision, key.revoked_at = instance.revision + 1, timezone.now()
    with telling_of_delay():
        write_records([make_record(key, instance.project)], alias_key)


def _on_project_saved(instance: Project, created: bool, **kwargs: Any) -> None:
    if created:
        return
    aliases = Alias.objects.filter(project=instance)
    if aliases.update(revision=F("revision") + 1):
        with telling_of_delay():
            _write(aliases.select_related("project"))


def _on_migrated(**kwargs: Any) -> None:
    try:
        mirror_aliases()
    except RedisError as error:
        log.warning("alias_mirror_not_restored", error=repr(error))
