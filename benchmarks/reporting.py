"""Reporting: how long an answer takes over windows of any width, beside the seed's raw queries."""

import http.client
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode, urlsplit

import pymongo

from benchmarks.stack import ROOT, Stack, open_stack

# Where loaded events are kept from run to run; without it they are loaded anew each time.
DATA_DIR = Path(folder) if (folder := os.environ.get("BENCH_DATA_DIR")) else None

Result = dict[str, Any]
Window = tuple[datetime, datetime]

WIDTHS = {
    "1 hour": timedelta(hours=1),
    "1 day": timedelta(days=1),
    "30 days": timedelta(days=30),
    "12 months": timedelta(days=365),
}
LONG = "12 months"
QUICK_EVENTS = 200_000
FULL_EVENTS = (1_000_000, 10_000_000)


def run(*, quick: bool) -> Result:
    if quick:
        return {"reporting": measure(QUICK_EVENTS, samples=20, raw_windows=list(WIDTHS))}
    small, large = (
        measure(events, samples=40, raw_windows=windows)
        for events, windows in zip(FULL_EVENTS, (list(WIDTHS), [LONG]), strict=True)
    )
    large["slower_than_a_tenth"] = large["ours"] / small["ours"]
    return {"reporting_1m": small, "reporting": large}


def measure(events: int, *, samples: int, raw_windows: list[str]) -> Result:
    """`ours` is the p95 of the reports over twelve months, `reference` the raw queries; in ms."""
    with open_stack(reference=False, kept=DATA_DIR and DATA_DIR / str(events)) as stack:
        loaded = load_once(stack, events)
        _, url = stack.start_web()
        ask = Asker(url, stack.read_key)
        result: Result = {
            "events": events,
            **loaded,
            **measure_sizes(stack, events),
        }
        slow: list[float] = []
        for width, span in WIDTHS.items():
            for report, query in REPORTS.items():
                if width not in ASKED[report]:
                    continue
                times = [ask.timed(query(pick_window(span, n))) for n in range(samples)]
                result[f"{report}, {width}: p50_ms"] = median(times)
                result[f"{report}, {width}: p95_ms"] = percentile(times, 95)
                slow += times if width == LONG else []
        result["ours"] = percentile(slow, 95)
        raw = {width: raw_milliseconds(stack, WIDTHS[width]) for width in raw_windows}
        for width, milliseconds in raw.items():
            result[f"raw, {width}: ms"] = milliseconds
        result["reference"] = raw[LONG]
        result["ratio"] = result["reference"] / result["ours"]
        return result


def pick_window(span: timedelta, seed: int) -> Window:
    """A window of the past that begins and ends at any millisecond."""
    rng = random.Random(seed)
    slack = timedelta(days=365) - span
    end = datetime.now(UTC) - slack * rng.random() - timedelta(milliseconds=rng.randrange(10**6))
    return end - span, end


def _stats(window: Window) -> str:
    return "/stats?" + _bounds(window)


def _series_by_day(window: Window) -> str:
    return "/stats/timeseries?interval=day&" + _bounds(window)


def _series_by_hour(window: Window) -> str:
    return "/stats/timeseries?interval=hour&" + _bounds(window)


def _breakdown(window: Window) -> str:
    return "/stats/breakdown?by=path&limit=10&" + _bounds(window)


REPORTS: dict[str, Callable[[Window], str]] = {
    "stats": _stats,
    "series by day": _series_by_day,
    "series by hour": _series_by_hour,
    "breakdown": _breakdown,
}


# Over which windows each report is measured.
ASKED = {
    "stats": tuple(WIDTHS),
    "series by day": ("30 days",),
    "series by hour": ("1 day",),
    "breakdown": tuple(WIDTHS),
}


def _bounds(window: Window) -> str:
    start, end = (moment.isoformat(timespec="milliseconds") for moment in window)
    return urlencode({"start": start, "end": end})


class Asker:
    """One connection to the service, with the key that may read."""

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
        self._headers = {"Authorization": f"Bearer {key}"}

    def timed(self, path: str) -> float:
        """Milliseconds to the end of the answer."""
        begun = time.perf_counter()
        self.json(path)
        return (time.perf_counter() - begun) * 1000

    def json(self, path: str) -> Any:
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:300]!r}")
        return json.loads(body)


def raw_milliseconds(stack: Stack, span: timedelta) -> float:
    """The seed's three queries on the same events, once, one after the other."""
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(stack.mongo.uri)
    events = client.get_default_database()["events"]
    start, end = pick_window(span, 1)
    [project] = [row["_id"] for row in events.aggregate([{"$group": {"_id": "$project"}}])]
    match = {"project": project, "timestamp": {"$gte": start, "$lt": end}}
    begun = time.perf_counter()
    events.count_documents(match)
    list(events.aggregate([{"$match": match}, {"$group": {"_id": "$userId"}}, {"$count": "n"}]))
    group = {"$group": {"_id": "$path", "count": {"$sum": 1}}}
    list(events.aggregate([{"$match": match}, group, {"$sort": {"count": -1}}, {"$limit": 10}]))
    took = (time.perf_counter() - begun) * 1000
    client.close()
    return took


def measure_sizes(stack: Stack, events: int) -> Result:
    """Bytes per event: raw documents and indexes on disk, rollups on disk."""
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(stack.mongo.uri)
    database = client.get_default_database()
    client.admin.command("fsync")
    sizes = {}
    for name in ("events", "rollup_chunks", "rollup_days", "rollup_months"):
        stats = database.command("collStats", name)
        sizes[name] = (stats["size"], stats["storageSize"], stats["totalIndexSize"])
    client.close()
    rollups = [sizes[name] for name in sizes if name.startswith("rollup")]
    return {
        "raw_bytes_per_event": sizes["events"][0] / events,
        "raw_disk_bytes_per_event": sizes["events"][1] / events,
        "index_disk_bytes_per_event": sizes["events"][2] / events,
        "rollup_bytes_per_event": sum(size for size, _, _ in rollups) / events,
        "rollup_disk_bytes_per_event": sum(disk + index for _, disk, index in rollups) / events,
    }


def load_once(stack: Stack, events: int) -> Result:
    """Store the events and roll them up, unless this folder has them; how long that took."""
    done = stack.folder / "loaded.json"
    if done.exists():
        run_loader(stack, "0", "rollups")  # in case their format has changed
        return dict(json.loads(done.read_text()))
    stored_seconds = timed(lambda: load(stack, events))
    rollup_seconds = timed(lambda: run_loader(stack, "0", "rollups"))
    took = {"stored_per_second": events / stored_seconds, "rollup_seconds": rollup_seconds}
    done.write_text(json.dumps(took))
    return took


def load(stack: Stack, events: int, processes: int = 2) -> None:
    loaders = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.load_events", str(events), str(n), str(processes)],
            cwd=ROOT,
            env={**stack.environment, "DJANGO_SETTINGS_MODULE": "config.settings"},
        )
        for n in range(processes)
    ]
    for loader in loaders:
        if loader.wait():
            raise RuntimeError("a loader failed")


def run_loader(stack: Stack, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "benchmarks.load_events", *arguments],
        cwd=ROOT,
        env={**stack.environment, "DJANGO_SETTINGS_MODULE": "config.settings"},
        check=True,
    )


def timed(work: Callable[[], Any]) -> float:
    """Seconds."""
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def percentile(values: list[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
