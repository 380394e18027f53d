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
LOADER = "benchmarks.programs.load_events"

Result = dict[str, Any]
Window = tuple[datetime, datetime]

WIDTHS = {
    "1 hour": timedelta(hours=1),
    "1 day": timedelta(days=1),
    "30 days": timedelta(days=30),
    "12 months": timedelta(days=365),
}
LONG = "12 months"
ALL_TIME = "all time"
QUICK_EVENTS = 200_000
MILLION = 1_000_000

Query = dict[str, str]
REPORTS: dict[str, tuple[str, Query, tuple[str, ...]]] = {
    "stats": ("/stats", {}, (*WIDTHS, ALL_TIME)),
    "breakdown": ("/stats/breakdown", {"by": "path", "limit": "10"}, (*WIDTHS, ALL_TIME)),
    "by hour": ("/stats/timeseries", {"interval": "hour"}, ("1 day",)),
    "by hour, Asia/Kolkata": (
        "/stats/timeseries",
        {"interval": "hour", "timezone": "Asia/Kolkata"},
        ("1 day",),
    ),
} | {
    f"by day, {zone}": (
        "/stats/timeseries",
        {"interval": "day", "timezone": zone},
        ("30 days", LONG),
    )
    for zone in ("UTC", "Asia/Kolkata", "America/New_York")
}
"""By name: the endpoint, its parameters, and over which windows it is asked."""

GOAL = (
    *((report, width) for report in ("stats", "breakdown") for width in (*WIDTHS, ALL_TIME)),
    *((report, "1 day") for report in REPORTS if report.startswith("by hour")),
    *((report, "30 days") for report in REPORTS if report.startswith("by day")),
)
"""What shall be answered within 50 ms."""


def run(*, quick: bool, large: bool) -> Result:
    if quick:
        return {"reporting": measure(QUICK_EVENTS, samples=20, raw_windows=list(WIDTHS))}
    million = measure(MILLION, samples=40, raw_windows=list(WIDTHS))
    if not large:
        return {"reporting": million}
    ten = measure(10 * MILLION, samples=40, raw_windows=[LONG])
    ten["slower_than_a_tenth"] = ten["ours"] / million["ours"]
    return {"reporting_1m": million, "reporting": ten}


def measure(events: int, *, samples: int, raw_windows: list[str]) -> Result:
    """`ours` is the p95 of stats and breakdown over twelve months, `reference` the raw queries.

    `worst` is the largest p95 among GOAL. All in ms.
    """
    with open_stack(reference=False, kept=DATA_DIR and DATA_DIR / str(events)) as stack:
        loaded = load_once(stack, events)
        result: Result = {"events": events, **loaded, **measure_sizes(stack, events)}
        for report in ("stats", "breakdown"):
            _, url = stack.start_web()
            ask = Asker(url, stack.read_key)
            ask.json("/stats/realtime")  # connects
            result[f"{report}, {LONG}: first_ms"] = ask.timed(make_url(report, LONG, samples))
        p95s = {}
        slow: list[float] = []
        for report, (_, _, widths) in REPORTS.items():
            for width in widths:
                times = [ask.timed(make_url(report, width, n)) for n in range(samples)]
                p95s[report, width] = percentile(times, 95)
                result[f"{report}, {width}: p50_ms"] = median(times)
                result[f"{report}, {width}: p95_ms"] = p95s[report, width]
                slow += times if width == LONG and (report, width) in GOAL else []
        result["worst"] = max(p95s[asked] for asked in GOAL)
        result["ours"] = percentile(slow, 95)
        raw = {width: raw_milliseconds(stack, WIDTHS[width]) for width in raw_windows}
        for width, milliseconds in raw.items():
            result[f"raw, {width}: ms"] = milliseconds
        result["reference"] = raw[LONG]
        result["ratio"] = result["reference"] / result["ours"]
        return result


def make_url(report: str, width: str, seed: int) -> str:
    """Ask for a report over a window of the past that begins and ends at any millisecond."""
    path, query, _ = REPORTS[report]
    bounds: Query = {}
    if width != ALL_TIME:
        start, end = pick_window(WIDTHS[width], seed)
        bounds = {"start": _write(start), "end": _write(end)}
    return f"{path}?{urlencode(query | bounds)}"


def pick_window(span: timedelta, seed: int) -> Window:
    rng = random.Random(seed)
    slack = timedelta(days=365) - span
    end = datetime.now(UTC) - slack * rng.random() - timedelta(milliseconds=rng.randrange(10**6))
    return end - span, end


def _write(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


class Asker:
    """One connection to the service, with the key that may read."""

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def timed(self, path: str) -> float:
        """Milliseconds to the end of the answer."""
        begun = time.perf_counter()
        self.json(path)
        return (time.perf_counter() - begun) * 1000

    def json(self, path: str) -> Any:
        return self._send("GET", path)

    def post(self, path: str, body: str) -> Any:
        return self._send("POST", path, body)

    def _send(self, method: str, path: str, body: str | None = None) -> Any:
        try:
            self._connection.request(method, path, body, self._headers)
            answer = self._connection.getresponse()
        except (ConnectionError, http.client.BadStatusLine):  # it lay idle for too long
            self._connection.close()
            self._connection.request(method, path, body, self._headers)
            answer = self._connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {text[:300]!r}")
        return json.loads(text)


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
            [sys.executable, "-m", LOADER, str(events), str(n), str(processes)],
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
        [sys.executable, "-m", LOADER, *arguments],
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
