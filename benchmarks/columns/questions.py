"""POST /query and its kin: how long questions take, beside bare DuckDB."""

import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.accepting.beside_reports import find_reporting, read_cpu_seconds
from benchmarks.columns.asked import MONTH, PAGE, QUARTER, QUESTIONS, YEAR, Asked, Body
from benchmarks.columns.asked_of_visits import VISIT_QUESTIONS
from benchmarks.columns.flat import Flat
from benchmarks.columns.stored import list_segments, load, load_columns
from benchmarks.memory import read_rss_mib
from benchmarks.reporting import DATA_DIR, Asker, Window, percentile, pick_window
from benchmarks.reporting import WIDTHS as USUAL_WIDTHS
from benchmarks.stack import open_stack

Result = dict[str, Any]

WIDTHS = USUAL_WIDTHS | {QUARTER: timedelta(weeks=12)}
MILLION = 1_000_000
TAIL_EVENTS = 2_000
CONNECTIONS = 4  # of one page
IDLE_SECONDS = 2.0  # until a process has given back what a question took
ALLOWED_RATIO, ALLOWED_MS = 1.5, 25.0  # of the median over what bare DuckDB needs


class Questioner(Asker):
    """One connection, and the key that may read."""

    def ask(self, body: Body, window: Window, path: str = "/query") -> Any:
        start, end = (moment.isoformat(timespec="milliseconds") for moment in window)
        asked = {**body, "start": start, "end": end, "bots": True}
        return self.post(path, json.dumps(asked))

    def timed_ask(self, asked: Asked, window: Window) -> float:
        """Milliseconds to the end of the answer."""
        begun = time.perf_counter()
        self.ask(asked.body, window, asked.path)
        return (time.perf_counter() - begun) * 1000


def run(*, quick: bool, large: bool, fill: bool = False, only: str = "") -> Result:
    """Ten million events where it is asked for by name, else one."""
    events = MILLION if quick or not large else 10 * MILLION
    return {"questions": measure(events, samples=5 if quick else 40, fill=fill, only=only)}


def measure(events: int, *, samples: int, fill: bool, only: str) -> Result:
    """By question and width of the window: p50 and p95 in ms, again, and bare DuckDB's p50.

    `over_limit` is the largest of (p50 - 25 ms) / DuckDB's p50, which may be 1.5. With `fill`
    nothing is asked, and else those with `only` in their names.
    """
    kept = DATA_DIR and DATA_DIR / f"columns-{events}"
    with open_stack(reference=False, kept=kept) as stack:
        result: Result = {"events": events, **load_columns(stack, events)}
        flat = Flat(stack.folder / "flat", [path for path, _, _ in list_segments(stack)])
        if fill:
            return result
        load(stack, TAIL_EVENTS, processes=1, kind="today")
        web, url = stack.start_web()
        reporting = find_reporting(web.pid)
        asker = Questioner(url, stack.read_key)
        first = QUESTIONS["total and top list"]
        result["first_ms"] = asker.timed_ask(first, pick_window(WIDTHS[MONTH], 0))
        time.sleep(IDLE_SECONDS)
        result["idle_mib"] = read_rss_mib(reporting)
        over: list[float] = []
        for name, asked in (QUESTIONS | VISIT_QUESTIONS).items():
            for width in asked.widths if only in name else ():
                found = measure_question(asker, reporting, flat, asked, width, samples)
                over.append((found["p50_ms"] - ALLOWED_MS) / found["duckdb_p50_ms"])
                result |= {f"{name}, {width}: {key}": value for key, value in found.items()}
        result["over_limit"] = max(over, default=0.0)
        result["over_limit_allowed"] = ALLOWED_RATIO
        for width in (MONTH, YEAR) if only in "page of ten" else ():
            result |= measure_page(url, stack.read_key, width, max(3, samples // 4))
        result["worst_mib"] = read_peak_mib(reporting)
        return result


def measure_question(
    asker: Questioner, reporting: int, flat: Flat, asked: Asked, width: str, samples: int
) -> Result:
    """In turn, so that both see the same minute of the machine.

    And the CPU time of the process, of all its threads: other load disturbs that less.
    """
    ours, again, bare, ours_cpu, bare_cpu = [], [], [], [], []
    for seed in range(samples):
        window = pick_window(WIDTHS[width], seed)
        used = time.process_time()
        bare.append(flat.timed(asked.selects, window))
        bare_cpu.append((time.process_time() - used) * 1000)
        used = read_cpu_seconds([reporting])
        ours.append(asker.timed_ask(asked, window))
        ours_cpu.append((read_cpu_seconds([reporting]) - used) * 1000)
        again.append(asker.timed_ask(asked, window))
    goal = {"goal_p95_ms": asked.goals[width]} if width in asked.goals else {}
    return {
        "p50_ms": median(ours),
        "p95_ms": percentile(ours, 95),
        **goal,
        "again_p50_ms": median(again),
        "again_p95_ms": percentile(again, 95),
        "duckdb_p50_ms": median(bare),
        "cpu_p50_ms": median(ours_cpu),
        "duckdb_cpu_p50_ms": median(bare_cpu),
    }


def measure_page(url: str, key: str, width: str, samples: int) -> Result:
    """Milliseconds until all of ten questions are answered, asked together, and once more."""
    askers = [Questioner(url, key) for _ in range(CONNECTIONS)]
    cold: list[float] = []
    warm: list[float] = []
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        for seed in range(1_000, 1_000 + samples):
            window = pick_window(WIDTHS[width], seed)
            for times in (cold, warm):
                begun = time.perf_counter()
                list(threads.map(ask_some, askers, deal(PAGE), [window] * CONNECTIONS))
                times.append((time.perf_counter() - begun) * 1000)
    return {
        f"page of ten, {width}: cold_p95_ms": percentile(cold, 95),
        f"page of ten, {width}: warm_p95_ms": percentile(warm, 95),
    }


def deal(bodies: Sequence[Body]) -> list[Sequence[Body]]:
    return [bodies[at::CONNECTIONS] for at in range(CONNECTIONS)]


def ask_some(asker: Questioner, bodies: Sequence[Body], window: Window) -> None:
    for body in bodies:
        asker.ask(body, window)


def read_peak_mib(pid: int) -> float:
    """The most that a process ever had in memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0
