"""The CloudEvents project's client for Python: each event in the mode that is asked for."""

import json
import sys
import urllib.request
from typing import Any

from cloudevents.v1.conversion import to_binary, to_dict, to_structured
from cloudevents.v1.http import CloudEvent


def make_event(number: int, told: dict[str, Any]) -> CloudEvent:
    attributes = {
        "id": f"id-{number}",
        "type": f"event-{number}",
        "source": "/shop",
        "subject": "/product/42",
        "time": told["at"],
        "userid": "user-1",
    }
    return CloudEvent(attributes, {"number": number, "text": "ä"})


def send(told: dict[str, Any], headers: dict[str, str], body: bytes) -> Any:
    headers = {**headers, "Authorization": f"Bearer {told['key']}"}
    request = urllib.request.Request(f"{told['host']}/event", body, headers)
    with urllib.request.urlopen(request) as answer:
        return answer.read().decode()


def main() -> None:
    told = json.loads(sys.argv[1])
    events = [make_event(number, told) for number in range(told["events"])]
    if told["mode"] == "batch":
        body = json.dumps([to_dict(event) for event in events]).encode()
        answers = [send(told, {"Content-Type": "application/cloudevents-batch+json"}, body)]
    else:
        pack = to_binary if told["mode"] == "binary" else to_structured
        answers = [send(told, *pack(event)) for event in events]
    print(json.dumps({"answers": answers}))


main()
