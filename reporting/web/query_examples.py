"""Questions of POST /query as people ask them, and one answer."""

from drf_spectacular.utils import OpenApiExample

from analytics.web.openapi import Json
from ingestion.accept.body import JSON

QUESTIONS: dict[str, Json] = {
    "visitors of the last 28 days": {"metrics": ["visitors", "views"]},
    "pages of this month, against last month": {
        "metrics": ["visitors", "views"],
        "dimensions": ["path"],
        "period": "month",
        "compare": "previous",
        "limit": 20,
    },
    "visits by channel, and how they went": {
        "metrics": ["visits", "bounceRate", "visitDuration", "viewsPerVisit"],
        "dimensions": ["channel"],
    },
    "where visits begin that see the prices": {
        "metrics": ["visits", "visitors"],
        "dimensions": ["entryPath"],
        "period": "30d",
        "filter": {"field": "path", "op": "is", "values": ["/pricing"]},
    },
    "visitors by day, without the admin": {
        "metrics": ["visitors"],
        "dimensions": ["time:day"],
        "start": "2026-11-01",
        "end": "2026-12-01",
        "timezone": "Europe/Berlin",
        "filter": {"not": {"field": "path", "op": "startsWith", "values": ["/admin"]}},
    },
    "what was sold, by campaign": {
        "metrics": ["events", "sum(properties.amount)", "p95(properties.amount)"],
        "dimensions": ["utmCampaign"],
        "period": "12mo",
        "filter": {"field": "event", "op": "is", "values": ["purchase"]},
        "order": [["sum(properties.amount)", "desc"]],
    },
    "how many who came by search sign up": {
        "metrics": ["visitors", "conversions", "conversionRate"],
        "dimensions": ["country"],
        "period": "30d",
        "filter": {"field": "channel", "op": "is", "values": ["Organic Search"]},
        "goal": {"field": "event", "op": "is", "values": ["signup"]},
    },
    "views of those who did not buy, by browser and week": {
        "metrics": ["views"],
        "dimensions": ["browser", "time:week"],
        "period": "91d",
        "bots": False,
        "filter": {
            "and": [
                {"field": "country", "op": "is", "values": ["DE", "FR"]},
                {"not": {"did": {"field": "event", "op": "is", "values": ["purchase"]}}},
            ]
        },
    },
}

_ANSWER: Json = {
    "results": [
        {
            "dimensions": ["/pricing"],
            "metrics": [120, 150],
            "compare": {
                "metrics": [100, 140],
                "change": [0.2, 0.0714285714286],
                "difference": [20, 10],
            },
        }
    ],
    "totals": [310, 402],
    "total": 9,
    "query": {"start": "2026-11-01T00:00:00+01:00", "end": "2026-11-27T00:00:00+01:00"},
    "meta": {
        "source": "columns",
        "uniques": {"method": "exact", "error": 0},
        "freshAsOf": "2026-11-26T14:30:00.000Z",
        "rowsRead": 812345,
        "tookMs": 48,
    },
}

EXAMPLES = [
    *(
        OpenApiExample(name, question, request_only=True, media_type=JSON)
        for name, question in QUESTIONS.items()
    ),
    OpenApiExample("pages", _ANSWER, response_only=True, status_codes=["200"], media_type=JSON),
]
