"""Questions about funnels, retention and journeys as people ask them, each with an answer."""

from drf_spectacular.utils import OpenApiExample

from analytics.web.openapi import Json
from ingestion.accept.body import JSON

FUNNELS: dict[str, Json] = {
    "from the prices to the purchase, within a week": {
        "steps": [
            {"field": "path", "op": "is", "values": ["/pricing"]},
            {"field": "event", "op": "is", "values": ["signup"]},
            {"field": "event", "op": "is", "values": ["purchase"]},
        ],
        "within": 604_800,
        "period": "30d",
    },
    "the same in one visit, by channel": {
        "steps": [
            {"field": "path", "op": "is", "values": ["/pricing"]},
            {"field": "event", "op": "is", "values": ["signup"]},
        ],
        "by": "visit",
        "dimension": "channel",
        "filter": {"field": "country", "op": "is", "values": ["DE"]},
        "period": "month",
    },
    "straight from the cart to the till": {
        "steps": [
            {"field": "path", "op": "is", "values": ["/cart"]},
            {"field": "path", "op": "is", "values": ["/checkout"]},
        ],
        "order": "strict",
        "start": "2026-11-01",
        "end": "2026-12-01",
        "timezone": "Europe/Berlin",
    },
}
RETENTIONS: dict[str, Json] = {
    "who comes back, week by week": {"interval": "week", "periods": 8, "period": "91d"},
    "who signed up, and bought in the months after": {
        "interval": "month",
        "periods": 12,
        "cohort": {"field": "event", "op": "is", "values": ["signup"]},
        "return": {"field": "event", "op": "is", "values": ["purchase"]},
        "period": "12mo",
    },
}
JOURNEYS: dict[str, Json] = {
    "how visits begin": {"steps": 4, "period": "30d"},
    "where visits go from the prices": {
        "steps": 3,
        "field": "event",
        "from": {"field": "path", "op": "is", "values": ["/pricing"]},
        "filter": {"field": "device", "op": "is", "values": ["mobile"]},
        "period": "7d",
        "limit": 20,
    },
}

_TOLD: Json = {
    "query": {"start": "2026-10-05T00:00:00+02:00", "end": "2026-10-26T00:00:00+02:00"},
    "meta": {
        "source": "columns",
        "uniques": {"method": "exact", "error": 0},
        "freshAsOf": "2026-10-21T14:30:00.000Z",
        "rowsRead": 812345,
        "tookMs": 48,
    },
}
_FUNNEL: Json = {
    "steps": [
        {"people": 812, "rate": 1, "stepRate": 1, "medianSeconds": None},
        {"people": 310, "rate": 0.381773399015, "stepRate": 0.381773399015, "medianSeconds": 42.5},
    ]
} | _TOLD
_RETENTION: Json = {
    "cohorts": [
        {
            "start": "2026-10-05T00:00:00+02:00",
            "people": 120,
            "returned": [120, 44, 31, None],
            "partial": [2],
        }
    ]
} | _TOLD
_JOURNEYS: Json = {
    "journeys": [{"values": ["/", "/pricing", "/signup"], "visits": 42}],
    "visits": 800,
} | _TOLD


def _list_examples(questions: dict[str, Json], answer: Json) -> list[OpenApiExample]:
    asked = [
        OpenApiExample(name, question, request_only=True, media_type=JSON)
        for name, question in questions.items()
    ]
    told = OpenApiExample(
        "answer", answer, response_only=True, status_codes=["200"], media_type=JSON
    )
    return [*asked, told]


OF_FUNNELS = _list_examples(FUNNELS, _FUNNEL)
OF_RETENTION = _list_examples(RETENTIONS, _RETENTION)
OF_JOURNEYS = _list_examples(JOURNEYS, _JOURNEYS)
