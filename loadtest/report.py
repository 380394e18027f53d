"""What a load test found, for people."""

from collections.abc import Iterator

from loadtest.plan import Plan
from loadtest.proof import Proof
from loadtest.tally import Tally

PERCENTILES = (50, 90, 99, 99.9)
# Below this part of the rate that was asked for, somebody could not keep up.
KEPT_UP = 0.95


def describe_sending(plan: Plan, tally: Tally) -> Iterator[str]:
    per_second = tally.accepted / tally.seconds if tally.seconds else 0.0
    yield f"accepted        {tally.accepted:>12,}  events, {per_second:,.0f} a second"
    yield f"copies          {tally.copies:>12,}  sent again on purpose, with the same ids"
    yield f"no answer       {tally.unknown:>12,}  sent three times; they may have been accepted"
    yield f"refused         {tally.refused.total():>12,}"
    for code, events in tally.refused.most_common():
        yield f"  {code:<24}{events:>10,}"
    figures = "  ".join(
        f"p{percent:g} {tally.latencies.percentile_ms(percent):,.3g} ms" for percent in PERCENTILES
    )
    yield f"latency         {figures}  (from when a request was due)"
    if tally.requests < plan.requests * KEPT_UP:
        yield "stopped early"
    elif tally.seconds > plan.seconds / KEPT_UP + 1:
        yield (
            f"Sending took {tally.seconds:.0f} s and not {plan.seconds}: the service, or this "
            "sender, does not keep up with --rate. More --connections or a larger --batch may."
        )


def describe_proof(tally: Tally, proof: Proof) -> Iterator[str]:
    if proof.stored is None:
        yield f"stored          not known: /stats answered {proof.problem or 'nothing'}"
    else:
        yield (
            f"stored          {proof.stored:>12,}  distinct events counted by /stats, "
            f"{proof.settled_seconds:.0f} s after the last"
        )
    states = ", ".join(f"{count} {state}" for state, count in proof.receipts.most_common())
    yield f"receipts        {states or 'none'} (of a random sample)"
    lost, surplus = proof.count_lost(tally), proof.count_surplus(tally)
    yield f"lost            {lost:>12,}"
    yield f"counted twice   {surplus:>12,}"
    if proof.stored is not None and not lost and not surplus:
        yield "Every accepted event was stored, and counted once."
