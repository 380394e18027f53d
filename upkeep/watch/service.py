"""The service itself: its settings, its keys, its processes, and what waits for them."""

import time
from collections.abc import Iterator

from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import api_key_key, api_keys_complete_key
from analytics.metrics import names as metrics
from analytics.metrics.sightings import PROCESSES, Sightings
from analytics.projects.models import ApiKey, Project
from analytics.projects.names import normalise_name
from upkeep.watch.finding import Finding, doubtful, well, wrong
from upkeep.watch.gauges import read_state

MIN_SECRET_CHARS = 50
MAX_SILENT_SECONDS = 60
MAX_LAG_SECONDS = 60
_EVERYWHERE = ("0.0.0.0/0", "::/0")


def check_settings() -> Iterator[Finding]:
    if settings.DEBUG:
        yield wrong("DEBUG is on: errors show the settings to anyone", "set DEBUG=false")
    if len(settings.SECRET_KEY) < MIN_SECRET_CHARS or settings.SECRET_KEY.startswith("insecure"):
        yield wrong("SECRET_KEY can be guessed", "set 50 random characters or more")
    if "*" in settings.ALLOWED_HOSTS:
        yield doubtful("ALLOWED_HOSTS lets any name in", "name the hosts that lead here")
    if not settings.HTTPS_ONLY:
        yield doubtful(
            "keys and passwords may travel unencrypted", "set HTTPS_ONLY=true behind TLS"
        )
    elif not settings.TRUSTED_PROXIES:
        yield wrong(
            "HTTPS_ONLY without TRUSTED_PROXIES: behind a proxy that speaks TLS every request is "
            "redirected for ever",
            "set TRUSTED_PROXIES to the number of proxies, which must send X-Forwarded-Proto",
        )
    if settings.HTTPS_ONLY and not settings.CSRF_TRUSTED_ORIGINS:
        yield doubtful(
            "CSRF_TRUSTED_ORIGINS is empty: a proxy that changes Host breaks the admin's forms",
            "name the origin, such as https://analytics.example.com",
        )
    networks = {str(network) for network in settings.METRICS_ALLOWED_IPS}
    if networks.intersection(_EVERYWHERE):
        yield doubtful("/metrics answers every address", "narrow METRICS_ALLOWED_IPS")
    yield well(f"settings read, version {settings.VERSION}")


def check_migrations() -> Iterator[Finding]:
    loader = MigrationLoader(connection)
    missing = sorted(set(loader.graph.nodes) - set(loader.applied_migrations))
    if missing:
        names = ", ".join(".".join(name) for name in missing[:5])
        yield wrong(f"{len(missing)} migrations are missing: {names}", "manage.py migrate")
    else:
        yield well("all migrations are applied")


def check_keys() -> Iterator[Finding]:
    """The accept path knows a key by its mirror in Redis alone."""
    client = stream_client()
    digests = list(ApiKey.objects.values_list("digest", flat=True))
    pipeline = client.pipeline(transaction=False)
    for digest in digests:
        pipeline.exists(api_key_key(digest))
    missing = pipeline.execute().count(0)
    if missing:
        yield wrong(
            f"{missing} of {len(digests)} API keys are not in the mirror and are refused",
            "is beat up? It writes the mirror each minute; so does manage.py migrate",
        )
    elif not client.exists(api_keys_complete_key()):
        yield doubtful("the mirror of the API keys is not marked whole", "wait a minute for beat")
    else:
        yield well(f"all {len(digests)} API keys are in the mirror")
    if not digests:
        yield doubtful("there is no API key", "manage.py create_api_key, or the admin")


def check_projects() -> Iterator[Finding]:
    """Since when equal names are refused, no new ones are made; those from before stay."""
    named: dict[str, list[str]] = {}
    for project in Project.objects.filter(deleted_at=None).order_by("created_at"):
        named.setdefault(normalise_name(project.name), []).append(str(project))
    equal = [projects for projects in named.values() if len(projects) > 1]
    for projects in equal:
        yield doubtful(
            f"{len(projects)} projects have one name: {', '.join(projects)}",
            "give each a name of its own in the admin",
        )
    if not equal:
        yield well(f"{len(named)} projects, each with a name of its own")


def check_processes() -> Iterator[Finding]:
    sightings = Sightings()
    for process in PROCESSES:
        seen_at = sightings.seen_at(process)
        silent = time.time() - seen_at
        command = f"celery -A config {process}"
        if not seen_at:
            yield wrong(f"no {process} was ever seen", f"start one: {command}")
        elif silent > MAX_SILENT_SECONDS:
            yield wrong(
                f"the last sign of a {process} is {silent:.0f} s old", f"start one: {command}"
            )
        else:
            yield well(f"{process} at work")
    if sightings.drift_tables:
        yield wrong(
            f"{sightings.drift_tables} tables of rollups differ from raw events",
            "manage.py verify_rollups, then manage.py rebuild_rollups",
        )


def check_waiting() -> Iterator[Finding]:
    """What piles up, from the same readings as the metrics."""
    values: dict[str, float] = {}
    for gauge, _, value in read_state():
        values[gauge.name] = values.get(gauge.name, 0.0) + value
    waiting = values.get(metrics.WAITING_EVENTS.name, 0.0)
    lag = values.get(metrics.STREAM_LAG.name, 0.0)
    text = f"{waiting:,.0f} events wait, the oldest for {lag:.0f} s"
    yield doubtful(text, "more workers?") if lag > MAX_LAG_SECONDS else well(text)
    if difference := values.get(metrics.LEDGER_DIFFERENCE.name):
        yield wrong(f"the books are off by {difference:,.0f} events", "manage.py ledger --check")
    if letters := values.get(metrics.DEAD_LETTERS_KEPT.name):
        yield doubtful(f"{letters:,.0f} dead letters", "look at them in the admin")
    if failing := values.get(metrics.FAILING_UNITS.name):
        yield wrong(
            f"{failing:.0f} units of maintenance fail again and again",
            "unit_failed in the log of the workers names each, and its error",
        )
    if fuses := values.get(metrics.FUSES_OPEN.name):
        yield wrong(
            f"the events of {fuses:.0f} projects are held back", "look at their dead letters"
        )
