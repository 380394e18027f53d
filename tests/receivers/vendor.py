"""Vendors' clients as far as HTTP goes: where they put a key, and how they pack what they send."""

import gzip
import json
from base64 import b64encode
from typing import Any

from django.test import Client

from analytics.databases.mongo import EVENTS, Document, collection
from analytics.keys.refusals import flush_refusals, read_refusals
from analytics.projects.aliases import Alias
from analytics.remembered import forget_everything
from ingestion.drain.loop import drain
from tests.conftest import TestProject
from tests.pages import ADDRESS, BROWSER


def basic(key: str) -> dict[str, Any]:
    return {"HTTP_AUTHORIZATION": f"Basic {b64encode(f'{key}:'.encode()).decode()}"}


def post(path: str, body: Any, *, packed: bool = False, **headers: Any) -> Any:
    """POST `body`, as JSON unless it is bytes; headers as of a WSGI environ."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    content_type = headers.pop("content_type", "application/json")
    headers = {"REMOTE_ADDR": ADDRESS, "HTTP_USER_AGENT": BROWSER, **headers}
    data = gzip.compress(data) if packed else data
    return Client().post(path, data, content_type=content_type, **headers)


def read_stored(project: TestProject) -> list[Document]:
    """Every event of the project, by its event id, once the drain has stored them."""
    drain(0)
    return list(collection(EVENTS).find({"project": project.id}).sort("eventId", 1))


def count_refusals(project: TestProject) -> dict[str, int]:
    flush_refusals()
    counts: dict[str, int] = {}
    for one in read_refusals(project.row.partition, project.row.pk):
        counts[one.reason] = counts.get(one.reason, 0) + one.times
    return counts


def add_alias(project: TestProject, name: str) -> None:
    """`name` is KIND:VALUE."""
    Alias.parse(project.row, name).save()
    forget_everything()
