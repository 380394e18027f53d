"""Entries of the audit log, the newest first."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId
from bson.errors import InvalidId
from pymongo import DESCENDING

from analytics.databases import mongo
from analytics.databases.mongo import Document, collection
from analytics.projects.models import Project

SHOWN = 50


@dataclass(frozen=True, slots=True)
class Asked:
    """Which entries: of a project or of all, by somebody, of a kind, before one."""

    project_id: str | None
    actor: str = ""
    act: str = ""
    before: str = ""

    @classmethod
    def read(cls, given: Mapping[str, Any], project_id: str | None) -> "Asked":
        texts = {
            name: str(given.get(name, "")).replace("\x00", "").strip()[:200]
            for name in ("actor", "act", "before")
        }
        return cls(project_id, **texts)


@dataclass(frozen=True, slots=True)
class Entry:
    at: datetime
    actor: str
    act: str
    subject: str
    told: str  # its details, in words
    project: str  # its name, or its id where it has none any more; empty: none


@dataclass(frozen=True, slots=True)
class Listed:
    entries: list[Entry]
    next: str  # what the next page is before; empty: there is none


def list_entries(asked: Asked) -> Listed:
    store = collection(mongo.AUDIT)
    condition: Document = {}
    if asked.project_id is not None:
        condition["project"] = bytes.fromhex(asked.project_id)
    if asked.actor:
        condition["actor"] = asked.actor
    if asked.act:
        condition["act"] = asked.act
    if asked.before:
        condition |= _before(asked.before)
    order = [("at", DESCENDING), ("_id", DESCENDING)]
    found = list(store.find(condition).sort(order).limit(SHOWN + 1))
    shown = found[:SHOWN]
    names = _name_projects(shown)
    entries = [_read(each, names) for each in shown]
    return Listed(entries, str(shown[-1]["_id"]) if len(found) > SHOWN else "")


def _before(entry_id: str) -> Document:
    """Those that are older than an entry; all of them where there is no such entry."""
    try:
        found = collection(mongo.AUDIT).find_one({"_id": ObjectId(entry_id)}, {"at": 1})
    except InvalidId:
        found = None
    if found is None:
        return {}
    older: list[Document] = [
        {"at": {"$lt": found["at"]}},
        {"at": found["at"], "_id": {"$lt": found["_id"]}},
    ]
    return {"$or": older}


def _name_projects(found: list[Document]) -> dict[str, str]:
    ids = {bytes(each["project"]).hex() for each in found if each.get("project")}
    return dict(Project.objects.filter(pk__in=ids).values_list("pk", "name"))


def _read(document: Document, names: Mapping[str, str]) -> Entry:
    project = bytes(document["project"]).hex() if document.get("project") else ""
    details: Mapping[str, Any] = document.get("details", {})
    told = ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in details.items())
    return Entry(
        document["at"],
        document["actor"],
        document["act"],
        document["subject"],
        told,
        names.get(project, project),
    )
