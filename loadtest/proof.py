"""Ask the service what became of the events: receipts of a sample, and the count of them all."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

from loadtest.client import Connection, NoAnswer, code_of
from loadtest.plan import Plan, PlanError
from loadtest.tally import Tally

POLL_SECONDS = 1.0
# Our clock and the service's may differ.
CLOCK_SLACK = timedelta(minutes=10)


@dataclass(slots=True)
class Proof:
    """What the service says; `stored` is None where it could not be asked, and `problem` why."""

    stored: int | None = None
    problem: str = ""
    settled_seconds: float = 0.0
    receipts: Counter[str] = field(default_factory=Counter)

    def count_lost(self, tally: Tally) -> int:
        """Accepted events that are neither stored nor dead letters, as far as was asked."""
        missing = 0 if self.stored is None else max(0, tally.accepted - self.stored)
        return max(missing - self.receipts["dead"], self.receipts["unknown"])

    def count_surplus(self, tally: Tally) -> int:
        """Events that are counted more than once."""
        return 0 if self.stored is None else max(0, self.stored - tally.accepted - tally.uncertain)


def check_service(plan: Plan) -> None:
    """Raises PlanError where the address or one of the keys does not work."""
    for name, key, path in (
        ("ingest", plan.ingest_key, "/event/loadtest"),
        ("read", plan.read_key, "/stats?start=2020-01-01&end=2020-01-02"),
    ):
        connection = Connection(plan.url, key)
        try:
            status, answer = connection.get(path)
        except NoAnswer as exc:
            raise PlanError(f"{plan.url} does not answer: {exc}") from exc
        finally:
            connection.close()
        # A project that keeps nothing from that year says so; the key was good.
        if status != 200 and answer.get("code") != "raw_expired":
            detail = answer.get("detail", "")
            raise PlanError(f"The {name} key does not work: {code_of(status, answer)}. {detail}")


def gather_proof(plan: Plan, tally: Tally, started_at: datetime) -> Proof:
    """Wait until every accepted event is counted, at most `settle_seconds`; then ask receipts."""
    proof = Proof()
    start = time.monotonic()
    connection = Connection(plan.url, plan.read_key)
    while True:
        try:
            count_stored(connection, plan, started_at, proof)
        except NoAnswer as exc:
            proof.stored, proof.problem = None, repr(exc)
        proof.settled_seconds = time.monotonic() - start
        if proof.stored is not None and proof.stored >= tally.accepted:
            break
        if proof.settled_seconds > plan.settle_seconds:
            break
        time.sleep(POLL_SECONDS)
    ask_receipts(connection, tally.sample, proof)
    connection.close()
    return proof


def count_stored(connection: Connection, plan: Plan, started_at: datetime, proof: Proof) -> None:
    """How many distinct events of this run the service counts, from the raw events themselves."""
    query = urlencode(
        {
            "start": f"{started_at.astimezone(UTC) - CLOCK_SLACK:%Y-%m-%dT%H:%M:%SZ}",
            "filter": f"sessionId:is:{plan.run_id}",
            "limit": 1,
        }
    )
    status, answer = connection.get(f"/stats?{query}")
    if status == 200:
        proof.stored, proof.problem = answer["totalViews"], ""
    else:
        proof.stored, proof.problem = None, code_of(status, answer)


def ask_receipts(connection: Connection, event_ids: Sequence[str], proof: Proof) -> None:
    for event_id in event_ids:
        try:
            status, answer = connection.get(f"/event/{quote(event_id, safe='')}")
        except NoAnswer:
            proof.receipts["no answer"] += 1
        else:
            state = answer.get("state", "?") if status == 200 else code_of(status, answer)
            proof.receipts[state] += 1
