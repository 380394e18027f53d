"""Amplitude's client for Python."""

import json
import sys
import time
from datetime import datetime

from amplitude import Amplitude, BaseEvent, EventOptions, Identify


def main() -> None:
    told = json.loads(sys.argv[1])
    codes: list[int] = []
    client = Amplitude(told["key"])
    client.configuration.server_url = f"{told['host']}/2/httpapi"
    client.configuration.flush_queue_size = 10
    client.configuration.flush_interval_millis = 200
    client.configuration.callback = lambda event, code, message: codes.append(code)
    at_ms = int(datetime.fromisoformat(told["at"]).timestamp() * 1_000)
    url = "https://shop.example/product/42?utm_source=mail"
    client.track(
        BaseEvent(
            "[Amplitude] Page Viewed",
            user_id="user-1",
            time=at_ms,
            session_id=at_ms,
            event_properties={"[Amplitude] Page URL": url, "plan": "pro"},
        )
    )
    for number in range(told["events"]):
        event = BaseEvent(f"event-{number}", user_id="user-1")
        event.event_properties = {"number": number}
        client.track(event)
    identify = Identify()
    identify.set("email", "user@shop.example")
    client.identify(identify, EventOptions(user_id="user-1"))
    deadline = time.monotonic() + 30
    while len(codes) < told["events"] + 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    client.shutdown()
    print(json.dumps({"codes": codes}))


main()
