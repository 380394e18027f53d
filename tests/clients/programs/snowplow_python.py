"""Snowplow's client for Python."""

import json
import sys
import time
from urllib.parse import urlsplit

from snowplow_tracker import (
    Emitter,
    PageView,
    SelfDescribing,
    SelfDescribingJson,
    StructuredEvent,
    Subject,
    Tracker,
)


def main() -> None:
    told = json.loads(sys.argv[1])
    address = urlsplit(told["host"])
    sent: list[object] = []
    emitter = Emitter(
        address.hostname,
        protocol="http",
        port=address.port,
        method=told.get("method", "post"),
        batch_size=5,
        max_retry_delay_seconds=1,
        on_success=sent.extend,
    )
    subject = Subject().set_user_id("user-1")
    tracker = Tracker("shop", emitter, app_id=told["app"], subject=subject)
    url = "https://shop.example/product/42?utm_source=mail"
    tracker.track(PageView(url, "Product 42", "https://www.google.com/"))
    for number in range(told["events"]):
        tracker.track(
            StructuredEvent("shop", f"event-{number}", label="a", property_="b", value=number)
        )
    signup = SelfDescribingJson("iglu:com.shop/signup/jsonschema/1-0-0", {"plan": "pro"})
    tracker.track(SelfDescribing(signup))
    deadline = time.monotonic() + 30
    while len(sent) < told["events"] + 2 and time.monotonic() < deadline:
        tracker.flush()  # nothing while it waits to try again
        time.sleep(0.1)
    print(json.dumps({"sent": len(sent)}))


main()
