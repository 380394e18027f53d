"""What API keys met with at the doors, as the pages of projects and of keys show it."""

from collections.abc import Iterator, Sequence

from django.utils.html import format_html_join
from django.utils.safestring import mark_safe
from redis.exceptions import RedisError

from analytics.keys.refusals import Refusals, read_refusals
from analytics.projects.models import ApiKey, Project

REFUSALS = "refused, left out or ignored, by day (UTC)"
MAX_LINES = 200


def show_project_refusals(project: Project) -> str:
    """A line for each day, key and reason, the latest day first."""
    names = {key.pk: str(key) for key in ApiKey.objects.filter(project=project)}
    return _show(project, None, names)


def show_key_refusals(key: ApiKey) -> str:
    """A line for each day and reason, the latest day first."""
    return _show(key.project, key.pk, {})


def _show(project: Project, key_id: str | None, names: dict[str, str]) -> str:
    try:
        found = read_refusals(project.partition, project.pk)
    except RedisError:
        return "Redis does not answer."
    shown = [one for one in found if key_id in (None, one.key_id)]
    return format_html_join(mark_safe("<br>"), "{}", _list_lines(shown, names)) or "-"


def _list_lines(found: Sequence[Refusals], names: dict[str, str]) -> Iterator[tuple[str]]:
    for day, key_id, reason, count in found[:MAX_LINES]:
        key = f"{names.get(key_id, key_id)}, " if names else ""
        yield (f"{day}: {key}{reason} {count:,}",)
    if len(found) > MAX_LINES:
        yield (f"and {len(found) - MAX_LINES:,} more",)
