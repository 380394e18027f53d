"""Segment's client for Python."""

import json
import sys
from datetime import datetime

from segment.analytics.client import Client


def main() -> None:
    told = json.loads(sys.argv[1])
    errors: list[str] = []
    client = Client(
        told["key"],
        host=told["host"],
        gzip=told["packed"],
        timeout=told["timeoutSeconds"],
        upload_size=10,
        upload_interval=0.2,
        on_error=lambda error, batch: errors.append(f"{error!r} of {len(batch)}"),
    )
    client.page(
        "user-1",
        name="Pricing",
        properties={**told["page"], "plan": "pro"},
        timestamp=datetime.fromisoformat(told["at"]),
        anonymous_id="anonymous-1",
        context={"campaign": {"source": "mail"}, "locale": "pt-BR"},
    )
    for number in range(told["events"]):
        client.track("user-1", f"event-{number}", {"number": number})
    client.identify("user-1", {"email": "user@shop.example"})
    client.group("user-1", "group-1", {"name": "Company"})
    client.alias("anonymous-1", "user-1")
    client.screen("user-1", name="Home")
    client.shutdown()
    print(json.dumps({"errors": errors}))


main()
