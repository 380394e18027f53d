"""A good request of each vendor's clients, for what has to hold on every path of every receiver."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ingestion.receivers.table import RECEIVERS
from tests.conftest import TestProject
from tests.pages import make_public_key
from tests.receivers.vendor import add_alias

WEBSITE = "7e3c1b9a-52d4-4c0f-9a31-0d5c8f6b2e17"
HOSTNAME = "shop.example"
URL = f"https://{HOSTNAME}/product/42"
_UUID = "01a21b00-dd33-7aa4-88ec-c4e5fd5250d3"


class Sent(NamedTuple):
    """What to POST, and the headers of its environ."""

    path: str
    body: Any
    headers: dict[str, Any]


class Owner(NamedTuple):
    """What clients call a project: a key's text, a hostname, the id of a website."""

    key: str
    hostname: str = HOSTNAME
    website: str = WEBSITE

    @property
    def site(self) -> str:
        """Its number, for those who count their sites."""
        return str(int(self.website.replace("-", ""), 16) % 10**15)

    @property
    def aliases(self) -> Sequence[str]:
        return (
            f"plausible:{self.hostname}",
            f"umami:{self.website}",
            f"matomo:{self.site}",
            f"snowplow:{self.hostname}",
        )


def make_owner(project: TestProject, hostname: str = HOSTNAME, website: str = WEBSITE) -> Owner:
    """A public key of the project, and its aliases."""
    owner = Owner(make_public_key(project, "client").text, hostname, website)
    for alias in owner.aliases:
        add_alias(project, alias)
    return owner


def _of_segment(path: str, owner: Owner) -> Any:
    message = {
        "messageId": path, "userId": "mallory", "event": "e", "previousId": "p", "groupId": "g",
        "context": {"page": {"url": URL}},
    }  # fmt: skip
    if path.rpartition("/")[2] in ("b", "batch"):
        return {"batch": [{**message, "type": "track"}], "writeKey": owner.key}
    return {**message, "writeKey": owner.key}


def _of_posthog(path: str, owner: Owner) -> Any:
    event = {
        "event": "e", "uuid": _UUID, "distinct_id": "mallory",
        "properties": {"$current_url": URL},
    }  # fmt: skip
    return {"api_key": owner.key, "batch": [event]}


def _of_plausible(path: str, owner: Owner) -> Any:
    return {"n": "pageview", "u": URL, "d": owner.hostname}


def _of_umami(path: str, owner: Owner) -> Any:
    event = {"type": "event", "payload": {"website": owner.website, "url": "/product/42"}}
    return [event] if path.endswith("batch") else event


def _of_matomo(path: str, owner: Owner) -> Any:
    return {"requests": [f"?idsite={owner.site}&rec=1&url={URL}&uid=mallory"]}


def _of_ga4(path: str, owner: Owner) -> Any:
    return {"client_id": "mallory", "events": [{"name": "e", "params": {"page_location": URL}}]}


def _of_mixpanel(path: str, owner: Owner) -> Any:
    if path == "/engage":
        return [{"$token": owner.key, "$distinct_id": "mallory", "$set": {"plan": "pro"}}]
    if path == "/groups":
        return [{"$token": owner.key, "$group_key": "company", "$group_id": "1", "$set": {}}]
    told = {"token": owner.key, "distinct_id": "mallory", "$insert_id": _UUID, "$current_url": URL}
    return [{"event": "e", "properties": told}]


def _of_amplitude(path: str, owner: Owner) -> Any:
    event = {"event_type": "e", "user_id": "mallory", "insert_id": _UUID}
    return {"api_key": owner.key, "events": [event]}


def _of_snowplow(path: str, owner: Owner) -> Any:
    event = {"e": "pv", "eid": _UUID, "aid": owner.hostname, "uid": "mallory", "url": URL}
    return {"schema": "iglu:com.snowplowanalytics.snowplow/payload_data", "data": [event]}


_BODIES: Mapping[str, Callable[[str, Owner], Any]] = {
    "segment": _of_segment,
    "posthog": _of_posthog,
    "plausible": _of_plausible,
    "umami": _of_umami,
    "matomo": _of_matomo,
    "ga4": _of_ga4,
    "mixpanel": _of_mixpanel,
    "amplitude": _of_amplitude,
    "snowplow": _of_snowplow,
}
RECEIVED = [(receiver.name, path) for receiver in RECEIVERS for path in receiver.paths]


def make_request(name: str, path: str, owner: Owner) -> Sent:
    """A good request to a path of the receiver `name`."""
    in_the_head = "/i/v1/" in path or name == "ga4"
    headers = {"HTTP_AUTHORIZATION": f"Bearer {owner.key}"} if in_the_head else {}
    return Sent(path, _BODIES[name](path, owner), headers)
