"""PostHog's client for Python; `mode` is that of its capture, v0 or v1."""

import json
import sys
from datetime import UTC, datetime

from posthog import Posthog


def main() -> None:
    told = json.loads(sys.argv[1])
    errors: list[str] = []
    client = Posthog(
        told["key"],
        host=told["host"],
        capture_mode=told["mode"],
        gzip=told["packed"],
        flush_at=10,
        flush_interval=0.2,
        timeout=told["timeout"],
        max_retries=6,
        enable_exception_autocapture=False,
        on_error=lambda error, batch: errors.append(f"{error!r} of {len(batch)}"),
    )
    client.capture(
        "$pageview",
        distinct_id="user-1",
        properties={
            "$current_url": "https://shop.example/product/42?utm_source=mail",
            "$session_id": "session-1",
            "plan": "pro",
        },
        timestamp=datetime.fromisoformat(told["at"]).astimezone(UTC),
    )
    for number in range(told["events"]):
        client.capture(f"event-{number}", distinct_id="user-1", properties={"number": number})
    client.set(distinct_id="user-1", properties={"email": "user@shop.example"})
    client.alias("anonymous-1", "user-1")
    client.group_identify("company", "company-1", {"name": "Company"})
    client.shutdown()
    print(json.dumps({"errors": errors}))


main()
