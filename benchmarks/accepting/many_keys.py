"""Single events of many API keys, each of a project of its own, beside as many of one key."""

import json

from benchmarks.accept import EVENT, Result, effort, empty, summarise, warm_up
from benchmarks.load import Load, post_for
from benchmarks.stack import open_stack, run_manage

KEYS = 64
_MAKE_KEYS = f"""
from analytics.projects.models import ApiKey, Project
for number in range({KEYS}):
    project = Project.objects.create(name=f"Many {{number}}")
    limits = {{"rate_events_per_second": 1_000_000, "burst_events": 1_000_000}}
    key, text = ApiKey.issue(project, "Many", ["ingest"], **limits)
    key.save()
    print(text)
"""


def run(*, quick: bool) -> Result:
    """As many connections as keys, so that each has one event in flight; `reference` is one key."""
    rounds, seconds = effort(quick)
    text = json.dumps(EVENT)
    many: list[Load] = []
    one: list[Load] = []
    with open_stack(reference=False) as stack:
        keys = run_manage(stack, "shell", "--no-imports", "-c", _MAKE_KEYS).split()
        _, url = stack.start_web()
        target = f"{url}/event"
        warm_up(stack, url, None, "/event", text)
        for _ in range(rounds):
            for found, used in ((many, keys), (one, [stack.ingest_key] * KEYS)):
                found.append(post_for(target, used, text, seconds, stack.folder, connections=KEYS))
                empty(stack)
    return {"many_keys": summarise(many, one, 1)}
