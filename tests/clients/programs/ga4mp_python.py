"""The client of GA4's Measurement Protocol, whose host is in a private place."""

import json
import sys

from ga4mp import GtagMP


def main() -> None:
    told = json.loads(sys.argv[1])
    client = GtagMP(measurement_id="G-SHOP", api_secret=told["key"], client_id="123.456")
    client._base_domain = f"{told['host']}/mp/collect"
    view = client.create_new_event("page_view")
    view.set_event_param("page_location", "https://shop.example/product/42?utm_source=mail")
    view.set_event_param("page_title", "Product 42")
    view.set_event_param("plan", "pro")
    client.send([view])
    events = []
    for number in range(told["events"]):
        event = client.create_new_event(f"event_{number}")
        event.set_event_param("number", number)
        events.append(event)
    client.send(events)
    print(json.dumps({}))


main()
