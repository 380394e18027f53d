"""Events with what the engines write, count and sort in ways of their own, and questions."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.query_oracle.questions import FUNNEL, JOURNEYS, RETENTION, TABLE
from tests.stored import ENRICHED

_MOMENT = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0) - timedelta(days=9)
WINDOW = {"start": (_MOMENT - timedelta(days=2)).isoformat(), "end": datetime.now(UTC).isoformat()}

_NUMBERS = [1, 5.0, 2**53 + 1, 2**63 - 1, -(2**63), 1e21, 1e19, -0.0, 0.1, "5", True, None]
_TEXTS = ["a\nb", "x/y", "\u2028", "ü", "Ü", "", '"', "\\", "\x01", "null", "😀"]


def _list_events(values: list[Any], at: datetime) -> list[dict[str, Any]]:
    return [
        {
            "event": ("pageview", "signup", "Sign up")[number % 3],
            "path": f"/{number % 4}",
            "userId": f"u{number % 5}",
            "timestamp": at + timedelta(minutes=11 * number),
            "properties": {
                "v": value,
                "a": {"b": [value, 1.0], "c": value},
                "a.b": number,
                "*": number % 2,
                "currency": "EUR",
            },
            ENRICHED: {"country": ("DE", None, "FR")[number % 3], "source": ("a", "B")[number % 2]},
        }
        for number, value in enumerate(values)
    ]


EVENTS = [
    _list_events(_NUMBERS, _MOMENT),
    _list_events(_TEXTS, _MOMENT + timedelta(days=1)),
    _list_events([*_NUMBERS, *_TEXTS], _MOMENT + timedelta(days=1, minutes=3)),
]

_VISITS = ["visits", "bounceRate", "visitDuration", "viewsPerVisit"]
_OF_V = ["sum(properties.v)", "avg(properties.v)", "min(properties.v)", "max(properties.v)"]
_OF_V += ["p50(properties.v)", "p95(properties.v)", "count(properties.v)", "unique(properties.v)"]


def _filter(field: str, op: str, *values: Any, case: bool = True) -> dict[str, Any]:
    given: dict[str, Any] = {"field": field, "op": op}
    return given | ({"values": list(values), "caseSensitive": case} if values else {})


QUESTIONS: list[tuple[str, dict[str, Any]]] = [
    (TABLE, {"metrics": ["views", "events", "visitors", "users", *_VISITS]}),
    (TABLE, {"metrics": _OF_V}),
    (TABLE, {"metrics": ["events", *_OF_V[:4]], "dimensions": ["event", "country"]}),
    (TABLE, {"metrics": ["events"], "dimensions": ["properties.v"]}),
    (TABLE, {"metrics": ["events"], "dimensions": ["properties.a"], "limit": 50}),
    (TABLE, {"metrics": ["events"], "dimensions": ["properties.a.b", "properties.*"]}),
    (TABLE, {"metrics": ["events", "visits"], "dimensions": ["time:day"]}),
    (TABLE, {"metrics": _VISITS, "dimensions": ["source"], "compare": "previous"}),
    (TABLE, {"metrics": _VISITS, "dimensions": ["entryPath"]}),
    (TABLE, {"metrics": ["users"], "dimensions": ["path"], "order": [["path", "desc"]]}),
    (RETENTION, {"interval": "day", "periods": 4}),
    *(
        (
            FUNNEL,
            {
                "steps": [_filter("event", "is", "pageview"), _filter("properties.v", "exists")],
                "by": by,
                "order": order,
                "dimension": "properties.v",
            },
        )
        for by, order in (("visitor", "any_between"), ("user", "strict"), ("visit", "strict"))
    ),
    (JOURNEYS, {}),
    (JOURNEYS, {"from": _filter("path", "is", "/1"), "field": "event", "steps": 3}),
    *(
        (TABLE, {"metrics": ["events"], "filter": each})
        for each in (
            _filter("properties.v", "is", "a\nb", 5, "ü", case=False),
            _filter("properties.v", "is", -0.0, 2**63 - 1, "null", True),
            _filter("properties.v", "matches", "a.b"),
            _filter("properties.v", "matches", "(?s)a.b", "^$"),
            _filter("properties.v", "gt", 2**53),
            _filter("properties.v", "lte", 9.3e18),
            _filter("properties.v", "endsWith", "\\", "Ü", case=False),
            {"not": _filter("country", "is", "DE")},
            {"did": {"and": [_filter("event", "is", "signup"), _filter("properties.v", "exists")]}},
        )
    ),
]
