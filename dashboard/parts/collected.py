"""What a list cannot show because it is not collected, and by which setting."""

from collections.abc import Iterable, Sequence

from django.conf import settings

from analytics.projects.models import Project

MAX_NAMED = 5
_OF_CITIES = ("region", "city")


def tell_uncollected(project: Project, field: str, keys: Iterable[str | None]) -> str:
    """A sentence, where a list has no value but none; empty where no setting keeps them away."""
    if any(key is not None for key in keys):
        return ""
    if field in _OF_CITIES and not settings.GEOIP_PATH:
        return "Not collected: regions and cities need a database of them, named by GEOIP_PATH."
    if field == "event" and project.allowed_events:
        return f"By the settings, public keys may send only {_name(project.allowed_events)}."
    if field == "properties" and project.allowed_properties:
        return f"By the settings, public keys may send only {_name(project.allowed_properties)}."
    return ""


def _name(names: Sequence[str]) -> str:
    shown = ", ".join(names[:MAX_NAMED])
    return shown if len(names) <= MAX_NAMED else f"{shown} and {len(names) - MAX_NAMED} more"
