"""Facts of notices, as rules make them."""

from typing import Any

from notices.documents import AlertFacts, ReportFacts
from notices.rules.terms import make_alert

EVIL = "<script>alert(1)</script>\r\nBcc: all@example.com\u2028*bold* <!channel> \u202egnp.exe"
WEEK: Any = {
    "start": "2025-03-24T00:00:00+01:00", "end": "2025-03-31T00:00:00+02:00", "unit": "week",
}  # fmt: skip
DAY: Any = {
    "start": "2025-03-30T00:00:00+01:00", "end": "2025-03-31T00:00:00+02:00", "unit": "day",
}  # fmt: skip


def make_report(name: str = "Shop", **more: Any) -> ReportFacts:
    """Of a week with a change of the clock; every name in it is `name` where one is given."""
    given = name if name != "Shop" else None
    facts: Any = {
        "kind": "report",
        "project": {"id": "8000000000000001", "name": name},
        "rule": {"id": "rule", "name": given or "Every Monday"},
        "zone": "Europe/Berlin",
        "window": WEEK,
        "compared": {
            "start": "2025-03-17T00:00:00+01:00", "end": "2025-03-24T00:00:00+01:00", "unit": None,
        },
        "madeAt": "2025-03-31T08:00:03+02:00",
        "path": "/p/8000000000000001/?from=2025-03-24&to=2025-03-31",
        "isTest": False,
        "every": "week",
        "filters": ["is:country:DE,AT"],
        "figures": [
            make_figure("visitors", 12_345, 10_000),
            make_figure("visits", 20_000, 20_000),
            make_figure("views", 1, 0),
            make_figure("viewsPerVisit", 2.5, None),
            make_figure("bounceRate", 0.5, 0.4),
            make_figure("visitDuration", 125, 250),
        ],
        "lists": [
            {
                "field": "path",
                "metric": "visitors",
                "rows": [
                    {"key": given or "/", "value": 900, "before": 800, "change": 0.125},
                    {"key": None, "value": 5, "before": None, "change": None},
                ],
                "total": 12,
            },
            {"field": "source", "metric": "visitors", "rows": [], "total": 0},
        ],
        "goals": [
            {
                "id": "g", "name": given or "Sign-ups", "conversions": 40, "rate": 0.0123,
                "before": 50, "change": -0.2,
            },
        ],
        "notes": [
            {"at": "2025-03-25T00:00:00+01:00", "isDay": True, "text": given or "Version 41"},
            {"at": "2025-03-26T10:42:00+01:00", "isDay": False, "text": "Outage"},
        ],
        "moreNotes": 2,
        "books": {
            "accepted": 50_000, "stored": 49_990, "duplicate": 10, "dead": 0, "waiting": 0,
            "erased": 0, "refused": 3, "missing": 0,
        },
        "events": 40_000,
        "missed": [],
        "moreMissed": 0,
        "waiting": 0,
        "trouble": [],
    }  # fmt: skip
    return {**facts, **more}  # type: ignore[typeddict-item]


def make_fired(name: str = "Shop", *, what: Any = "fired", **terms: Any) -> AlertFacts:
    alert = make_alert(**({"value": 1_000.0} | terms))
    facts: Any = {
        "kind": "alert",
        "project": {"id": "8000000000000001", "name": name},
        "rule": {"id": "rule", "name": name if name != "Shop" else "Many visitors"},
        "zone": "Europe/Berlin",
        "window": DAY,
        "compared": None,
        "madeAt": "2025-03-31T00:02:03+02:00",
        "path": "/p/8000000000000001/?from=2025-03-30&to=2025-03-31",
        "isTest": False,
        "what": what,
        "alert": alert,
        "goal": None,
        "figure": make_figure(alert["metric"], 1_450, 1_000),
        "base": 1_450,
        "since": "2025-03-29T00:02:00+01:00",
        "tooFew": False,
        "isRunning": False,
    }
    return facts  # type: ignore[no-any-return]


def make_figure(metric: str, value: float, before: float | None) -> dict[str, Any]:
    difference = None if before is None else value - before
    change = difference / before if before and difference is not None else None
    return {
        "metric": metric, "value": value, "before": before, "change": change,
        "difference": difference,
    }  # fmt: skip
