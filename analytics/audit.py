"""Who did what: entries that are added, and that nothing here changes or removes.

Written where Django writes: inside of `django_mongodb_backend.transaction.atomic` an entry is
part of the transaction.
"""

from datetime import UTC, datetime
from typing import Any

from django.db import connection

from analytics.databases import mongo

MAX_TEXT = 500


def record(
    actor: str, project_id: str | None, act: str, subject: str = "", **details: str | int
) -> None:
    """Add an entry.

    `actor` is a user's name, or what stands for nobody (`command`, `key pk_live_...`); `act` a
    dotted word such as `member.removed`; `subject` what it was done to. No entry holds a secret,
    nor contents of events. Without a project it is one of the whole service.
    """
    entry: dict[str, Any] = {
        "at": datetime.now(UTC),
        "actor": _cut(actor),
        "project": project_id and bytes.fromhex(project_id),
        "act": act,
        "subject": _cut(subject),
    }
    if details:
        entry["details"] = {name: _cut(value) for name, value in details.items()}
    _store().insert_one(entry, session=connection.session)  # type: ignore[attr-defined]


def _cut(value: Any) -> Any:
    return value[:MAX_TEXT] if isinstance(value, str) else value


def _store() -> Any:
    return connection.get_collection(mongo.AUDIT)  # type: ignore[attr-defined]
