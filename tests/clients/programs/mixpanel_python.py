"""Mixpanel's client for Python."""

import json
import sys
from collections.abc import Callable

import mixpanel


def main() -> None:
    told = json.loads(sys.argv[1])
    host, errors = told["host"], []
    consumer = mixpanel.Consumer(
        events_url=f"{host}/track",
        people_url=f"{host}/engage",
        groups_url=f"{host}/groups",
        import_url=f"{host}/import",
        retry_limit=2,
    )
    client = mixpanel.Mixpanel(told["key"], consumer)

    def attempt(call: Callable[[], object]) -> None:
        try:
            call()
        except Exception as error:
            errors.append(repr(error))

    view = {"$current_url": "https://shop.example/product/42?utm_source=mail", "plan": "pro"}
    attempt(lambda: client.track("user-1", "$mp_web_page_view", view))
    for number in range(told["events"]):
        attempt(lambda n=number: client.track("user-1", f"event-{n}", {"number": n}))  # type: ignore[misc]
    attempt(lambda: client.people_set("user-1", {"email": "user@shop.example"}))
    print(json.dumps({"errors": errors}))


main()
