"""What all facts have in common."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from analytics.events.moments import first_moment
from notices.documents import CommonFacts, RuleDocument
from notices.rules.asking import Desk, tell_window
from notices.rules.slots import Slot


def tell_common(
    desk: Desk,
    rule: RuleDocument,
    slot: Slot,
    compared: Slot | None,
    filters: list[str],
    *,
    unit: Any,
    is_test: bool,
) -> CommonFacts:
    return {
        "project": {"id": desk.project.pk, "name": desk.project.name},
        "rule": {"id": rule["_id"], "name": rule["name"]},
        "zone": str(desk.zone),
        "window": tell_window(desk, slot, unit),
        "compared": tell_window(desk, compared, unit) if compared else None,
        "madeAt": desk.now.astimezone(desk.zone).isoformat(timespec="seconds"),
        "path": write_path(desk, slot, filters),
        "isTest": is_test,
    }


def write_path(desk: Desk, slot: Slot, filters: list[str]) -> str:
    """Of the page that shows the same window, whenever it is opened."""
    ends = {"from": _name_end(desk, slot.start), "to": _name_end(desk, slot.end)}
    query = urlencode([*ends.items(), *(("f", each) for each in filters)], safe="/:,")
    return f"/p/{desk.project.pk}/?{query}"


def _name_end(desk: Desk, moment: datetime) -> str:
    local = moment.astimezone(desk.zone)
    if moment == first_moment(local.date(), desk.zone):
        return local.date().isoformat()
    return local.isoformat(timespec="seconds")
