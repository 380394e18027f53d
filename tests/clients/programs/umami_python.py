"""Umami's client for Python."""

import json
import sys
from collections.abc import Callable

import umami


def main() -> None:
    told = json.loads(sys.argv[1])
    errors = []

    def attempt(call: Callable[[], object]) -> None:
        try:
            call()
        except Exception as error:
            errors.append(repr(error))

    umami.set_url_base(told["host"])
    umami.set_website_id(told["website"])
    umami.set_hostname("shop.example")
    attempt(
        lambda: umami.new_page_view(
            "Product 42",
            "/product/42?utm_source=mail",
            referrer="https://www.google.com/",
            language="pt-BR",
            screen="1920x1080",
            ip_address="203.0.113.9",
        )
    )
    for number in range(told["events"]):
        attempt(
            lambda: umami.new_event(
                event_name=f"event-{number}",  # noqa: B023
                url=f"/page/{number}",  # noqa: B023
                custom_data={"number": number},  # noqa: B023
                distinct_id="user-1",
            )
        )
    attempt(lambda: umami.new_revenue_event(revenue=12.5, currency="EUR", url="/paid"))
    print(json.dumps({"errors": errors}))


main()
