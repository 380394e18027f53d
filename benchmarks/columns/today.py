"""One project with millions of events today: its visits of today, and the memory they take."""

import json
import time
from datetime import UTC, datetime
from statistics import median
from typing import Any

from benchmarks.accepting.beside_reports import find_reporting
from benchmarks.columns.questions import read_peak_mib
from benchmarks.columns.stored import load, load_columns
from benchmarks.memory import read_rss_mib
from benchmarks.reporting import DATA_DIR, Asker, percentile
from benchmarks.stack import open_stack

Result = dict[str, Any]

EVENTS, QUICK_EVENTS = 5_000_000, 500_000
NEWER_EVENTS = 2_000  # than the last export, before each question
QUESTIONS = {
    "visits": {},
    "visits by source": {"dimensions": ["source"]},
    "visits by path": {"dimensions": ["path"]},
}
_METRICS = ["visits", "bounceRate", "visitDuration", "viewsPerVisit"]
GOAL_MS, GOAL_MIB = 2_000, 512


def run(*, quick: bool, fill: bool = False) -> Result:
    """Milliseconds of each question, the first of a process and then with newer events each time;
    and the most that the reporting process had in memory."""
    events, samples = (QUICK_EVENTS, 3) if quick else (EVENTS, 10)
    kept = DATA_DIR and DATA_DIR / f"today-{datetime.now(UTC):%Y%m%d}-{events}"
    with open_stack(reference=False, kept=kept) as stack:
        stored = load_columns(stack, events, kind="today")
        result: Result = {"events": events, "segments": stored["segments"]}
        if fill:
            return {"today": result}
        web, url = stack.start_web()
        reporting = find_reporting(web.pid)
        asker = Asker(url, stack.read_key)
        for name, more in QUESTIONS.items():
            body = json.dumps({"metrics": _METRICS, "period": "today", "bots": True, **more})
            result[f"{name}: first_ms"] = timed_post(asker, body)
            times = []
            for _ in range(samples):
                load(stack, NEWER_EVENTS, processes=1, kind="today")
                times.append(timed_post(asker, body))
            result[f"{name}: p50_ms"] = median(times)
            result[f"{name}: p95_ms"] = percentile(times, 95)
        result["goal_ms"] = GOAL_MS
        result["after_mib"] = read_rss_mib(reporting)
        result["worst_mib"] = read_peak_mib(reporting)
        result["goal_mib"] = GOAL_MIB
        return {"today": result}


def timed_post(asker: Asker, body: str) -> float:
    begun = time.perf_counter()
    asker.post("/query", body)
    return (time.perf_counter() - begun) * 1000
