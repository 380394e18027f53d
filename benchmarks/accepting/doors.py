"""The doors of pages and of other vendors' clients, as a share of a batch of the same events."""

import json

from benchmarks.accept import EVENT, Result, effort, empty, summarise, warm_up
from benchmarks.load import Load, post_for
from benchmarks.stack import open_stack

EVENTS = 100
_URL = "https://shop.example.com/product/42"
_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
_PAGE = {
    "path": "/product/42",
    "url": _URL,
    "referrer": "https://example.com/",
    "title": "Product 42",
    "search": "",
}
# As their clients for servers and for pages send it, with what they say of themselves.
OF_SEGMENT = {
    "type": "page",
    "messageId": "node-next-1795749302123-1c3b5b5e-8a53-4e27-9f1c-2a9f1d0c7a11",
    "userId": "user_123",
    "timestamp": None,
    "properties": _PAGE,
    "context": {
        "page": _PAGE,
        "locale": "en-US",
        "userAgent": _AGENT,
        "library": {"name": "@segment/analytics-node", "version": "3.1.0"},
        "sessionId": "sess_abcd",
    },
    "integrations": {},
}
OF_POSTHOG = {
    "event": "$pageview",
    "uuid": "0198c0de-1234-7abc-9def-123456789abc",
    "distinct_id": "user_123",
    "properties": {
        "$current_url": _URL,
        "$session_id": "sess_abcd",
        "$referrer": "https://example.com/",
        "title": "Product 42",
        "$lib": "posthog-node",
        "$lib_version": "5.70.0",
        "$geoip_disable": True,
        "$is_server": True,
    },
    "type": "capture",
    "library": "posthog-node",
    "library_version": "5.70.0",
}


# The same in our words: what each of them becomes.
SEGMENTS = {
    "eventId": OF_SEGMENT["messageId"],
    "userId": "user_123",
    "sessionId": "sess_abcd",
    "path": "/product/42",
    "url": _URL,
    "referrer": "https://example.com/",
    "title": "Product 42",
    "language": "en-US",
    "userAgent": _AGENT,
}
POSTHOGS = {
    "eventId": OF_POSTHOG["uuid"],
    "userId": "user_123",
    "sessionId": "sess_abcd",
    "url": _URL,
    "referrer": "https://example.com/",
    "title": "Product 42",
}


def run(*, quick: bool) -> Result:
    """Each door and the native batch of the same events in turn, `EVENTS` in a request."""
    rounds, seconds = effort(quick)
    plain = json.dumps([EVENT] * EVENTS)
    found: Result = {}
    with open_stack(reference=False) as stack:
        _, url = stack.start_web()
        warm_up(stack, url, None, "/events", plain)
        key, page = stack.ingest_key, f"/events?key={stack.public_key}"
        segment = json.dumps({"batch": [OF_SEGMENT] * EVENTS})
        posthog = json.dumps({"api_key": key, "batch": [OF_POSTHOG] * EVENTS})
        doors: dict[str, tuple[str, str | None, str, str]] = {
            "doors_public_text": (page, None, plain, plain),
            "doors_segment": ("/v1/batch", key, segment, json.dumps([SEGMENTS] * EVENTS)),
            "doors_posthog": ("/batch/", key, posthog, json.dumps([POSTHOGS] * EVENTS)),
        }
        for name, (path, its_key, body, native) in doors.items():
            ours: list[Load] = []
            theirs: list[Load] = []
            for _ in range(rounds):
                ours.append(post_for(url + path, its_key, body, seconds, stack.folder))
                empty(stack)
                theirs.append(post_for(f"{url}/events", key, native, seconds, stack.folder))
                empty(stack)
            found[name] = summarise(ours, theirs, EVENTS)
    return found
