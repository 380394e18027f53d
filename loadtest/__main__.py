"""`python -m loadtest`: ends with 0 if all is proven, with 1 if not, with 2 if it did not run."""

import argparse
import sys
from datetime import UTC, datetime

from loadtest.plan import Plan, PlanError, add_arguments, make_plan, read_environment
from loadtest.proof import Proof, check_service, gather_proof
from loadtest.report import describe_proof, describe_sending
from loadtest.send import send_events
from loadtest.tally import Tally


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtest", description=__doc__)
    add_arguments(parser)
    try:
        plan = make_plan(parser.parse_args(), read_environment())
        check_service(plan)
    except PlanError as error:
        print(error, file=sys.stderr)
        return 2
    _, proof, tally = run(plan)
    return 0 if is_proven(tally, proof) else 1


def run(plan: Plan) -> tuple[datetime, Proof, Tally]:
    """Send, then ask; print both."""
    started_at = datetime.now(UTC)
    print(f"{plan.requests:,} requests to {plan.url}, {plan.events_per_second:,} events a second")
    tally = send_events(plan)
    print("\n".join(describe_sending(plan, tally)), flush=True)
    proof = gather_proof(plan, tally, started_at)
    print("\n".join(describe_proof(tally, proof)), flush=True)
    return started_at, proof, tally


def is_proven(tally: Tally, proof: Proof) -> bool:
    return (
        proof.stored is not None and not proof.count_lost(tally) and not proof.count_surplus(tally)
    )


if __name__ == "__main__":
    sys.exit(main())
