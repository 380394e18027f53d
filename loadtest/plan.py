"""What a load test is to do, and what it may not."""

import ipaddress
import json
import os
import socket
import uuid
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

MAX_EVENTS_PER_REQUEST = 1_000  # as POST /events has it
MAX_EVENTS_PER_SECOND = 50_000
MAX_SECONDS = 3_600
MAX_CONNECTIONS = 256
MAX_EVENTS = 20_000_000


class PlanError(Exception):
    """Why this load test is not run; the message is for the user."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Events of one run; all of them carry `run_id` as their session."""

    url: str
    ingest_key: str = field(repr=False)
    read_key: str = field(repr=False)
    events_per_second: int
    seconds: int
    batch_events: int = 1
    copies_percent: int = 5
    connections: int = 16
    settle_seconds: int = 60
    run_id: str = field(default_factory=lambda: f"loadtest-{uuid.uuid4()}")

    @property
    def requests(self) -> int:
        return max(1, self.events_per_second * self.seconds // self.batch_events)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--url", help="the service; default: of the credentials, or this machine")
    parser.add_argument("--rate", type=int, default=200, help="events per second (200)")
    parser.add_argument("--seconds", type=int, default=20, help="how long to send (20)")
    parser.add_argument(
        "--batch", type=int, default=1, help="events per request (1); more: /events"
    )
    parser.add_argument("--copies", type=int, default=5, metavar="PERCENT",
                        help="part of the requests that is sent twice on purpose (5)")  # fmt: skip
    parser.add_argument("--connections", type=int, default=16, help="requests at once (16)")
    parser.add_argument("--settle", type=int, default=60, metavar="SECONDS",
                        help="how long to wait until all is stored (60)")  # fmt: skip
    parser.add_argument("--ingest-key", help="default: INGEST_KEY, or that of the credentials")
    parser.add_argument("--read-key", help="default: READ_KEY, or that of the credentials")
    parser.add_argument("--credentials", type=Path, help="default: credentials.json in DATA_DIR")
    parser.add_argument("--yes", action="store_true",
                        help="the target is not this machine, and I may load it")  # fmt: skip


def make_plan(options: Namespace | Mapping[str, Any], environment: Mapping[str, str]) -> Plan:
    """Raises PlanError."""
    given: Mapping[str, Any] = vars(options) if isinstance(options, Namespace) else options
    kept = read_credentials(given["credentials"], environment)
    plan = Plan(
        url=(given["url"] or kept.get("url") or "http://127.0.0.1:8000").rstrip("/"),
        ingest_key=find_key("ingest", given["ingest_key"], environment, kept),
        read_key=find_key("read", given["read_key"], environment, kept),
        events_per_second=given["rate"],
        seconds=given["seconds"],
        batch_events=given["batch"],
        copies_percent=given["copies"],
        connections=given["connections"],
        settle_seconds=given["settle"],
    )
    check_bounds(plan)
    check_target(plan.url, confirmed=given["yes"])
    return plan


def read_credentials(file: Path | None, environment: Mapping[str, str]) -> dict[str, str]:
    """What `make run` wrote down, if it did."""
    chosen = file or Path(environment.get("DATA_DIR") or ".local") / "credentials.json"
    try:
        content: dict[str, str] = json.loads(chosen.read_text())
    except FileNotFoundError as exc:
        if file:
            raise PlanError(f"There is no {file}.") from exc
        return {}
    except (OSError, ValueError) as exc:
        raise PlanError(f"{chosen} cannot be read: {exc}") from exc
    return content


def find_key(
    scope: str, given: str | None, environment: Mapping[str, str], kept: Mapping[str, str]
) -> str:
    key = given or environment.get(f"{scope.upper()}_KEY") or kept.get(f"{scope}Key")
    if not key:
        raise PlanError(f"An API key is needed: --{scope}-key, or {scope.upper()}_KEY.")
    return key


def check_bounds(plan: Plan) -> None:
    bounds = {
        "--rate": (plan.events_per_second, 1, MAX_EVENTS_PER_SECOND),
        "--seconds": (plan.seconds, 1, MAX_SECONDS),
        "--batch": (plan.batch_events, 1, MAX_EVENTS_PER_REQUEST),
        "--copies": (plan.copies_percent, 0, 100),
        "--connections": (plan.connections, 1, MAX_CONNECTIONS),
        "--settle": (plan.settle_seconds, 0, MAX_SECONDS),
    }
    for name, (value, least, most) in bounds.items():
        if not least <= value <= most:
            raise PlanError(f"{name} goes from {least:,} to {most:,}, not {value:,}.")
    if plan.events_per_second * plan.seconds > MAX_EVENTS:
        raise PlanError(f"At most {MAX_EVENTS:,} events in all: lower --rate or --seconds.")


def check_target(url: str, *, confirmed: bool) -> None:
    """A load test of somebody else's machine is an attack: only this one goes unasked."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise PlanError(f"{url!r} is not the URL of a service.")
    if confirmed:
        return
    try:
        found = {info[4][0] for info in socket.getaddrinfo(parts.hostname, None)}
    except OSError as exc:
        raise PlanError(f"{parts.hostname} is not known: {exc}") from exc
    if not all(ipaddress.ip_address(str(address)).is_loopback for address in found):
        raise PlanError(f"{parts.hostname} is not this machine: say --yes if you may load it.")


def read_environment() -> Mapping[str, str]:
    return os.environ
