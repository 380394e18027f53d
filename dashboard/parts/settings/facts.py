"""What the settings tell beside their forms."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from analytics.events.ids import datetime_of_ms, ms_of_datetime
from analytics.projects.models import Project
from analytics.projects.zones import read_zones, zone_at

MAX_SITES = 5


@dataclass(frozen=True, slots=True)
class ZoneFacts:
    """The zone in force, and the one that follows, with the moment by its own clocks."""

    current: str
    following: str = ""
    since: datetime | None = None


def read_zone(project: Project, now: datetime) -> ZoneFacts:
    zones, now_ms = read_zones(project.zones), ms_of_datetime(now)
    current, last = zone_at(zones, now_ms), zones[-1]
    if last.since_ms <= now_ms or last.zone == current:
        return ZoneFacts(current)
    since = datetime_of_ms(last.since_ms).astimezone(ZoneInfo(last.zone))
    return ZoneFacts(current, last.zone, since.replace(tzinfo=None))


def list_sites(project: Project) -> list[str]:
    """Addresses of the project's website, to open; none that stands for several."""
    origins = [each for each in project.allowed_origins if "*" not in each and "://" in each]
    sites = [*(f"https://{host}" for host in project.hostnames), *origins]
    return list(dict.fromkeys(sites))[:MAX_SITES]


@dataclass(frozen=True, slots=True)
class Shown:
    """A field as it is read by who may not change it; no lines: nothing is set."""

    label: str
    lines: list[str]


def show_fields(form: forms.BaseForm) -> list[Shown]:
    return [Shown(str(field.label), _write(field.initial)) for field in form]


def _write(value: Any) -> list[str]:
    if isinstance(value, bool):
        return ["Yes" if value else "No"]
    if isinstance(value, list):
        return value
    return [] if value in (None, "") else [str(value)]
