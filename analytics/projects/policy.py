"""What the drain must know of a project."""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from analytics.databases.documents import ProjectRow, typed
from analytics.projects.horizon import columns_horizon, raw_horizon
from analytics.projects.models import Project
from analytics.projects.zones import ALWAYS_UTC, Zones, read_zones
from analytics.remembered import Remembered

POLICY_KEPT_SECONDS = 10.0
_MAX_POLICIES = 10_000


class Policy(NamedTuple):
    """`ip_rule` is keep, truncate or drop; `retention_days` None means for ever."""

    ip_rule: str
    retention_days: int | None
    raw_since: datetime | None = None
    columns_retention_days: int | None = None
    columns_since: datetime | None = None
    deleted_at: datetime | None = None
    zones: Zones = ALWAYS_UTC
    tidies_addresses: bool = False
    honours_do_not_track: bool = False
    hostnames: frozenset[str] = frozenset()  # none: any is the project's own

    @property
    def raw_horizon(self) -> datetime | None:
        """From when on all raw events are kept; None: from ever."""
        return raw_horizon(self.retention_days, self.raw_since)

    @property
    def columns_horizon(self) -> datetime | None:
        """From when on the columns hold all events; None: from ever."""
        return columns_horizon(
            self.retention_days, self.raw_since, self.columns_retention_days, self.columns_since
        )


# A project that is unknown here was removed after it accepted the event.
UNKNOWN = Policy("truncate", None)

_policies: Remembered[bytes, Policy] = Remembered(POLICY_KEPT_SECONDS, _MAX_POLICIES)


def find_policy(project_id: bytes) -> Policy:
    """The policy of a project, at most POLICY_KEPT_SECONDS old. Raises PyMongoError."""
    return find_policies((project_id,))[project_id]


def find_policies(project_ids: Iterable[bytes]) -> dict[bytes, Policy]:
    """As `find_policy`, of many: those that are not known are read at once."""
    found = {project_id: _policies.find(project_id) for project_id in project_ids}
    unknown = [project_id for project_id, policy in found.items() if policy is None]
    read = _read_policies(unknown) if unknown else {}
    return {
        project_id: policy or _policies.set(project_id, read.get(project_id, UNKNOWN))
        for project_id, policy in found.items()
    }


def _read_policies(project_ids: Iterable[bytes]) -> dict[bytes, Policy]:
    rows = typed(ProjectRow, Project._meta.db_table).find(
        {"_id": {"$in": [project_id.hex() for project_id in project_ids]}},
        dict.fromkeys(Policy._fields, 1),
    )
    return {bytes.fromhex(row["_id"]): _make_policy(row) for row in rows}


def _make_policy(row: ProjectRow) -> Policy:
    return Policy(
        ip_rule=row["ip_rule"],
        retention_days=row.get("retention_days"),
        raw_since=row.get("raw_since"),
        columns_retention_days=row.get("columns_retention_days"),
        columns_since=row.get("columns_since"),
        deleted_at=row.get("deleted_at"),
        zones=read_zones(row.get("zones")),
        tidies_addresses=bool(row.get("tidies_addresses")),
        honours_do_not_track=bool(row.get("honours_do_not_track")),
        hostnames=_set_of(tuple(row.get("hostnames") or ())),
    )


@lru_cache(1_000)
def _set_of(hostnames: tuple[str, ...]) -> frozenset[str]:
    """The same one while the list is: caches of what was made of events have it in their keys."""
    return frozenset(hostnames)


class AmbiguousName(LookupError):
    """More than one project has this name."""


def find_project(id_or_name: str) -> Project | None:
    """The project of that id, or else of that name; none that is deleted.

    Raises AmbiguousName where the name is that of several.
    """
    projects = Project.objects.filter(deleted_at=None)
    if project := projects.filter(pk=id_or_name).first():
        return project
    named = Project.find_named(id_or_name)
    if len(named) > 1:
        ids = ", ".join(sorted(project.id for project in named))
        raise AmbiguousName(f"More than one project is named {id_or_name!r}: {ids}. Give the id.")
    return named[0] if named else None


def list_projects() -> list[str]:
    """The ids, in hex, of the projects that are not deleted."""
    return list(Project.objects.filter(deleted_at=None).values_list("pk", flat=True))
