"""POST /query and its kin: the same questions answered by DuckDB, and by ClickHouse's engine.

That is chDB behind the little server of the tests (`make test-clickhouse` installs it), on this
machine and over the same files: what a question costs, and not what a cluster makes of it.
"""

from statistics import median
from typing import Any

from benchmarks.columns.asked import QUESTIONS
from benchmarks.columns.asked_of_visits import VISIT_QUESTIONS
from benchmarks.columns.questions import MILLION, TAIL_EVENTS, WIDTHS, Questioner
from benchmarks.columns.stored import load, load_columns
from benchmarks.reporting import DATA_DIR, pick_window
from benchmarks.stack import open_stack
from tests.clickhouse.install import PYTHON
from tests.clickhouse.serving import chdb_server

Result = dict[str, Any]


def run(*, quick: bool) -> Result:
    if not PYTHON.exists():
        return {"engines": {"left out": "chDB is not installed"}}
    return {"engines": measure(MILLION, samples=3 if quick else 15)}


def measure(events: int, *, samples: int) -> Result:
    """By question and width of the window: p50 in ms of either engine, in turn."""
    kept = DATA_DIR and DATA_DIR / f"columns-{events}"
    with open_stack(reference=False, kept=kept) as stack, chdb_server() as clickhouse:
        result: Result = {"events": events, **load_columns(stack, events)}
        load(stack, TAIL_EVENTS, processes=1, kind="today")
        askers = {"columns": Questioner(stack.start_web()[1], stack.read_key)}
        stack.environment |= {"CLICKHOUSE_URL": clickhouse, "QUERY_TIMEOUT_SECONDS": "60"}
        askers["clickhouse"] = Questioner(stack.start_web()[1], stack.read_key)
        for name, asked in (QUESTIONS | VISIT_QUESTIONS).items():
            for width in asked.widths:
                took: dict[str, list[float]] = {engine: [] for engine in askers}
                for seed in range(samples):
                    window = pick_window(WIDTHS[width], seed)
                    for engine, asker in askers.items():
                        took[engine].append(asker.timed_ask(asked, window))
                        source = asker.ask(asked.body, window, asked.path)["meta"]["source"]
                        assert source == engine, (name, source)
                for engine, milliseconds in took.items():
                    result[f"{name}, {width}: {engine}_p50_ms"] = median(milliseconds)
        return result
