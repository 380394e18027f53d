"""What API keys met with at the doors, as the pages of projects and of keys show it."""

from collections.abc import Iterator, Sequence
from itertools import islice

from django.utils.html import format_html_join
from django.utils.safestring import mark_safe
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from analytics.keys.refusals import Refusals, read_refusals
from analytics.keys.samples import read_samples
from analytics.projects.aliases import Alias
from analytics.projects.models import ApiKey, Project

REFUSALS = "refused, left out or ignored, by day (UTC)"
SAMPLES = "refused by receivers, the last ones (UTC)"
MAX_LINES = 200
MAX_SAMPLES = 50


def show_project_refusals(project: Project) -> str:
    """A line for each day, key and reason, the latest day first."""
    return _show(project, None, _name_keys(project))


def show_key_refusals(key: ApiKey) -> str:
    """A line for each day and reason, the latest day first."""
    return _show(key.project, key.pk, {})


def show_alias_refusals(alias: Alias) -> str:
    """As of a key."""
    return _show(alias.project, alias.key_id, {})


def _show(project: Project, key_id: str | None, names: dict[str, str]) -> str:
    try:
        found = read_refusals(project.partition, project.pk)
    except RedisError:
        return "Redis does not answer."
    shown = [one for one in found if key_id in (None, one.key_id)]
    return format_html_join(mark_safe("<br>"), "{}", _list_lines(shown, names)) or "-"


def show_samples(project: Project) -> str:
    """The last events that receivers refused of a project, the latest first."""
    names = _name_keys(project)
    try:
        found = list(islice(read_samples(project.id_bytes), MAX_SAMPLES))
    except PyMongoError:
        return "MongoDB does not answer."
    lines = (
        (f"{one.at:%Y-%m-%d %H:%M:%S}", names.get(one.key_id, one.key_id),
         f"{one.receiver}/{one.reason}", one.detail, one.text)
        for one in found
    )  # fmt: skip
    line = "{}: {}, {}: {}<br><code>{}</code>"
    return format_html_join(mark_safe("<br>"), line, lines) or "-"


def _name_keys(project: Project) -> dict[str, str]:
    """How the keys and the aliases of a project are called, by what they are counted by."""
    names = {key.pk: str(key) for key in ApiKey.objects.filter(project=project)}
    return names | {one.key_id: str(one) for one in Alias.objects.filter(project=project)}


def _list_lines(found: Sequence[Refusals], names: dict[str, str]) -> Iterator[tuple[str]]:
    for day, key_id, reason, count in found[:MAX_LINES]:
        key = f"{names.get(key_id, key_id)}, " if names else ""
        yield (f"{day}: {key}{reason} {count:,}",)
    if len(found) > MAX_LINES:
        yield (f"and {len(found) - MAX_LINES:,} more",)
